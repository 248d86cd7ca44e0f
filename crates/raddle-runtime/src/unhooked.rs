//! Instructions that matter and that no hook stands for: fences and atomic operations that authors write in assembly, and
//! what asks the processor for the time or for random numbers.
//!
//! The command finds them in the executable ([`raddle_protocol::Unhooked`]). Each gets a breakpoint, whose handler tells
//! the memory model and lets the program go on with a copy of the instruction that lies elsewhere, followed by a jump
//! back. So nothing is paid for by code that has none.
//!
//! On x86 those that lock are full fences (Intel SDM volume 3, 9.2.2), so each counts as a sequentially consistent fence.
//! One that works on memory others may see is also an atomic access that reads the latest value and releases; what it
//! leaves there the model finds out for itself, when it meets a value that it does not know. In Rust's functions it is a
//! schedule point, and checked for races, like any atomic access: the program goes on by a detour, since a signal handler
//! cannot switch threads. In functions of other languages it orders memory, and that is all: of what C code does to
//! memory too little is seen to judge it.
//!
//! What is asked of the processor is answered in its place ([`answer`]): the counter goes by virtual time, random numbers
//! come from where the program's others do.

use crate::arch::{self, BREAKPOINT, Context};
use crate::hooks::atomic::model;
use crate::interpose::{clock, random};
use crate::record;
use crate::sched;
use crate::state::{live, recording, rt};
use crate::watch;
use raddle_engine::race::Kind;
use raddle_engine::{Access, AccessKind};
use raddle_protocol::trace::Order;
use raddle_protocol::{Effect, Op, Operand, Unhooked};

/// One of them, in this process.
struct Place {
    /// Where the breakpoint is.
    address: u64,
    /// Where the program goes on.
    copy: u64,
    /// Where it goes on without it.
    next: u64,
    operand: Option<Operand>,
    effect: Effect,
}

/// All places, by address.
static mut PLACES: Vec<Place> = Vec::new();
static mut BASE: u64 = 0;

/// What an atomic operation does to memory, as it is told to [`step`].
const READS: u64 = 0;
const WRITES: u64 = 1;
const UPDATES: u64 = 2;

/// Room for one copy and the jump behind it.
const SLOT: u64 = 32;
/// Bytes of an instruction at the most.
const LONGEST: u64 = 15;
const _: () = assert!(LONGEST + arch::JUMP <= SLOT);

/// Puts breakpoints on the instructions of an executable that is loaded from `start` to `end`; `base` is added to its own
/// addresses. Where there is no room for the copies nearby, nothing is done and the instructions stay unseen.
pub fn arm(list: &[Unhooked], base: u64, (start, end): (u64, u64)) {
    if list.is_empty() {
        return;
    }
    let size = (list.len() as u64 * SLOT).next_multiple_of(4096);
    let Some(copies) = room_near((start, end), size) else { return };
    let mut places = Vec::with_capacity(list.len());
    for (slot, instruction) in list.iter().enumerate() {
        let (address, copy) = (base + instruction.address, copies + slot as u64 * SLOT);
        // SAFETY: the list names instructions of this executable; the slot is fresh, writable and large enough. One
        // thread.
        unsafe {
            let length = u64::from(instruction.length);
            core::ptr::copy_nonoverlapping(address as *const u8, copy as *mut u8, length as usize);
            if let Some(at) = instruction.distance_at {
                let distance = (copy + u64::from(at)) as *mut i32;
                let moved = address.wrapping_sub(copy) as i32;
                distance.write_unaligned(distance.read_unaligned().wrapping_add(moved));
            }
            arch::write_jump(copy + length, address + length);
        }
        let next = address + u64::from(instruction.length);
        places.push(Place { address, copy, next, operand: instruction.operand, effect: instruction.effect });
    }
    // SAFETY: the slots are the runtime's own.
    unsafe {
        let code = (libc::PROT_READ | libc::PROT_EXEC) as u64;
        arch::syscall(libc::SYS_mprotect, [copies, size, code, 0, 0, 0]);
    }
    for place in &places {
        // SAFETY: see above; nothing has run yet that could be in the middle of the instruction.
        unsafe { crate::entry::write_code(place.address, BREAKPOINT) };
    }
    // SAFETY: one thread.
    unsafe {
        PLACES = places;
        BASE = base;
    }
}

/// Fresh memory near the executable, so that distances of four bytes reach from there to where they reached before.
fn room_near((start, end): (u64, u64), size: u64) -> Option<u64> {
    /// Far enough from the break, which grows behind the executable, and near enough.
    const STEP: u64 = 16 << 20;
    let (below, above) = (start.checked_sub(STEP + size), end + (512 << 20));
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE) as u64;
    let writable = (libc::PROT_READ | libc::PROT_WRITE) as u64;
    below.into_iter().chain([above]).map(|address| address & !4095).find(|address| {
        // SAFETY: the kernel refuses what is in use.
        let got = unsafe { arch::syscall(libc::SYS_mmap, [*address, size, writable, flags, u64::MAX, 0]) };
        got == *address as i64
    })
}

