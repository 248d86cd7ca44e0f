//! Weak compare-exchanges that fail although the values are equal.
//!
//! The hook can only return the value that was there, which the program then compares with the one it expected
//! ([`Noticed`]). So that it takes the two to be different, a breakpoint is put behind that
//! comparison for this one time, where the processor's flags are changed. In between the program moves values about and calls
//! nothing.

use crate::arch::{self, BREAKPOINT, Context};
use crate::entry::write_code;
use raddle_protocol::{Noticed, Site};

/// Where the breakpoint is, and what stood there; 0 when there is none.
static mut ARMED: (u64, u8) = (0, 0);

/// The compare-exchange whose hook returns to `pc` has found what was expected and has failed all the same: the program is
/// to see that.
pub fn failed(site: Site, pc: u64) {
    disarm();
    let Some(Noticed::Behind(distance)) = site.weak else { return };
    let behind = pc + u64::from(distance);
    // SAFETY: code of the program, read; one thread.
    unsafe {
        ARMED = (behind, *(behind as *const u8));
        write_code(behind, BREAKPOINT);
    }
}

/// Takes the breakpoint out, if there is one: an execution has ended before it was reached.
pub fn disarm() {
    // SAFETY: one thread; the byte is what stood there.
    unsafe {
        let (behind, byte) = ARMED;
        if behind != 0 {
            write_code(behind, byte);
            ARMED = (0, 0);
        }
    }
}

/// Called at a breakpoint: whether it is this one. `context` is what the program goes on with.
pub fn reached(context: &mut libc::ucontext_t) -> bool {
    let at = Context::of_signal(context).pc - 1;
    // SAFETY: one thread.
    if unsafe { ARMED.0 } != at {
        return false;
    }
    disarm();
    arch::differs(context);
    arch::go_on_at(context, at);
    true
}
