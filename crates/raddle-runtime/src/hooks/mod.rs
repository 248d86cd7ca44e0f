//! The hooks that LLVM's ThreadSanitizer pass puts into compiled code (the interface of compiler-rt's
//! `tsan_interface.h` and `tsan_interface_atomic.h`), answered by the scheduler instead of by ThreadSanitizer.

mod access;
mod annotations;
mod answers;
pub mod atomic;
mod buffers;
mod copies;
pub mod formatted;
mod scans;
mod streams;
