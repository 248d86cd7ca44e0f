//! What is kept of a thread, and how its files are read.

use crate::classify::Wait;
use crate::measure::accounts::ThreadAccount;
use crate::measure::intervals::{Counters, Watch};
use crate::procfs::file::{Allowance, KeptFile};
use crate::procfs::syscall::Syscall;
use crate::procfs::{stat, syscall};
use rustix::io::Errno;

/// A thread of the program.
#[derive(Debug)]
pub struct Thread {
    /// Its number.
    pub tid: i32,
    /// Its process.
    pub pid: i32,
    /// Its name.
    pub name: String,
    /// Counters and states.
    pub watch: Watch,
    /// What it waits for, when it sleeps.
    pub wait: Option<Wait>,
    /// Where that is in the books.
    pub site: Option<usize>,
    /// Rounds until the next look.
    pub pause: u32,
    /// What it has done.
    pub account: ThreadAccount,
    /// When its details are read again.
    pub details_at: f64,
    /// Switches and migrations before watching began.
    base: Option<(u64, u64, u64)>,
    /// User and system ticks before watching began.
    base_ticks: (u64, u64),
    /// Whether it was there before watching began.
    older: bool,
    /// Stack pointer where it last slept.
    pub sp: u64,
    /// Processor time that no stack stands for yet, seconds; below zero when a stack was taken early.
    pub unsampled: f64,
    schedstat: KeptFile,
    syscall: KeptFile,
}

/// What `syscall` said, or why it said nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// This.
    Call(Syscall),
    /// It must not be read.
    Forbidden,
    /// The thread has ended.
    Gone,
}

impl Thread {
    /// A thread that has been met, with nothing read yet.
    pub fn new(pid: i32, tid: i32, older: bool, at: f64, allowance: &Allowance) -> Self {
        let file = |name: &str| KeptFile::new(format!("/proc/{pid}/task/{tid}/{name}"), allowance);
        Self {
            tid,
            pid,
            name: String::new(),
            watch: Watch::new(at, Counters::default()),
            wait: None,
            site: None,
            pause: 1,
            account: ThreadAccount { count: 1, ..ThreadAccount::default() },
            details_at: at,
            base: None,
            base_ticks: (0, 0),
            older,
            sp: 0,
            unsampled: 0.0,
            schedstat: file("schedstat"),
            syscall: file("syscall"),
        }
    }

    /// The scheduler's counters.
    ///
    /// # Errors
    /// The system's; `ENOENT` or `ESRCH` when the thread has ended.
    pub fn counters(&mut self) -> Result<Counters, Errno> {
        let mut buffer = [0; 96];
        let bytes = self.schedstat.read(&mut buffer)?;
        // A thread that has ended between opening and reading gives nothing.
        let read = stat::schedstat(bytes).ok_or(Errno::SRCH)?;
        Ok(Counters { run: read.run as f64 / 1e9, queued: read.queued as f64 / 1e9, slices: read.slices })
    }

    /// The scheduler's counters on a kernel that keeps only clock ticks: no run queue, and no slices, so that the thread
    /// always seems to have moved.
    ///
    /// # Errors
    /// As [`Thread::counters`].
    pub fn coarse_counters(&mut self, tick: f64) -> Result<Counters, Errno> {
        let read = self.stat().ok_or(Errno::SRCH)?;
        let run = (read.user + read.system) as f64 * tick;
        Ok(Counters { run, queued: 0.0, slices: self.watch.counters().slices + 1 })
    }

    /// The system call.
    pub fn syscall(&mut self) -> Said {
        let mut buffer = [0; 256];
        match self.syscall.read(&mut buffer) {
            Ok(bytes) => match syscall::syscall(bytes) {
                Some(call) => Said::Call(call),
                None if bytes.is_empty() => Said::Gone,
                None => Said::Forbidden,
            },
            Err(Errno::SRCH) => Said::Gone,
            // Without the file there is no permission to see it, or no such kernel; the thread is known to be there.
            Err(_) => Said::Forbidden,
        }
    }

    /// `stat` of the thread.
    pub fn stat(&self) -> Option<stat::Stat> {
        stat::stat(&std::fs::read(format!("/proc/{}/task/{}/stat", self.pid, self.tid)).ok()?)
    }

    /// Function of the kernel in which it sleeps.
    pub fn wchan(&self) -> String {
        let bytes = std::fs::read(format!("/proc/{}/task/{}/wchan", self.pid, self.tid)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Reads name, switches, migrations, user and system time. Returns the state letter, if the thread is still there.
    pub fn read_details(&mut self, tick: f64) -> Option<char> {
        let stat = self.stat()?;
        let path = |name: &str| format!("/proc/{}/task/{}/{name}", self.pid, self.tid);
        let read = |name: &str| std::fs::read(path(name)).unwrap_or_default();
        let status = stat::status(&read("status"));
        let migrations = stat::migrations(&read("sched")).unwrap_or(0);
        if self.base.is_none() {
            let older = (status.voluntary, status.involuntary, migrations);
            self.base = Some(if self.older { older } else { (0, 0, 0) });
            self.base_ticks = if self.older { (stat.user, stat.system) } else { (0, 0) };
        }
        let base = self.base.unwrap_or_default();
        self.account.voluntary = status.voluntary.saturating_sub(base.0);
        self.account.involuntary = status.involuntary.saturating_sub(base.1);
        self.account.migrations = migrations.saturating_sub(base.2);
        self.account.user = stat.user.saturating_sub(self.base_ticks.0) as f64 * tick;
        self.account.system = stat.system.saturating_sub(self.base_ticks.1) as f64 * tick;
        self.name = stat.name;
        Some(stat.state)
    }
}
