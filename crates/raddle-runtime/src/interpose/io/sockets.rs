//! Sockets: what names them and connects them.
//!
//! Sockets of this machine are the kernel's own. Whom the program may talk to: see [`super::hosts`].

use super::endings::with_a_port;
use super::polling::{Waited, changed, is_nonblocking, until_ready, will_write};
use super::{held_ports, hosts, nodelay, options, ports};
use crate::arch::syscall;
use crate::effects::changes_files;
use crate::interpose::children;
use crate::interpose::output::answer;
use crate::order;
use crate::record;
use crate::sched;
use crate::state::{executing, recording, rt};
use core::ffi::c_void;
use libc::sockaddr;
use raddle_engine::Access;
use raddle_protocol::Op;
use raddle_protocol::trace::Wait;

/// How long calls on a socket may wait, if the program has said so; `None` for everything else.
pub fn timeout(descriptor: i32, events: i16) -> Option<u64> {
    let name = if events & libc::POLLOUT != 0 { libc::SO_SNDTIMEO } else { libc::SO_RCVTIMEO };
    let mut time = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let mut size = size_of::<libc::timeval>() as u32;
    // SAFETY: a timeval of that size.
    let got = unsafe {
        let at = (&raw mut time as u64, &raw mut size as u64);
        syscall(libc::SYS_getsockopt, [descriptor as u64, libc::SOL_SOCKET as u64, name as u64, at.0, at.1, 0])
    };
    let ns = time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1000;
    (got == 0 && ns > 0).then_some(ns)
}

/// `bind`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bind(descriptor: i32, at: *const sockaddr, length: u32) -> i32 {
    let call = |raw: (u64, u64)| {
        // SAFETY: the caller's.
        unsafe { syscall(libc::SYS_bind, [descriptor as u64, raw.0, raw.1, 0, 0, 0]) }
    };
    if !executing() {
        return answer(call((at as u64, length.into()))) as i32;
    }
    super::announce();
    // SAFETY: the caller's.
    let (asked, named) = unsafe { (ports::Address::read(at, length), ports::outward(at, length)) };
    let (Some(asked), Some(named)) = (asked, named) else {
        // SAFETY: the caller's.
        if unsafe { is_path(at, length) } {
            changes_files("it makes a socket in the file system");
        } else {
            rt().is_known_by_name = true;
        }
        return answer(call((at as u64, length.into()))) as i32;
    };
    rt().execution.io.held.give_way(named.port());
    let is_own = || is_own(asked.port(), named.port());
    let result = if asked.port() == 0 {
        with_a_port(|| call(named.raw()))
    } else if !named.is_local() || children::any() || is_own() {
        call(named.raw())
    } else {
        // Another process may have it.
        match alone(descriptor, || call(named.raw())) {
            taken if taken == -i64::from(libc::EADDRINUSE) => with_a_port(|| call(named.at_any_port().raw())),
            result => result,
        }
    };
    if let Some(bound) = ports::bound(descriptor).filter(|_| result == 0 && asked.port() != 0) {
        ports::chosen(asked.port(), bound.port());
    }
    answer(result) as i32
}

/// Whether a socket of the program's has this port.
fn is_own(seen: u16, real: u16) -> bool {
    let execution = &rt().execution;
    let has_it = |descriptor: i32| ports::bound(descriptor).is_some_and(|bound| bound.port() == real);
    execution.io.ports.is_named(seen, real)
        && execution.effects.open().iter().any(|(descriptor, _)| has_it(*descriptor))
}

/// Has a socket bound without consent to others being bound where it is, which it may have given. Another process may consent
/// as well, and be the first to listen.
fn alone(socket: i32, bind: impl FnOnce() -> i64) -> i64 {
    let consent = [libc::SO_REUSEADDR, libc::SO_REUSEPORT]
        .map(|name| (name, options::get(socket, libc::SOL_SOCKET, name).filter(|value| *value != 0)));
    let set = |value: Option<i32>| {
        for (name, given) in consent {
            if let Some(given) = given {
                options::set(socket, libc::SOL_SOCKET, name, value.unwrap_or(given));
            }
        }
    };
    set(Some(0));
    let result = bind();
    set(None);
    result
}

/// Whether this is the address of a socket that is a file.
unsafe fn is_path(at: *const sockaddr, length: u32) -> bool {
    // SAFETY: the caller's, `length` bytes.
    unsafe {
        !at.is_null()
            && length > 2
            && i32::from((*at).sa_family) == libc::AF_UNIX
            && *(at as *const u8).add(size_of::<libc::sa_family_t>()) != 0
    }
}

/// `listen`.
///
/// # Safety
/// See [`bind`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn listen(descriptor: i32, backlog: i32) -> i32 {
    if executing() {
        super::announce();
        changed();
        held_ports::before_listening(descriptor);
    }
    // SAFETY: the caller's.
    answer(unsafe { syscall(libc::SYS_listen, [descriptor as u64, backlog as u64, 0, 0, 0, 0]) }) as i32
}

