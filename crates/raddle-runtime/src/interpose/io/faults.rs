//! Input and output that fall short of what was asked for (`--io-faults`), where POSIX allows it.
//!
//! A read or write of a stream may move fewer bytes than were asked for, and a call that blocks may be interrupted before
//! it has moved any (`read(3p)`, `write(3p)`: `EINTR`). What was not moved counts as not arrived, or as no room yet: sets
//! of descriptors report it again.
//!
//! Not chosen: that a call on a descriptor that does not block fails although it was reported ready.

use super::polling::{is_nonblocking, ready};
use crate::arch::syscall;
use crate::state::{executing, rt};
use raddle_engine::Question;
use raddle_protocol::ChoiceKind;

/// How a call falls short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not.
    None,
    /// It moves so many bytes at the most.
    Short(u64),
    /// A signal comes first.
    Interrupted,
}

/// How a call that moves `size` bytes, and is ready if it waits for `events`, falls short.
pub fn of(descriptor: i32, size: u64, events: i16) -> Fault {
    let runtime = rt();
    if !executing() || !runtime.plan.world.io_faults || runtime.epilogue || size < 2 || !is_stream(descriptor) {
        return Fault::None;
    }
    let interruptible = !is_nonblocking(descriptor);
    if !interruptible && !ready(descriptor, events) {
        return Fault::None;
    }
    let options = 3 + usize::from(interruptible);
    match runtime.tape.ask(&Question::plain(ChoiceKind::Shortfall, options)) {
        0 => Fault::None,
        1 => Fault::Short(1),
        2 => Fault::Short((size / 2).max(1)),
        _ => Fault::Interrupted,
    }
}

/// Whether bytes have no bounds between them there: a pipe, or a socket of that kind.
fn is_stream(descriptor: i32) -> bool {
    // SAFETY: the kernel's own structure, and an integer of the size given.
    unsafe {
        let mut stat: libc::stat = core::mem::zeroed();
        if syscall(libc::SYS_fstat, [descriptor as u64, &raw mut stat as u64, 0, 0, 0, 0]) != 0 {
            return false;
        }
        match stat.st_mode & libc::S_IFMT {
            libc::S_IFIFO => true,
            libc::S_IFSOCK => {
                let (mut kind, mut size) = (0i32, size_of::<i32>() as u32);
                let at = (&raw mut kind as u64, &raw mut size as u64);
                let args = [descriptor as u64, libc::SOL_SOCKET as u64, libc::SO_TYPE as u64, at.0, at.1, 0];
                syscall(libc::SYS_getsockopt, args) == 0 && kind == libc::SOCK_STREAM
            }
            _ => false,
        }
    }
}
