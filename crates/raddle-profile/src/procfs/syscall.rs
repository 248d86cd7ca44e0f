//! `/proc/PID/task/TID/syscall`: in which system call a thread sleeps, with which arguments, and where.
//!
//! Reading it needs the rights of a debugger, which owners have of their own processes unless the system says otherwise
//! (`kernel.yama.ptrace_scope`).

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syscall {
    /// It runs, or is ready to.
    Running,
    /// It sleeps outside of any system call: a page fault, mostly.
    Outside {
        /// Stack pointer.
        sp: u64,
        /// Program counter.
        pc: u64,
    },
    /// It sleeps in a system call.
    Blocked {
        /// Which.
        number: i64,
        /// Its arguments.
        args: [u64; 6],
        /// Stack pointer of the caller.
        sp: u64,
        /// Program counter of the caller.
        pc: u64,
    },
}

/// Reads the line.
pub fn syscall(bytes: &[u8]) -> Option<Syscall> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    if text == "running" {
        return Some(Syscall::Running);
    }
    let mut words = text.split_ascii_whitespace();
    let number: i64 = words.next()?.parse().ok()?;
    let hex = |word: &str| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok();
    let rest: Vec<u64> = words.map_while(hex).collect();
    match (number, &rest[..]) {
        (-1, [sp, pc]) => Some(Syscall::Outside { sp: *sp, pc: *pc }),
        (number, [a, b, c, d, e, f, sp, pc]) => {
            Some(Syscall::Blocked { number, args: [*a, *b, *c, *d, *e, *f], sp: *sp, pc: *pc })
        }
        _ => None,
    }
}
