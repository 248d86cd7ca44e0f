//! Stacks of running threads: stop one with `ptrace`, copy registers and the top of the stack, let it go on.
//!
//! Only the thread that traces may wait for the one it has stopped, and a thread that waits for a processor may take a
//! while to stop. So this is done by a helper thread, one at a time, and the looks go on meanwhile. A signal that arrives
//! in that moment is delivered as it would have been. Should Raddle be killed, the kernel lets the thread go on.

use super::memory::{self, Copied};
use super::python::{Interpreters, Named};
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How much of a stack is copied.
const COPIED: usize = 32 * 1024;

/// How often threads are looked after that have ended while they were traced.
const PATIENCE: Duration = Duration::from_millis(20);

/// A thread's registers and stack.
#[derive(Debug)]
pub struct Copy {
    /// Process.
    pub pid: i32,
    /// Thread.
    pub tid: i32,
    /// Program counter.
    pub pc: u64,
    /// Stack pointer.
    pub sp: u64,
    /// Frame pointer.
    pub bp: u64,
    /// The stack.
    pub stack: Copied,
    /// The functions of Python that it was in, if they were asked for and could be read.
    pub python: Option<Vec<Named>>,
    /// For how long it was stopped, seconds. That is microseconds, but for a machine so busy that this helper has to queue
    /// before it can let the thread go on.
    pub stopped: f64,
}

/// The helper.
#[derive(Debug)]
pub struct Running {
    ask: SyncSender<(i32, i32, bool)>,
    copies: Receiver<Option<Copy>>,
    thread: JoinHandle<()>,
    holding: Option<i32>,
}

/// Why stopping was refused the first time, if it ever was.
static REFUSAL: Mutex<Option<Errno>> = Mutex::new(None);

/// Why threads cannot be stopped, if they cannot.
pub fn refusal() -> Option<String> {
    let refusal = REFUSAL.lock().unwrap_or_else(PoisonError::into_inner);
    refusal.map(|errno| errno.desc().to_lowercase())
}

