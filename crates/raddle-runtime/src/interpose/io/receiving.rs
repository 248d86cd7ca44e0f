//! The calls that read.

use super::faults::{self, Fault};
use super::polling::{Waited, changed, moved, until_ready, will_write};
use super::sockets;
use crate::arch::syscall;
use crate::interpose::clock;
use crate::interpose::output::answer;
use crate::interpose::rest;
use crate::order;
use crate::record;
use crate::sched;
use crate::state::{executing, recording, rt};
use core::ffi::c_void;
use libc::{iovec, mmsghdr, msghdr, sockaddr, timespec};
use raddle_engine::Access;
use raddle_protocol::Op;

/// About to read from a descriptor.
pub fn before(descriptor: i32, call: &str) -> Waited {
    if !executing() {
        return Waited::No;
    }
    sched::point(Access::input_output());
    rest::wait();
    let waited = until_ready(descriptor, libc::POLLIN);
    order::acquired(order::INPUT_OUTPUT);
    // Room for those who write.
    changed();
    if recording() {
        record::step(Op::Io { call: call.to_owned(), descriptor, blocked: waited != Waited::No });
    }
    waited
}

/// As [`before`], for a call with flags that may keep it from blocking.
fn before_receiving(descriptor: i32, flags: i32, call: &str) -> Waited {
    if flags & libc::MSG_DONTWAIT == 0 {
        return before(descriptor, call);
    }
    if executing() {
        sched::point(Access::input_output());
        rest::wait();
        order::acquired(order::INPUT_OUTPUT);
        changed();
    }
    Waited::No
}

/// From the terminal (or whatever else standard input is) there is never anything to read.
fn is_input(descriptor: i32) -> bool {
    executing() && descriptor == 0 && !rt().execution.effects.owns(0)
}

/// `read`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn read(descriptor: i32, buffer: *mut c_void, size: usize) -> isize {
    // SAFETY: the caller's.
    unsafe { receive(libc::SYS_read, [descriptor as u64, buffer as u64, size as u64, 0, 0, 0], 0, "read") }
}

/// `recv`.
///
/// # Safety
/// See [`read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recv(descriptor: i32, buffer: *mut c_void, size: usize, flags: i32) -> isize {
    let args = [descriptor as u64, buffer as u64, size as u64, flags as u64, 0, 0];
    // SAFETY: the caller's.
    unsafe { receive(libc::SYS_recvfrom, args, flags, "recv") }
}

/// `recvfrom`.
///
/// # Safety
/// See [`read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recvfrom(
    descriptor: i32,
    buffer: *mut c_void,
    size: usize,
    flags: i32,
    from: *mut sockaddr,
    length: *mut u32,
) -> isize {
    let args = [descriptor as u64, buffer as u64, size as u64, flags as u64, from as u64, length as u64];
    // SAFETY: the caller's.
    unsafe {
        if executing() && !from.is_null() {
            sockets::will_write_address(from, length);
        }
        let got = receive(libc::SYS_recvfrom, args, flags, "recvfrom");
        if executing() && got >= 0 && !from.is_null() {
            sockets::written(from, length);
        }
        got
    }
}

/// A call with descriptor, buffer and size as its first arguments.
unsafe fn receive(number: i64, mut args: [u64; 6], flags: i32, call: &str) -> isize {
    let descriptor = args[0] as i32;
    if is_input(descriptor) {
        return 0;
    }
    if let Some(error) = before_receiving(descriptor, flags, call).error() {
        return answer(error);
    }
    let size = args[2];
    if executing() && flags & libc::MSG_PEEK == 0 {
        match faults::of(descriptor, size, libc::POLLIN) {
            Fault::None => {}
            Fault::Short(shorter) => args[2] = shorter,
            Fault::Interrupted => return answer(-i64::from(libc::EINTR)),
        }
    }
    // SAFETY: the caller's.
    unsafe {
        will_write(args[1] as *mut c_void, args[2] as usize);
        let got = answer(syscall(number, args));
        moved(descriptor, got);
        if args[2] < size {
            rt().execution.io.interest.report_again(descriptor);
        }
        got
    }
}