/// `connect`.
///
/// # Safety
/// See [`bind`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn connect(descriptor: i32, at: *const sockaddr, length: u32) -> i32 {
    let call = |raw: (u64, u64)| [descriptor as u64, raw.0, raw.1, 0, 0, 0];
    if !executing() {
        // SAFETY: the caller's.
        return answer(unsafe { syscall(libc::SYS_connect, call((at as u64, length.into()))) }) as i32;
    }
    sched::point(Access::input_output());
    // SAFETY: the caller's.
    let address = unsafe { ports::outward(at, length) };
    rt().is_known_by_name |= address.is_none();
    if let Some(error) = address.and_then(|address| hosts::refusal(descriptor, &address)) {
        return answer(error) as i32;
    }
    order::released(order::INPUT_OUTPUT);
    nodelay::force(descriptor);
    let raw = address.as_ref().map_or((at as u64, u64::from(length)), ports::Address::raw);
    let blocks = !is_nonblocking(descriptor);
    let mut blocked = false;
    let result = loop {
        // SAFETY: the caller's.
        let result = without_blocking(descriptor, blocks, || unsafe { syscall(libc::SYS_connect, call(raw)) });
        changed();
        if let Some(address) = address.filter(|_| -result as i32 == libc::EINPROGRESS) {
            rt().execution.io.connecting.begin(descriptor, &address);
        }
        match -result as i32 {
            libc::EINPROGRESS if blocks => {
                blocked = true;
                match until_ready(descriptor, libc::POLLOUT) {
                    Waited::Interrupted => break -i64::from(libc::EINTR),
                    _ => break error_of(descriptor),
                }
            }
            // The queue of a local listener is full.
            libc::EAGAIN if blocks => {
                blocked = true;
                let again = rt().execution.schedule.now_ns() + 100_000;
                sched::wait(Wait::Sleep, Some(again), !0);
            }
            _ => break result,
        }
    };
    order::acquired(order::INPUT_OUTPUT);
    if recording() {
        record::step(Op::Io { call: "connect".to_owned(), descriptor, blocked });
    }
    answer(result) as i32
}

/// Makes a call on a descriptor that blocks as if it did not. Nothing else may happen meanwhile.
pub fn without_blocking(descriptor: i32, blocks: bool, call: impl FnOnce() -> i64) -> i64 {
    if !blocks {
        return call();
    }
    // SAFETY: plain fcntl: the flags are put back before anybody can see them.
    unsafe {
        let flags = syscall(libc::SYS_fcntl, [descriptor as u64, libc::F_GETFL as u64, 0, 0, 0, 0]) as u64;
        let set = |flags| syscall(libc::SYS_fcntl, [descriptor as u64, libc::F_SETFL as u64, flags, 0, 0, 0]);
        set(flags | libc::O_NONBLOCK as u64);
        let result = call();
        set(flags);
        result
    }
}

/// How a connection that took its time has turned out.
fn error_of(descriptor: i32) -> i64 {
    -i64::from(options::get(descriptor, libc::SOL_SOCKET, libc::SO_ERROR).unwrap_or(0))
}

/// `accept4`.
///
/// # Safety
/// See [`bind`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn accept4(descriptor: i32, at: *mut sockaddr, length: *mut u32, flags: i32) -> i32 {
    let args = [descriptor as u64, at as u64, length as u64, flags as u64, 0, 0];
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            return answer(syscall(libc::SYS_accept4, args)) as i32;
        }
        if let Some(error) = super::receiving::before(descriptor, "accept").error() {
            return answer(error) as i32;
        }
        will_write_address(at, length);
        let result = answer(syscall(libc::SYS_accept4, args)) as i32;
        if result >= 0 {
            crate::effects::opened(result);
            nodelay::force(result);
            rt().execution.io.nodelay.accepted(result, descriptor);
            changed();
            written(at, length);
        }
        result
    }
}

/// `accept`.
///
/// # Safety
/// See [`bind`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn accept(descriptor: i32, at: *mut sockaddr, length: *mut u32) -> i32 {
    // SAFETY: the caller's.
    unsafe { accept4(descriptor, at, length, 0) }
}

/// The kernel is about to write an address.
///
/// # Safety
/// Null, or as much room as `length` says.
pub unsafe fn will_write_address(at: *mut sockaddr, length: *mut u32) {
    // SAFETY: the caller's.
    unsafe {
        if let Some(room) = length.as_ref() {
            will_write(at as *mut c_void, *room as usize);
            will_write(length as *mut c_void, size_of::<u32>());
        }
    }
}

/// The kernel has written an address.
///
/// # Safety
/// See [`will_write_address`].
pub unsafe fn written(at: *mut sockaddr, length: *mut u32) {
    // SAFETY: the caller's.
    unsafe {
        if let Some(length) = length.as_ref() {
            ports::inward(at, *length);
        }
    }
}

/// Reads one of a socket's two addresses.
unsafe fn name_of(number: i64, descriptor: i32, at: *mut sockaddr, length: *mut u32) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        if executing() {
            will_write_address(at, length);
        }
        let result = answer(syscall(number, [descriptor as u64, at as u64, length as u64, 0, 0, 0])) as i32;
        if executing() && result == 0 {
            written(at, length);
        }
        result
    }
}

/// `getsockname`.
///
/// # Safety
/// See [`bind`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getsockname(descriptor: i32, at: *mut sockaddr, length: *mut u32) -> i32 {
    // SAFETY: the caller's.
    unsafe { name_of(libc::SYS_getsockname, descriptor, at, length) }
}

/// `getpeername`.
///
/// # Safety
/// See [`bind`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getpeername(descriptor: i32, at: *mut sockaddr, length: *mut u32) -> i32 {
    // SAFETY: the caller's.
    unsafe { name_of(libc::SYS_getpeername, descriptor, at, length) }
}

/// `shutdown`.
///
/// # Safety
/// See [`bind`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shutdown(descriptor: i32, how: i32) -> i32 {
    if executing() {
        super::announce();
        changed();
    }
    // SAFETY: the caller's.
    answer(unsafe { syscall(libc::SYS_shutdown, [descriptor as u64, how as u64, 0, 0, 0, 0]) }) as i32
}
