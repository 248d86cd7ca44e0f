//! From the books to the measurement.

use super::notes::notes;
use super::session::{Sample, Samples};
use super::watcher::Watcher;
use crate::classify::{Descriptor, Object, Wait};
use crate::measure::accounts::Site;
use crate::measure::bins::coarser;
use crate::model::{
    Counts, Cpu, Ending, Machine, Measurement, Moment, Place, Sampling, Subject, ThreadLine, Timeline, Unwinding,
    WaitLine,
};
use crate::procfs::cgroup::Quota;
use crate::procfs::stat;
use crate::stacks::symbols::{Function, Names, without_interpreter};
use crate::state::{Standing, State};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity};
use std::collections::{BTreeMap, HashMap};

/// Steps of the timeline.
const MOMENTS: usize = 240;
/// Threads, waits and places that are listed.
const LISTED: usize = 40;

/// What this process itself has used, and what its children have that it has waited for.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    own: Option<Usage>,
    children: Option<Usage>,
}

impl Own {
    /// As of now.
    pub fn now() -> Self {
        Self { own: getrusage(UsageWho::RUSAGE_SELF).ok(), children: getrusage(UsageWho::RUSAGE_CHILDREN).ok() }
    }
}

fn cpu_of(usage: Option<Usage>) -> (f64, f64) {
    use nix::sys::time::TimeValLike;
    let seconds = |time: nix::sys::time::TimeVal| time.num_microseconds() as f64 / 1e6;
    usage.map_or((0.0, 0.0), |usage| (seconds(usage.user_time()), seconds(usage.system_time())))
}

/// What the session knows beside the books.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Context {
    pub words: Vec<String>,
    pub pid: i32,
    pub attached: bool,
    pub ending: Ending,
    pub left_running: Vec<(i32, String)>,
    pub wall: f64,
    pub rate: f64,
    pub rounds: u64,
    pub interrupted: bool,
    pub longest_gap: f64,
    pub machine: Machine,
    pub before: Own,
    pub after: Own,
    /// Whether the program has been waited for, so that its books are complete.
    pub collected: bool,
}

/// The machine as a process may use it.
pub fn machine(pid: i32, quota: Option<&Quota>) -> Machine {
    let count = |set: CpuSet| set.count();
    let cores = std::thread::available_parallelism().map_or(1, |count| count.get() as u32);
    let allowed = sched_getaffinity(Pid::from_raw(pid)).map_or(cores, count).max(1);
    let online = std::fs::read_to_string("/sys/devices/system/cpu/online").ok();
    let online = online.and_then(|text| ranges(text.trim())).unwrap_or(cores).max(1);
    let capacity = quota.map_or(f64::from(allowed), |quota| quota.cores.min(f64::from(allowed)));
    Machine { cores: online, allowed, quota: quota.map(|quota| quota.cores), capacity, ..Machine::default() }
}

/// `0-3,6` are five.
fn ranges(text: &str) -> Option<u32> {
    let mut count = 0;
    for part in text.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        count += to.parse::<u32>().ok()?.checked_sub(from.parse().ok()?)? + 1;
    }
    Some(count)
}

/// Adds what the control group and the host have taken away meanwhile.
pub fn with_throttling(
    mut machine: Machine,
    quota: Option<&Quota>,
    stolen_before: Option<(u64, u64)>,
    stolen_after: Option<(u64, u64)>,
) -> Machine {
    if let Some(before) = quota {
        let (times, throttled) = before.throttled_now();
        machine.throttled = (throttled - before.throttled).max(0.0);
        machine.throttled_times = times.saturating_sub(before.times);
    }
    if let (Some(before), Some(after)) = (stolen_before, stolen_after) {
        let all = after.1.saturating_sub(before.1);
        machine.stolen = if all == 0 { 0.0 } else { after.0.saturating_sub(before.0) as f64 / all as f64 };
    }
    machine
}

