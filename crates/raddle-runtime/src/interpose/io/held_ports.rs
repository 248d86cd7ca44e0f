//! Ports of listeners that are closed, which nobody else gets before the execution ends.
//!
//! Once a listener is closed, its port may be given to any process that asks for one, at once: a connection to it, which
//! the kernel refuses in one performance of an execution, is answered by a stranger in the next. So a second socket is bound
//! to the port, which never listens: connections are refused as ever, and the kernel gives the port to nobody.
//!
//! Only beside listeners that allow others to be bound there as well (`SO_REUSEADDR`, as the standard library and mio have
//! it) and that were not bound to a port of the program's choice. Gives way where the program binds the port itself, or starts
//! another program, which may have been told to.

use super::{options, ports};
use crate::arch::syscall;
use crate::interpose::children;
use crate::start::move_away;
use crate::state::rt;

/// Sockets of an execution's at the most.
const MOST: usize = 64;

/// Sockets that hold a port, and which.
#[derive(Clone, Default, Debug)]
pub struct Held(Vec<(i32, u16)>);

impl Held {
    /// The program binds this port itself.
    pub fn give_way(&mut self, port: u16) {
        self.0.retain(|(socket, held)| {
            if *held == port {
                close(*socket);
            }
            *held != port
        });
    }

    /// Another program may want any of them.
    pub fn give_all_way(&mut self) {
        self.0.drain(..).for_each(|(socket, _)| close(socket));
    }

    /// Closes all those that have come since `saved`.
    pub fn undo(&self, saved: &Held) {
        self.0.iter().filter(|one| !saved.0.contains(one)).for_each(|(socket, _)| close(*socket));
    }
}

fn close(socket: i32) {
    // SAFETY: a socket of our own.
    unsafe { syscall(libc::SYS_close, [socket as u64, 0, 0, 0, 0, 0]) };
}

/// A socket is about to listen: holds its port too, where the kernel has chosen that.
pub fn before_listening(listener: i32) {
    let execution = &mut rt().execution;
    let is_reused = options::get(listener, libc::SOL_SOCKET, libc::SO_REUSEADDR).is_some_and(|reused| reused != 0);
    if !is_reused
        || children::any()
        || execution.io.held.0.len() >= MOST
        || options::get(listener, libc::SOL_SOCKET, libc::SO_TYPE) != Some(libc::SOCK_STREAM)
    {
        return;
    }
    let Some(address) = ports::bound(listener).filter(|address| address.port() != 0) else { return };
    if execution.io.ports.is_chosen(address.port()) || !address.is_local() {
        return;
    }
    let raw = address.raw();
    let kind = (libc::SOCK_STREAM | libc::SOCK_CLOEXEC) as u64;
    // SAFETY: calls on a socket of our own, with an address that the kernel can read.
    let bound = unsafe {
        let socket = syscall(libc::SYS_socket, [address.family(), kind, 0, 0, 0, 0]);
        if socket < 0 {
            return;
        }
        let socket = move_away(socket as i32);
        options::set(socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1);
        if address.family() == libc::AF_INET6 as u64 && address.host().is_ipv6() {
            // The listener may be on one family only; then so is this, and else the kernel refuses nothing.
            options::set(socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1);
        }
        (syscall(libc::SYS_bind, [socket as u64, raw.0, raw.1, 0, 0, 0]) == 0, socket)
    };
    match bound {
        (true, socket) => execution.io.held.0.push((socket, address.port())),
        (false, socket) => close(socket),
    }
}
