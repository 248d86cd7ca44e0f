//! From a command or a process number to a measurement.

use super::report;
use super::watcher::Watcher;
use crate::error::Error;
use crate::model::{Ending, Measurement};
use crate::procfs::file::Allowance;
use crate::procfs::{cgroup, scan, stat};
use crate::stacks::{Stacks, Wanted, symbols::Function};
use crate::state::State;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// What is watched.
#[derive(Debug)]
pub enum Target {
    /// A command that is started now.
    Command(Command),
    /// A process that runs already.
    Pid(i32),
}

/// How it is watched.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rounds a second.
    pub rate: f64,
    /// When to end, if the program does not.
    pub time: Option<Duration>,
    /// Which stacks are taken.
    pub stacks: Wanted,
    /// How many processors the program gets; all that Raddle itself may use when `None`.
    pub cores: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self { rate: 100.0, time: None, stacks: Wanted::All, cores: None }
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Seconds watched.
    pub elapsed: f64,
    /// Seconds after which it ends by itself.
    pub limit: Option<f64>,
    /// Threads alive.
    pub threads: usize,
    /// Processes alive.
    pub processes: usize,
}

/// The user's wish to stop.
pub trait Stop {
    /// Whether he wants to.
    fn is_raised(&self) -> bool;
    /// What becomes readable when he does.
    fn wake(&self) -> Option<BorrowedFd<'_>>;
    /// Called several times a second.
    fn progress(&self, progress: Progress);
}

/// A stack that was seen.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Seconds since the start.
    pub at: f64,
    /// Process.
    pub pid: i32,
    /// Thread.
    pub tid: i32,
    /// What the thread did.
    pub state: State,
    /// Number of the stack.
    pub stack: usize,
    /// Seconds that it stands for.
    pub weight: f64,
}

/// Stacks with names.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// Distinct stacks, innermost function first.
    pub stacks: Vec<Vec<Function>>,
    /// What was seen when.
    pub samples: Vec<Sample>,
    /// Names of processes.
    pub processes: Vec<(i32, String)>,
    /// Names of threads.
    pub threads: Vec<(i32, String)>,
}

/// All that watching yields.
#[derive(Debug)]
pub struct Recording {
    /// What was measured.
    pub measurement: Measurement,
    /// Stacks, for export.
    pub samples: Samples,
    /// The program that was started, when it still runs.
    pub child: Option<Child>,
    /// How it ended, when it has.
    pub status: Option<ExitStatus>,
}

