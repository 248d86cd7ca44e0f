//! Options of sockets that are integers, for the runtime's own purposes.

use crate::arch::syscall;

/// An option's value; `None` where there is none.
pub fn get(socket: i32, level: i32, name: i32) -> Option<i32> {
    let (mut value, mut size) = (0i32, size_of::<i32>() as u32);
    let at = (&raw mut value as u64, &raw mut size as u64);
    // SAFETY: an integer of that size.
    let result = unsafe { syscall(libc::SYS_getsockopt, [socket as u64, level as u64, name as u64, at.0, at.1, 0]) };
    (result == 0).then_some(value)
}

/// Sets an option; the kernel refuses what is no such socket.
pub fn set(socket: i32, level: i32, name: i32, value: i32) {
    let at = (&raw const value as u64, size_of::<i32>() as u64);
    // SAFETY: an integer of that size.
    unsafe { syscall(libc::SYS_setsockopt, [socket as u64, level as u64, name as u64, at.0, at.1, 0]) };
}
