//! The calls that write: schedule points, since others can tell when bytes arrive, and waits where there is no room.

use super::faults::{self, Fault};
use super::polling::{Waited, changed, is_file, is_nonblocking, moved, ready, until_ready, will_write};
use super::sockets::without_blocking;
use super::{file_times, hosts, ports};
use crate::arch::syscall;
use crate::effects::irreversible;
use crate::interpose::output::{answer, is_output, take};
use crate::order;
use crate::record;
use crate::state::{executing, recording, rt};
use core::ffi::c_void;
use libc::{iovec, mmsghdr, msghdr, sockaddr};
use raddle_protocol::Op;

/// About to write to a descriptor.
pub fn before(descriptor: i32) {
    if !executing() {
        return;
    }
    if !rt().execution.effects.owns(descriptor) {
        irreversible("it writes to a file or connection that was open before the test began");
    }
    super::announce();
}

/// Makes `call` for bytes `from..size` until all are written, which is what a descriptor that blocks does, or once, if it
/// does not block. `call` is given the first byte and how many there are from there.
fn send_all(descriptor: i32, size: u64, flags: i32, name: &str, call: impl Fn(u64, u64) -> i64) -> isize {
    before(descriptor);
    let blocks = flags & libc::MSG_DONTWAIT == 0 && !is_nonblocking(descriptor) && !is_file(descriptor);
    let (mut sent, mut blocked) = (0, false);
    let mut most = size;
    match faults::of(descriptor, size, libc::POLLOUT) {
        Fault::None => {}
        Fault::Short(shorter) => most = shorter,
        Fault::Interrupted => return answer(-i64::from(libc::EINTR)),
    }
    let result = loop {
        let result = without_blocking(descriptor, blocks, || call(sent, most - sent));
        changed();
        if result > 0 {
            sent += result as u64;
        } else if blocks && result == -i64::from(libc::EAGAIN) {
            blocked = true;
            if let Some(error) = until_ready(descriptor, libc::POLLOUT).error() {
                break error;
            }
            continue;
        }
        if result <= 0 || !blocks || sent >= most {
            break result;
        }
    };
    if most < size {
        rt().execution.io.interest.report_again(descriptor);
    }
    if recording() {
        record::step(Op::Io { call: name.to_owned(), descriptor, blocked });
    }
    moved(descriptor, sent as isize);
    if sent == 0 {
        return answer(result);
    }
    file_times::written(descriptor);
    sent as isize
}

/// `write`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(descriptor: i32, buffer: *const u8, size: usize) -> isize {
    let call = |from: u64, size: u64| [descriptor as u64, buffer as u64 + from, size, 0, 0, 0];
    // SAFETY: the caller's.
    unsafe {
        if is_output(descriptor) {
            take(descriptor, core::slice::from_raw_parts(buffer, size));
            return size as isize;
        }
        if !executing() {
            return answer(syscall(libc::SYS_write, call(0, size as u64)));
        }
        send_all(descriptor, size as u64, 0, "write", |from, size| syscall(libc::SYS_write, call(from, size)))
    }
}

/// `writev`.
///
/// # Safety
/// See [`write`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writev(descriptor: i32, parts: *const iovec, count: i32) -> isize {
    let args = [descriptor as u64, parts as u64, count as u64, 0, 0, 0];
    // SAFETY: the caller's.
    unsafe {
        if is_output(descriptor) {
            let mut total = 0;
            for part in core::slice::from_raw_parts(parts, count.max(0) as usize) {
                if part.iov_len > 0 {
                    take(descriptor, core::slice::from_raw_parts(part.iov_base as *const u8, part.iov_len));
                }
                total += part.iov_len;
            }
            return total as isize;
        }
        if !executing() {
            return answer(syscall(libc::SYS_writev, args));
        }
        in_one_go(descriptor, 0, "writev", || syscall(libc::SYS_writev, args))
    }
}

/// A call whose bytes are not one piece: what the first attempt writes is all that is written.
fn in_one_go(descriptor: i32, flags: i32, name: &str, call: impl Fn() -> i64) -> isize {
    // Of size 1: done when anything has been written.
    send_all(descriptor, 1, flags, name, |_, _| call())
}

/// `send`.
///
/// # Safety
/// See [`write`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn send(descriptor: i32, buffer: *const c_void, size: usize, flags: i32) -> isize {
    // SAFETY: the caller's.
    unsafe { sendto(descriptor, buffer, size, flags, core::ptr::null(), 0) }
}

