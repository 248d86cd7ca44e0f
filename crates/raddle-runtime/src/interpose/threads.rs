//! POSIX threads: creation, end, joining, names (POSIX.1-2017 and the GNU extensions that Rust's library uses).

use crate::record;
use crate::sched;
use crate::state::{live, recording, rt};
use crate::sys::Real;
use crate::thread;
use core::ffi::{CStr, c_char, c_void};
use raddle_protocol::Op;
use raddle_protocol::trace::ThreadId;

type Attributes = libc::pthread_attr_t;

/// Stack size where the program asks for none: the usual `ulimit -s`, the same on every machine.
const DEFAULT_STACK: usize = 8 << 20;

/// Whether a thread was given a name of its own (a new thread begins with its creator's).
pub fn named(id: ThreadId) -> bool {
    let threads = &rt().execution.threads;
    let data = &threads[id as usize];
    id == 0 || data.name != threads[data.parent as usize].name
}

/// `pthread_create`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_create(
    thread: *mut u64,
    attributes: *const Attributes,
    start: u64,
    argument: u64,
) -> i32 {
    type Create = unsafe extern "C" fn(*mut u64, *const Attributes, u64, u64) -> i32;
    type GetDetachState = unsafe extern "C" fn(*const Attributes, *mut i32) -> i32;
    static REAL: Real<Create> = Real::new(c"pthread_create");
    static GET_DETACH_STATE: Real<GetDetachState> = Real::new(c"pthread_attr_getdetachstate");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(thread, attributes, start, argument);
        }
        let (mut size, mut state) = (0, 0);
        if !attributes.is_null() {
            libc::pthread_attr_getstacksize(attributes, &mut size);
            GET_DETACH_STATE.get()(attributes, &mut state);
        }
        let size = if size == 0 { DEFAULT_STACK } else { size };
        sched::passed(raddle_engine::Access::new(raddle_engine::AccessKind::Spawn, 0, 0));
        match thread::create(start, argument, size as u64, state == libc::PTHREAD_CREATE_DETACHED) {
            Ok(child) => {
                *thread = rt().execution.threads[child as usize].control_block;
                if recording() {
                    record::step(Op::Spawn { child });
                }
                0
            }
            Err(error) => error,
        }
    }
}

/// `pthread_join`.
///
/// # Safety
/// See [`pthread_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_join(thread: u64, result: *mut u64) -> i32 {
    type Join = unsafe extern "C" fn(u64, *mut u64) -> i32;
    static REAL: Real<Join> = Real::new(c"pthread_join");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(thread, result);
        }
        let Some(id) = thread::find(thread) else { return libc::ESRCH };
        match thread::join(id) {
            Ok(value) => {
                if !result.is_null() {
                    *result = value;
                }
                0
            }
            Err(error) => error,
        }
    }
}

/// `pthread_detach`.
///
/// # Safety
/// See [`pthread_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_detach(thread: u64) -> i32 {
    type Detach = unsafe extern "C" fn(u64) -> i32;
    static REAL: Real<Detach> = Real::new(c"pthread_detach");
    if !live() {
        // SAFETY: the caller's.
        return unsafe { REAL.get()(thread) };
    }
    match thread::find(thread) {
        Some(id) => thread::detach(id).err().unwrap_or(0),
        None => libc::ESRCH,
    }
}

/// `pthread_exit`. Destructors of C++ objects on the stack are not run.
///
/// # Safety
/// See [`pthread_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_exit(result: u64) -> ! {
    type Exit = unsafe extern "C-unwind" fn(u64) -> !;
    static REAL: Real<Exit> = Real::new(c"pthread_exit");
    if !live() {
        // SAFETY: the caller's.
        unsafe { REAL.get()(result) }
    }
    thread::end(result)
}

/// `pthread_setname_np`.
///
/// # Safety
/// See [`pthread_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_setname_np(thread: u64, name: *const c_char) -> i32 {
    type SetName = unsafe extern "C" fn(u64, *const c_char) -> i32;
    static REAL: Real<SetName> = Real::new(c"pthread_setname_np");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(thread, name);
        }
        let bytes = CStr::from_ptr(name).to_bytes();
        let Some(id) = thread::find(thread) else { return libc::ESRCH };
        if bytes.len() > 15 {
            return libc::ERANGE;
        }
        let data = &mut rt().execution.threads[id as usize];
        data.name = [0; 16];
        data.name[..bytes.len()].copy_from_slice(bytes);
    }
    0
}

/// `pthread_getname_np`.
///
/// # Safety
/// See [`pthread_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_getname_np(thread: u64, name: *mut c_char, size: usize) -> i32 {
    type GetName = unsafe extern "C" fn(u64, *mut c_char, usize) -> i32;
    static REAL: Real<GetName> = Real::new(c"pthread_getname_np");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(thread, name, size);
        }
        let Some(id) = thread::find(thread) else { return libc::ESRCH };
        if size < 16 {
            return libc::ERANGE;
        }
        let data = &rt().execution.threads[id as usize];
        core::ptr::copy_nonoverlapping(data.name.as_ptr() as *const c_char, name, 16);
    }
    0
}

/// `pthread_getattr_np`: where the stack lies. For the process's first thread the C library's answer would need
/// `/proc/self/maps`; a thread's stack here is what the runtime gave it.
///
/// # Safety
/// See [`pthread_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_getattr_np(thread: u64, attributes: *mut Attributes) -> i32 {
    type GetAttributes = unsafe extern "C" fn(u64, *mut Attributes) -> i32;
    static REAL: Real<GetAttributes> = Real::new(c"pthread_getattr_np");
    // SAFETY: the caller's.
    unsafe {
        let stack = if live() {
            thread::find(thread).map(|id| rt().execution.threads[id as usize].stack).unwrap_or_default()
        } else {
            crate::stacks::Stack::default()
        };
        if stack.high == 0 {
            return REAL.get()(thread, attributes);
        }
        libc::pthread_attr_init(attributes);
        libc::pthread_attr_setstack(attributes, stack.low as *mut c_void, (stack.high - stack.low) as usize)
    }
}

/// `sched_yield`.
///
/// # Safety
/// See [`pthread_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sched_yield() -> i32 {
    type Yield = unsafe extern "C" fn() -> i32;
    static REAL: Real<Yield> = Real::new(c"sched_yield");
    if !live() {
        // SAFETY: the caller's.
        return unsafe { REAL.get()() };
    }
    if recording() {
        record::step(Op::Yield);
    }
    sched::yield_point();
    0
}

/// `pthread_yield`, the old name.
///
/// # Safety
/// See [`pthread_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_yield() -> i32 {
    // SAFETY: the caller's.
    unsafe { sched_yield() }
}
