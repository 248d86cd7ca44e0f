//! Port numbers, the same in every execution.
//!
//! The kernel gives a socket that asks for any port one that happens to be free. A program can see it, and behave by it: it
//! is printed, hashed, compared. So the program is shown numbers that are counted up from one fixed number in each
//! execution, and they are translated wherever an address goes to the kernel or comes from it. Ports that the program
//! chooses itself are what they are, unless another process has them: tests that are explored at the same time choose the
//! same ones, also where they choose at random. Then the kernel gives another one, of which the program learns nothing.
//!
//! Not translated: addresses inside what programs send to each other, and in files of `/proc`.

use crate::arch::syscall;
use libc::{sockaddr, sockaddr_in, sockaddr_in6};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The first number given out. A number above it that a program chooses itself is passed over.
const FIRST: u16 = 40_001;

/// The numbers given out in an execution.
#[derive(Clone, Default, Debug)]
pub struct Ports {
    /// What the program sees, and what the kernel knows it by.
    known: Vec<(u16, u16)>,
    given: u16,
}

impl Ports {
    /// A socket is bound to this real number; the program has asked for the one it sees.
    fn bound(&mut self, seen: u16, real: u16) {
        match self.known.iter_mut().find(|(known, _)| *known == seen) {
            Some(known) => known.1 = real,
            None => self.known.push((seen, real)),
        }
    }

    /// Whether a socket of the program's has this real number by this name, or has had it.
    pub fn is_named(&self, seen: u16, real: u16) -> bool {
        self.known.contains(&(seen, real))
    }

    /// Whether a socket of the program's has this real number, or has had it.
    pub fn is_known(&self, port: u16) -> bool {
        self.known.iter().any(|(_, real)| *real == port)
    }

    /// Whether the program has chosen this number itself.
    pub fn is_chosen(&self, port: u16) -> bool {
        self.is_named(port, port)
    }

    fn real_of(&self, seen: u16) -> u16 {
        self.known.iter().find(|(known, _)| *known == seen).map_or(seen, |(_, real)| *real)
    }

    fn show(&mut self, real: u16) -> u16 {
        if let Some((seen, _)) = self.known.iter().rev().find(|(_, known)| *known == real) {
            return *seen;
        }
        loop {
            let seen = FIRST + self.given % (u16::MAX - FIRST);
            self.given += 1;
            if !self.known.iter().any(|(known, _)| *known == seen) || self.given > u16::MAX - FIRST {
                self.known.push((seen, real));
                return seen;
            }
        }
    }
}

/// The largest address there is.
const LARGEST: usize = size_of::<libc::sockaddr_storage>();

/// An address on its way to the kernel.
#[derive(Clone, Copy)]
pub struct Address {
    bytes: [u8; LARGEST],
    length: usize,
}

/// Where the port stands in an internet address: big-endian in bytes 2 and 3, for both families.
const PORT: core::ops::Range<usize> = 2..4;

impl Address {
    /// The address at `at`; `None` when it is not one of the internet.
    ///
    /// # Safety
    /// `length` bytes are readable there, if it is not null.
    pub unsafe fn read(at: *const sockaddr, length: u32) -> Option<Self> {
        let length = (length as usize).min(LARGEST);
        if at.is_null() || length < size_of::<libc::sa_family_t>() {
            return None;
        }
        let mut bytes = [0; LARGEST];
        // SAFETY: the caller's.
        unsafe { core::ptr::copy_nonoverlapping(at as *const u8, bytes.as_mut_ptr(), length) };
        let least = match i32::from(u16::from_ne_bytes([bytes[0], bytes[1]])) {
            libc::AF_INET => size_of::<sockaddr_in>(),
            libc::AF_INET6 => size_of::<sockaddr_in6>() - 4,
            _ => return None,
        };
        (length >= least).then_some(Address { bytes, length })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        u16::from_be_bytes([self.bytes[2], self.bytes[3]])
    }

