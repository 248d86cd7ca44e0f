//! One look after the other at the program: who is there, and what each thread does.
//!
//! Threads are looked at in rounds. One that has not moved since the last look (the scheduler's counters tell, in one
//! read) is looked at less and less often, down to every sixteenth round. New threads and processes are searched for
//! only when the machine's newest process number has changed.
//!
//! Threads and processes that live shorter than a round are not seen. Their processor time is found in the books of
//! their process or of the parent that has waited for them, and counted as *unseen*.

use super::budget::Budget;
use super::eyes::Eyes;
use super::process::Process;
use super::sockets::Tables;
use super::thread::{Said, Thread};
use crate::classify::{self, Object, Wait, wchan};
use crate::measure::accounts::{Sites, Threads};
use crate::measure::bins::Bins;
use crate::measure::intervals::Seen;
use crate::procfs::file::{Allowance, KeptFile};
use crate::procfs::syscall::Syscall;
use crate::procfs::{scan, stat};
use crate::stacks::Stacks;
use crate::state::State;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

/// Rounds ahead for which looks are planned.
pub(super) const WHEEL: usize = 32;
/// Longest pause between looks at a thread that does not move, in rounds.
const LONGEST_PAUSE: u32 = 16;
/// Looks that are taken in each round even when the budget is spent.
const AT_LEAST: usize = 4;
/// Seconds between readings of a thread's details.
const DETAILS_PERIOD: f64 = 1.0;
/// Time between two readings of a thread that belong together.
const LATE: Duration = Duration::from_millis(1);
/// Processor time after which a thread's stack is worth taking, seconds.
const ESTABLISHED: f64 = 0.02;

/// Sums over processes that have ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// User time, ticks.
    pub user: u64,
    /// System time, ticks.
    pub system: u64,
    /// Minor faults.
    pub minor: u64,
    /// Major faults.
    pub major: u64,
    /// Bytes: read, written, from storage, to storage.
    pub moved: [u64; 4],
    /// Processor time that was counted without having been seen, seconds.
    pub unseen: f64,
}

/// Highest values.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub struct Peaks {
    pub resident: u64,
    pub swapped: u64,
    pub descriptors: u64,
    pub connections: u64,
    pub threads: u64,
    pub processes: u64,
}

/// Everything that is known while watching goes on.
#[derive(Debug)]
pub struct Watcher {
    /// The first process.
    pub root: i32,
    pub(super) me: i32,
    /// Length of a clock tick, seconds.
    pub tick: f64,
    pub(super) allowance: Allowance,
    /// Processes that live.
    pub processes: HashMap<i32, Process>,
    /// Threads that live.
    pub threads: HashMap<i32, Thread>,
    pub(super) strangers: HashSet<i32>,
    pub(super) wheel: Vec<VecDeque<i32>>,
    pub(super) round: usize,
    /// Time by bins.
    pub bins: Bins,
    /// Time by thread name.
    pub accounts: Threads,
    /// Time by what was waited for.
    pub sites: Sites,
    /// Stacks.
    pub stacks: Stacks,
    /// Connections.
    pub tables: Tables,
    pub(super) budget: Budget,
    pub(super) loadavg: KeptFile,
    pub(super) newest: Option<u64>,
    pub(super) scanned: f64,
    pub(super) thorough: f64,
    pub(super) last: f64,
    /// Kernel without scheduler statistics.
    pub coarse: bool,
    /// Sums over ended processes.
    pub totals: Totals,
    /// Highest values.
    pub peaks: Peaks,
    /// Names of processes that have been seen.
    pub names: HashMap<i32, String>,
    /// Names of threads that stacks were taken of.
    pub thread_names: HashMap<i32, String>,
    /// Threads and processes met.
    pub met: (u64, u64),
    /// Looks at threads; those of them that must not see the system call; whether looks were left out.
    pub visits: u64,
    /// Looks whose system call could not be read.
    pub unreadable: u64,
    /// Looks that were put off for lack of budget.
    pub put_off: u64,
    /// Interpreters with a lock of their own.
    pub interpreters: HashSet<&'static str>,
    /// Stack sizes, bytes.
    pub stack_sizes: Vec<u64>,
    pub(super) stacks_measured: f64,
    /// Threads found running in this round.
    pub(super) runners: Vec<i32>,
    /// Processor time of all threads that no stack stands for yet, seconds.
    pub(super) unsampled: f64,
}