/// `readv`.
///
/// # Safety
/// See [`read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn readv(descriptor: i32, parts: *const iovec, count: i32) -> isize {
    if is_input(descriptor) {
        return 0;
    }
    if let Some(error) = before(descriptor, "readv").error() {
        return answer(error);
    }
    // SAFETY: the caller's.
    unsafe {
        will_write_parts(parts, count.max(0) as usize);
        answer(syscall(libc::SYS_readv, [descriptor as u64, parts as u64, count as u64, 0, 0, 0]))
    }
}

/// Parts that a call fills.
///
/// # Safety
/// There are so many, if there are any.
pub unsafe fn will_write_parts(parts: *const iovec, count: usize) {
    if count > 0 && !parts.is_null() {
        // SAFETY: the caller's.
        unsafe {
            for part in core::slice::from_raw_parts(parts, count) {
                will_write(part.iov_base, part.iov_len);
            }
        }
    }
}

/// `recvmsg`.
///
/// # Safety
/// See [`read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recvmsg(descriptor: i32, message: *mut msghdr, flags: i32) -> isize {
    if let Some(error) = before_receiving(descriptor, flags, "recvmsg").error() {
        return answer(error);
    }
    // SAFETY: the caller's.
    unsafe {
        if executing()
            && let Some(message) = message.as_mut()
        {
            will_write(message.msg_name, message.msg_namelen as usize);
            will_write_parts(message.msg_iov, message.msg_iovlen);
            will_write(message.msg_control, message.msg_controllen);
            will_write(&raw mut *message as *mut c_void, size_of::<msghdr>());
        }
        let got = answer(syscall(libc::SYS_recvmsg, [descriptor as u64, message as u64, flags as u64, 0, 0, 0]));
        if executing() && got >= 0 {
            super::ports::inward((*message).msg_name as *mut sockaddr, (*message).msg_namelen);
            own_passed(&*message);
        }
        got
    }
}

/// `recvmmsg`: as [`recvmsg`], again and again. The limit on time is looked at when a message has come, as the kernel does.
///
/// # Safety
/// See [`read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recvmmsg(
    descriptor: i32,
    messages: *mut mmsghdr,
    count: u32,
    flags: i32,
    limit: *mut timespec,
) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            let args = [descriptor as u64, messages as u64, count.into(), flags as u64, limit as u64, 0];
            return answer(syscall(libc::SYS_recvmmsg, args)) as i32;
        }
        let deadline = limit.as_ref().map(|limit| clock::deadline(limit, false, false));
        let mut received = 0;
        while received < count {
            let message = &mut *messages.add(received as usize);
            let alone = received > 0 && flags & libc::MSG_WAITFORONE != 0;
            let flags = flags & !libc::MSG_WAITFORONE | if alone { libc::MSG_DONTWAIT } else { 0 };
            match recvmsg(descriptor, &mut message.msg_hdr, flags) {
                bytes if bytes >= 0 => message.msg_len = bytes as u32,
                _ if received > 0 => break,
                _ => return -1,
            }
            received += 1;
            if deadline.is_some_and(|deadline| deadline <= rt().execution.schedule.now_ns()) {
                break;
            }
        }
        received as i32
    }
}

/// Descriptors that came with a message belong to the execution.
unsafe fn own_passed(message: &msghdr) {
    // SAFETY: the kernel has just written the message.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while let Some(part) = header.as_ref() {
            if part.cmsg_level == libc::SOL_SOCKET && part.cmsg_type == libc::SCM_RIGHTS {
                let bytes = part.cmsg_len - (libc::CMSG_DATA(part) as usize - header as usize);
                for at in 0..bytes / size_of::<i32>() {
                    crate::effects::opened((libc::CMSG_DATA(part) as *const i32).add(at).read_unaligned());
                }
            }
            header = libc::CMSG_NXTHDR(message, part);
        }
    }
}
