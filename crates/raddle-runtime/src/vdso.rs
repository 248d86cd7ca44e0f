//! The kernel's own functions in the program's memory (vDSO, vdso(7)), which tell the time and the processor without a system
//! call.
//!
//! The C library's functions that use them are interposed, but some programs go there themselves, as the crate rustix does: they
//! would see the machine's clock beside sleeps in virtual time. So each of these functions is made to perform its system call,
//! which is answered like any that comes past the C library ([`crate::interpose::raw`]). Where the kernel does not let its
//! pages be written to, they stay as they are.

use crate::arch::{self, CALL_STUB};
use core::ffi::CStr;

/// The functions whose answers differ from run to run, and the system calls that they stand for.
const FUNCTIONS: [(&CStr, i64); 4] = [
    (c"__vdso_clock_gettime", libc::SYS_clock_gettime),
    (c"__vdso_gettimeofday", libc::SYS_gettimeofday),
    (c"__vdso_time", libc::SYS_time),
    (c"__vdso_getcpu", libc::SYS_getcpu),
];

/// Makes the functions perform system calls.
pub fn replace() {
    // SAFETY: asks for what the dynamic linker has loaded already.
    let loaded = unsafe { libc::dlopen(c"linux-vdso.so.1".as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
    if loaded.is_null() {
        return;
    }
    for (name, call) in FUNCTIONS {
        // SAFETY: a handle of the dynamic linker's.
        let function = unsafe { libc::dlsym(loaded, name.as_ptr()) } as u64;
        if function != 0 {
            write(function, arch::call_stub(call));
        }
    }
}

/// The pages cannot be made writable by newer kernels, which seal them; but what a debugger could write, the process can.
fn write(function: u64, stub: [u8; CALL_STUB]) {
    // SAFETY: a descriptor of its own. Nothing has run yet that could be in the middle of the function, which is longer than a
    // stub, since it looks at a clock. The page is this process's own copy once it is written to.
    unsafe {
        let memory =
            arch::syscall(libc::SYS_open, [c"/proc/self/mem".as_ptr() as u64, libc::O_RDWR as u64, 0, 0, 0, 0]);
        if memory >= 0 {
            let (from, size) = (stub.as_ptr() as u64, stub.len() as u64);
            arch::syscall(libc::SYS_pwrite64, [memory as u64, from, size, function, 0, 0]);
            arch::syscall(libc::SYS_close, [memory as u64, 0, 0, 0, 0, 0]);
        }
    }
}
