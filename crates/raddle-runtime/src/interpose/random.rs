//! Randomness for the program: a stream that depends on the seed alone.

use crate::state::{hindered, live, rt};
use crate::sys::Real;
use raddle_protocol::message::Obstacle;

/// Fills a buffer; returns its length.
///
/// # Safety
/// The buffer is writable.
pub unsafe fn fill(buffer: *mut u8, size: usize) -> isize {
    hindered(Obstacle::Random);
    let random = &mut rt().execution.random;
    for offset in (0..size).step_by(8) {
        let bytes = random.bits().to_ne_bytes();
        // SAFETY: the caller's.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.add(offset), (size - offset).min(8)) };
    }
    size as isize
}

/// `getrandom`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut u8, size: usize, flags: u32) -> isize {
    type Getrandom = unsafe extern "C" fn(*mut u8, usize, u32) -> isize;
    static REAL: Real<Getrandom> = Real::new(c"getrandom");
    // SAFETY: the caller's.
    unsafe { if live() { fill(buffer, size) } else { REAL.get()(buffer, size, flags) } }
}

/// `getentropy`.
///
/// # Safety
/// See [`getrandom`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getentropy(buffer: *mut u8, size: usize) -> i32 {
    type Getentropy = unsafe extern "C" fn(*mut u8, usize) -> i32;
    static REAL: Real<Getentropy> = Real::new(c"getentropy");
    // SAFETY: the caller's.
    unsafe {
        if live() {
            fill(buffer, size);
            return 0;
        }
        REAL.get()(buffer, size)
    }
}

/// `arc4random`.
#[unsafe(no_mangle)]
pub extern "C" fn arc4random() -> u32 {
    type Arc4random = unsafe extern "C" fn() -> u32;
    static REAL: Real<Arc4random> = Real::new(c"arc4random");
    // SAFETY: no arguments.
    unsafe {
        if !live() {
            return REAL.get()();
        }
    }
    hindered(Obstacle::Random);
    rt().execution.random.bits() as u32
}

/// `arc4random_buf`.
///
/// # Safety
/// See [`getrandom`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn arc4random_buf(buffer: *mut u8, size: usize) {
    type Arc4randomBuf = unsafe extern "C" fn(*mut u8, usize);
    static REAL: Real<Arc4randomBuf> = Real::new(c"arc4random_buf");
    // SAFETY: the caller's.
    unsafe {
        if live() {
            fill(buffer, size);
        } else {
            REAL.get()(buffer, size);
        }
    }
}
