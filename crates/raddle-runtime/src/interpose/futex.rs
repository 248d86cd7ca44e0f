//! Futexes (futex(2)), which the C library offers only through `syscall`, and the other system calls that programs make
//! that way.

use crate::interpose::signals::Interrupt;
use crate::record;
use crate::sched;
use crate::sites::Hook;
use crate::spurious;
use crate::state::{live, recording, rt};
use crate::sys::set_errno;
use crate::{arch, interpose};
use raddle_engine::AccessKind;
use raddle_protocol::trace::{Wait, WaitEnd};
use raddle_protocol::{Op, Role, Site, Visibility};

/// The kernel's answer: a result, or a negative error number.
pub type Answer = i64;

/// A lock that is waited for so long is held for longer than a moment.
const LONG_NS: u64 = 1_000_000;

/// Waits until woken at `address`, if that holds `expected`. Both this and waking are points unless the `call` that they
/// are made by counts as one step.
fn wait(call: Site, address: u64, expected: u32, deadline_ns: Option<u64>, mask: u32) -> Answer {
    let is_point = point(call, AccessKind::Wait, address);
    // SAFETY: the program vouches for the address, as it must to the kernel.
    if unsafe { (address as *const u32).read_volatile() } != expected {
        if is_point {
            sched::only_read(address);
        }
        return -i64::from(libc::EAGAIN);
    }
    if recording() {
        record::step(Op::FutexWait { address, expected, timed: deadline_ns.is_some() });
    }
    if spurious::is_condition(call) && spurious::wakes() {
        sched::point_at(AccessKind::Wait, address);
        if recording() {
            record::step(Op::FutexReturn { address, end: WaitEnd::Spurious });
        }
        return 0;
    }
    let begun_ns = rt().execution.schedule.now_ns();
    let interrupt = loop {
        let interrupt = sched::wait(Wait::Futex(address), deadline_ns, mask);
        // SAFETY: as above. A call that begins anew looks again.
        let begins_anew = interrupt == Interrupt::Restart
            && !rt().execution.schedule.timed_out()
            && unsafe { (address as *const u32).read_volatile() } == expected;
        if !begins_anew {
            break interrupt;
        }
    };
    let execution = &mut rt().execution;
    let timed_out = execution.schedule.timed_out();
    let for_a_lock = matches!(call.role, Role::MutexLock | Role::RwLockRead | Role::RwLockWrite);
    let long = execution.schedule.now_ns() - begun_ns >= LONG_NS;
    execution.odd.held_up |= for_a_lock && long && execution.io.interest.is_any();
    if recording() {
        let end = if timed_out { WaitEnd::TimedOut } else { WaitEnd::Woken };
        record::step(Op::FutexReturn { address, end });
    }
    match (timed_out, interrupt) {
        (true, _) => -i64::from(libc::ETIMEDOUT),
        (false, Interrupt::No) => 0,
        (false, Interrupt::Restart) => -i64::from(libc::EAGAIN),
        (false, Interrupt::Fail) => -i64::from(libc::EINTR),
    }
}

fn point(call: Site, kind: AccessKind, address: u64) -> bool {
    let is_point = call.visibility != Visibility::Hidden;
    if is_point {
        sched::point_at(kind, address);
    } else {
        sched::wrote();
    }
    is_point
}

/// Wakes up to `most` waiters at `address`.
fn wake(call: Site, address: u64, most: u32, mask: u32) -> Answer {
    if spurious::is_condition(call) {
        spurious::noted();
    }
    point(call, AccessKind::Notify, address);
    let schedule = &mut rt().execution.schedule;
    let woken = schedule.wake_masked(most as usize, mask, &mut |wait| *wait == Wait::Futex(address));
    let count = woken.len() as i64;
    if recording() {
        record::step(Op::FutexWake { address, asked: most, woken });
    }
    count
}

/// Wakes some waiters of one address, and lets others wait at another instead.
fn requeue(address: u64, wakes: u32, moves: u32, other: u64) -> Answer {
    let woken = wake(Site::UNKNOWN, address, wakes, !0);
    let schedule = &mut rt().execution.schedule;
    woken + schedule.requeue(moves as usize, Wait::Futex(address), Wait::Futex(other)) as i64
}

/// The futex system call, made by this call.
///
/// # Safety
/// As the system call.
pub unsafe fn futex(call: Site, args: [u64; 6]) -> Answer {
    let [address, operation, value, timeout, other, value3] = args;
    let realtime = operation as i32 & libc::FUTEX_CLOCK_REALTIME != 0;
    let command = operation as i32 & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME);
    // SAFETY: a timeout, where the command has one, points to a timespec; the program vouches for it.
    let deadline = |absolute: bool| unsafe {
        let time = timeout as *const libc::timespec;
        (!time.is_null()).then(|| interpose::clock::deadline(&*time, absolute, realtime))
    };
    match command {
        libc::FUTEX_WAIT => wait(call, address, value as u32, deadline(false), !0),
        libc::FUTEX_WAIT_BITSET => wait(call, address, value as u32, deadline(true), value3 as u32),
        libc::FUTEX_WAKE => wake(call, address, value as u32, !0),
        libc::FUTEX_WAKE_BITSET => wake(call, address, value as u32, value3 as u32),
        libc::FUTEX_REQUEUE => requeue(address, value as u32, timeout as u32, other),
        libc::FUTEX_CMP_REQUEUE => {
            sched::point_at(AccessKind::Notify, address);
            // SAFETY: the program vouches for the address.
            if unsafe { (address as *const u32).read_volatile() } != value3 as u32 {
                return -i64::from(libc::EAGAIN);
            }
            requeue(address, value as u32, timeout as u32, other)
        }
        _ => -i64::from(libc::ENOSYS),
    }
}

/// Performs a system call of the program's: those that the runtime answers itself, and the others for real.
///
/// # Safety
/// As the system call.
pub unsafe fn dispatch(number: i64, args: [u64; 6]) -> Answer {
    // SAFETY: the caller's.
    unsafe {
        match number {
            libc::SYS_futex => futex(Site::UNKNOWN, args),
            libc::SYS_sched_yield => {
                interpose::threads::sched_yield();
                0
            }
            libc::SYS_getrandom => interpose::random::fill(args[0] as *mut u8, args[1] as usize) as i64,
            libc::SYS_clock_gettime => interpose::clock::gettime(args[0] as i32, args[1] as *mut libc::timespec),
            libc::SYS_gettid => arch::syscall(number, args) + i64::from(rt().execution.running),
            libc::SYS_sched_getaffinity => interpose::machine::affinity(args[1] as usize, args[2] as *mut u8),
            libc::SYS_exit | libc::SYS_exit_group => interpose::exit::end_process(args[0] as i32),
            libc::SYS_close => {
                interpose::descriptors::closing(args[0] as i32);
                arch::syscall(number, args)
            }
            libc::SYS_membarrier => interpose::membarrier::membarrier(args),
            _ if crate::state::executing() => interpose::raw::perform(number, args),
            _ => arch::syscall(number, args),
        }
    }
}

/// `syscall`.
///
/// # Safety
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn syscall(number: i64, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> i64 {
    let args = [a, b, c, d, e, f];
    // SAFETY: the caller's.
    let result = unsafe {
        if !live() {
            arch::syscall(number, args)
        } else if number == libc::SYS_futex {
            futex(Hook::here().site(), args)
        } else {
            dispatch(number, args)
        }
    };
    if (-4095..0).contains(&result) {
        set_errno(-result as i32);
        return -1;
    }
    result
}
