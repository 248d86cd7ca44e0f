//! Panics: that one was raised is noted, and the unwinder does the rest.

use crate::sys::Real;

/// Notes that a panic is raised; returns the unwinder's own function.
pub extern "C" fn raised() -> u64 {
    static REAL: Real<u64> = Real::new(c"_Unwind_RaiseException");
    if crate::state::executing() {
        crate::state::rt().execution.odd.raised = true;
    }
    REAL.get()
}