    /// The family, as `socket` takes it.
    pub fn family(&self) -> u64 {
        u16::from_ne_bytes([self.bytes[0], self.bytes[1]]).into()
    }

    /// The same host, and whichever port is free.
    pub fn at_any_port(mut self) -> Self {
        self.set_port(0);
        self
    }

    fn set_port(&mut self, port: u16) {
        self.bytes[PORT].copy_from_slice(&port.to_be_bytes());
    }

    /// The host.
    pub fn host(&self) -> IpAddr {
        let bytes = &self.bytes;
        if i32::from(u16::from_ne_bytes([bytes[0], bytes[1]])) == libc::AF_INET {
            IpAddr::V4(Ipv4Addr::new(bytes[4], bytes[5], bytes[6], bytes[7]))
        } else {
            let mut octets = [0; 16];
            octets.copy_from_slice(&bytes[8..24]);
            IpAddr::V6(Ipv6Addr::from(octets)).to_canonical()
        }
    }

    /// Whether it is of this machine.
    pub fn is_local(&self) -> bool {
        self.host().is_loopback() || self.host().is_unspecified()
    }

    /// Host and port: what names one end of a connection.
    pub fn name(&self) -> (IpAddr, u16) {
        (self.host(), self.port())
    }

    /// The address as the kernel takes it, and its length.
    pub fn raw(&self) -> (u64, u64) {
        (self.bytes.as_ptr() as u64, self.length as u64)
    }
}

/// The address at `at` as the kernel knows it.
///
/// # Safety
/// See [`Address::read`].
pub unsafe fn outward(at: *const sockaddr, length: u32) -> Option<Address> {
    // SAFETY: the caller's.
    let mut address = unsafe { Address::read(at, length) }?;
    let runtime = crate::state::rt();
    let (seen, real) = (address.port(), runtime.execution.io.ports.real_of(address.port()));
    runtime.is_known_by_name |= seen != 0 && seen == real;
    address.set_port(real);
    Some(address)
}

/// Where a socket is bound, if that is an address of the internet.
pub fn bound(socket: i32) -> Option<Address> {
    name_of(libc::SYS_getsockname, socket)
}

/// To where it is connected, likewise.
pub fn connected(socket: i32) -> Option<Address> {
    name_of(libc::SYS_getpeername, socket)
}

/// One of a socket's two addresses, as the kernel knows it.
fn name_of(call: i64, socket: i32) -> Option<Address> {
    let mut address = [0u64; LARGEST / 8];
    let (at, mut length) = (&raw mut address, LARGEST as u32);
    let args = [socket as u64, at as u64, &raw mut length as u64, 0, 0, 0];
    // SAFETY: as much room as `length` says, of which the kernel fills as much as it says.
    unsafe {
        if syscall(call, args) < 0 {
            return None;
        }
        Address::read(at as *const sockaddr, length)
    }
}

/// A socket of the program's is bound to a port for which it has asked by the first of these numbers.
pub fn chosen(seen: u16, real: u16) {
    crate::state::rt().execution.io.ports.bound(seen, real);
}

/// Puts what the program sees in the place of the port that the kernel has written.
///
/// # Safety
/// The kernel has just written an address of `length` bytes at `at`, as far as there was room.
pub unsafe fn inward(at: *mut sockaddr, length: u32) {
    // SAFETY: the caller's.
    let Some(mut address) = (unsafe { Address::read(at, length) }) else { return };
    if address.port() == 0 || !address.is_local() {
        return;
    }
    let seen = crate::state::rt().execution.io.ports.show(address.port());
    address.set_port(seen);
    // SAFETY: the caller's; the port lies within the shortest internet address.
    unsafe {
        core::ptr::copy_nonoverlapping(address.bytes[PORT].as_ptr(), (at as *mut u8).add(PORT.start), PORT.len())
    };
}