impl Running {
    /// Starts the helper.
    pub fn start(interpreters: Arc<Mutex<Interpreters>>) -> Self {
        let (ask, asked) = sync_channel::<(i32, i32, bool)>(1);
        let (give, copies) = sync_channel(1);
        let thread = std::thread::spawn(move || {
            let mut ended = Vec::new();
            loop {
                match asked.recv_timeout(PATIENCE) {
                    Ok((pid, tid, python)) => {
                        let interpreters = python.then_some(&*interpreters);
                        if give.send(copy(pid, tid, interpreters, &mut ended)).is_err() {
                            return;
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                ended.retain(|thread| !give_back(*thread));
            }
        });
        Self { ask, copies, thread, holding: None }
    }

    /// Asks for a copy of a thread, and for the functions of Python that it is in. Returns whether the helper was free.
    pub fn ask(&mut self, pid: i32, tid: i32, python: bool) -> bool {
        if self.holding.is_some() || self.ask.try_send((pid, tid, python)).is_err() {
            return false;
        }
        self.holding = Some(tid);
        true
    }

    /// The thread that may be stopped at this moment.
    pub fn holding(&self) -> Option<i32> {
        self.holding
    }

    /// What has come in.
    pub fn collect(&mut self) -> Vec<Copy> {
        let mut found = Vec::new();
        while let Ok(copy) = self.copies.try_recv() {
            self.holding = None;
            found.extend(copy);
        }
        found
    }

    /// Ends the helper.
    pub fn end(self) {
        let Self { ask, copies, thread, .. } = self;
        drop(ask);
        drop(copies);
        // It holds nothing that a panic could have left half done, and panics show themselves.
        let _ = thread.join();
    }
}

/// A thread that ends while it is traced stays until its tracer has noticed; only then does its parent learn of the end.
/// Returns whether that is done. What Raddle has started itself must not be collected here: its exit code is waited for
/// elsewhere, and no notice is needed where parent and tracer are one.
fn give_back(thread: Pid) -> bool {
    if is_own_child(thread) {
        return true;
    }
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::__WALL;
    match waitid(Id::Pid(thread), flags) {
        Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => false,
        Ok(_) | Err(_) => true,
    }
}

fn is_own_child(thread: Pid) -> bool {
    // A thread that leads no process is in nobody's list of children.
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default();
    let value = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)?.trim().parse::<i32>().ok());
    value("Tgid:") == Some(thread.as_raw()) && value("PPid:") == Some(Pid::this().as_raw())
}

fn copy(pid: i32, tid: i32, python: Option<&Mutex<Interpreters>>, ended: &mut Vec<Pid>) -> Option<Copy> {
    let thread = Pid::from_raw(tid);
    let mut interpreters = python.map(|all| all.lock().unwrap_or_else(PoisonError::into_inner));
    if let Some(interpreters) = &mut interpreters {
        interpreters.meet(pid);
    }
    let (began, before) = (Instant::now(), accounted(pid, tid));
    match ptrace::seize(thread, ptrace::Options::empty()) {
        Ok(()) => {}
        Err(errno) => {
            if errno == Errno::EPERM {
                REFUSAL.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(errno);
            }
            return None;
        }
    }
    let Some(signal) = stop(thread) else {
        ended.push(thread);
        return None;
    };
    let stands = Instant::now();
    let copy = registers(thread).map(|(pc, sp, bp)| {
        let mut bytes = vec![0; COPIED];
        let length = memory::read(pid, sp, &mut bytes);
        bytes.truncate(length);
        let python = interpreters.as_mut().and_then(|interpreters| interpreters.functions(pid, tid));
        Copy { pid, tid, pc, sp, bp, stack: Copied { start: sp, bytes }, python, stopped: 0.0 }
    });
    // It stands still, so its counters are settled. Those from before may have been late, by a clock tick of running or by
    // all of a wait in the run queue; but from when it was seen to stand, it did neither.
    let after = accounted(pid, tid);
    let (surely, at_most) = (stands.elapsed(), began.elapsed());
    if ptrace::detach(thread, signal).is_err() {
        ended.push(thread);
    }
    let stopped = (at_most.as_secs_f64() - (after - before)).max(surely.as_secs_f64());
    copy.map(|copy| Copy { stopped, ..copy })
}

/// Seconds that a thread has run and queued, by the scheduler's counters.
fn accounted(pid: i32, tid: i32) -> f64 {
    let bytes = std::fs::read(format!("/proc/{pid}/task/{tid}/schedstat")).unwrap_or_default();
    crate::procfs::stat::schedstat(&bytes).map_or(0.0, |counters| (counters.run + counters.queued) as f64 / 1e9)
}

/// Stops the thread. Inner `Some`: a signal that was about to be delivered. `None`: it has ended.
fn stop(thread: Pid) -> Option<Option<Signal>> {
    if ptrace::interrupt(thread).is_err() {
        return None;
    }
    let mut tries = 0u32;
    loop {
        // Ends are not asked for: they belong to whoever waits for the process.
        let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WNOHANG | WaitPidFlag::__WALL;
        match waitid(Id::Pid(thread), flags) {
            Ok(WaitStatus::StillAlive) => {
                tries += 1;
                // A thread that runs stops at once. Yielding would put this one behind all others on a busy machine.
                if tries < 50 {
                    std::hint::spin_loop();
                    continue;
                }
                let has_ended = || {
                    let stat = std::fs::read(format!("/proc/{thread}/stat")).unwrap_or_default();
                    crate::procfs::stat::stat(&stat).is_none_or(|stat| matches!(stat.state, 'Z' | 'X'))
                };
                if tries.is_multiple_of(64) && has_ended() {
                    return None;
                }
                std::thread::sleep(Duration::from_micros(50));
            }
            Ok(WaitStatus::Stopped(_, signal)) => return Some(Some(signal)),
            Ok(_) => return Some(None),
            Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn registers(thread: Pid) -> Option<(u64, u64, u64)> {
    let registers = ptrace::getregs(thread).ok()?;
    Some((registers.rip, registers.rsp, registers.rbp))
}

#[cfg(target_arch = "aarch64")]
fn registers(thread: Pid) -> Option<(u64, u64, u64)> {
    let registers = ptrace::getregs(thread).ok()?;
    Some((registers.pc, registers.sp, registers.regs[29]))
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn registers(_: Pid) -> Option<(u64, u64, u64)> {
    None
}
