//! What the operation at a call site means, as far as the schedule depends on it.
//!
//! A site is a stack of return addresses: one where the compiler has inlined the library's functions, a few in code
//! without optimization, where all operations of a kind are performed by one shared function. The command line answers
//! what a stack means, once for each; the answers are kept here, in a tree of return addresses from the innermost
//! outwards. They depend on the stack and the executable alone, so every execution of every process gets the same ones,
//! whether it is the first to ask or not.
//!
//! The stack is walked by frame pointers, which instrumented code has and which the runtime's own build keeps from a
//! function's first instruction to its last (`raddle-cli/build.rs`). Where a chain of frames leaves the stack (code
//! without frame pointers), it ends.
//!
//! Nobody is asked before the entry is reached, and nobody answers without a command line; then every site is unknown.

use crate::state::rt;
use crate::{arch, explore, fault, sys};
use raddle_protocol::trace::Order;
use raddle_protocol::{Answer, Deal, Known, Message, Site, Visibility, frame};

/// Frames looked at, at the most.
const MOST_FRAMES: usize = 16;

/// Where answers come from; -1 when nobody answers.
static mut ANSWERS: i32 = -1;

/// Says where answers come from.
pub fn take_answers(descriptor: Option<i32>) {
    // SAFETY: one thread.
    unsafe { ANSWERS = descriptor.unwrap_or(-1) };
}

/// A hook's frame.
#[derive(Clone, Copy)]
pub struct Hook(u64);

impl Hook {
    /// The frame of the function that this is inlined into.
    #[inline(always)]
    pub fn here() -> Hook {
        Hook(arch::frame_pointer())
    }

    /// Where it returns to.
    #[inline(always)]
    pub fn returns_to(self) -> u64 {
        // SAFETY: a frame begins with its caller's frame pointer and the return address.
        unsafe { *((self.0 + 8) as *const u64) }
    }

    /// What the operation means for which the program has called this hook.
    #[inline(always)]
    pub fn site(self) -> Site {
        match rt().sites.find(0, self.returns_to()) {
            Some(Place::Site(site)) => site,
            _ => self.slow(),
        }
    }

    /// The same where one address is not enough, or nothing is known yet.
    #[inline(never)]
    fn slow(self) -> Site {
        let runtime = rt();
        let limit = self.limit();
        let (mut frame, mut node) = (self.0, 0);
        for depth in 0..MOST_FRAMES {
            let (next, pc, whole) = frame_at(frame, limit, depth);
            match runtime.sites.find(node, key(pc, whole)) {
                Some(Place::Site(site)) => return site,
                Some(Place::Deeper(below)) if !whole => node = below,
                _ => break,
            }
            frame = next;
        }
        self.unknown(limit)
    }

    /// Where the stack ends.
    fn limit(self) -> u64 {
        let runtime = rt();
        let limit = runtime.execution.threads[runtime.execution.running as usize].stack_extent.1;
        // The first thread's stack is the kernel's; what lies above the entry is not the program's to tell apart.
        if limit == 0 { runtime.entry.sp } else { limit }
    }

    /// The same where nothing is known yet, or never will be.
    #[cold]
    #[inline(never)]
    fn unknown(self, limit: u64) -> Site {
        let runtime = rt();
        let (mut frame, mut node) = (self.0, 0);
        let mut stack = [0; MOST_FRAMES];
        for depth in 0..MOST_FRAMES {
            let (next, pc, whole) = frame_at(frame, limit, depth);
            stack[depth] = pc;
            let key = key(pc, whole);
            if runtime.sites.find(node, key).is_none() {
                // Before the entry nothing is explored. After the test function nothing is either, but what is done there
                // counts, and must not depend on what other processes have asked.
                if !runtime.entered {
                    return Site::UNKNOWN;
                }
                ask(&stack[..=depth], whole);
                while runtime.sites.find(node, key).is_none() {
                    listen();
                }
            }
            match runtime.sites.find(node, key) {
                Some(Place::Site(site)) => return site,
                Some(Place::Deeper(below)) if !whole => node = below,
                _ => break,
            }
            frame = next;
        }
        Site::UNKNOWN
    }
}

