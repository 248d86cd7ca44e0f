//! Call stacks of the running thread.
//!
//! Looking up how to leave a frame is what costs, and most frames of a stack are those of the stack before: a thread comes
//! back to few of its callers between two steps. So a frame where the thread has stood before, at the same instruction with
//! the same stack pointer, is not left anew. Whether it would be left for the same callers as before is seen from the
//! return addresses, which lie on the stack where they lay.

use crate::explore::in_runtime;
use crate::interpose::unwinding;
use crate::state::rt;
use core::ffi::c_void;
use raddle_protocol::trace::ThreadId;

/// Frames kept of a stack.
const MOST_FRAMES: usize = 192;
/// Bytes between the two ends of a frame at the most, for it to be taken over from an earlier stack.
const MOST_BYTES: u64 = 1 << 20;

/// Frames, innermost first: the address in the code, and the canonical frame address, above which the caller's frame lies.
type Frames = Vec<(u64, u64)>;

/// The latest stack of each thread, by the runtime's numbers.
#[derive(Default)]
pub struct Latest(Vec<Frames>);

impl Latest {
    /// A thread's, which is empty when there was none.
    fn of(&mut self, thread: ThreadId) -> &mut Frames {
        let thread = thread as usize;
        if self.0.len() <= thread {
            self.0.resize_with(thread + 1, Frames::new);
        }
        &mut self.0[thread]
    }

    /// Where a thread was when it was looked at last.
    pub fn frames(&mut self, thread: ThreadId) -> Frames {
        of_program(self.of(thread))
    }
}

struct Unwinding<'a> {
    frames: Frames,
    /// An earlier stack of this thread.
    earlier: &'a [(u64, u64)],
    /// The first frame of the earlier stack that may be the next one of this.
    next: usize,
}

impl Unwinding<'_> {
    /// Takes over the frames of the earlier stack from this one on, if the thread stands in it as it did then.
    fn goes_on_as_before(&mut self, pc: u64, sp: u64) -> bool {
        while self.next < self.earlier.len() && self.earlier[self.next - 1].1 < sp {
            self.next += 1;
        }
        let Some(frame) = self.earlier.get(self.next).filter(|_| self.earlier[self.next - 1].1 == sp) else {
            return false;
        };
        if frame.0 != pc {
            return false;
        }
        let rest = &self.earlier[self.next..];
        let mut inner = sp;
        let differs = rest.windows(2).position(|pair| {
            let (cfa, caller) = (pair[0].1, pair[1].0);
            let is_near = cfa > inner && cfa - inner < MOST_BYTES;
            inner = cfa;
            !is_near || !returns_to(cfa, caller)
        });
        if let Some(last) = differs {
            self.next += last + 1;
            return false;
        }
        self.frames.extend_from_slice(rest);
        true
    }
}

/// The frames without those of the runtime itself, which stand at both ends.
fn of_program(frames: &Frames) -> Frames {
    frames.iter().copied().filter(|frame| !in_runtime(frame.0)).collect()
}

/// Whether a frame that ends here returns to this address.
fn returns_to(cfa: u64, caller: u64) -> bool {
    // SAFETY: the frame is one of the running thread's: all inside it are as they were, down to one where it stands now.
    unsafe { crate::arch::return_address(cfa) == caller }
}

unsafe extern "C" {
    pub(super) fn _Unwind_GetIP(context: *mut c_void) -> usize;
    pub(super) fn _Unwind_GetCFA(context: *mut c_void) -> usize;
}

/// The unwinder calls this for each frame, and tells as "CFA" the stack pointer of that frame, which is the canonical
/// frame address of the frame inside it.
extern "C" fn on_frame(context: *mut c_void, argument: *mut c_void) -> i32 {
    const NO_REASON: i32 = 0;
    const NORMAL_STOP: i32 = 4;
    // SAFETY: the unwinder's own context, and the argument given below.
    unsafe {
        let unwinding = &mut *(argument as *mut Unwinding<'_>);
        let (pc, sp) = (_Unwind_GetIP(context) as u64, _Unwind_GetCFA(context) as u64);
        if let Some(inner) = unwinding.frames.last_mut()
            && inner.1 == 0
        {
            inner.1 = sp;
        }
        if pc == 0 || unwinding.frames.len() >= MOST_FRAMES || unwinding.goes_on_as_before(pc, sp) {
            return NORMAL_STOP;
        }
        unwinding.frames.push((pc, 0));
    }
    NO_REASON
}

/// The running thread's call stack, innermost frame first, without the runtime's own frames.
pub fn unwind() -> Vec<(u64, u64)> {
    let thread = rt().execution.running;
    let earlier = core::mem::take(rt().latest.of(thread));
    let mut unwinding = Unwinding { frames: Vec::with_capacity(32), earlier: &earlier, next: 1 };
    // SAFETY: the callback matches, and the argument outlives the call. What the unwinder itself calls of the C library
    // is no step of the program.
    unsafe {
        let live = crate::state::LIVE;
        crate::state::LIVE = false;
        unwinding::_Unwind_Backtrace(on_frame, &raw mut unwinding as *mut c_void);
        crate::state::LIVE = live;
    }
    let frames = unwinding.frames;
    let without_runtime = of_program(&frames);
    *rt().latest.of(thread) = frames;
    without_runtime
}