impl Watcher {
    /// Begins to watch a process; `older` if it ran before.
    pub fn new(root: i32, older: bool, capacity: f64, stacks: Stacks, allowance: Allowance) -> Option<Self> {
        let stat = scan::stat(root)?;
        let mut watcher = Self {
            root,
            me: i32::try_from(std::process::id()).unwrap_or(0),
            loadavg: KeptFile::new("/proc/loadavg".to_owned(), &allowance),
            tick: 1.0 / rustix::param::clock_ticks_per_second().max(1) as f64,
            allowance,
            processes: HashMap::new(),
            threads: HashMap::new(),
            strangers: HashSet::new(),
            wheel: vec![VecDeque::new(); WHEEL],
            round: 0,
            bins: Bins::new(capacity),
            accounts: Threads::default(),
            sites: Sites::default(),
            stacks,
            tables: Tables::default(),
            budget: Budget::new(capacity),
            newest: None,
            scanned: -1.0,
            thorough: -1.0,
            last: 0.0,
            coarse: std::fs::read("/proc/self/schedstat")
                .ok()
                .and_then(|bytes| stat::schedstat(&bytes))
                .is_none_or(|own| own.run == 0),
            totals: Totals::default(),
            peaks: Peaks::default(),
            names: HashMap::new(),
            thread_names: HashMap::new(),
            met: (0, 0),
            visits: 0,
            unreadable: 0,
            put_off: 0,
            interpreters: HashSet::new(),
            stack_sizes: Vec::new(),
            stacks_measured: 0.0,
            runners: Vec::new(),
            unsampled: 0.0,
        };
        watcher.adopt(root, stat, older, 0.0);
        if older {
            watcher.scan(0.0, true);
        }
        Some(watcher)
    }

    /// A round of looks, so many seconds after the start.
    pub fn round(&mut self, at: f64) {
        self.budget.begin(at - self.last);
        self.last = at;
        self.stacks.set_time(at);
        for (tid, stopped) in self.stacks.collect() {
            if let Some(thread) = self.threads.get_mut(&tid) {
                thread.watch.was_stopped(stopped);
            }
        }
        self.runners.clear();
        self.search(at);
        self.round += 1;
        let due = std::mem::take(&mut self.wheel[self.round % WHEEL]);
        for (index, tid) in due.iter().enumerate() {
            if index >= AT_LEAST && index % 4 == 0 && !self.budget.lasts() {
                self.put_off += (due.len() - index) as u64;
                let next = &mut self.wheel[(self.round + 1) % WHEEL];
                // Those that have waited come first.
                for late in due.range(index..).rev() {
                    next.push_front(*late);
                }
                break;
            }
            self.visit(*tid, at);
        }
        self.take_running_stack();
        self.visit_processes(at);
        self.bins.count(self.threads.len(), at);
        self.peaks.threads = self.peaks.threads.max(self.threads.len() as u64);
        self.peaks.processes = self.peaks.processes.max(self.processes.len() as u64);
        self.measure_stacks(at);
        self.budget.end();
    }

    /// Looks at a thread and plans the next look.
    fn visit(&mut self, tid: i32, at: f64) {
        if !self.visit_thread(tid, at) {
            return;
        }
        let Some(thread) = self.threads.get_mut(&tid) else { return };
        let round = self.round + thread.pause as usize;
        self.wheel[round % WHEEL].push_back(tid);
        if at >= thread.details_at && (self.budget.lasts() || thread.name.is_empty()) {
            thread.details_at = at + DETAILS_PERIOD;
            thread.read_details(self.tick);
        }
    }