/// A frame of a stack that ends at `limit`: the next one, the return address, and whether there is no next one to go by.
#[inline(always)]
fn frame_at(frame: u64, limit: u64, depth: usize) -> (u64, u64, bool) {
    // SAFETY: the hook's own frame, or one further up within the same stack.
    let (next, pc) = unsafe { (*(frame as *const u64), *((frame + 8) as *const u64)) };
    let on = (frame + 16..limit.saturating_sub(16)).contains(&next) && next.is_multiple_of(8);
    (next, pc, !on || depth + 1 == MOST_FRAMES)
}

/// Whether an operation on this place, of this order, need not be a schedule point. See
/// docs/internals/schedule-points.md.
///
/// # Safety
/// The place, and for the counts of an `Arc` the other count beside it, is readable.
#[inline(always)]
pub unsafe fn hidden<T: Copy + PartialEq + From<u8>>(site: Site, place: *const T, order: Order) -> bool {
    // SAFETY: the caller vouches for the place; counts are of a word's size.
    unsafe {
        match site.visibility {
            Visibility::Visible => false,
            Visibility::Hidden => true,
            Visibility::HiddenUnlessRelaxed => order != Order::Relaxed,
            Visibility::HiddenIfZero => place.read_volatile() == T::from(0),
            Visibility::HiddenIfOne | Visibility::HiddenIfLast => place.read_volatile() == T::from(1),
            Visibility::HiddenUnlessZero => place.read_volatile() != T::from(0),
            Visibility::HiddenIfSoleStrong => sole(place as *const usize),
            Visibility::HiddenIfSoleWeak => sole((place as *const usize).sub(1)),
        }
    }
}

/// Whether what hides the operation is a count of references.
#[inline]
pub fn counts(site: Site) -> bool {
    use Visibility::{HiddenIfLast, HiddenIfOne, HiddenIfSoleStrong, HiddenIfSoleWeak};
    matches!(site.visibility, HiddenIfLast | HiddenIfOne | HiddenIfSoleStrong | HiddenIfSoleWeak)
}

/// Whether a subtraction counts down something of which only the last one matters: references, or what others wait for.
#[inline]
pub fn counts_down(site: Site) -> bool {
    site.visibility == Visibility::HiddenIfLast || counts_references(site)
}

#[inline]
fn counts_references(site: Site) -> bool {
    matches!(site.visibility, Visibility::HiddenIfSoleStrong | Visibility::HiddenIfOne)
}

/// Whether a subtraction gives back the only reference there is to what an `Arc` holds, or to its memory: nobody can look at
/// the count after it.
///
/// # Safety
/// As [`hidden`].
#[inline]
pub unsafe fn gives_up<T: Copy + PartialEq + From<u8>>(site: Site, place: *const T, order: Order) -> bool {
    // SAFETY: the caller's.
    site.step && counts_references(site) && unsafe { hidden(site, place, order) }
}

/// Whether a load of this place is a look of the standard library's own that orders nothing and whose answer is the same
/// whenever it happens: nothing need be known of it.
///
/// # Safety
/// The place is readable.
#[inline(always)]
pub unsafe fn decides_nothing<T: Copy + PartialEq + From<u8>>(site: Site, place: *const T) -> bool {
    // SAFETY: the caller's.
    let is_zero = || unsafe { place.read_volatile() == T::from(0) };
    match site.visibility {
        Visibility::Hidden => !site.step,
        Visibility::HiddenIfZero => is_zero(),
        _ => false,
    }
}

/// Whether the counts of an `Arc` say that there is one reference: one strong, and of weak ones only that which all strong
/// ones share, possibly locked by the owner itself.
///
/// # Safety
/// The counts are readable.
unsafe fn sole(strong: *const usize) -> bool {
    // SAFETY: the caller's.
    let (strong, weak) = unsafe { (strong.read_volatile(), strong.add(1).read_volatile()) };
    strong == 1 && (weak == 1 || weak == usize::MAX)
}

/// The last frame of a whole stack is told from the same one with others behind it.
fn key(pc: u64, whole: bool) -> u64 {
    pc | u64::from(whole) << 63
}