/// Called at a breakpoint: whether it is one of these, and has been dealt with. `context` is what the program goes on with.
pub fn reached(context: &mut libc::ucontext_t) -> bool {
    let pc = Context::of_signal(context).pc;
    // SAFETY: one thread; nothing changes the list any more.
    let places: &[Place] = unsafe {
        let list = &raw const PLACES;
        &*list
    };
    let Ok(at) = places.binary_search_by_key(&(pc - 1), |place| place.address) else { return false };
    let place = &places[at];
    if !live() {
        arch::go_on_at(context, place.copy);
        return true;
    }
    if answer(context, place.effect) {
        arch::go_on_at(context, place.next);
        return true;
    }
    let memory = place.operand.map(|operand| (address(&operand, context), operand.size));
    let shared = memory.filter(|(address, size)| address % u64::from(*size) == 0 && !mine(*address));
    match (shared, place.effect) {
        (Some((address, size)), Effect::Unknown) => order(address, size, Order::SeqCst),
        // SAFETY: the program runs on its own stack, with room below what it uses.
        (Some((address, size)), effect) => unsafe {
            let does = match effect {
                Effect::Read => READS,
                Effect::Write => WRITES,
                _ => UPDATES,
            };
            arch::detour(context, [address, size.into(), does], place.copy);
            return true;
        },
        (None, Effect::Read | Effect::Write) => {}
        (None, _) => model::fence(Order::SeqCst),
    }
    arch::go_on_at(context, place.copy);
    true
}

/// Does what an instruction asks the processor for; whether it is one of those.
fn answer(context: &mut libc::ucontext_t, effect: Effect) -> bool {
    match effect {
        Effect::Time => arch::answer_counter(context, clock::counter()),
        Effect::TimeAndProcessor => {
            arch::answer_counter(context, clock::counter());
            arch::answer_processor(context, 0);
        }
        Effect::Random { register, size } => {
            let mut bytes = [0; 8];
            // SAFETY: the buffer is that large.
            unsafe { random::fill(bytes.as_mut_ptr(), bytes.len()) };
            arch::answer_random(context, register, size, u64::from_ne_bytes(bytes));
        }
        Effect::Unknown | Effect::Update | Effect::Read | Effect::Write => return false,
    }
    true
}

/// What stands in front of an atomic operation in assembly. Called on the detour, on the program's stack.
pub unsafe extern "C" fn step(address: u64, size: u64, does: u64) {
    let size = size as u8;
    let (kind, race, order_as) = match does {
        READS => (AccessKind::Read, Kind::AtomicRead, Order::Acquire),
        WRITES => (AccessKind::Write, Kind::AtomicWrite, Order::Release),
        _ => (AccessKind::Update, Kind::AtomicWrite, Order::SeqCst),
    };
    sched::point(Access::new(kind, address, size));
    if watch::watching() {
        watch::atomic(address, size, race);
    }
    order(address, size, order_as);
    if kind != AccessKind::Read {
        sched::written(address);
    }
    if recording() {
        // SAFETY: as in `order`.
        let value = unsafe { read(address, size) } as u64;
        record::step(match kind {
            AccessKind::Read => Op::Load { address, size, order: order_as, value },
            // What it leaves is not known yet.
            _ => Op::Rmw { address, size, order: order_as, old: value, new: value },
        });
    }
}

/// Where an operand lies.
fn address(operand: &Operand, context: &libc::ucontext_t) -> u64 {
    let register = |number: u8| arch::register(context, number);
    let base = operand.base.map_or(0, register);
    let index = operand.index.map_or(0, |(number, scale)| register(number).wrapping_mul(scale.into()));
    // SAFETY: one thread.
    let file = if operand.in_file { unsafe { BASE } } else { 0 };
    operand.displacement.wrapping_add(base).wrapping_add(index).wrapping_add(file)
}

/// What an instruction on this memory does to the order of things.
fn order(address: u64, size: u8, order: Order) {
    let full = order == Order::SeqCst;
    if full {
        model::fence(order);
    }
    // SAFETY: the program is about to access it; if it may not, the fault is the program's.
    model::unhooked(address, size, unsafe { read(address, size) });
    if full {
        model::fence(order);
    }
}

/// Whether it lies on the running thread's own stack, where only a fence makes use of it.
fn mine(address: u64) -> bool {
    let execution = &rt().execution;
    let (low, high) = execution.threads[execution.running as usize].stack_extent;
    (low..high).contains(&address)
}

unsafe fn read(address: u64, size: u8) -> u128 {
    // SAFETY: the caller's.
    unsafe {
        match size {
            1 => (*(address as *const u8)).into(),
            2 => (*(address as *const u16)).into(),
            4 => (*(address as *const u32)).into(),
            8 => (*(address as *const u64)).into(),
            _ => *(address as *const u128),
        }
    }
}
