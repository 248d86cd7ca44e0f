//! Streams that hold nothing back (`TCP_NODELAY` of tcp(7)), whatever the program asks for.
//!
//! Left to itself, the kernel keeps a small piece of data until the one before has been acknowledged (Nagle, RFC 896), and
//! acknowledgements until 40 ms of real time have passed. Whether a thread can read would then depend on the machine's
//! clock. So each TCP socket of an execution sends at once. The program is told of the option what it has set itself.
//!
//! Not seen: the option at a duplicate of the descriptor. Left alone: `TCP_CORK`, with which a program says when to send.

use super::options;
use crate::arch::syscall;
use crate::state::{executing, rt};

/// Descriptors of which the program has said that they send at once.
#[derive(Clone, Default, Debug)]
pub struct Asked(Vec<i32>);

impl Asked {
    /// A descriptor is closed.
    pub fn closed(&mut self, descriptor: i32) {
        self.0.retain(|known| *known != descriptor);
    }

    fn set(&mut self, descriptor: i32, on: bool) {
        self.closed(descriptor);
        if on {
            self.0.push(descriptor);
        }
    }

    /// A socket has come from a listener, whose options it has.
    pub fn accepted(&mut self, descriptor: i32, listener: i32) {
        self.set(descriptor, self.0.contains(&listener));
    }
}

const OPTION: [u64; 2] = [libc::IPPROTO_TCP as u64, libc::TCP_NODELAY as u64];

/// Has a socket send at once, if it is one of TCP.
pub fn force(descriptor: i32) {
    options::set(descriptor, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1);
}

/// The system call `setsockopt`.
///
/// # Safety
/// As the system call.
pub unsafe fn setsockopt(args: [u64; 6]) -> i64 {
    // SAFETY: the program's own call.
    let answer = unsafe { syscall(libc::SYS_setsockopt, args) };
    if executing() && args[1..3] == OPTION && answer == 0 {
        // SAFETY: the kernel has just read an integer there.
        let on = unsafe { *(args[3] as *const i32) } != 0;
        rt().execution.io.nodelay.set(args[0] as i32, on);
        force(args[0] as i32);
    }
    answer
}

/// The system call `getsockopt`.
///
/// # Safety
/// As the system call.
pub unsafe fn getsockopt(args: [u64; 6]) -> i64 {
    // SAFETY: the program's own call.
    let answer = unsafe { syscall(libc::SYS_getsockopt, args) };
    if executing() && args[1..3] == OPTION && answer == 0 {
        // SAFETY: the kernel has just written a size there, and as much of an integer as it says.
        unsafe {
            if *(args[4] as *const u32) as usize == size_of::<i32>() {
                *(args[3] as *mut i32) = rt().execution.io.nodelay.0.contains(&(args[0] as i32)).into();
            }
        }
    }
    answer
}
