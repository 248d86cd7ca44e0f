//! What code may tell ThreadSanitizer about itself. None of it changes which thread may run.

use core::ffi::c_void;

macro_rules! nothing {
    ($($name:ident($($argument:ident: $kind:ty),*))*) => {$(
        /// An annotation without effect on the schedule.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name($($argument: $kind),*) {}
    )*};
}

nothing! {
    __tsan_acquire(_address: *mut c_void)
    __tsan_release(_address: *mut c_void)
    __tsan_ignore_thread_begin()
    __tsan_ignore_thread_end()
    __tsan_flush_memory()
    __tsan_mutex_create(_address: *mut c_void, _flags: u32)
    __tsan_mutex_destroy(_address: *mut c_void, _flags: u32)
    __tsan_mutex_pre_lock(_address: *mut c_void, _flags: u32)
    __tsan_mutex_post_lock(_address: *mut c_void, _flags: u32, _recursion: i32)
    __tsan_mutex_post_unlock(_address: *mut c_void, _flags: u32)
    __tsan_mutex_pre_signal(_address: *mut c_void, _flags: u32)
    __tsan_mutex_post_signal(_address: *mut c_void, _flags: u32)
    __tsan_mutex_pre_divert(_address: *mut c_void, _flags: u32)
    __tsan_mutex_post_divert(_address: *mut c_void, _flags: u32)
    __tsan_external_read(_address: *mut c_void, _caller: *mut c_void, _tag: *mut c_void)
    __tsan_external_write(_address: *mut c_void, _caller: *mut c_void, _tag: *mut c_void)
    AnnotateHappensBefore(_file: *const u8, _line: i32, _address: usize)
    AnnotateHappensAfter(_file: *const u8, _line: i32, _address: usize)
    AnnotateIgnoreReadsBegin(_file: *const u8, _line: i32)
    AnnotateIgnoreReadsEnd(_file: *const u8, _line: i32)
    AnnotateIgnoreWritesBegin(_file: *const u8, _line: i32)
    AnnotateIgnoreWritesEnd(_file: *const u8, _line: i32)
}

/// Part of ending a lock; the count matters to recursive locks alone.
#[unsafe(no_mangle)]
pub extern "C" fn __tsan_mutex_pre_unlock(_address: *mut c_void, _flags: u32) -> i32 {
    0
}