/// `sendto`.
///
/// # Safety
/// See [`write`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendto(
    descriptor: i32,
    buffer: *const c_void,
    size: usize,
    flags: i32,
    to: *const sockaddr,
    length: u32,
) -> isize {
    // SAFETY: the caller's.
    unsafe {
        let address = if executing() { ports::outward(to, length) } else { None };
        if let Some(error) = address.and_then(|address| hosts::refusal(descriptor, &address)) {
            return answer(error);
        }
        let raw = address.as_ref().map_or((to as u64, u64::from(length)), ports::Address::raw);
        let call = |from: u64, size: u64| [descriptor as u64, buffer as u64 + from, size, flags as u64, raw.0, raw.1];
        if !executing() {
            return answer(syscall(libc::SYS_sendto, call(0, size as u64)));
        }
        if size == 0 {
            return in_one_go(descriptor, flags, "send", || syscall(libc::SYS_sendto, call(0, 0)));
        }
        send_all(descriptor, size as u64, flags, "send", |from, size| syscall(libc::SYS_sendto, call(from, size)))
    }
}

/// `sendmsg`.
///
/// # Safety
/// See [`write`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendmsg(descriptor: i32, message: *const msghdr, flags: i32) -> isize {
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            let args = [descriptor as u64, message as u64, flags as u64, 0, 0, 0];
            return answer(syscall(libc::SYS_sendmsg, args));
        }
        let mut own = message.read();
        let address = ports::outward(own.msg_name as *const sockaddr, own.msg_namelen);
        if let Some(error) = address.and_then(|address| hosts::refusal(descriptor, &address)) {
            return answer(error);
        }
        if let Some(address) = &address {
            let raw = address.raw();
            (own.msg_name, own.msg_namelen) = (raw.0 as *mut c_void, raw.1 as u32);
        }
        let args = [descriptor as u64, &raw const own as u64, flags as u64, 0, 0, 0];
        in_one_go(descriptor, flags, "sendmsg", || syscall(libc::SYS_sendmsg, args))
    }
}

/// `sendmmsg`: as [`sendmsg`], again and again.
///
/// # Safety
/// See [`write`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendmmsg(descriptor: i32, messages: *mut mmsghdr, count: u32, flags: i32) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            let args = [descriptor as u64, messages as u64, count.into(), flags as u64, 0, 0];
            return answer(syscall(libc::SYS_sendmmsg, args)) as i32;
        }
        for sent in 0..count {
            let message = &mut *messages.add(sent as usize);
            match sendmsg(descriptor, &message.msg_hdr, flags) {
                bytes if bytes >= 0 => message.msg_len = bytes as u32,
                _ => return if sent > 0 { sent as i32 } else { -1 },
            }
        }
        count as i32
    }
}

/// Moves bytes from one descriptor to another (`splice`, `sendfile`, `tee`, `copy_file_range`): waits until there are
/// some, and room for them. `offsets` are the places, if not null, in which the kernel says how far it has come.
///
/// # Safety
/// As the system call.
pub unsafe fn transfer(number: i64, args: [u64; 6], from: i32, to: i32, offsets: [u64; 2]) -> i64 {
    before(to);
    // SAFETY: the caller's.
    offsets.iter().for_each(|offset| unsafe { will_write(*offset as *mut c_void, size_of::<i64>()) });
    let blocks = |descriptor| !is_nonblocking(descriptor) && !is_file(descriptor);
    let (from_blocks, to_blocks) = (blocks(from), blocks(to));
    let mut waited = Waited::No;
    let result = loop {
        for (descriptor, events) in [(from, libc::POLLIN), (to, libc::POLLOUT)] {
            match until_ready(descriptor, events) {
                Waited::No => {}
                Waited::Yes => waited = Waited::Yes,
                failed => return failed.error().unwrap_or_default(),
            }
        }
        // SAFETY: the caller's.
        let call = || unsafe { syscall(number, args) };
        let result = without_blocking(from, from_blocks, || without_blocking(to, to_blocks, call));
        changed();
        // While it waited for the one, another thread may have been first at the other.
        let lost = from_blocks && !ready(from, libc::POLLIN) || to_blocks && !ready(to, libc::POLLOUT);
        if result != -i64::from(libc::EAGAIN) || !lost {
            break result;
        }
    };
    order::acquired(order::INPUT_OUTPUT);
    if recording() {
        let call = match number {
            libc::SYS_splice => "splice",
            libc::SYS_tee => "tee",
            libc::SYS_sendfile => "sendfile",
            _ => "copy_file_range",
        };
        record::step(Op::Io { call: call.to_owned(), descriptor: to, blocked: waited != Waited::No });
    }
    result
}
