//! The system calls that the runtime makes for itself, and the real C library functions behind the interposed ones.

use crate::arch::syscall;
use core::ffi::{CStr, c_void};

/// Terminates the process at once.
pub fn exit_process(status: i32) -> ! {
    loop {
        // SAFETY: does not return.
        unsafe { syscall(libc::SYS_exit_group, [status as u64, 0, 0, 0, 0, 0]) };
    }
}

/// Maps zeroed memory at an address that the runtime has chosen for itself.
///
/// # Safety
/// Nothing else may live there.
pub unsafe fn map_fixed(address: u64, size: u64, sharing: i32) {
    let flags = libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE | sharing;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the caller vouches for the range; NOREPLACE makes the kernel check.
    let got = unsafe { syscall(libc::SYS_mmap, [address, size, protection as u64, flags as u64, u64::MAX, 0]) };
    if got != address as i64 {
        crate::fault::die(&format!(
            "cannot reserve {} GiB of address space at {address:#x} (error {}); is there a limit on address space (ulimit -v)?",
            size >> 30,
            -got
        ));
    }
}

/// A system call, made again where the timer of the watchdog comes in between: `poll` is interrupted by a signal even where it
/// would return at once.
///
/// # Safety
/// As the system call.
pub unsafe fn uninterrupted(number: i64, args: [u64; 6]) -> i64 {
    loop {
        // SAFETY: the caller's.
        let result = unsafe { syscall(number, args) };
        if result != -i64::from(libc::EINTR) {
            return result;
        }
    }
}

/// Writes all bytes to a descriptor, or gives up.
pub fn write_all(descriptor: i32, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        // SAFETY: the slice is readable.
        let n = unsafe {
            uninterrupted(libc::SYS_write, [descriptor as u64, bytes.as_ptr() as u64, bytes.len() as u64, 0, 0, 0])
        };
        match n {
            n if n > 0 => bytes = &bytes[n as usize..],
            _ => return false,
        }
    }
    true
}

/// Reads a descriptor or file to its end.
pub fn read_all(descriptor: i32) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::with_capacity(1 << 16);
    loop {
        bytes.reserve(1 << 16);
        let room = bytes.capacity() - bytes.len();
        // SAFETY: the spare capacity is writable, and the kernel says how much of it is filled.
        unsafe {
            let at = bytes.as_mut_ptr().add(bytes.len());
            let n = uninterrupted(libc::SYS_read, [descriptor as u64, at as u64, room as u64, 0, 0, 0]);
            match n {
                n if n > 0 => bytes.set_len(bytes.len() + n as usize),
                _ => return bytes,
            }
        }
    }
}

/// Waits for bytes from a descriptor, and adds them to `bytes`; `false` when there will be no more.
pub fn read_some(descriptor: i32, bytes: &mut Vec<u8>) -> bool {
    let mut buffer = [0u8; 64];
    let args = [descriptor as u64, buffer.as_mut_ptr() as u64, buffer.len() as u64, 0, 0, 0];
    // SAFETY: the buffer is writable.
    let n = unsafe { uninterrupted(libc::SYS_read, args) };
    if n > 0 {
        bytes.extend_from_slice(&buffer[..n as usize]);
    }
    n > 0
}

/// The bytes of a file; empty when it cannot be read.
pub fn read_file(path: &CStr) -> Vec<u8> {
    // SAFETY: the path is a C string.
    unsafe {
        let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as u64;
        let fd = syscall(libc::SYS_openat, [libc::AT_FDCWD as u64, path.as_ptr() as u64, flags, 0, 0, 0]);
        if fd < 0 {
            return Vec::new();
        }
        let bytes = read_all(fd as i32);
        syscall(libc::SYS_close, [fd as u64, 0, 0, 0, 0, 0]);
        bytes
    }
}

/// Real monotonic time in nanoseconds.
pub fn real_time_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // Not by way of the C library: that ends in a system call of the program's (`vdso.rs`).
    // SAFETY: a writable timespec.
    unsafe {
        crate::arch::syscall(libc::SYS_clock_gettime, [libc::CLOCK_MONOTONIC as u64, &raw mut time as u64, 0, 0, 0, 0])
    };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// A function of the C library that the runtime has put itself in front of.
pub struct Real<F> {
    name: &'static CStr,
    found: core::cell::UnsafeCell<*mut c_void>,
    kind: core::marker::PhantomData<F>,
}

// SAFETY: found is written with the same value by whoever comes first.
unsafe impl<F> Sync for Real<F> {}

impl<F: Copy> Real<F> {
    /// The function of this name.
    pub const fn new(name: &'static CStr) -> Self {
        Real { name, found: core::cell::UnsafeCell::new(core::ptr::null_mut()), kind: core::marker::PhantomData }
    }

    /// The function; the process ends when the C library has no such function.
    #[inline]
    pub fn get(&self) -> F {
        // SAFETY: F is the type of the C function of that name.
        unsafe {
            let found = self.found.get();
            if (*found).is_null() {
                *found = libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr());
                if (*found).is_null() {
                    *found = libc::dlsym(libc::RTLD_DEFAULT, self.name.as_ptr());
                }
                if (*found).is_null() {
                    crate::fault::die(&format!("the C library has no function {}", self.name.to_string_lossy()));
                }
            }
            core::mem::transmute_copy(&*found)
        }
    }
}

/// Sets the C library's `errno` of the running thread.
pub fn set_errno(error: i32) {
    // SAFETY: the location is the running thread's own.
    unsafe { *libc::__errno_location() = error };
}
