//! The C library's functions that move bytes between descriptors and memory of the caller, or fill it with random bytes.
//!
//! The kernel does that, which has no hooks. As for strings ([`super::scans`]), the linker puts the functions here in
//! their place in code under test; what else there is to be done about such a call is done in [`crate::interpose`].
//! Announced is what has been moved and no more: a read writes as many bytes of the buffer as it returns. So it is announced
//! after the call, before any other thread can run.
//!
//! A buffer has been read before anybody receives what was in it: whoever has received it may use the buffer again.
//!
//! Not seen: calls within the C library (streams are a matter of [`super::streams`]), system calls that a program makes by
//! itself, and what the kernel writes besides: addresses, lengths, control messages.

use crate::interpose::io::{receiving, sending};
use crate::interpose::output::is_output;
use crate::interpose::random;
use crate::{order, watch};
use core::ffi::{c_int, c_void};
use libc::{iovec, msghdr, sockaddr};
use raddle_engine::race::Kind;

/// The first `count` bytes of these parts have been moved; none, if it is negative.
fn moved(parts: &[iovec], count: isize, kind: Kind) {
    let mut left = count.max(0) as usize;
    for part in parts {
        let bytes = left.min(part.iov_len);
        watch::access(part.iov_base as u64, bytes as u64, kind);
        left -= bytes;
    }
}

/// A call that reads from a descriptor has returned `count`.
fn received(parts: &[iovec], count: isize) -> isize {
    moved(parts, count, Kind::Write);
    count
}

/// A call that writes to a descriptor has returned `count`.
fn sent(descriptor: c_int, parts: &[iovec], count: isize) -> isize {
    moved(parts, count, Kind::Read);
    if count > 0 && !is_output(descriptor) {
        order::released(order::INPUT_OUTPUT);
    }
    count
}

/// A buffer as a part.
fn whole(buffer: *const c_void, size: usize) -> [iovec; 1] {
    [iovec { iov_base: buffer.cast_mut(), iov_len: size }]
}

/// The parts of a call that has not failed.
///
/// # Safety
/// There are so many, if there are any.
unsafe fn parts<'a>(parts: *const iovec, count: usize, result: isize) -> &'a [iovec] {
    // SAFETY: the caller's.
    if result > 0 { unsafe { core::slice::from_raw_parts(parts, count) } } else { &[] }
}

/// `read`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_read(descriptor: c_int, buffer: *mut c_void, size: usize) -> isize {
    // SAFETY: the caller's.
    received(&whole(buffer, size), unsafe { receiving::read(descriptor, buffer, size) })
}

macro_rules! at_an_offset {
    ($($wrap:ident $name:ident $buffer:ty, |$descriptor:ident, $parts:ident, $count:ident| $announce:expr;)*) => {$(
        /// As `read` or `write`, from a place in the file.
        ///
        /// # Safety
        /// See [`__wrap_read`].
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $wrap($descriptor: c_int, buffer: $buffer, size: usize, from: i64) -> isize {
            let $parts = &whole(buffer, size);
            // SAFETY: the caller's.
            let $count = unsafe { libc::$name($descriptor, buffer, size, from) };
            $announce
        }
    )*};
}

at_an_offset! {
    __wrap_pread pread *mut c_void, |descriptor, parts, count| received(parts, count);
    __wrap_pread64 pread64 *mut c_void, |descriptor, parts, count| received(parts, count);
    __wrap_pwrite pwrite *const c_void, |descriptor, parts, count| sent(descriptor, parts, count);
    __wrap_pwrite64 pwrite64 *const c_void, |descriptor, parts, count| sent(descriptor, parts, count);
}

unsafe extern "C" {
    // The C library's names for the calls that the crate `libc` knows by others.
    fn preadv64v2(descriptor: c_int, buffers: *const iovec, count: c_int, from: i64, flags: c_int) -> isize;
    fn pwritev64v2(descriptor: c_int, buffers: *const iovec, count: c_int, from: i64, flags: c_int) -> isize;
}

macro_rules! in_parts_at_an_offset {
    ($($wrap:ident $function:path $(, $flags:ident)?; |$descriptor:ident, $parts:ident, $count:ident| $announce:expr;)*) => {$(
        /// As `readv` or `writev`, from a place in the file.
        ///
        /// # Safety
        /// See [`__wrap_read`].
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $wrap(
            $descriptor: c_int,
            buffers: *const iovec,
            number: c_int,
            from: i64,
            $($flags: c_int)?
        ) -> isize {
            // SAFETY: the caller's.
            unsafe {
                let $count = $function($descriptor, buffers, number, from $(, $flags)?);
                let $parts = parts(buffers, number as usize, $count);
                $announce
            }
        }
    )*};
}