/// Watches until the program ends, the time is over, or the user wants to stop.
///
/// # Errors
/// When the program cannot be started, or must not be watched.
pub fn watch(target: Target, options: &Options, stop: &dyn Stop) -> Result<Recording, Error> {
    let before = report::Own::now();
    let (mut child, pid, words) = match target {
        Target::Command(command) => {
            let words: Vec<String> = std::iter::once(command.get_program())
                .chain(command.get_args())
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            let child = start(command, options.cores)?;
            let pid = i32::try_from(child.id()).expect("process numbers are positive and small");
            (Some(child), pid, words)
        }
        Target::Pid(pid) => {
            permitted(pid)?;
            (None, pid, command_line(pid))
        }
    };
    let attached = child.is_none();
    let began = Instant::now();
    let ended_fd = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let quota = cgroup::quota(pid);
    let machine = report::machine(pid, quota.as_ref());
    let stolen = stolen();
    let (allowance, limit) = Allowance::raise();
    let stacks = Stacks::new(options.stacks);
    let watcher = Watcher::new(pid, attached, machine.capacity, stacks, allowance);
    let Some(mut watcher) = watcher else {
        // It was there a moment ago.
        Allowance::lower(limit);
        return Err(Error::NoSuchProcess(pid));
    };

    let mut rhythm = Rhythm::new(options.rate);
    let mut rounds = 0;
    let mut interrupted = false;
    let mut shown = Duration::ZERO;
    let mut longest_gap: f64 = 0.0;
    let mut last = 0.0;
    loop {
        let elapsed = began.elapsed();
        if options.time.is_some_and(|time| elapsed >= time) {
            break;
        }
        if stop.is_raised() {
            interrupted = true;
            break;
        }
        let wait = rhythm.next(elapsed).min(options.time.map_or(Duration::MAX, |time| time - elapsed));
        if ends_within(ended_fd.as_ref(), pid, stop.wake(), wait) {
            break;
        }
        let at = began.elapsed().as_secs_f64();
        longest_gap = longest_gap.max(at - last);
        last = at;
        watcher.round(at);
        rounds += 1;
        if began.elapsed() - shown > Duration::from_millis(200) {
            shown = began.elapsed();
            stop.progress(Progress {
                elapsed: at,
                limit: options.time.map(|time| time.as_secs_f64()),
                threads: watcher.threads.len(),
                processes: watcher.processes.len(),
            });
        }
    }
    let end = began.elapsed().as_secs_f64();
    watcher.finish(end);
    let status = match &mut child {
        None => None,
        Some(running) => {
            running.try_wait().map_err(|reason| Error::System { doing: "wait for the program", reason })?
        }
    };
    if status.is_some() {
        child = None;
    }
    let ending = match status {
        Some(status) => ending(status),
        None if attached && scan::stat(pid).is_none_or(|stat| matches!(stat.state, 'Z' | 'X')) => Ending::Gone,
        None => Ending::StillRuns,
    };
    let after = report::Own::now();
    let context = report::Context {
        words,
        pid,
        attached,
        ending,
        left_running: if status.is_some() { left_running() } else { Vec::new() },
        wall: end,
        rate: options.rate,
        rounds,
        interrupted,
        longest_gap,
        machine: report::with_throttling(machine, quota.as_ref(), stolen, self::stolen()),
        before,
        after,
        collected: status.is_some(),
    };
    let (measurement, samples) = report::report(watcher, context);
    Allowance::lower(limit);
    Ok(Recording { measurement, samples, child, status })
}

/// How a program ended.
pub fn ending(status: ExitStatus) -> Ending {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Exited(code),
        (None, Some(signal)) => Ending::Signalled(signal),
        (None, None) => Ending::Gone,
    }
}

/// Starts a command, on some of the processors if that is asked for. What it starts in turn inherits that.
///
/// # Errors
/// When there is no such program or it cannot be run.
pub fn start(mut command: Command, cores: Option<usize>) -> Result<Child, Error> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    // Children that lose their parent come to Raddle, so that they stay in sight.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    let allowed = sched_getaffinity(None).ok();
    if let (Some(cores), Some(allowed)) = (cores, &allowed) {
        let mut some = CpuSet::new();
        (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).take(cores).for_each(|cpu| some.set(cpu));
        sched_setaffinity(None, &some).map_err(|errno| Error::System {
            doing: "restrict the program to some processors",
            reason: errno.into(),
        })?;
    }
    let program = command.get_program().to_owned();
    let started = command.spawn();
    if let (Some(_), Some(allowed)) = (cores, &allowed) {
        let _ = sched_setaffinity(None, allowed);
    }
    started.map_err(|reason| match reason.kind() {
        std::io::ErrorKind::NotFound => Error::NoSuchProgram(program),
        _ => Error::CannotRun { program, reason },
    })
}

/// Processes that the program has left behind. They have become children of this one, as [`start`] has arranged.
fn left_running() -> Vec<(i32, String)> {
    let me = i32::try_from(std::process::id()).unwrap_or(0);
    let threads = scan::threads(me).unwrap_or_default();
    let children = threads.into_iter().flat_map(|tid| scan::children(me, tid));
    let living = children.filter_map(|pid| Some((pid, scan::stat(pid)?)));
    living.filter(|(_, stat)| !matches!(stat.state, 'Z' | 'X')).map(|(pid, stat)| (pid, stat.name)).collect()
}

