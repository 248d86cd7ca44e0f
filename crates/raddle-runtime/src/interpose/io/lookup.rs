//! Names of hosts: the C library asks files and name servers for them, and the thread waits meanwhile.
//!
//! The C library's own function does the work; what it opens and sends is seen like anybody's ([`super::hosts`]). Here it
//! is noted that somebody has waited. An address written as numbers is no name, and nobody waits for it.

use crate::record;
use crate::state::{executing, recording};
use crate::sys::Real;
use core::ffi::{CStr, c_char, c_void};
use core::net::IpAddr;
use raddle_protocol::Op;

/// `getaddrinfo`.
///
/// # Safety
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getaddrinfo(
    host: *const c_char,
    service: *const c_char,
    hints: *const c_void,
    found: *mut *mut c_void,
) -> i32 {
    type GetAddrInfo = unsafe extern "C" fn(*const c_char, *const c_char, *const c_void, *mut *mut c_void) -> i32;
    static REAL: Real<GetAddrInfo> = Real::new(c"getaddrinfo");
    // SAFETY: the caller's.
    let is_name = || unsafe { !host.is_null() && !is_address(CStr::from_ptr(host)) };
    if executing() && recording() && is_name() {
        record::step(Op::Io { call: "getaddrinfo".to_owned(), descriptor: -1, blocked: true });
    }
    // SAFETY: the caller's.
    unsafe { REAL.get()(host, service, hints, found) }
}

/// Whether this is an address, not a name.
fn is_address(host: &CStr) -> bool {
    host.to_str().is_ok_and(|host| host.parse::<IpAddr>().is_ok())
}