in_parts_at_an_offset! {
    __wrap_preadv libc::preadv; |descriptor, parts, count| received(parts, count);
    __wrap_preadv64 libc::preadv64; |descriptor, parts, count| received(parts, count);
    __wrap_preadv2 preadv64v2, flags; |descriptor, parts, count| received(parts, count);
    __wrap_preadv64v2 preadv64v2, flags; |descriptor, parts, count| received(parts, count);
    __wrap_pwritev libc::pwritev; |descriptor, parts, count| sent(descriptor, parts, count);
    __wrap_pwritev64 libc::pwritev64; |descriptor, parts, count| sent(descriptor, parts, count);
    __wrap_pwritev2 pwritev64v2, flags; |descriptor, parts, count| sent(descriptor, parts, count);
    __wrap_pwritev64v2 pwritev64v2, flags; |descriptor, parts, count| sent(descriptor, parts, count);
}

/// `readv`.
///
/// # Safety
/// See [`__wrap_read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_readv(descriptor: c_int, buffers: *const iovec, count: c_int) -> isize {
    // SAFETY: the caller's.
    unsafe {
        let result = receiving::readv(descriptor, buffers, count);
        received(parts(buffers, count as usize, result), result)
    }
}

/// `recv`.
///
/// # Safety
/// See [`__wrap_read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_recv(descriptor: c_int, buffer: *mut c_void, size: usize, flags: c_int) -> isize {
    // SAFETY: the caller's.
    received(&whole(buffer, size), unsafe { receiving::recv(descriptor, buffer, size, flags) })
}

/// `recvfrom`.
///
/// # Safety
/// See [`__wrap_read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_recvfrom(
    descriptor: c_int,
    buffer: *mut c_void,
    size: usize,
    flags: c_int,
    from: *mut sockaddr,
    length: *mut u32,
) -> isize {
    // SAFETY: the caller's.
    received(&whole(buffer, size), unsafe { receiving::recvfrom(descriptor, buffer, size, flags, from, length) })
}

/// `recvmsg`.
///
/// # Safety
/// See [`__wrap_read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_recvmsg(descriptor: c_int, message: *mut msghdr, flags: c_int) -> isize {
    // SAFETY: the caller's; the message is there if the call has not failed.
    unsafe {
        let result = receiving::recvmsg(descriptor, message, flags);
        received(message.as_ref().map_or(&[][..], |message| parts(message.msg_iov, message.msg_iovlen, result)), result)
    }
}

/// `write`.
///
/// # Safety
/// See [`__wrap_read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_write(descriptor: c_int, buffer: *const c_void, size: usize) -> isize {
    // SAFETY: the caller's.
    sent(descriptor, &whole(buffer, size), unsafe { sending::write(descriptor, buffer.cast(), size) })
}

/// `writev`.
///
/// # Safety
/// See [`__wrap_read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_writev(descriptor: c_int, buffers: *const iovec, count: c_int) -> isize {
    // SAFETY: the caller's.
    unsafe {
        let result = sending::writev(descriptor, buffers, count);
        sent(descriptor, parts(buffers, count as usize, result), result)
    }
}

/// `send`.
///
/// # Safety
/// See [`__wrap_read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_send(descriptor: c_int, buffer: *const c_void, size: usize, flags: c_int) -> isize {
    // SAFETY: the caller's.
    sent(descriptor, &whole(buffer, size), unsafe { sending::send(descriptor, buffer, size, flags) })
}

/// `sendto`.
///
/// # Safety
/// See [`__wrap_read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_sendto(
    descriptor: c_int,
    buffer: *const c_void,
    size: usize,
    flags: c_int,
    to: *const sockaddr,
    length: u32,
) -> isize {
    // SAFETY: the caller's.
    sent(descriptor, &whole(buffer, size), unsafe { sending::sendto(descriptor, buffer, size, flags, to, length) })
}

/// `sendmsg`.
///
/// # Safety
/// See [`__wrap_read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_sendmsg(descriptor: c_int, message: *const msghdr, flags: c_int) -> isize {
    // SAFETY: the caller's; the message is there if the call has not failed.
    unsafe {
        let result = sending::sendmsg(descriptor, message, flags);
        let parts = message.as_ref().map_or(&[][..], |message| parts(message.msg_iov, message.msg_iovlen, result));
        sent(descriptor, parts, result)
    }
}

/// `getrandom`.
///
/// # Safety
/// See [`__wrap_read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_getrandom(buffer: *mut c_void, size: usize, flags: u32) -> isize {
    // SAFETY: the caller's.
    received(&whole(buffer, size), unsafe { random::getrandom(buffer.cast(), size, flags) })
}

/// `getentropy`.
///
/// # Safety
/// See [`__wrap_read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_getentropy(buffer: *mut c_void, size: usize) -> c_int {
    // SAFETY: the caller's.
    let result = unsafe { random::getentropy(buffer.cast(), size) };
    if result == 0 {
        watch::access(buffer as u64, size as u64, Kind::Write);
    }
    result
}

/// `arc4random_buf`.
///
/// # Safety
/// See [`__wrap_read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_arc4random_buf(buffer: *mut c_void, size: usize) {
    // SAFETY: the caller's.
    unsafe { random::arc4random_buf(buffer.cast(), size) };
    watch::access(buffer as u64, size as u64, Kind::Write);
}
