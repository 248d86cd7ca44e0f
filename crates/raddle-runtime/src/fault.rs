//! Faults of Raddle itself: said plainly, never passed off as the program's.

use crate::state;
use raddle_protocol::{Message, frame};

/// Reports a fault of Raddle and ends the process with exit status 70 (`EX_SOFTWARE`, as in `sysexits.h`).
#[cold]
pub fn die(reason: &str) -> ! {
    let report = state::report_descriptor();
    let told = report >= 0 && crate::sys::write_all(report, &frame::encode(&Message::Fault(reason.to_owned())));
    if !told {
        crate::sys::write_all(2, format!("raddle: {reason}\n").as_bytes());
    }
    crate::sys::exit_process(70)
}

/// Makes panics of the runtime into faults.
pub fn catch_panics() {
    std::panic::set_hook(Box::new(|info| die(&format!("the runtime panicked: {info}"))));
}