/// Whether a running process may be watched.
fn permitted(pid: i32) -> Result<(), Error> {
    let stat = scan::stat(pid).filter(|_| pid > 0).ok_or_else(|| unseen(pid))?;
    if matches!(stat.state, 'Z' | 'X') {
        return Err(Error::Zombie(pid, stat.name));
    }
    let status = stat::status(&std::fs::read(format!("/proc/{pid}/status")).unwrap_or_default());
    let you = rustix::process::geteuid().as_raw();
    if let Some(user) = status.user
        && you != 0
        && user != you
    {
        let owner = if user == 0 { "root".to_owned() } else { format!("user {user}") };
        return Err(Error::NotYours { pid, name: stat.name, owner, you: format!("user {you}") });
    }
    // Threads of the kernel have no memory, so their map is empty although reading it is allowed.
    if std::fs::read(format!("/proc/{pid}/maps")).is_ok_and(|maps| maps.is_empty())
        && std::fs::read_link(format!("/proc/{pid}/exe")).is_err()
    {
        return Err(Error::Kernel(pid, stat.name));
    }
    Ok(())
}

/// Why `/proc` shows nothing of a process: there is none, or there is one that it hides.
fn unseen(pid: i32) -> Error {
    let signalled = Pid::from_raw(pid).filter(|_| pid > 0).map(rustix::process::test_kill_process);
    match signalled {
        Some(Ok(()) | Err(rustix::io::Errno::PERM)) => Error::Hidden(pid),
        _ => Error::NoSuchProcess(pid),
    }
}

fn command_line(pid: i32) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Waits for the program's end, the user, or the next round, whichever comes first. Returns whether the program has ended.
fn ends_within(ended: Option<&OwnedFd>, pid: i32, wake: Option<BorrowedFd<'_>>, wait: Duration) -> bool {
    let timeout = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
    let Some(ended) = ended else {
        // A kernel before 5.3.
        std::thread::sleep(wait);
        return scan::stat(pid).is_none_or(|stat| matches!(stat.state, 'Z' | 'X'));
    };
    let mut watched = vec![PollFd::from_borrowed_fd(ended.as_fd(), PollFlags::IN)];
    watched.extend(wake.map(|wake| PollFd::from_borrowed_fd(wake, PollFlags::IN)));
    match poll(&mut watched, Some(&timeout)) {
        Ok(_) => watched[0].revents().contains(PollFlags::IN),
        Err(_) => false,
    }
}

/// When to look next: by the rate, but never in step with the program. A program with a period of its own would
/// otherwise show the same side at every look.
#[derive(Debug)]
struct Rhythm {
    period: f64,
    seed: u64,
    due: f64,
}

impl Rhythm {
    fn new(rate: f64) -> Self {
        let seed = u64::from(std::process::id()).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { period: 1.0 / rate, seed, due: 0.0 }
    }

    /// Time until the next look; looks that are late already are left out.
    fn next(&mut self, elapsed: Duration) -> Duration {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        let even = (self.seed >> 11) as f64 / (1u64 << 53) as f64;
        let now = elapsed.as_secs_f64();
        self.due = (self.due + self.period * (0.75 + 0.5 * even)).max(now);
        Duration::from_secs_f64(self.due - now)
    }
}

fn stolen() -> Option<(u64, u64)> {
    stat::stolen(&std::fs::read("/proc/stat").ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_keep_the_rate_without_keeping_step() {
        let mut rhythm = Rhythm::new(100.0);
        let mut now = 0.0;
        let mut gaps = Vec::new();
        for _ in 0..1000 {
            let wait = rhythm.next(Duration::from_secs_f64(now)).as_secs_f64();
            gaps.push(wait);
            now += wait;
        }
        assert!((now - 10.0).abs() < 0.3, "{now}");
        assert!(gaps.iter().any(|gap| *gap < 0.008) && gaps.iter().any(|gap| *gap > 0.012));
    }

    #[test]
    fn a_late_look_is_not_made_up_for() {
        let mut rhythm = Rhythm::new(100.0);
        rhythm.next(Duration::ZERO);
        assert_eq!(rhythm.next(Duration::from_secs(5)), Duration::ZERO);
        assert!(rhythm.next(Duration::from_secs(5)) > Duration::from_millis(7));
    }
}
