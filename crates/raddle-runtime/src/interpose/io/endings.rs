//! Connections that end, of which the kernel is to keep nothing.
//!
//! Of a connection that both ends have closed the kernel keeps a note for a minute (`TIME_WAIT` of RFC 9293, section 3.3.2),
//! and its port with it. Thousands of executions use up the ports of the machine that way: `bind` takes longer and longer, and
//! then it fails, in one performance of an execution and not in the next. So an end is closed by a reset where
//! nobody can tell: at the end of an execution, and when the program has closed the other end before. Where no port is free
//! all the same, one is waited for.
//!
//! Not seen: an end that is on its way to another thread inside a message (`SCM_RIGHTS`); the note that is missing, by a
//! program that binds the port of a connection that has ended without `SO_REUSEADDR`. Left alone: connections whose one end
//! has been shut down for writing and is open still; whatever other programs may share.

use super::ports::{self, Address};
use crate::arch::syscall;
use crate::interpose::children;
use crate::state::rt;
use crate::{crash, sys};
use std::net::IpAddr;

/// One end of a connection: its host and port.
type End = (IpAddr, u16);

/// Connections one end of which the program has closed: that end and the other.
#[derive(Clone, Default, Debug)]
pub struct Ended(Vec<(End, End)>);

/// Ends that are remembered at the most.
const MOST: usize = 256;

/// A descriptor is about to be closed.
pub fn closing(descriptor: i32) {
    if children::any() {
        return;
    }
    let Some((here, there)) = ends(descriptor) else { return };
    let ended = &mut rt().execution.io.ended.0;
    match ended.iter().position(|end| *end == (there, here)) {
        Some(at) => {
            ended.swap_remove(at);
            let is_open = |(other, _): &(i32, u32)| ends(*other) == Some((there, here));
            if !rt().execution.effects.open().iter().any(is_open) {
                reset_when_closed(descriptor);
            }
        }
        None if ended.len() < MOST => ended.push((here, there)),
        None => (),
    }
}

/// Both ends of a connection of this machine, as the kernel knows them; `None` for everything else.
fn ends(descriptor: i32) -> Option<(End, End)> {
    let there = ports::connected(descriptor).filter(Address::is_local)?;
    Some((ports::bound(descriptor)?.name(), there.name()))
}

/// Has the kernel forget a connection when the descriptor is closed, and tell the other end that it has been reset
/// (`SO_LINGER` of socket(7), with a time of zero).
pub fn reset_when_closed(descriptor: i32) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let size = size_of::<libc::linger>() as u64;
    let option = (libc::SOL_SOCKET as u64, libc::SO_LINGER as u64);
    // SAFETY: a structure of that size; the kernel refuses what is no socket.
    unsafe {
        syscall(libc::SYS_setsockopt, [descriptor as u64, option.0, option.1, &raw const linger as u64, size, 0])
    };
}

/// The process of an execution is about to exit, which closes all.
pub fn before_exit() {
    if !children::any() {
        rt().execution.effects.open().iter().for_each(|(descriptor, _)| reset_when_closed(*descriptor));
    }
}

/// How long a port is waited for.
const LONGEST_NS: u64 = 10_000_000_000;
/// Time between two attempts.
const PAUSE_NS: u64 = 10_000_000;

/// Makes a call that binds a socket to a port of the kernel's choice, and makes it again as long as none is free.
pub fn with_a_port(mut bind: impl FnMut() -> i64) -> i64 {
    let begun = sys::real_time_ns();
    loop {
        let result = bind();
        if result != -i64::from(libc::EADDRINUSE) || sys::real_time_ns() - begun > LONGEST_NS {
            return result;
        }
        children::pause(PAUSE_NS);
        crash::progress();
    }
}
