//! What a thread that sleeps on a futex waits for: a lock, a condition, or a thread's end.
//!
//! The kernel knows a futex only as a word. What it belongs to is told, best first, by the names of the functions that
//! have called (`pthread_cond_wait`, `Mutex::lock`), and else by the value that the word is expected to have:
//!
//! | library | expected value | |
//! |---|---|---|
//! | glibc mutex, `std::sync::Mutex` | 2 | locked, and somebody waits |
//! | musl mutex | owner's thread number and the top bit | |
//! | glibc `pthread_join` | number of a live thread, shared futex | |
//! | `std::thread::park` | all ones | |
//! | condition variables, semaphores, Go, `parking_lot` | anything else | taken for a condition |
//!
//! A Python thread that waits for the interpreter lock waits on a condition variable with a deadline of at most the
//! interpreter's switch interval, 5 ms unless changed (`sys.setswitchinterval`).
//!
//! What this can mistake when the functions have no names: a counter of a condition variable that happens to be 2 or 3 is
//! taken for a lock, for that one wait; locks of `parking_lot` and read-write locks for conditions.

use super::{Look, Object, Wait};
use crate::state::State;

/// What the call stack of a futex wait says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Role {
    Lock,
    Condition,
    Join,
    InterpreterLock,
}

const COMMAND: u64 = 0x7f;
const PRIVATE: u64 = 0x80;
const REALTIME: u64 = 0x100;
const WAIT: u64 = 0;
const LOCK_PI: u64 = 6;
const WAIT_BITSET: u64 = 9;
const WAIT_REQUEUE_PI: u64 = 11;
const LOCK_PI2: u64 = 13;

/// Value of a glibc or Rust mutex that is locked and waited for.
const CONTENDED: u32 = 2;
/// Top bit of a musl mutex that is waited for.
const MUSL_WAITERS: u32 = 0x8000_0000;
/// Longest deadline that is taken for the interpreter's switch interval, in nanoseconds. It is 5 ms by default.
const SWITCH_INTERVAL: u64 = 6_000_000;

/// Judges a `futex` call.
pub fn wait(call: &'static str, args: [u64; 6], sp: u64, pc: u64, look: &mut dyn Look) -> Wait {
    let [address, operation, value, timeout, ..] = args;
    let made = |state| Wait { state, call, object: Object::Futex(address) };
    let value = value as u32;
    match operation & COMMAND {
        LOCK_PI | LOCK_PI2 => return made(State::Lock),
        WAIT_REQUEUE_PI => return made(State::Condition),
        WAIT | WAIT_BITSET => {}
        _ => return made(State::Other),
    }
    if timeout != 0 && look.is_python() && waits_for_the_interpreter(operation, timeout, look) {
        return Wait { state: State::Lock, call, object: Object::InterpreterLock };
    }
    if operation & PRIVATE == 0 && look.is_thread(value) {
        return made(State::Join);
    }
    match look.futex_role(address, sp, pc) {
        Some(Role::Lock) => return made(State::Lock),
        Some(Role::Condition) => return made(State::Condition),
        Some(Role::Join) => return made(State::Join),
        Some(Role::InterpreterLock) => return Wait { state: State::Lock, call, object: Object::InterpreterLock },
        None => {}
    }
    let musl = value & MUSL_WAITERS != 0 && value != u32::MAX && look.is_thread(value & 0x3fff_ffff);
    made(if value == CONTENDED || musl { State::Lock } else { State::Condition })
}

fn waits_for_the_interpreter(operation: u64, timeout: u64, look: &mut dyn Look) -> bool {
    let Some(bytes) = look.memory(timeout, 16) else { return false };
    let word = |index: usize| u64::from_ne_bytes(bytes[index * 8..][..8].try_into().expect("eight bytes"));
    let Some(until) = word(0).checked_mul(1_000_000_000).and_then(|nanos| nanos.checked_add(word(1))) else {
        return false;
    };
    if operation & COMMAND == WAIT {
        return until <= SWITCH_INTERVAL;
    }
    let (monotonic, real) = look.clocks();
    let now = if operation & REALTIME == 0 { monotonic } else { real };
    // A thread that has been woken late may be past its deadline.
    until.saturating_sub(now) <= SWITCH_INTERVAL && now.saturating_sub(until) <= SWITCH_INTERVAL
}

/// The role that the names of the calling functions tell, innermost first.
pub fn role_of_names<'n>(names: impl IntoIterator<Item = &'n str>) -> Option<Role> {
    for name in names.into_iter().take(16) {
        let has = |word: &str| name.contains(word);
        if has("take_gil") || has("PyEval_RestoreThread") || has("PyEval_AcquireThread") {
            return Some(Role::InterpreterLock);
        }
        if has("Condvar")
            || has("pthread_cond_")
            || has("thread::park")
            || has("sem_wait")
            || has("sem_timedwait")
            || has("sem_clockwait")
            || has("new_sem_wait")
            || has("Barrier")
            || has("pthread_barrier")
            || has("notesleep")
            || has("condition_variable")
            || has("mpmc")
            || has("mpsc")
            || has("Parker")
        {
            return Some(Role::Condition);
        }
        if has("pthread_join") || has("pthread_timedjoin") || has("clockjoin") || has("JoinHandle") {
            return Some(Role::Join);
        }
        if has("pthread_mutex_")
            || has("pthread_rwlock_")
            || has("lll_lock_wait")
            || has("Mutex")
            || has("RwLock")
            || has("RawMutex")
            || has("RawRwLock")
            || has("mutex_lock")
            || has("sync::Once")
            || has("OnceLock")
        {
            return Some(Role::Lock);
        }
    }
    None
}
