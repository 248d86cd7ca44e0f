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
use super::process::{self, Process};
use super::sockets::Tables;
use super::thread::{Said, Thread};
use crate::classify::{self, Object, Wait, wchan};
use crate::measure::accounts::{Sites, Threads};
use crate::measure::bins::Bins;
use crate::measure::intervals::Seen;
use crate::procfs::file::{Allowance, KeptFile};
use crate::procfs::stat::Stat;
use crate::procfs::syscall::Syscall;
use crate::procfs::{scan, stat};
use crate::stacks::Stacks;
use crate::state::State;
use std::collections::{HashMap, HashSet, VecDeque};

/// Rounds ahead for which looks are planned.
const WHEEL: usize = 32;
/// Longest pause between looks at a thread that does not move, in rounds.
const LONGEST_PAUSE: u32 = 16;
/// Looks that are taken in each round even when the budget is spent.
const AT_LEAST: usize = 4;
/// Seconds between visits to a process.
const PROCESS_PERIOD: f64 = 0.1;
/// Seconds after which everything is searched for again even if nobody seems to have been born.
const SCAN_PERIOD: f64 = 0.25;
/// The same when the budget is spent and somebody has been born.
const POOR_SCAN_PERIOD: f64 = 0.05;
/// Threads up to which children are searched for thread by thread.
const FEW: usize = 16;
/// Seconds between readings of a thread's details.
const DETAILS_PERIOD: f64 = 1.0;
/// Processor time after which a thread's stack is worth taking, seconds.
const ESTABLISHED: f64 = 0.02;
/// Unseen processor time below this is left to rounding, seconds: the kernel tells hundredths.
const ROUNDING: f64 = 0.012;

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
    me: i32,
    /// Length of a clock tick, seconds.
    pub tick: f64,
    allowance: Allowance,
    /// Processes that live.
    pub processes: HashMap<i32, Process>,
    /// Threads that live.
    pub threads: HashMap<i32, Thread>,
    strangers: HashSet<i32>,
    wheel: Vec<VecDeque<i32>>,
    round: usize,
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
    budget: Budget,
    loadavg: KeptFile,
    newest: Option<u64>,
    scanned: f64,
    thorough: f64,
    last: f64,
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
    stacks_measured: f64,
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
        self.stacks.collect();
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
        self.visit_processes(at);
        self.bins.count(self.threads.len(), at);
        self.peaks.threads = self.peaks.threads.max(self.threads.len() as u64);
        self.peaks.processes = self.peaks.processes.max(self.processes.len() as u64);
        self.measure_stacks(at);
        self.budget.end();
    }

    /// Searches for new threads and processes, if there can be any.
    fn search(&mut self, at: f64) {
        let mut buffer = [0; 128];
        let newest = self.loadavg.read(&mut buffer).ok().and_then(stat::newest);
        let since = at - self.scanned;
        let overdue = at - self.thorough >= SCAN_PERIOD;
        let born = newest.is_none() || newest != self.newest;
        let rest = if self.budget.lasts() { 0.0 } else { POOR_SCAN_PERIOD };
        if overdue || (born && since >= rest) {
            self.newest = newest;
            self.scan(at, false);
        }
    }

    fn scan(&mut self, at: f64, older: bool) {
        let thorough = at - self.thorough >= SCAN_PERIOD;
        if !thorough && self.threads.len() <= FEW {
            self.scan_children(at);
            return;
        }
        self.thorough = at;
        let listed = scan::processes();
        let mut unknown: Vec<(i32, Stat)> = listed
            .iter()
            .filter(|pid| !self.processes.contains_key(pid) && !self.strangers.contains(pid))
            .filter_map(|pid| Some((*pid, scan::stat(*pid)?)))
            .collect();
        // A child can be listed before its parent.
        loop {
            let (ours, rest): (Vec<_>, Vec<_>) = unknown.into_iter().partition(|(pid, stat)| {
                self.processes.contains_key(&stat.parent) || (stat.parent == self.me && *pid != self.root)
            });
            unknown = rest;
            if ours.is_empty() {
                break;
            }
            for (pid, stat) in ours {
                if stat.parent == self.me && stat.state == 'Z' {
                    reap(pid);
                } else if !matches!(stat.state, 'Z' | 'X') {
                    self.adopt(pid, stat, older, at);
                }
            }
        }
        self.strangers.extend(unknown.into_iter().map(|(pid, _)| pid));
        let listed: HashSet<i32> = listed.into_iter().collect();
        self.strangers.retain(|pid| listed.contains(pid));
        let gone: Vec<i32> = self.processes.keys().filter(|pid| !listed.contains(pid)).copied().collect();
        for pid in gone {
            self.end_process(pid, at);
        }
        let pids: Vec<i32> = self.processes.keys().copied().collect();
        for pid in pids {
            self.scan_threads(pid, at, older, thorough);
        }
        self.scanned = at;
    }

    /// Searches for children of known threads only. Cheaper than to list all processes of the machine while there are few
    /// threads; what it misses is found by the next thorough search.
    fn scan_children(&mut self, at: f64) {
        let tids: Vec<(i32, i32)> = self.threads.values().map(|thread| (thread.pid, thread.tid)).collect();
        for (pid, tid) in tids {
            for child in scan::children(pid, tid) {
                if self.processes.contains_key(&child) {
                    continue;
                }
                if let Some(stat) = scan::stat(child)
                    && !matches!(stat.state, 'Z' | 'X')
                {
                    self.adopt(child, stat, false, at);
                }
            }
        }
        let pids: Vec<i32> = self.processes.keys().copied().collect();
        for pid in pids {
            self.scan_threads(pid, at, false, false);
        }
        self.scanned = at;
    }

    /// The number of links of `task` is two more than there are threads, which is cheaper to ask than to list them.
    fn scan_threads(&mut self, pid: i32, at: f64, older: bool, thorough: bool) {
        use std::os::unix::fs::MetadataExt;
        let known = &self.processes[&pid].threads;
        if !thorough {
            let links = std::fs::metadata(format!("/proc/{pid}/task")).map(|data| data.nlink()).unwrap_or(0);
            if links == known.len() as u64 + 2 {
                return;
            }
        }
        let Some(threads) = scan::threads(pid) else { return };
        for tid in threads {
            if !self.threads.contains_key(&tid) {
                self.add_thread(pid, tid, older, at);
            }
        }
    }

    fn adopt(&mut self, pid: i32, stat: Stat, older: bool, at: f64) {
        self.met.1 += 1;
        self.names.insert(pid, stat.name.clone());
        let process = Process::new(pid, stat, older, at);
        if process.python {
            self.interpreters.insert("Python");
        }
        self.processes.insert(pid, process);
        self.stacks.set_time(at);
        self.stacks.meet(pid);
        for tid in scan::threads(pid).unwrap_or_default() {
            self.add_thread(pid, tid, older, at);
        }
    }

    fn add_thread(&mut self, pid: i32, tid: i32, older: bool, at: f64) {
        let Some(process) = self.processes.get_mut(&pid) else { return };
        let mut thread = Thread::new(pid, tid, older, at, &self.allowance);
        let counters = if self.coarse { thread.coarse_counters(self.tick) } else { thread.counters() };
        let Ok(counters) = counters else { return };
        // One that has ended already stays listed until it is collected.
        if matches!(thread.read_details(self.tick), None | Some('Z' | 'X')) {
            return;
        }
        self.met.0 += 1;
        process.threads.insert(tid);
        // Many threads get their names only after they have begun.
        thread.details_at = at + 0.1;
        if older {
            thread.watch = crate::measure::intervals::Watch::new(at, counters);
        } else {
            let lived = (counters.run + counters.queued).min((at - self.scanned.max(0.0)).max(0.0));
            thread.watch = crate::measure::intervals::Watch::new(at - lived, Default::default());
        }
        self.threads.insert(tid, thread);
        self.wheel[(self.round + 1) % WHEEL].push_back(tid);
        self.visit_thread(tid, at);
    }

    /// Looks at a thread and plans the next look.
    fn visit(&mut self, tid: i32, at: f64) {
        if !self.visit_thread(tid, at) {
            return;
        }
        let Some(thread) = self.threads.get_mut(&tid) else { return };
        let round = self.round + thread.pause as usize;
        self.wheel[round % WHEEL].push_back(tid);
        if at >= thread.details_at && self.budget.lasts() {
            thread.details_at = at + DETAILS_PERIOD;
            thread.read_details(self.tick);
        }
    }

    /// Returns whether the thread lives.
    fn visit_thread(&mut self, tid: i32, at: f64) -> bool {
        let Some(thread) = self.threads.get_mut(&tid) else { return false };
        let Some(process) = self.processes.get_mut(&thread.pid) else { return false };
        self.visits += 1;
        let counters = if self.coarse { thread.coarse_counters(self.tick) } else { thread.counters() };
        let Ok(counters) = counters else {
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
                        self.stacks.sleeper(thread.pid, tid, sp, pc, site);
                    }
                    Seen::Asleep(state)
                }
            }
        };
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
        // Not of a thread that may be gone in the next moment.
        if seen == Seen::Ready && amounts.cpu > 0.0 && thread.account.time[State::Cpu] >= ESTABLISHED {
            self.stacks.runner(thread.pid, tid);
        }
        true
    }

    fn end_thread(&mut self, tid: i32, at: f64) {
        let Some(mut thread) = self.threads.remove(&tid) else { return };
        self.sites.move_to(thread.site, None);
        let since = thread.watch.at();
        let open = thread.watch.end();
        let parts = match thread.watch.seen() {
            // In the proportion in which it ran and queued before.
            Seen::Ready => {
                let (cpu, queue) = (thread.account.time[State::Cpu], thread.account.time[State::RunQueue]);
                let ran = if cpu + queue > 0.0 { open * cpu / (cpu + queue) } else { open };
                [(State::Cpu, ran), (State::RunQueue, open - ran)]
            }
            Seen::Asleep(state) => [(state, (at - since).max(0.0)), (State::Cpu, 0.0)],
        };
        for (state, seconds) in parts {
            self.bins.lay(state, seconds, since - open, at.max(since));
            thread.account.time[state] += seconds;
        }
        if let Some(process) = self.processes.get_mut(&thread.pid) {
            process.threads.remove(&tid);
            process.ended += 1;
            process.seen_cpu += parts.iter().filter(|(state, _)| *state == State::Cpu).map(|(_, ran)| ran).sum::<f64>();
        }
        self.accounts.of(thread.pid, &thread.name).add(&thread.account);
        self.thread_names.insert(tid, thread.name);
    }

    fn visit_processes(&mut self, at: f64) {
        let due: Vec<i32> = self
            .processes
            .values()
            .filter(|process| at - process.visited >= PROCESS_PERIOD)
            .map(|process| process.pid)
            .collect();
        for (index, pid) in due.into_iter().enumerate() {
            if index > 0 && !self.budget.lasts() {
                return;
            }
            self.visit_process(pid, at);
        }
    }

    /// Reads the books of a process.
    pub fn visit_process(&mut self, pid: i32, at: f64) {
        let Some(stat) = scan::stat(pid) else {
            self.end_process(pid, at);
            return;
        };
        let Some(process) = self.processes.get_mut(&pid) else { return };
        if stat.state == 'Z' && stat.parent == self.me && pid != self.root {
            reap(pid);
        }
        if stat.name != process.name && stat.state != 'Z' {
            process.name.clone_from(&stat.name);
            self.names.insert(pid, stat.name.clone());
        }
        if stat.state != 'Z' && process.recognize() {
            if process.python {
                self.interpreters.insert("Python");
            }
            self.stacks.forget(pid);
            self.stacks.meet(pid);
        }
        let second = (at / 1.0) as u64 != (process.visited / 1.0) as u64;
        let from = process.visited;
        process.children_before = process.stat.children_user + process.stat.children_system;
        process.stat = stat;
        process.visited = at;
        process.read_io();
        // `VmHWM` only grows, so once a second does as well as always, but for what lives shorter.
        if second || process.stat.threads < 4 {
            let status = stat::status(&std::fs::read(format!("/proc/{pid}/status")).unwrap_or_default());
            self.peaks.swapped = self.peaks.swapped.max(status.swapped);
            if second && self.budget.lasts() {
                let (all, connections) = process::open_descriptors(pid).unwrap_or_default();
                self.peaks.descriptors = self.peaks.descriptors.max(all);
                self.peaks.connections = self.peaks.connections.max(connections);
            }
            // The whole program at once, as far as it is known.
            if status.resident_peak > 0 {
                self.peaks.resident = self.peaks.resident.max(status.resident_peak);
            }
        }
        self.find_unseen(pid, from, at, false);
    }

    /// Processor time in the books of a process that no look has met.
    fn find_unseen(&mut self, pid: i32, from: f64, at: f64, last: bool) {
        let Some(process) = self.processes.get_mut(&pid) else { return };
        let mut unseen = 0.0;
        if process.ended > 0 || last {
            let late: f64 = if last {
                0.0
            } else {
                let threads = process.threads.iter().filter_map(|tid| self.threads.get(tid));
                threads
                    .filter(|thread| thread.watch.seen() == Seen::Ready)
                    .map(|thread| at - thread.watch.at() + 0.005)
                    .sum()
            };
            let missing = process.ticks() as f64 * self.tick - process.seen_cpu - process.unseen_threads - late;
            if missing > ROUNDING {
                process.unseen_threads += missing;
                unseen += missing;
            }
            process.ended = 0;
        }
        // As of the visit before: children whose ends have not been noticed yet would count twice.
        let now = process.stat.children_user + process.stat.children_system;
        let ticks = if last { now } else { process.children_before.min(now) };
        let base = process.base.children_user + process.base.children_system;
        let missing = ticks.saturating_sub(base) as f64 * self.tick - process.credit - process.unseen_children;
        if missing > ROUNDING {
            process.unseen_children += missing;
            unseen += missing;
        }
        if unseen > 0.0 {
            // No more than all processors can have done, so that a late entry does not look like a burst.
            let from = from.min(at - unseen / 2.0).max(0.0);
            self.bins.lay(State::Cpu, unseen, from, at);
            self.totals.unseen += unseen;
        }
    }

    fn end_process(&mut self, pid: i32, at: f64) {
        let Some(process) = self.processes.get(&pid) else { return };
        let threads: Vec<i32> = process.threads.iter().copied().collect();
        for tid in threads {
            self.end_thread(tid, at);
        }
        let Some(process) = self.processes.remove(&pid) else { return };
        self.add_totals(&process);
        let known = (process.seen_cpu + process.unseen_threads).max(process.ticks() as f64 * self.tick);
        let children = process.stat.children_user + process.stat.children_system;
        let base = process.base.children_user + process.base.children_system;
        let children = children.saturating_sub(base) as f64 * self.tick;
        let credit = known + children.max(process.credit + process.unseen_children);
        if let Some(parent) = self.processes.get_mut(&process.parent) {
            parent.credit += credit;
        }
    }

    fn add_totals(&mut self, process: &Process) {
        let (stat, base) = (&process.stat, &process.base);
        let moved = process.moved();
        self.totals.user += stat.user.saturating_sub(base.user);
        self.totals.system += stat.system.saturating_sub(base.system);
        self.totals.minor += stat.minor_faults.saturating_sub(base.minor_faults);
        self.totals.major += stat.major_faults.saturating_sub(base.major_faults);
        let amounts = [moved.read, moved.written, moved.storage_read, moved.storage_written];
        for (sum, amount) in self.totals.moved.iter_mut().zip(amounts) {
            *sum += amount;
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

    /// The last look at everything.
    pub fn finish(&mut self, at: f64) {
        self.stacks.set_time(at);
        self.stacks.end();
        let tids: Vec<i32> = self.threads.keys().copied().collect();
        // With thousands of threads the last looks would take longer than they are worth.
        for tid in tids.into_iter().take(2000) {
            self.visit_thread(tid, at);
        }
        let pids: Vec<i32> = self.processes.keys().copied().collect();
        for pid in pids {
            self.visit_process(pid, at);
        }
        // Children before parents: what is known of a child must be in its parent's books first.
        let mut rest: Vec<i32> = self.processes.keys().copied().filter(|pid| *pid != self.root).collect();
        rest.sort_unstable_by(|a, b| b.cmp(a));
        for pid in rest {
            let from = self.processes.get(&pid).map_or(0.0, |process| process.visited - PROCESS_PERIOD);
            self.find_unseen(pid, from, at, true);
            // One that still runs is in nobody's books yet.
            let threads: Vec<i32> =
                self.processes.get(&pid).map(|process| process.threads.iter().copied().collect()).unwrap_or_default();
            for tid in threads {
                self.close_thread(tid);
            }
            if let Some(process) = self.processes.remove(&pid) {
                self.add_totals(&process);
            }
        }
        let from = self.processes.get(&self.root).map_or(0.0, |process| process.visited - PROCESS_PERIOD);
        self.find_unseen(self.root, from, at, true);
        let tids: Vec<i32> = self.threads.keys().copied().collect();
        for tid in tids {
            self.close_thread(tid);
        }
        if let Some(process) = self.processes.remove(&self.root) {
            self.add_totals(&process);
        }
    }

    /// Takes a thread that lives on into the books.
    fn close_thread(&mut self, tid: i32) {
        let Some(mut thread) = self.threads.remove(&tid) else { return };
        thread.read_details(self.tick);
        self.accounts.of(thread.pid, &thread.name).add(&thread.account);
        self.thread_names.insert(tid, thread.name.clone());
    }
}

/// Collects a process that has been handed to Raddle when its parent ended.
fn reap(pid: i32) {
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