/// Puts everything together. The watcher has had its last look.
pub fn report(mut watcher: Watcher, context: Context) -> (Measurement, Samples) {
    let mut names = watcher.stacks.names();
    let capacity = context.machine.capacity;
    let bins = std::mem::replace(&mut watcher.bins, crate::measure::bins::Bins::new(capacity));
    let (closed, total, _) = bins.finish(context.wall);
    let tick = watcher.tick;

    let (own_user, own_system) = cpu_of(context.after.own);
    let (before_user, before_system) = cpu_of(context.before.own);
    let mut cpu = Cpu {
        user: watcher.totals.user as f64 * tick,
        system: watcher.totals.system as f64 * tick,
        unseen: watcher.totals.unseen,
    };
    let mut switches = (0, 0);
    for account in watcher.accounts.0.values() {
        switches.0 += account.voluntary;
        switches.1 += account.involuntary;
    }
    let mut faults = (watcher.totals.minor, watcher.totals.major);
    let mut resident = watcher.peaks.resident;
    let mut storage = (watcher.totals.moved[2], watcher.totals.moved[3]);
    if context.collected
        && let (Some(before), Some(after)) = (context.before.children, context.after.children)
    {
        let (user, system) = cpu_of(Some(after));
        let (user_before, system_before) = cpu_of(Some(before));
        cpu.user = cpu.user.max(user - user_before);
        cpu.system = cpu.system.max(system - system_before);
        let since = |after: i64, before: i64| u64::try_from(after - before).unwrap_or(0);
        switches.0 = switches.0.max(since(after.voluntary_context_switches(), before.voluntary_context_switches()));
        switches.1 = switches.1.max(since(after.involuntary_context_switches(), before.involuntary_context_switches()));
        faults.0 = faults.0.max(since(after.minor_page_faults(), before.minor_page_faults()));
        faults.1 = faults.1.max(since(after.major_page_faults(), before.major_page_faults()));
        // In units of 512 bytes.
        storage.0 = storage.0.max(512 * since(after.block_reads(), before.block_reads()));
        storage.1 = storage.1.max(512 * since(after.block_writes(), before.block_writes()));
        // The highest of all children that were ever waited for: only new if it is higher than before.
        if after.max_rss() > before.max_rss() {
            resident = resident.max(after.max_rss() as u64 * 1024);
        }
    }

    let threads_mean = {
        let length: f64 = closed.iter().map(|closed| closed.piece.length).sum();
        closed.iter().map(|closed| closed.alive * closed.piece.length).sum::<f64>() / length.max(1e-9)
    };
    let migrations: u64 = watcher.accounts.0.values().map(|account| account.migrations).sum();
    let has_migrations = std::path::Path::new("/proc/self/sched").exists();
    watcher.stack_sizes.sort_unstable();
    let counts = Counts {
        voluntary_switches: switches.0,
        involuntary_switches: switches.1,
        migrations: has_migrations.then_some(migrations),
        minor_faults: faults.0,
        major_faults: faults.1,
        resident_peak: resident,
        swapped_peak: watcher.peaks.swapped,
        stack_reserve: watcher.stack_sizes.get(watcher.stack_sizes.len() / 2).copied(),
        read: watcher.totals.moved[0],
        written: watcher.totals.moved[1],
        storage_read: storage.0,
        storage_written: storage.1,
        descriptors_peak: watcher.peaks.descriptors,
        connections_peak: watcher.peaks.connections,
        threads_peak: watcher.peaks.threads,
        threads_mean,
        threads_seen: watcher.met.0,
        processes_peak: watcher.peaks.processes,
        processes_seen: watcher.met.1,
    };

    let own_memory = stat::status(&std::fs::read("/proc/self/status").unwrap_or_default()).resident_peak;
    let sampling = Sampling {
        rate: context.rate,
        ticks: context.rounds,
        visits: watcher.visits,
        thinned: watcher.put_off > watcher.visits / 10,
        unreadable: watcher.unreadable,
        interrupted: context.interrupted,
        own_cpu: own_user + own_system - before_user - before_system,
        own_memory,
        run_queue_known: !watcher.coarse,
    };
    let queue = total.threads[State::RunQueue];
    let computing = total.computing;
    let busy = total.threads[State::Cpu];
    let samples = samples(&watcher, &mut names);
    let notes = notes(&watcher, &context, &sampling, &samples);
    let mut measurement = Measurement {
        subject: Subject {
            command: context.words,
            pid: context.pid,
            attached: context.attached,
            ending: context.ending,
            left_running: context.left_running.iter().map(|(pid, _)| *pid).collect(),
            interpreters: watcher.interpreters.iter().map(|name| (*name).to_owned()).collect(),
        },
        sampling,
        machine: context.machine,
        wall: context.wall,
        taken_by_others: total.taken,
        shares: total.shares,
        thread_time: total.threads,
        own_queue: total.own_queue,
        other_queue: (queue - total.own_queue).max(0.0),
        cpu,
        demand: if computing > 0.0 { (busy + queue) / computing } else { 0.0 },
        cores_busy: if computing > 0.0 { busy / computing } else { 0.0 },
        computing,
        counts,
        timeline: timeline(closed),
        threads: threads(&watcher),
        waits: Vec::new(),
        running: places(&watcher, &samples),
        unwinding: Unwinding {
            blocked: watcher.stacks.blocked,
            running: watcher.stacks.running,
            method: watcher.stacks.method(),
        },
        notes,
    };
    measurement.waits = waits(&mut watcher, &samples);
    (measurement, samples)
}

