//! Searches for processes and threads that have been born, and meets them.

use super::budget::thread_cpu;
use super::process::Process;
use super::thread::Thread;
use super::watcher::{WHEEL, Watcher, reap};
use crate::measure::intervals::{Counters, Watch};
use crate::procfs::scan;
use crate::procfs::stat::{self, Stat};
use std::collections::HashSet;

/// Seconds after which everything is searched for again even if nobody seems to have been born.
const SCAN_PERIOD: f64 = 0.25;
/// The same when the budget is spent and somebody has been born.
const POOR_SCAN_PERIOD: f64 = 0.05;
/// Threads of a process whose details are read when they are met.
const DETAILED: usize = 64;
/// Threads up to which children are searched for thread by thread.
const FEW: usize = 16;
/// Processor time that meeting new processes may take in one search, seconds. In a storm of forks the rest is met by the
/// next search, or never; then its parent's books tell what it has used.
const MEETING: f64 = 0.004;

impl Watcher {
    /// Searches for new threads and processes, if there can be any.
    pub(super) fn search(&mut self, at: f64) {
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

    pub(super) fn scan(&mut self, at: f64, older: bool) {
        let thorough = at - self.thorough >= SCAN_PERIOD;
        if !thorough && self.threads.len() <= FEW {
            self.scan_children(at);
            return;
        }
        self.thorough = at;
        let began = thread_cpu();
        // At first all that runs on the machine is unknown.
        let first = older || self.strangers.is_empty();
        let lasts = |share: f64| first || thread_cpu() - began < share * MEETING;
        let listed = scan::processes();
        let mut unknown: Vec<(i32, Stat)> = listed
            .iter()
            .filter(|pid| !self.processes.contains_key(pid) && !self.strangers.contains(pid))
            .take_while(|_| lasts(0.4))
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
            for (pid, stat) in ours.into_iter().take_while(|_| lasts(1.0)) {
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
    pub(super) fn scan_children(&mut self, at: f64) {
        let tids: Vec<(i32, i32)> = self.threads.values().map(|thread| (thread.pid, thread.tid)).collect();
        let began = thread_cpu();
        'search: for (pid, tid) in tids {
            for child in scan::children(pid, tid) {
                if self.processes.contains_key(&child) {
                    continue;
                }
                if thread_cpu() - began >= MEETING {
                    break 'search;
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
    pub(super) fn scan_threads(&mut self, pid: i32, at: f64, older: bool, thorough: bool) {
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

    pub(super) fn adopt(&mut self, pid: i32, stat: Stat, older: bool, at: f64) {
        self.met.1 += 1;
        self.names.insert(pid, stat.name.clone());
        let process = Process::new(pid, stat, older, at);
        if process.python {
            self.interpreters.insert("Python");
        }
        self.processes.insert(pid, process);
        self.stacks.set_time(at);
        // What is not read now is read when a stack is to be unwound, if the process lives that long.
        if self.budget.lasts() {
            self.stacks.meet(pid);
        }
        for tid in scan::threads(pid).unwrap_or_default() {
            self.add_thread(pid, tid, older, at);
        }
    }

    pub(super) fn add_thread(&mut self, pid: i32, tid: i32, older: bool, at: f64) {
        let Some(process) = self.processes.get_mut(&pid) else { return };
        let mut thread = Thread::new(pid, tid, older, at, &self.allowance);
        let counters = if self.coarse { thread.coarse_counters(self.tick) } else { thread.counters() };
        let Ok(counters) = counters else { return };
        // A process that has ended already stays listed until it is collected. With many threads, what is not needed at
        // once is read when its time comes.
        if (tid == pid || process.threads.len() < DETAILED)
            && matches!(thread.read_details(self.tick), None | Some('Z' | 'X'))
        {
            return;
        }
        self.met.0 += 1;
        process.threads.insert(tid);
        // Many threads get their names only after they have begun.
        thread.details_at = at + 0.1;
        if older {
            thread.watch = Watch::new(at, counters);
        } else {
            let lived = (counters.run + counters.queued).min((at - self.scanned.max(0.0)).max(0.0));
            thread.watch = Watch::new(at - lived, Counters::default());
        }
        self.threads.insert(tid, thread);
        self.wheel[(self.round + 1) % WHEEL].push_back(tid);
        self.visit_thread(tid, at);
    }
}
