//! The books of processes: what the kernel has counted, what no look has met, and what is left when a thread or process
//! ends.

use super::process::{self, Process};
use super::watcher::{Watcher, reap};
use crate::measure::intervals::Seen;
use crate::procfs::{scan, stat};
use crate::state::State;

/// Seconds between visits to a process.
const PROCESS_PERIOD: f64 = 0.1;
/// Unseen processor time below this is left to rounding, seconds: the kernel tells hundredths.
const ROUNDING: f64 = 0.012;

impl Watcher {
    pub(super) fn end_thread(&mut self, tid: i32, at: f64) {
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
            if let (true, Some(site)) = (state.is_blocked(), thread.site) {
                self.sites.spend(site, seconds);
            }
        }
        if let Some(process) = self.processes.get_mut(&thread.pid) {
            process.threads.remove(&tid);
            process.ended += 1;
            process.seen_cpu += parts.iter().filter(|(state, _)| *state == State::Cpu).map(|(_, ran)| ran).sum::<f64>();
        }
        // One that ended before its name was read has the name of its process.
        if thread.name.is_empty() {
            thread.name = self.names.get(&thread.pid).cloned().unwrap_or_default();
        }
        self.accounts.of(thread.pid, &thread.name).add(&thread.account);
        self.thread_names.insert(tid, thread.name);
    }

    pub(super) fn visit_processes(&mut self, at: f64) {
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
    pub(super) fn find_unseen(&mut self, pid: i32, from: f64, at: f64, last: bool) {
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
        let mut missing = self.missing_children(pid);
        // Children whose ends have not been noticed yet would count twice.
        if missing > ROUNDING {
            self.notice_ends(pid, at);
            missing = self.missing_children(pid);
        }
        let Some(process) = self.processes.get_mut(&pid) else { return };
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

    /// Processor time of children in the books of a process that nothing accounts for, seconds.
    fn missing_children(&self, pid: i32) -> f64 {
        let Some(process) = self.processes.get(&pid) else { return 0.0 };
        let ticks = process.stat.children_user + process.stat.children_system;
        let base = process.base.children_user + process.base.children_system;
        ticks.saturating_sub(base) as f64 * self.tick - process.credit - process.unseen_children
    }

    /// Closes the books of those children of a process that are gone.
    fn notice_ends(&mut self, parent: i32, at: f64) {
        let children = self.processes.values().filter(|process| process.parent == parent).map(|process| process.pid);
        let gone: Vec<i32> = children.filter(|pid| scan::stat(*pid).is_none()).collect();
        for pid in gone {
            self.end_process(pid, at);
        }
    }

    pub(super) fn end_process(&mut self, pid: i32, at: f64) {
        if !self.processes.contains_key(&pid) {
            return;
        }
        // What is known of a child must be in its parent's books first.
        self.notice_ends(pid, at);
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

    pub(super) fn add_totals(&mut self, process: &Process) {
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
    pub(super) fn close_thread(&mut self, tid: i32) {
        let Some(mut thread) = self.threads.remove(&tid) else { return };
        thread.read_details(self.tick);
        self.accounts.of(thread.pid, &thread.name).add(&thread.account);
        self.thread_names.insert(tid, thread.name.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procfs::file::Allowance;
    use crate::stacks::{Stacks, Wanted};
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    use std::sync::PoisonError;

    /// A shell that starts another one, waits for it, says so, and stays. The inner one computes.
    const FAMILY: &str = "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; echo over; read line";

    /// The end of a child is noticed late, when its processor time stands in its parent's books already.
    #[test]
    fn a_child_whose_end_is_noticed_late_counts_once() {
        let _alone = crate::CHILDREN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut parent = Command::new("sh")
            .args(["-c", FAMILY])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is a shell");
        let pid = i32::try_from(parent.id()).expect("a process number");
        let (allowance, _) = Allowance::raise();
        let stacks = Stacks::new(Wanted::None);
        let mut watcher = Watcher::new(pid, false, 2.0, stacks, allowance).expect("it lives");
        let mut at = 0.0;
        let child = loop {
            at += 0.01;
            std::thread::sleep(std::time::Duration::from_millis(10));
            watcher.round(at);
            if let Some(child) = watcher.processes.keys().find(|known| **known != pid)
                && watcher.processes[child].seen_cpu > 0.05
            {
                break *child;
            }
            assert!(at < 30.0, "the child has never been seen to compute");
        };
        let mut line = String::new();
        BufReader::new(parent.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        assert_eq!(line, "over\n");
        assert!(watcher.processes.contains_key(&child), "its end has not been noticed yet");
        let seen = watcher.processes[&child].seen_cpu;

        for _ in 0..3 {
            at += PROCESS_PERIOD;
            watcher.visit_process(pid, at);
        }
        let stat = scan::stat(pid).expect("it waits for a line");
        let counted = (stat.children_user + stat.children_system) as f64 * watcher.tick;
        assert!(!watcher.processes.contains_key(&child), "its end is noticed");
        let all = watcher.totals.unseen + seen;
        assert!(all < counted + 0.05, "{all} s are accounted for, of {counted} s");
        drop(parent.stdin.take());
        parent.wait().expect("it ends");
    }
}