/// Asks the command line.
fn ask(stack: &[u64], whole: bool) {
    // SAFETY: one thread.
    if unsafe { ANSWERS } < 0 {
        let answer = Answer::Site(Site::UNKNOWN);
        return rt().sites.keep(&Known { stack: stack.to_vec(), whole, answer });
    }
    explore::send(&Message::Ask { stack: stack.to_vec(), whole });
}

/// Waits for what the command line says, and keeps it.
fn listen() {
    let known: Vec<Known> = answer(frame::decode);
    for known in &known {
        rt().sites.keep(known);
    }
    crate::crash::progress();
}

/// Waits for an answer.
fn answer<T>(decode: impl Fn(&mut Vec<u8>) -> Result<Option<T>, frame::Malformed>) -> T {
    let mut bytes = Vec::with_capacity(4096);
    loop {
        match decode(&mut bytes) {
            Ok(Some(answer)) => return answer,
            Ok(None) => {}
            Err(_) => fault::die("an answer is not in this version's format: command and runtime library do not match"),
        }
        // SAFETY: one thread.
        if !sys::read_some(unsafe { ANSWERS }, &mut bytes) {
            // The command line is gone: there is nothing left to work for.
            sys::exit_process(0);
        }
    }
}

/// Asks the command line which block of a search with this head is to be performed next. Where nobody answers there is
/// none.
pub fn draw(head: u64) -> Option<u64> {
    // SAFETY: one thread.
    if unsafe { ANSWERS } < 0 {
        return None;
    }
    explore::send(&Message::Draw { head });
    let Deal(block) = answer(frame::decode);
    block
}

/// What is known of a stack.
#[derive(Clone, Copy)]
enum Place {
    Site(Site),
    /// Not enough: the frames further out are below this node.
    Deeper(u32),
}

#[derive(Clone, Copy)]
struct Entry {
    /// 0 where there is none.
    pc: u64,
    /// The node that stands for the frames further in.
    node: u32,
    place: Place,
}

/// The answers: a hash table in the arena, so that it outlives executions and is shared with forked ones.
pub struct Sites {
    /// A power of two in length, at most half full.
    entries: Vec<Entry>,
    used: usize,
    nodes: u32,
}

impl Default for Sites {
    fn default() -> Self {
        Sites { entries: vec![NONE; 1024], used: 0, nodes: 0 }
    }
}

const NONE: Entry = Entry { pc: 0, node: 0, place: Place::Deeper(0) };

impl Sites {
    #[inline]
    fn slot(&self, node: u32, pc: u64) -> usize {
        let hash = (pc ^ u64::from(node) << 48).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (hash >> 32) as usize & (self.entries.len() - 1)
    }

    #[inline(always)]
    fn find(&self, node: u32, pc: u64) -> Option<Place> {
        let mut at = self.slot(node, pc);
        loop {
            let entry = &self.entries[at];
            if entry.pc == pc && entry.node == node {
                return Some(entry.place);
            }
            if entry.pc == 0 {
                return None;
            }
            at = (at + 1) & (self.entries.len() - 1);
        }
    }

    /// Keeps an answer. Those about the inner frames alone are here already.
    fn keep(&mut self, known: &Known) {
        let Some((last, inner)) = known.stack.split_last() else { return };
        let mut node = 0;
        for pc in inner {
            let Some(Place::Deeper(below)) = self.find(node, *pc) else { return };
            node = below;
        }
        let pc = key(*last, known.whole);
        if self.find(node, pc).is_some() {
            return;
        }
        let place = match known.answer {
            Answer::Site(site) => Place::Site(site),
            Answer::Deeper => {
                self.nodes += 1;
                Place::Deeper(self.nodes)
            }
        };
        if 2 * (self.used + 1) > self.entries.len() {
            let twice = vec![NONE; 2 * self.entries.len()];
            for entry in core::mem::replace(&mut self.entries, twice).into_iter().filter(|entry| entry.pc != 0) {
                self.put(entry);
            }
        }
        self.put(Entry { pc, node, place });
        self.used += 1;
    }

    fn put(&mut self, entry: Entry) {
        let mut at = self.slot(entry.node, entry.pc);
        while self.entries[at].pc != 0 {
            at = (at + 1) & (self.entries.len() - 1);
        }
        self.entries[at] = entry;
    }
}
