//! The C library's functions that put texts together (`printf` and its like).
//!
//! As for other strings ([`super::copies`]), the linker puts the functions here in their place in code under test. They
//! read the format, and of the arguments the strings that it asks for, as far as it asks; they write what comes out of it.
//! What is read is announced before the call, what is written after it, when its length is known.
//!
//! Stable Rust cannot define a function that takes any number of arguments: [`crate::arch`] does, and passes them on to the
//! form of the function that takes a `va_list`.
//!
//! Not seen: wide strings, the strings of a format that numbers its arguments (`%1$s`), and functions that take texts apart
//! (`sscanf`).

use super::scans::measures;
use super::streams::{locked, standard_output};
use crate::arch::Arguments;
use crate::watch;
use core::ffi::{CStr, c_char, c_int, c_void};
use libc::FILE;
use raddle_engine::race::Kind;

unsafe extern "C" {
    fn vsnprintf(to: *mut c_char, size: usize, format: *const c_char, arguments: *mut Arguments) -> c_int;
    fn vsprintf(to: *mut c_char, format: *const c_char, arguments: *mut Arguments) -> c_int;
    fn vfprintf(stream: *mut FILE, format: *const c_char, arguments: *mut Arguments) -> c_int;
    fn vasprintf(to: *mut *mut c_char, format: *const c_char, arguments: *mut Arguments) -> c_int;
    fn vdprintf(descriptor: c_int, format: *const c_char, arguments: *mut Arguments) -> c_int;
}

/// The format, and the strings that it asks for, are read; and what `%n` asks for is written.
///
/// # Safety
/// As for `vprintf`.
unsafe fn formats(format: *const c_char, arguments: *const Arguments) {
    // SAFETY: the caller's: the format is a string, and the arguments are those that it asks for. They are looked at in a
    // copy.
    unsafe {
        measures(format, usize::MAX);
        let mut arguments = *arguments;
        let mut rest = CStr::from_ptr(format).to_bytes();
        while let Some(start) = rest.iter().position(|byte| *byte == b'%') {
            let Some((asked, behind)) = Asked::read(&rest[start + 1..], &mut arguments) else { return };
            asked.take(&mut arguments);
            rest = behind;
        }
    }
}

/// One conversion of a format.
struct Asked {
    precision: Option<usize>,
    /// `hh`, `l`, `L` and so on.
    length: [u8; 2],
    letter: u8,
}

impl Asked {
    /// What stands behind a percent sign, and what comes after it. `None` where it is not understood.
    ///
    /// # Safety
    /// As for [`formats`].
    unsafe fn read<'a>(mut text: &'a [u8], arguments: &mut Arguments) -> Option<(Self, &'a [u8])> {
        let mut asked = Self { precision: None, length: [0; 2], letter: 0 };
        let mut in_precision = false;
        let mut lengths = 0;
        loop {
            let (&byte, behind) = text.split_first()?;
            text = behind;
            match byte {
                b'$' => return None,
                b'*' => {
                    // SAFETY: the caller's.
                    let given = unsafe { arguments.integer() } as i32;
                    if in_precision {
                        // A negative one counts as none.
                        asked.precision = usize::try_from(given).ok();
                    }
                }
                b'.' => {
                    in_precision = true;
                    asked.precision = Some(0);
                }
                b'0'..=b'9' => {
                    if in_precision {
                        let digit = usize::from(byte - b'0');
                        asked.precision = asked.precision.map(|known| known.saturating_mul(10).saturating_add(digit));
                    }
                }
                b'-' | b'+' | b' ' | b'#' | b'\'' | b'I' => {}
                b'h' | b'l' | b'L' | b'q' | b'j' | b'z' | b'Z' | b't' => {
                    *asked.length.get_mut(lengths)? = byte;
                    lengths += 1;
                }
                letter => return Some((Self { letter, ..asked }, text)),
            }
        }
    }

    /// Takes its argument.
    ///
    /// # Safety
    /// As for [`formats`].
    unsafe fn take(&self, arguments: &mut Arguments) {
        let wide = self.length[0] == b'l';
        // SAFETY: the caller's.
        unsafe {
            match self.letter {
                b'%' | b'm' => {}
                b'a' | b'A' | b'e' | b'E' | b'f' | b'F' | b'g' | b'G' if self.length[0] == b'L' => {
                    arguments.long_double();
                }
                b'a' | b'A' | b'e' | b'E' | b'f' | b'F' | b'g' | b'G' => arguments.double(),
                b's' if !wide => {
                    let string = arguments.integer() as *const c_char;
                    if !string.is_null() {
                        measures(string, self.precision.unwrap_or(usize::MAX));
                    }
                }
                b'n' => {
                    let size = match &self.length {
                        b"hh" => 1,
                        [b'h', _] => 2,
                        [0, _] => 4,
                        _ => 8,
                    };
                    watch::access(arguments.integer(), size, Kind::Write);
                }
                _ => {
                    arguments.integer();
                }
            }
        }
    }
}

/// `length` bytes and what ends them have been written, if the call has not failed; no more than there was room for.
fn written(to: *mut c_char, size: usize, length: c_int) -> c_int {
    if let Ok(length) = usize::try_from(length) {
        watch::access(to as u64, size.min(length + 1) as u64, Kind::Write);
    }
    length
}

/// `vsnprintf`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_vsnprintf(
    to: *mut c_char,
    size: usize,
    format: *const c_char,
    arguments: *mut Arguments,
) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        formats(format, arguments);
        written(to, size, vsnprintf(to, size, format, arguments))
    }
}

/// `vsprintf`.
///
/// # Safety
/// See [`__wrap_vsnprintf`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_vsprintf(to: *mut c_char, format: *const c_char, arguments: *mut Arguments) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        formats(format, arguments);
        written(to, usize::MAX, vsprintf(to, format, arguments))
    }
}

/// `vasprintf`: the text lies in a block of its own.
///
/// # Safety
/// See [`__wrap_vsnprintf`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_vasprintf(
    to: *mut *mut c_char,
    format: *const c_char,
    arguments: *mut Arguments,
) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        formats(format, arguments);
        let length = vasprintf(to, format, arguments);
        if length >= 0 {
            watch::access(to as u64, size_of::<*mut c_void>() as u64, Kind::Write);
            written(*to, usize::MAX, length);
        }
        length
    }
}

/// `vfprintf`.
///
/// # Safety
/// See [`__wrap_vsnprintf`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_vfprintf(stream: *mut FILE, format: *const c_char, arguments: *mut Arguments) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        formats(format, arguments);
        locked(stream, || vfprintf(stream, format, arguments))
    }
}

/// `vprintf`.
///
/// # Safety
/// See [`__wrap_vsnprintf`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_vprintf(format: *const c_char, arguments: *mut Arguments) -> c_int {
    // SAFETY: the caller's.
    unsafe { __wrap_vfprintf(standard_output(), format, arguments) }
}

/// `vdprintf`.
///
/// # Safety
/// See [`__wrap_vsnprintf`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_vdprintf(descriptor: c_int, format: *const c_char, arguments: *mut Arguments) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        formats(format, arguments);
        vdprintf(descriptor, format, arguments)
    }
}
