//! Whether Raddle's runtime is in the process, and what it says.
//!
//! The runtime is preloaded into tests that Raddle explores, and exports one function for this crate. It is looked for by
//! name, so that programs can be linked without it. Where there is no such function the answer is no.
//!
//! Known on Linux with the GNU C library, the platform that Raddle works on. Elsewhere nobody is asked.

/// Whether the future that waits now is to be dropped.
pub(crate) fn drops_here() -> bool {
    asked()
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn asked() -> bool {
    use std::ffi::{c_char, c_int, c_void};

    /// The runtime's function.
    const NAME: &std::ffi::CStr = c"raddle_drops_here";

    unsafe extern "C" {
        /// Of the C library: the address of a symbol, null where there is none.
        fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    }

    // SAFETY: the null handle is `RTLD_DEFAULT`, all that is loaded; the name ends with a zero.
    let found = unsafe { dlsym(std::ptr::null_mut(), NAME.as_ptr()) };
    if found.is_null() {
        return false;
    }
    // SAFETY: only Raddle's runtime exports this name, and this is the signature of that function.
    let drops: extern "C" fn() -> c_int = unsafe { std::mem::transmute(found) };
    drops() == 1
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn asked() -> bool {
    false
}
