//! Bytes and connections on their way between two sockets of the program.
//!
//! What is written to a connection on loopback has arrived when the call returns, as long as the receiver has room. What
//! exceeds that the kernel sends later, when the receiver has made room: from timers and threads of its own, which on a busy
//! machine run when they run. So where no thread can go on before something arrives, and a connection has bytes on their way
//! whose receiver has read everything else, the kernel is waited for: then that nobody can go on, or that time passes, does
//! not depend on how quick it is.
//!
//! A connection is made when `connect` returns, as long as the listener has room for it. Otherwise the kernel tries again by
//! itself, first after a second. So where no thread can go on and a listener has room again, the kernel is waited for as well.
//!
//! Not seen: how much of it has arrived while other threads can go on. That is up to the kernel.

use super::options;
use super::ports::{self, Address};
use crate::arch::syscall;
use crate::interpose::children;
use crate::state::rt;
use crate::{crash, sys};

/// How long the kernel is waited for: longer than its timers for closed windows and delayed acknowledgements.
const LONGEST_NS: u64 = 2_000_000_000;
/// How long it is waited for where a connection is to be made: longer than until it tries for the second time.
const LONGEST_CONNECTING_NS: u64 = 4_000_000_000;
/// Time between two looks.
const PAUSE_NS: u64 = 50_000;

/// Connections that the program has asked for: by which socket, and to which port of this machine, as the kernel knows it.
#[derive(Clone, Default)]
pub struct Connecting(Vec<(i32, u16)>);

impl Connecting {
    /// A connection is on its way.
    pub fn begin(&mut self, socket: i32, to: &Address) {
        self.closed(socket);
        if to.is_local() {
            self.0.push((socket, to.port()));
        }
    }

    /// A descriptor is about to be closed.
    pub fn closed(&mut self, descriptor: i32) {
        self.0.retain(|(socket, _)| *socket != descriptor);
    }
}

/// Waits for what is on its way, until a thread can go on. No thread can when this is called.
pub fn settle() {
    let begun = sys::real_time_ns();
    let making = making();
    let (mut waited, mut woken) = (false, false);
    loop {
        let took = sys::real_time_ns() - begun;
        let goes_on = took < LONGEST_CONNECTING_NS && is_connecting(&making) || took < LONGEST_NS && !woken && is_any();
        if !goes_on {
            break;
        }
        children::pause(PAUSE_NS);
        crash::progress();
        waited = true;
        woken |= wake_ready();
    }
    if waited {
        // What has arrived since the last look.
        wake_ready();
    }
}

/// Wakes the threads whose descriptors are ready; whether there were any.
fn wake_ready() -> bool {
    let mut woken = false;
    for (id, coded) in children::waiting() {
        if children::is_ready(id, coded) {
            rt().execution.schedule.wake(id);
            woken = true;
        }
    }
    woken
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

/// States of TCP sockets.
const ESTABLISHED: u8 = 1;
const UNDER_WAY: u8 = 2;
const LISTENS: u8 = 10;

/// A connection on its way: by which socket, to which port, and how many waited there already.
type Making = (i32, u16, u32);

/// The connections that are on their way.
fn making() -> Vec<Making> {
    let connecting = &mut rt().execution.io.connecting.0;
    connecting.retain(|(socket, _)| state(*socket) == Some(UNDER_WAY));
    let connecting = connecting.clone();
    connecting.into_iter().map(|(socket, port)| (socket, port, queue(port).map_or(0, |(length, _)| length))).collect()
}

/// Whether any of these connections will be made before anybody does anything: its listener has room for it or is gone; or
/// it has been made, and is about to arrive.
fn is_connecting(making: &[Making]) -> bool {
    making.iter().any(|(socket, port, before)| match (state(*socket), queue(*port)) {
        (Some(UNDER_WAY), queue) => queue.is_none_or(|(_, is_full)| !is_full),
        (Some(ESTABLISHED), Some((length, _))) => {
            let made = |(socket, to, _): &&Making| to == port && state(*socket) == Some(ESTABLISHED);
            (length as usize) < *before as usize + making.iter().filter(made).count()
        }
        _ => false,
    })
}

/// How many connections wait to be accepted at a port of this machine, and whether there is no room for more. The kernel
/// tells of a listener by these numbers in place of others.
fn queue(port: u16) -> Option<(u32, bool)> {
    let is_there = |socket: &i32| ports::bound(*socket).is_some_and(|at| at.port() == port);
    let mut open = rt().execution.effects.open().iter().map(|(descriptor, _)| *descriptor);
    let listener =
        open.find_map(|socket| info(socket).filter(|info| info.tcpi_state == LISTENS && is_there(&socket)))?;
    Some((listener.tcpi_unacked, listener.tcpi_unacked > listener.tcpi_sacked))
}

/// The state of a TCP socket.
fn state(socket: i32) -> Option<u8> {
    info(socket).map(|info| info.tcpi_state)
}

/// What the kernel tells of a TCP socket.
fn info(descriptor: i32) -> Option<libc::tcp_info> {
    // SAFETY: the kernel's own structure, and its size.
    unsafe {
        let mut info: libc::tcp_info = core::mem::zeroed();
        let mut size = size_of::<libc::tcp_info>() as u32;
        let option = (libc::IPPROTO_TCP as u64, libc::TCP_INFO as u64);
        let args = [descriptor as u64, option.0, option.1, &raw mut info as u64, &raw mut size as u64, 0];
        (syscall(libc::SYS_getsockopt, args) == 0).then_some(info)
    }
}

/// Has what was received acknowledged now, not up to 40 ms later.
fn acknowledge(receiver: i32) {
    options::set(receiver, libc::IPPROTO_TCP, libc::TCP_QUICKACK, 1);
}

/// A number that the kernel tells of a descriptor; 0 where it does not.
fn number(descriptor: i32, what: u64) -> i32 {
    let mut number = 0i32;
    // SAFETY: an integer for the answer.
    unsafe { syscall(libc::SYS_ioctl, [descriptor as u64, what, &raw mut number as u64, 0, 0, 0]) };
    number
}
