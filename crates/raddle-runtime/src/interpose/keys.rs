//! Thread-specific data: POSIX keys, and the destructors of C++ and Rust thread-local variables.

use crate::state::{live, rt};
use crate::sys::Real;
use core::ffi::c_void;

/// A key's destructor.
pub type KeyDestructor = unsafe extern "C" fn(*mut c_void);

const MOST_KEYS: usize = 1024;

/// Keys in use, and their destructors. Program state: it lies in this library's data, and is saved and put back with
/// [`Keys`] copies by the functions below.
#[derive(Clone, Copy)]
struct Key {
    used: bool,
    destructor: Option<KeyDestructor>,
}

/// The table lies in the program's heap, so that it is rewound with it; allocated when the first key is made.
static mut TABLE: *mut Key = core::ptr::null_mut();

fn table() -> &'static mut [Key] {
    // SAFETY: one thread; the block is large enough and zero, which is a valid empty table.
    unsafe {
        if TABLE.is_null() {
            TABLE = crate::heap::allocate((MOST_KEYS * size_of::<Key>()) as u64, 16, true) as *mut Key;
        }
        core::slice::from_raw_parts_mut(TABLE, MOST_KEYS)
    }
}

/// Makes the table ahead of executions, so that its place does not change in them.
pub fn prepare() {
    table();
}

/// The destructor of a key in use.
pub fn destructor(key: usize) -> Option<KeyDestructor> {
    table().get(key).filter(|entry| entry.used).and_then(|entry| entry.destructor)
}

/// `pthread_key_create`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_key_create(key: *mut u32, destructor: Option<KeyDestructor>) -> i32 {
    type Create = unsafe extern "C" fn(*mut u32, Option<KeyDestructor>) -> i32;
    static REAL: Real<Create> = Real::new(c"pthread_key_create");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(key, destructor);
        }
        match table().iter().position(|entry| !entry.used) {
            Some(free) => {
                table()[free] = Key { used: true, destructor };
                *key = free as u32;
                0
            }
            None => libc::EAGAIN,
        }
    }
}

/// `pthread_key_delete`.
///
/// # Safety
/// See [`pthread_key_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_key_delete(key: u32) -> i32 {
    type Delete = unsafe extern "C" fn(u32) -> i32;
    static REAL: Real<Delete> = Real::new(c"pthread_key_delete");
    if !live() {
        // SAFETY: the caller's.
        return unsafe { REAL.get()(key) };
    }
    let Some(entry) = table().get_mut(key as usize).filter(|entry| entry.used) else { return libc::EINVAL };
    entry.used = false;
    for data in &mut rt().execution.threads {
        if let Some(value) = data.specific.get_mut(key as usize) {
            *value = 0;
        }
    }
    0
}

/// `pthread_getspecific`.
///
/// # Safety
/// See [`pthread_key_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_getspecific(key: u32) -> *mut c_void {
    type Get = unsafe extern "C" fn(u32) -> *mut c_void;
    static REAL: Real<Get> = Real::new(c"pthread_getspecific");
    if !live() {
        // SAFETY: the caller's.
        return unsafe { REAL.get()(key) };
    }
    let execution = &rt().execution;
    let specific = &execution.threads[execution.running as usize].specific;
    specific.get(key as usize).copied().unwrap_or(0) as *mut c_void
}

/// `pthread_setspecific`.
///
/// # Safety
/// See [`pthread_key_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_setspecific(key: u32, value: *mut c_void) -> i32 {
    type Set = unsafe extern "C" fn(u32, *mut c_void) -> i32;
    static REAL: Real<Set> = Real::new(c"pthread_setspecific");
    if !live() {
        // SAFETY: the caller's.
        return unsafe { REAL.get()(key, value) };
    }
    if !table().get(key as usize).is_some_and(|entry| entry.used) {
        return libc::EINVAL;
    }
    let execution = &mut rt().execution;
    let specific = &mut execution.threads[execution.running as usize].specific;
    if specific.len() <= key as usize {
        specific.resize(key as usize + 1, 0);
    }
    specific[key as usize] = value as u64;
    0
}

/// Registers the destructor of a thread-local variable of the running thread (Itanium C++ ABI; Rust uses it too).
///
/// # Safety
/// See [`pthread_key_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __cxa_thread_atexit_impl(
    destructor: unsafe extern "C" fn(*mut c_void),
    object: *mut c_void,
    library: *mut c_void,
) -> i32 {
    type Register = unsafe extern "C" fn(unsafe extern "C" fn(*mut c_void), *mut c_void, *mut c_void) -> i32;
    static REAL: Real<Register> = Real::new(c"__cxa_thread_atexit_impl");
    if !live() {
        // SAFETY: the caller's.
        return unsafe { REAL.get()(destructor, object, library) };
    }
    let execution = &mut rt().execution;
    execution.threads[execution.running as usize].destructors.push((destructor, object));
    0
}
