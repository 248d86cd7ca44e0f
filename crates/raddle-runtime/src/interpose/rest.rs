//! Until the processes that the program has started are at rest.
//!
//! What has arrived from them, and what they have made room for, is up to the system as long as they run. Once none of them
//! does, it is the consequence of what the program has sent them, and the same whenever it does that. So before the program
//! looks at what comes from outside, they are let run until each waits for something (input, a lock, time) or has ended.
//! That is no more than a slow program would see.
//!
//! Two looks at all of their threads decide: each was asleep at both, and has not gone to sleep in between. Then there was
//! a moment between the two at which all of them were.
//!
//! A process that computes for long is not waited for for ever; from then on moments of waiting are short, and what has
//! arrived is again the system's doing. So it is with processes that wait for time to pass, or for one that the program has
//! not started.

use super::{children, process};
use crate::arch::syscall;
use crate::{crash, sys};
use std::ffi::CString;

/// Processor time that they may take in one go.
const BUSY_NS: u64 = 500_000_000;
/// How long they are waited for in one go: on a machine that has other things to do they may have to queue.
const LONGEST_NS: u64 = 10_000_000_000;
/// How long they are waited for once they have been seen to go on and on.
const RESTLESS_NS: u64 = 1_000_000;
/// Time between two looks.
const PAUSE_NS: u64 = 50_000;

/// Whether they go on and on. Set only in the process of one execution, so it need not be put back.
static mut RESTLESS: bool = false;

/// Waits until all of them are at rest, if there are any. Whether they are.
pub fn wait() -> bool {
    if !children::any() {
        return true;
    }
    // SAFETY: one thread.
    let restless = unsafe { RESTLESS };
    let begun = sys::real_time_ns();
    let used = Look::now().used_ns;
    let mut before = None;
    loop {
        let now = Look::now();
        if now.asleep && before.as_ref().is_some_and(|before| *before == now.threads) {
            return true;
        }
        let waited = sys::real_time_ns() - begun;
        if restless && waited >= RESTLESS_NS {
            return false;
        }
        if waited >= LONGEST_NS || now.used_ns.saturating_sub(used) >= BUSY_NS {
            // SAFETY: one thread.
            unsafe { RESTLESS = true };
            return false;
        }
        if !now.asleep {
            children::pause(PAUSE_NS);
            crash::progress();
        }
        before = now.asleep.then_some(now.threads);
    }
}

/// What all of their threads were doing, one after the other.
struct Look {
    /// None was running or about to.
    asleep: bool,
    /// Those that have not ended, and how often each has gone to sleep.
    threads: Vec<(u32, u64)>,
    /// Processor time they have used.
    used_ns: u64,
}

impl Look {
    fn now() -> Look {
        let mut look = Look { asleep: true, threads: Vec::new(), used_ns: 0 };
        for child in process::started() {
            look.at(child);
        }
        look
    }

    /// Adds a process and all that it has started.
    fn at(&mut self, process: u32) {
        for thread in numbers_in(&format!("/proc/{process}/task")) {
            let of = |name: &str| {
                let path = CString::new(format!("/proc/{process}/task/{thread}/{name}")).unwrap_or_default();
                String::from_utf8_lossy(&sys::read_file(&path)).into_owned()
            };
            let status = of("status");
            let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
            let slept = field("voluntary_ctxt_switches:").and_then(|times| times.parse().ok());
            match field("State:").and_then(|state| state.chars().next()) {
                Some('Z' | 'X') => continue,
                Some('S' | 'T' | 't' | 'I') => self.threads.push((thread, slept.unwrap_or_default())),
                _ => self.asleep = false,
            }
            let used = of("schedstat");
            self.used_ns += used.split(' ').next().and_then(|used| used.parse::<u64>().ok()).unwrap_or_default();
            for child in of("children").split_ascii_whitespace().filter_map(|child| child.parse().ok()) {
                self.at(child);
            }
        }
    }
}

/// The names in a directory that are numbers.
fn numbers_in(path: &str) -> Vec<u32> {
    /// Where the name of an entry begins.
    const NAME: usize = 19;
    let mut numbers = Vec::new();
    let Ok(path) = CString::new(path) else { return numbers };
    let flags = (libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC) as u64;
    // SAFETY: plain calls with a C string and a buffer of that size.
    unsafe {
        let fd = syscall(libc::SYS_openat, [libc::AT_FDCWD as u64, path.as_ptr() as u64, flags, 0, 0, 0]);
        if fd < 0 {
            return numbers;
        }
        let mut buffer = vec![0u8; 4096];
        loop {
            let args = [fd as u64, buffer.as_mut_ptr() as u64, buffer.len() as u64, 0, 0, 0];
            let got = syscall(libc::SYS_getdents64, args);
            let Some(mut rest) = usize::try_from(got).ok().filter(|got| *got > 0).map(|got| &buffer[..got]) else {
                break;
            };
            while rest.len() > NAME {
                let length = usize::from(u16::from_ne_bytes([rest[16], rest[17]]));
                let name = rest[NAME..length].split(|byte| *byte == 0).next().unwrap_or_default();
                numbers.extend(core::str::from_utf8(name).ok().and_then(|name| name.parse::<u32>().ok()));
                rest = &rest[length..];
            }
        }
        syscall(libc::SYS_close, [fd as u64, 0, 0, 0, 0, 0]);
    }
    numbers
}
