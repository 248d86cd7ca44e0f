//! Bytes on their way between two sockets of the program.
//!
//! What is written to a connection on loopback has arrived when the call returns, as long as the receiver has room. What
//! exceeds that the kernel sends later, when the receiver has made room: from timers and threads of its own, which on a busy
//! machine run when they run. So where no thread can go on before something arrives, and a connection has bytes on their way
//! whose receiver has read everything else, the kernel is waited for: then that nobody can go on, or that time passes, does
//! not depend on how quick it is.
//!
//! Not seen: how much of it has arrived while other threads can go on. That is up to the kernel.

use super::ports::{self, Address};
use crate::arch::syscall;
use crate::interpose::children;
use crate::state::rt;
use crate::{crash, sys};

/// How long the kernel is waited for: longer than its timers for closed windows and delayed acknowledgements.
const LONGEST_NS: u64 = 2_000_000_000;
/// Time between two looks.
const PAUSE_NS: u64 = 50_000;

/// Waits for what is on its way, until a thread can go on. No thread can when this is called.
pub fn settle() {
    let begun = sys::real_time_ns();
    while is_any() && sys::real_time_ns() - begun < LONGEST_NS {
        children::pause(PAUSE_NS);
        crash::progress();
        let mut woken = false;
        for (id, coded) in children::waiting() {
            if children::is_ready(id, coded) {
                rt().execution.schedule.wake(id);
                woken = true;
            }
        }
        if woken {
            return;
        }
    }
}

/// Whether the receiver of any connection has nothing to read, though more has been sent.
fn is_any() -> bool {
    let open = || rt().execution.effects.open().iter().map(|(descriptor, _)| *descriptor);
    open().any(|sender| {
        let held_back = number(sender, libc::TIOCOUTQ) > 0;
        let Some(peer) = held_back.then(|| ports::connected(sender)).flatten() else { return false };
        let is_peer = |other: &i32| ports::bound(*other).as_ref().map(Address::name) == Some(peer.name());
        let receiver = open().find(|other| *other != sender && is_peer(other) && ports::connected(*other).is_some());
        receiver.is_some_and(|receiver| {
            acknowledge(receiver);
            number(receiver, libc::FIONREAD) == 0 && number(sender, libc::TIOCOUTQ) > 0
        })
    })
}

/// Has what was received acknowledged now, not up to 40 ms later.
fn acknowledge(receiver: i32) {
    let on = 1i32;
    let option = (libc::IPPROTO_TCP as u64, libc::TCP_QUICKACK as u64);
    let args = [receiver as u64, option.0, option.1, &raw const on as u64, size_of::<i32>() as u64, 0];
    // SAFETY: an integer of that size.
    unsafe { syscall(libc::SYS_setsockopt, args) };
}

/// A number that the kernel tells of a descriptor; 0 where it does not.
fn number(descriptor: i32, what: u64) -> i32 {
    let mut number = 0i32;
    // SAFETY: an integer for the answer.
    unsafe { syscall(libc::SYS_ioctl, [descriptor as u64, what, &raw mut number as u64, 0, 0, 0]) };
    number
}