    /// Returns whether the thread lives.
    pub(super) fn visit_thread(&mut self, tid: i32, at: f64) -> bool {
        let Some(thread) = self.threads.get_mut(&tid) else { return false };
        let Some(process) = self.processes.get_mut(&thread.pid) else { return false };
        self.visits += 1;
        let began = Instant::now();
        let counters = if self.coarse { thread.coarse_counters(self.tick) } else { thread.counters() };
        let Ok(mut counters) = counters else {
            self.end_thread(tid, at);
            return false;
        };
        let unmoved = thread.watch.is_unmoved(&counters);
        let before = (thread.wait.as_ref().map(|wait| wait.state), thread.site);
        let seen = if self.stacks.is_holding(tid) {
            // If it is stopped, then by Raddle, and only because it was running.
            thread.pause = 1;
            Seen::Ready
        } else if let (true, Seen::Asleep(state)) = (unmoved, thread.watch.seen()) {
            thread.pause = (thread.pause * 2).min(LONGEST_PAUSE);
            if let Some(site) = thread.site {
                self.sites.see(site);
            }
            Seen::Asleep(state)
        } else {
            thread.pause = 1;
            let mut place = None;
            let wait = match thread.syscall() {
                Said::Gone => {
                    self.end_thread(tid, at);
                    return false;
                }
                Said::Forbidden => {
                    self.unreadable += 1;
                    blind(thread)
                }
                Said::Call(Syscall::Outside { .. }) => match outside(thread) {
                    // The process has ended as a whole, and its parent has not collected it yet.
                    Some(wait) if wait.state == State::Join && process.threads.len() == 1 => {
                        self.end_thread(tid, at);
                        return false;
                    }
                    other => other,
                },
                Said::Call(call) => {
                    if let Syscall::Blocked { sp, pc, .. } = call {
                        thread.sp = sp;
                        place = Some((sp, pc));
                    }
                    let mut eyes = Eyes { process, tables: &mut self.tables, stacks: &mut self.stacks, at };
                    classify::wait(&call, thread.wait.as_ref(), &mut eyes)
                }
            };
            match wait {
                None => {
                    self.sites.move_to(thread.site, None);
                    thread.site = None;
                    thread.wait = None;
                    Seen::Ready
                }
                Some(wait) => {
                    let state = wait.state;
                    let site = self.sites.number(thread.pid, &wait);
                    self.sites.move_to(thread.site, Some(site));
                    self.sites.see(site);
                    thread.site = Some(site);
                    thread.wait = Some(wait);
                    if let Some((sp, pc)) = place {
                        self.stacks.sleeper((thread.pid, tid, process.python), sp, pc, site);
                    }
                    Seen::Asleep(state)
                }
            }
        };
        // On a busy machine Raddle itself may have queued in between, and the thread have done something else.
        if began.elapsed() > LATE
            && !self.coarse
            && let Ok(again) = thread.counters()
        {
            counters = again;
        }
        let amounts = thread.watch.look(at, counters, seen);
        thread.account.slices = counters.slices;
        self.bins.lay(State::Cpu, amounts.cpu, amounts.from, amounts.to);
        self.bins.lay(State::RunQueue, amounts.queued, amounts.from, amounts.to);
        thread.account.time[State::Cpu] += amounts.cpu;
        thread.account.time[State::RunQueue] += amounts.queued;
        process.seen_cpu += amounts.cpu;
        for (state, seconds) in amounts.asleep.into_iter().flatten() {
            self.bins.lay(state, seconds, amounts.from, amounts.to);
            thread.account.time[state] += seconds;
            let site = if before.0 == Some(state) { before.1 } else { thread.site };
            if let Some(site) = site {
                self.sites.spend(site, seconds);
            }
        }
        thread.unsampled += amounts.cpu;
        self.unsampled += amounts.cpu;
        self.stacks.computed(amounts.cpu);
        // Not of a thread that may be gone in the next moment.
        if seen == Seen::Ready && amounts.cpu > 0.0 && thread.account.time[State::Cpu] >= ESTABLISHED {
            self.runners.push(tid);
        }
        true
    }

    /// Asks for the stack of a running thread, if it is time for one: of the one that has run longest without having been
    /// chosen, so that threads have stacks in proportion to their processor time. Whoever came first in each round would
    /// have most of them otherwise, although another one did the work.
    fn take_running_stack(&mut self) {
        let unsampled = |tid: &&i32| self.threads.get(tid).map_or(f64::MIN, |thread| thread.unsampled);
        let Some(tid) = self.runners.iter().max_by(|a, b| unsampled(a).total_cmp(&unsampled(b))) else { return };
        let Some(thread) = self.threads.get_mut(tid) else { return };
        let python = self.processes.get(&thread.pid).is_some_and(|process| process.python);
        if self.stacks.runner(thread.pid, thread.tid, python) {
            thread.unsampled -= std::mem::take(&mut self.unsampled);
        }
    }

    /// How much address space the stacks of threads have reserved, from time to time.
    fn measure_stacks(&mut self, at: f64) {
        let due = if self.stack_sizes.is_empty() { 0.3 } else { 5.0 };
        if at - self.stacks_measured < due {
            return;
        }
        self.stacks_measured = at;
        let Some(process) = self.processes.values().max_by_key(|process| process.threads.len()) else { return };
        if process.threads.len() < 2 {
            return;
        }
        let maps = crate::procfs::maps::maps(&std::fs::read(format!("/proc/{}/maps", process.pid)).unwrap_or_default());
        let others = process.threads.iter().filter(|tid| **tid != process.pid).filter_map(|tid| self.threads.get(tid));
        let sizes = others
            .filter(|thread| thread.sp != 0)
            .filter_map(|thread| crate::procfs::maps::at(&maps, thread.sp))
            .map(|mapping| mapping.end - mapping.start);
        self.stack_sizes = sizes.collect();
    }
}

/// Collects a process that has been handed to Raddle when its parent ended.
pub(super) fn reap(pid: i32) {
    use rustix::process::{Pid, WaitOptions, waitpid};
    let _ = waitpid(Pid::from_raw(pid), WaitOptions::NOHANG);
}

/// Without the right to read system calls.
fn blind(thread: &Thread) -> Option<Wait> {
    let letter = thread.stat().map_or('S', |stat| stat.state);
    if letter == 'R' {
        return None;
    }
    Some(wchan::wait(&thread.wchan(), letter))
}

/// Asleep outside of any system call: a page fault, or stopped, or a main thread that has ended before the others.
fn outside(thread: &Thread) -> Option<Wait> {
    let state = match thread.stat().map_or('S', |stat| stat.state) {
        'R' => return None,
        'T' | 't' => State::Stopped,
        'Z' | 'X' => State::Join,
        _ => State::PageFault,
    };
    Some(Wait { state, call: "", object: Object::None })
}
