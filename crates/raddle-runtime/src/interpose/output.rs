//! The program's standard output and error: kept, not shown, while executions are explored; handed on in a replay.

use crate::record;
use crate::state::{executing, recording, rt};
use crate::sys::set_errno;

/// Whether writes to this descriptor are the program's own output.
pub fn is_output(descriptor: i32) -> bool {
    executing() && (descriptor == 1 || descriptor == 2) && !rt().execution.effects.owns(descriptor)
}

/// Keeps what the program writes to one of the two.
pub fn take(descriptor: i32, bytes: &[u8]) {
    crate::crash::progress();
    let runtime = rt();
    if descriptor == 1 && !runtime.epilogue {
        let execution = &mut runtime.execution;
        execution.printed.add(bytes, execution.running == execution.root);
    }
    if recording() {
        record::output(bytes);
        if rt().live_output {
            crate::sys::write_all(descriptor, bytes);
        }
    }
}

/// Adds a line of the runtime's own to the program's output.
pub fn tell(line: &str) {
    take(2, line.as_bytes());
}

/// The C library's form of a system call's answer.
pub fn answer(result: i64) -> isize {
    if (-4095..0).contains(&result) {
        set_errno(-result as i32);
        return -1;
    }
    result as isize
}