fn timeline(closed: Vec<crate::measure::bins::Closed>) -> Timeline {
    let closed = coarser(closed, MOMENTS);
    let moment = |closed: &crate::measure::bins::Closed| {
        let piece = &closed.piece;
        let length = piece.length.max(1e-9);
        let demand = (piece.threads[State::Cpu] + piece.threads[State::RunQueue]) / length;
        Moment {
            cores: piece.threads[State::Cpu] / length,
            demand,
            working: piece.threads.of(Standing::Work) / length,
            threads: closed.alive,
            shares: piece.shares.scaled(1.0 / length),
            taken: piece.taken / length,
        }
    };
    Timeline {
        step: closed.first().map_or(0.0, |closed| closed.piece.length),
        moments: closed.iter().map(moment).collect(),
    }
}

fn threads(watcher: &Watcher) -> Vec<ThreadLine> {
    let mut lines: Vec<ThreadLine> = watcher
        .accounts
        .0
        .iter()
        .map(|((pid, name), account)| ThreadLine {
            pid: *pid,
            process: watcher.names.get(pid).cloned().unwrap_or_default(),
            name: name.clone(),
            count: account.count,
            time: account.time,
            user: account.user,
            system: account.system,
            slices: account.slices,
            voluntary: account.voluntary,
            involuntary: account.involuntary,
            migrations: account.migrations,
        })
        .collect();
    let key = |line: &ThreadLine| (line.time.of(Standing::Work), line.time.total());
    lines.sort_by(|a, b| {
        let (a_key, b_key) = (key(a), key(b));
        b_key.0.total_cmp(&a_key.0).then(b_key.1.total_cmp(&a_key.1)).then(a.name.cmp(&b.name)).then(a.pid.cmp(&b.pid))
    });
    lines.truncate(LISTED);
    lines
}

/// The stacks with names and weights. A blocked stack stands for its part of the time spent at its site, a running one
/// for its part of the processor time.
fn samples(watcher: &Watcher, names: &mut Names) -> Samples {
    let stacks = &watcher.stacks;
    let mut at_site: HashMap<Option<usize>, u64> = HashMap::new();
    let mut process_of_stack = vec![0; stacks.all.len()];
    for taken in &stacks.taken {
        *at_site.entry(taken.site).or_default() += 1;
        process_of_stack[taken.stack] = taken.pid;
    }
    let cpu: f64 = watcher.accounts.0.values().map(|account| account.time[State::Cpu]).sum();
    let named: Vec<Vec<Function>> = stacks
        .all
        .iter()
        .zip(&process_of_stack)
        .map(|(frames, pid)| frames.iter().flat_map(|frame| names.functions(*pid, *frame)).collect())
        .map(without_interpreter)
        .collect();
    let samples = stacks.taken.iter().map(|taken| {
        let (state, seconds) = match taken.site {
            None => (State::Cpu, cpu),
            Some(site) => {
                let ((_, wait), site) = &watcher.sites.all[site];
                (wait.state, site.seconds)
            }
        };
        let weight = seconds / at_site[&taken.site] as f64;
        Sample { at: taken.at, pid: taken.pid, tid: taken.tid, state, stack: taken.stack, weight }
    });
    let samples: Vec<Sample> = samples.collect();
    let mut processes: Vec<_> = watcher.names.iter().map(|(pid, name)| (*pid, name.clone())).collect();
    processes.sort();
    let sampled: std::collections::HashSet<i32> = samples.iter().map(|sample| sample.tid).collect();
    let threads = watcher.thread_names.iter().filter(|(tid, _)| sampled.contains(tid));
    let mut threads: Vec<_> = threads.map(|(tid, name)| (*tid, name.clone())).collect();
    threads.sort();
    Samples { stacks: named, samples, processes, threads }
}

/// The most frequent stack, and how often it was seen among all.
fn most_frequent(stacks: impl Iterator<Item = usize>) -> Option<(usize, u64, u64)> {
    let mut counts: HashMap<usize, u64> = HashMap::new();
    let mut all = 0;
    for stack in stacks {
        *counts.entry(stack).or_default() += 1;
        all += 1;
    }
    let (stack, count) = counts.into_iter().max_by_key(|(stack, count)| (*count, usize::MAX - stack))?;
    Some((stack, count, all))
}

fn words(stack: &[Function]) -> Vec<String> {
    stack
        .iter()
        .map(|function| match &function.line {
            Some((file, line)) => {
                let file = file.rsplit('/').next().unwrap_or(file);
                format!("{} ({file}:{line})", function.name)
            }
            None => format!("{} ({})", function.name, function.file),
        })
        .collect()
}

fn waits(watcher: &mut Watcher, samples: &Samples) -> Vec<WaitLine> {
    let mut lines = single_waits(watcher, samples);
    lines.extend(waits_for_many_files(watcher));
    lines.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    lines.truncate(LISTED);
    lines
}

