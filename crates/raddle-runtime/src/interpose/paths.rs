//! Calls that name a path: each is a schedule point, since other threads can change what the path stands for.
//!
//! While executions are kept apart by a rewind, none of them changes the file system, so that nobody can tell when a path is
//! looked at; the points are there all the same, for a schedule must mean the same in both modes.
//!
//! Kept besides is what each thread was last told of a path, and whether another thread has changed it since: an execution
//! in which a thread then acts on what is no longer so is looked at more closely.
//!
//! A path is known by its text. Not seen: two spellings of one path, paths relative to a directory that is open, what
//! happens to a directory above, and other processes.

use super::io::polling;
use crate::arch::syscall;
use crate::state::{executing, recording, rt};
use crate::{order, record, sched};
use core::ffi::{CStr, c_char};
use raddle_engine::Access;
use raddle_protocol::trace::PathCall;
use raddle_protocol::{Mode, Op};

/// Where no program keeps its files.
const NOT_FILES: [&[u8]; 3] = [b"/dev/", b"/proc/", b"/sys/"];

/// What threads were last told of paths.
#[derive(Clone, Default)]
pub struct Looks(Vec<Look>);

#[derive(Clone)]
struct Look {
    thread: u32,
    path: Vec<u8>,
    found: bool,
    changed: bool,
}

/// Looks remembered at the most: the oldest are forgotten.
const MOST_LOOKS: usize = 256;

impl Looks {
    /// A thread has made a call on a path. Whether it has put something in the place of what another thread has put there
    /// since it was told that there was nothing.
    fn called(&mut self, thread: u32, path: &[u8], call: PathCall, errno: i32) -> bool {
        let own = self.0.iter().position(|look| look.thread == thread && look.path == path);
        if call == PathCall::Looks {
            let look = Look { thread, path: path.to_vec(), found: errno == 0, changed: false };
            match own {
                Some(at) => self.0[at] = look,
                None => {
                    if self.0.len() == MOST_LOOKS {
                        self.0.remove(0);
                    }
                    self.0.push(look);
                }
            }
            return false;
        }
        let look = own.map(|at| self.0.remove(at));
        if errno == 0 && call.changes() {
            self.0.iter_mut().filter(|look| look.path == path).for_each(|look| look.changed = true);
        }
        errno == 0 && call.takes_what_is_there() && look.is_some_and(|look| look.changed && !look.found)
    }
}

/// The text of a path that is followed.
unsafe fn followed<'a>(directory: i32, path: *const c_char) -> Option<&'a CStr> {
    if !executing() || path.is_null() {
        return None;
    }
    // SAFETY: the caller's.
    let text = unsafe { CStr::from_ptr(path) };
    let bytes = text.to_bytes();
    let known = directory == libc::AT_FDCWD || bytes.first() == Some(&b'/');
    (known && !bytes.is_empty() && !NOT_FILES.iter().any(|start| bytes.starts_with(start))).then_some(text)
}

/// Makes a call on a path, which `make` does; `what` tells before it what it will be.
///
/// # Safety
/// The path is null or a string.
pub unsafe fn call(
    directory: i32,
    path: *const c_char,
    make: impl FnOnce() -> i64,
    what: impl FnOnce() -> PathCall,
) -> i64 {
    // SAFETY: the caller's.
    let Some(path) = (unsafe { followed(directory, path) }) else { return made(make) };
    point();
    let what = what();
    let answer = made(make);
    order::acquired(order::INPUT_OUTPUT);
    note(path, what, answer);
    answer
}

/// As [`call`], of one that gives what is at one path another one.
///
/// # Safety
/// Both are strings.
pub unsafe fn renames(from: (i32, *const c_char), to: (i32, *const c_char), make: impl FnOnce() -> i64) -> i64 {
    // SAFETY: the caller's.
    let (old, new) = unsafe { (followed(from.0, from.1), followed(to.0, to.1)) };
    if old.is_none() && new.is_none() {
        return made(make);
    }
    point();
    let was_there = new.is_some_and(is_there);
    let answer = made(make);
    order::acquired(order::INPUT_OUTPUT);
    if let Some(old) = old {
        note(old, PathCall::Removes, answer);
    }
    if let Some(new) = new {
        note(new, if was_there { PathCall::Replaces } else { PathCall::Makes }, answer);
    }
    answer
}

/// Makes the call. Somebody may have asked to be told of it (inotify).
fn made(make: impl FnOnce() -> i64) -> i64 {
    let answer = make();
    polling::changed();
    answer
}

/// The schedule point of such a call.
fn point() {
    sched::point(if rt().mode == Mode::Fork { Access::input_output() } else { Access::local() });
    order::released(order::INPUT_OUTPUT);
}

/// Whether there is anything.
pub fn is_there(path: &CStr) -> bool {
    let args = [libc::AT_FDCWD as u64, path.as_ptr() as u64, libc::F_OK as u64, 0, 0, 0];
    // SAFETY: asks only.
    unsafe { syscall(libc::SYS_faccessat, args) == 0 }
}

fn note(path: &CStr, call: PathCall, answer: i64) {
    let errno = if (-4095..0).contains(&answer) { -answer as i32 } else { 0 };
    let execution = &mut rt().execution;
    let replaced = execution.looks.called(execution.running, path.to_bytes(), call, errno);
    execution.odd.replaced |= replaced;
    if recording() {
        record::step(Op::Path { path: path.to_string_lossy().into_owned(), call, errno });
    }
}