/// Calls of one kind on files of which none stands out: together they may be the longest wait, although each is short.
fn waits_for_many_files(watcher: &Watcher) -> Vec<WaitLine> {
    let mut groups: BTreeMap<(i32, &str, State), Vec<&Site>> = BTreeMap::new();
    for ((pid, wait), site) in &watcher.sites.all {
        if matches!(&wait.object, Object::Descriptor(Descriptor::File(_) | Descriptor::Unknown)) && site.seconds > 0.0 {
            groups.entry((*pid, wait.call, wait.state)).or_default().push(site);
        }
    }
    let mut lines = Vec::new();
    for ((pid, call, state), sites) in groups {
        let seconds: f64 = sites.iter().map(|site| site.seconds).sum();
        let longest = sites.iter().map(|site| site.seconds).fold(0.0, f64::max);
        if sites.len() < 5 || longest > 0.5 * seconds {
            continue;
        }
        lines.push(WaitLine {
            state,
            pid,
            process: watcher.names.get(&pid).cloned().unwrap_or_default(),
            call: call.to_owned(),
            object: format!("{} together", crate::words::counted(sites.len() as u64, "file")),
            seconds,
            seen: sites.iter().map(|site| site.seen).sum(),
            most_waiters: sites.iter().map(|site| site.most).max().unwrap_or(0),
            stack: Vec::new(),
            stack_seen: (0, 0),
        });
    }
    lines
}

fn single_waits(watcher: &mut Watcher, samples: &Samples) -> Vec<WaitLine> {
    let mut order: Vec<usize> = (0..watcher.sites.all.len()).collect();
    let seconds = |index: &usize| watcher.sites.all[*index].1.seconds;
    order.sort_by(|a, b| seconds(b).total_cmp(&seconds(a)).then(a.cmp(b)));
    order.retain(|index| seconds(index) > 0.0);
    order.truncate(LISTED);
    order
        .into_iter()
        .map(|index| {
            let ((pid, wait), site) = watcher.sites.all[index].clone();
            let here = watcher.stacks.taken.iter().filter(|taken| taken.site == Some(index)).map(|taken| taken.stack);
            let frequent = most_frequent(here);
            WaitLine {
                state: wait.state,
                pid,
                process: watcher.names.get(&pid).cloned().unwrap_or_default(),
                call: wait.call.to_owned(),
                object: object(watcher, pid, &wait),
                seconds: site.seconds,
                seen: site.seen,
                most_waiters: site.most,
                stack: frequent.map(|(stack, ..)| words(&samples.stacks[stack])).unwrap_or_default(),
                stack_seen: frequent.map_or((0, 0), |(_, count, all)| (count, all)),
            }
        })
        .collect()
}

fn object(watcher: &mut Watcher, pid: i32, wait: &Wait) -> String {
    match &wait.object {
        Object::None => String::new(),
        Object::Futex(address) => match watcher.stacks.variable(pid, *address) {
            Some(name) => format!("`{name}` ({address:#x})"),
            None => format!("{address:#x}"),
        },
        Object::InterpreterLock => "the interpreter lock (GIL)".to_owned(),
        Object::MemoryMap => "the kernel's lock around the memory map".to_owned(),
        Object::Descriptor(descriptor) => descriptor.to_string(),
        Object::Descriptors(count) => crate::words::counted(*count as u64, "descriptor"),
    }
}

fn places(watcher: &Watcher, samples: &Samples) -> Vec<Place> {
    let mut counts: HashMap<(i32, usize), u64> = HashMap::new();
    let mut all = 0;
    for taken in watcher.stacks.taken.iter().filter(|taken| taken.site.is_none()) {
        *counts.entry((taken.pid, taken.stack)).or_default() += 1;
        all += 1;
    }
    // Stacks that differ only in the instruction are one place.
    let mut places: HashMap<(i32, Vec<String>), u64> = HashMap::new();
    for ((pid, stack), count) in counts {
        *places.entry((pid, words(&samples.stacks[stack]))).or_default() += count;
    }
    let mut places: Vec<Place> = places
        .into_iter()
        .map(|((pid, stack), seen)| {
            let process = watcher.names.get(&pid).cloned().unwrap_or_default();
            Place { pid, process, stack, seen, of: all }
        })
        .collect();
    places.sort_by(|a, b| b.seen.cmp(&a.seen).then_with(|| a.stack.cmp(&b.stack)));
    places.truncate(LISTED);
    places
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn processors_are_counted() {
        assert_eq!(ranges("0-3,6"), Some(5));
        assert_eq!(ranges("0"), Some(1));
        assert_eq!(ranges(""), None);
    }
}
