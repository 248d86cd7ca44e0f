//! The rules, in the order in which they are tried. The first that recommends decides; the others only add.

use super::queueing;
use crate::model::{
    Advice, Bottleneck, Choice, Fired, Measurement, Recommendation, Scaling, Sentence, ThreadLine, Verdict,
};
use crate::state::State;
use crate::verdict::Shares;
use crate::words::{bytes, count, counted, decimal, percent, seconds};

/// Tasks in progress per processor from which on waiting is worth overlapping.
const OVERLAP: f64 = 1.3;
/// Tasks in progress from which on one thread for each becomes costly.
const MANY: f64 = 200.0;
/// Memory of stacks from which on threads are costly, bytes that are really used.
const STACKS: u64 = 64 << 20;
/// Memory that a blocked thread really uses: the touched part of its stack and the kernel's own, bytes.
pub(super) const THREAD_MEMORY: u64 = 32 << 10;
/// Memory that one task of an event loop uses, bytes.
pub(super) const TASK_MEMORY: u64 = 4 << 10;
/// Computing per event from which on an event loop keeps others waiting, seconds.
const LONG_EVENT: f64 = 0.01;
/// Idle time from which on a program has time to spare.
const SPARE: f64 = 0.25;
/// Serial fraction from which on more processors are not worth it.
const SERIAL: f64 = 0.8;

/// Unknown waiting from which on nothing is recommended.
const UNKNOWN: f64 = 0.5;

/// What the rules look at.
#[derive(Debug)]
pub(super) struct Facts<'m> {
    pub(super) m: &'m Measurement,
    pub(super) shares: Shares<'m>,
    pub(super) scaling: Option<&'m Scaling>,
    /// Processor seconds.
    pub(super) service: f64,
    /// Thread-seconds of waiting in the middle of work.
    pub(super) wait: f64,
    /// Of these, for locks.
    pub(super) lock: f64,
    /// Processors.
    pub(super) capacity: f64,
}

impl<'m> Facts<'m> {
    pub(super) fn new(m: &'m Measurement, scaling: Option<&'m Scaling>) -> Self {
        let time = &m.thread_time;
        // Threads that wait for a pipe or for each other's turn do so all at once; only what held up the program counts.
        let wait = time[State::Disk] + time[State::Network] + time[State::PageFault] + m.shares[State::Pipe];
        Self {
            m,
            shares: Shares::new(m),
            scaling,
            service: m.cpu.total().max(time[State::Cpu]),
            wait,
            lock: time[State::Lock],
            capacity: m.machine.capacity.max(0.01),
        }
    }

    /// Tasks in progress that keep one processor busy, by Little's law.
    pub(super) fn overlap(&self) -> f64 {
        (self.service + self.wait) / self.service.max(1e-9)
    }

    /// Share of the time in which it waited for something that is not known.
    fn unknown(&self) -> f64 {
        self.m.shares[State::Other] / self.m.shares.total().max(1e-9)
    }

    /// Threads that keep all processors busy.
    pub(super) fn pool(&self) -> u64 {
        (self.overlap() * self.capacity).ceil().clamp(1.0, 10_000.0) as u64
    }

    fn serial_fraction(&self) -> Option<(f64, f64, f64)> {
        let scaling = self.scaling?;
        // On a busy machine a limit may be that of the machine.
        if scaling.busy_elsewhere.is_some_and(|busy| busy >= crate::scaling::NOISE) {
            return None;
        }
        let fit = scaling.amdahl.as_ref()?;
        let sigma = fit.coefficients.iter().find(|coefficient| coefficient.name == "serial fraction")?;
        Some((sigma.value, sigma.low, sigma.high))
    }

    fn python(&self) -> bool {
        self.m.subject.interpreters.iter().any(|name| name == "Python")
    }

    fn interpreter_lock(&self) -> f64 {
        let waits = self.m.waits.iter().filter(|wait| wait.object.contains("GIL"));
        waits.map(|wait| wait.seconds).sum::<f64>() / (self.lock + self.service).max(1e-9)
    }
}

fn fired(rule: &str, says: &str, because: String) -> Fired {
    Fired { rule: rule.to_owned(), says: says.to_owned(), because }
}

fn sentence(rule: &str, text: String) -> Sentence {
    Sentence { rule: rule.to_owned(), text }
}

fn recommend(choice: Choice, size: Option<u64>, sentence: String) -> Recommendation {
    Recommendation { choice: Some(choice), size, sentence }
}

pub(super) fn advise(facts: &Facts<'_>, verdict: &Verdict) -> Advice {
    let mut all = Vec::new();
    let mut steps = Vec::new();
    let recommendation = decide(facts, &verdict.bottleneck, &mut all, &mut steps);
    memory_of_threads(facts, &mut all, &mut steps);
    long_events(facts, &mut all, &mut steps);
    let usable = !matches!(verdict.bottleneck, Bottleneck::NotEnough | Bottleneck::Idle) && facts.unknown() < UNKNOWN;
    Advice { recommendation, fired: all, steps, what_if: usable.then(|| queueing::what_if(facts)) }
}

fn decide(
    facts: &Facts<'_>,
    bottleneck: &Bottleneck,
    all: &mut Vec<Fired>,
    steps: &mut Vec<Sentence>,
) -> Recommendation {
    let m = facts.m;
    let shares = &facts.shares;
    if *bottleneck == Bottleneck::NotEnough {
        return Recommendation {
            choice: None,
            size: None,
            sentence: format!("Nothing can be recommended on {}.", counted(m.sampling.ticks, "look")),
        };
    }
    if *bottleneck == Bottleneck::Idle {
        all.push(fired(
            "idle",
            "A program that has nothing to do does not need another model.",
            format!("{} of the time nobody worked", percent(shares.idle())),
        ));
        return Recommendation {
            choice: None,
            size: None,
            sentence: format!(
                "Leave it as it is: it had work for {} of the time. Profile it again under load.",
                percent(1.0 - shares.idle())
            ),
        };
    }
    if facts.unknown() >= UNKNOWN {
        all.push(fired(
            "unknown-waits",
            "What to do about waiting depends on what is waited for.",
            format!("{} of the time it waited for something that Raddle does not know", percent(facts.unknown())),
        ));
        return Recommendation {
            choice: None,
            size: None,
            sentence: format!(
                "Nothing can be recommended: for {} of the time it is not known what the program waits for.",
                percent(facts.unknown())
            ),
        };
    }
    if facts.interpreter_lock() >= 0.2 {
        all.push(fired(
            "interpreter-lock",
            "Threads of an interpreter with a global lock compute one at a time; processes do not share the lock.",
            format!(
                "{} of waiting for the interpreter lock beside {} of computing",
                seconds(facts.lock),
                seconds(facts.service)
            ),
        ));
        let size = facts.capacity.ceil() as u64;
        return recommend(
            Choice::Processes,
            Some(size),
            format!(
                "Use {} (multiprocessing, or a process pool) instead of threads: they computed on {} of {} processors \
                 at a time.",
                counted(size, "process").replace("processs", "processes"),
                decimal(m.cores_busy),
                decimal(facts.capacity)
            ),
        );
    }
    if *bottleneck == Bottleneck::Lock {
        let share = facts.lock / (facts.lock + facts.service).max(1e-9);
        all.push(fired(
            "lock",
            "While threads wait for one lock, more threads only wait more.",
            format!("{} of the time of working threads went to waiting for locks", percent(share)),
        ));
        steps.push(sentence(
            "shorten-the-lock",
            format!(
                "Shorten what is done under the lock, or divide what it protects; {} computed at once although there \
                 are {} processors.",
                decimal(m.cores_busy),
                decimal(facts.capacity)
            ),
        ));
        return recommend(
            Choice::Sequential,
            None,
            format!(
                "As long as this lock stands, one thread does as much: {} processors were busy at once on average \
                 while anything computed.",
                decimal(m.cores_busy)
            ),
        );
    }
    if *bottleneck == Bottleneck::Scheduler {
        let each = m.cpu.total() / m.counts.voluntary_switches.max(1) as f64;
        all.push(fired(
            "small-turns",
            "Handing work to another thread costs some ten microseconds; work that is smaller is done faster at once.",
            format!("{} of work between two sleeps", seconds(each)),
        ));
        return recommend(
            Choice::Sequential,
            None,
            format!(
                "Do the work where it arises, or hand over hundreds of items at once: each turn did {} of work, and {} \
                 times a second somebody had to be woken.",
                seconds(each),
                count((m.counts.voluntary_switches as f64 / m.wall.max(1e-9)) as u64)
            ),
        );
    }
    if let Some((sigma, low, high)) = facts.serial_fraction()
        && sigma >= SERIAL
        && low >= SERIAL / 2.0
    {
        all.push(fired(
            "serial-fraction",
            "By Amdahl's law the speed-up is at most 1 / serial fraction.",
            format!("serial fraction {sigma:.2} (95 % interval {low:.2} to {high:.2}), measured by --scale"),
        ));
        return recommend(
            Choice::Sequential,
            None,
            format!(
                "Concurrency will not help here: {} of the time is one chain of dependent work, so no number of \
                 processors makes it more than {:.2} times as fast.",
                percent(sigma),
                1.0 / sigma.max(1e-9)
            ),
        );
    }
    if let Some(line) = long_loop(facts)
        && facts.shares.computing() >= 0.2
    {
        let each = line.time[State::Cpu] / line.voluntary.max(1) as f64;
        return recommend(
            Choice::EventLoopWithPool,
            Some(facts.capacity.ceil().max(1.0) as u64),
            format!(
                "Keep the event loop and give its computing to a pool: thread `{}` computes for {} at a time, {} of the \
                 time in all, and nothing else is served meanwhile.",
                line.name,
                seconds(each),
                percent(facts.shares.computing())
            ),
        );
    }
    let idle = shares.idle();
    if idle >= SPARE && shares.computing() < crate::verdict::DOMINANT {
        all.push(fired(
            "spare-time",
            "A program that pauses by design is not held up by its processor.",
            format!("{} of the time nobody had anything to do", percent(idle)),
        ));
        return Recommendation {
            choice: None,
            size: None,
            sentence: format!(
                "Nothing to gain here by more concurrency: for {} of the time the program had nothing to do, and it \
                 computed for {}. If its pauses are not meant, look at the longest waits.",
                percent(idle),
                percent(shares.computing())
            ),
        };
    }
    let overlap = facts.overlap();
    if overlap >= OVERLAP && facts.wait > facts.lock {
        return overlapping(facts, overlap, all, steps);
    }
    computing(facts, bottleneck, all, steps)
}

/// Work that waits: how many at once, and in which form.
fn overlapping(facts: &Facts<'_>, overlap: f64, all: &mut Vec<Fired>, steps: &mut Vec<Sentence>) -> Recommendation {
    let m = facts.m;
    let needed = facts.pool();
    all.push(fired(
        "little",
        "By Little's law, (service + wait) / service tasks in progress keep one processor busy.",
        format!(
            "{} of computing and {} of waiting: {} tasks for each of {} processors",
            seconds(facts.service),
            seconds(facts.wait),
            decimal(overlap),
            decimal(facts.capacity)
        ),
    ));
    let disk = m.thread_time[State::Disk];
    if disk >= 0.5 * facts.wait {
        steps.push(sentence(
            "disk-depth",
            format!(
                "Waiting for the disk made up {} of {}. Fewer and larger operations help most, above all fewer `fsync`s; \
                 whether the device does several at once must be tried.",
                seconds(disk),
                seconds(facts.wait)
            ),
        ));
        let size = needed.clamp(2, 32);
        return recommend(
            Choice::ThreadPool,
            Some(size),
            format!(
                "A pool of about {} threads would keep the processors busy while others wait for the disk (file \
                 operations block, so an event loop alone does not help): {} tasks in progress for each processor.",
                size,
                decimal(overlap)
            ),
        );
    }
    if needed as f64 >= MANY {
        let memory = needed * THREAD_MEMORY;
        all.push(fired(
            "many-waiting",
            "Hundreds of tasks that mostly wait are cheaper in an event loop than in threads.",
            format!(
                "{} tasks in progress would use about {} as threads and {} as tasks of an event loop",
                count(needed),
                bytes(memory),
                bytes(needed * TASK_MEMORY)
            ),
        ));
        let service = facts.service / facts.shares.own;
        let choice = if service / facts.capacity > 0.5 { Choice::EventLoopWithPool } else { Choice::EventLoop };
        return recommend(
            choice,
            None,
            format!(
                "An event loop: it takes {} tasks in progress to keep {} processors busy, and each computes for only {} \
                 of its time.",
                count(needed),
                decimal(facts.capacity),
                percent(1.0 / overlap)
            ),
        );
    }
    let (choice, what) = if facts.python() {
        (Choice::ThreadPool, "threads are fine here, since a thread that waits gives the interpreter lock back")
    } else {
        (Choice::ThreadPool, "so few threads cost little, and code that blocks stays as it is")
    };
    recommend(
        choice,
        Some(needed),
        format!(
            "A pool of about {needed} threads: each task computes for {} of its time and waits for the rest, and {what}.",
            percent(1.0 / overlap)
        ),
    )
}

/// Work that computes.
fn computing(
    facts: &Facts<'_>,
    bottleneck: &Bottleneck,
    all: &mut Vec<Fired>,
    steps: &mut Vec<Sentence>,
) -> Recommendation {
    let m = facts.m;
    let size = facts.capacity.ceil().max(1.0) as u64;
    if m.cpu.unseen >= 0.5 * m.cpu.total() {
        all.push(fired(
            "short-lived",
            "Starting a process or thread costs more than small work; workers that stay do it once.",
            format!("{} of {} of computing was done by such", seconds(m.cpu.unseen), seconds(m.cpu.total())),
        ));
        return recommend(
            Choice::ThreadPool,
            Some(size),
            format!(
                "Keep about {} that take one piece of work after the other, instead of starting one for each: {} of the \
                 computing was done by threads or processes that lived too short to be seen.",
                counted(size, "worker"),
                percent(m.cpu.unseen / m.cpu.total().max(1e-9))
            ),
        );
    }
    if *bottleneck == Bottleneck::CpuOversubscribed {
        all.push(fired(
            "oversubscribed",
            "More computing threads than processors do no more work; they only take turns.",
            format!("{} threads wanted a processor at once, {} are there", decimal(m.demand), decimal(facts.capacity)),
        ));
        return recommend(
            Choice::ThreadPool,
            Some(size),
            format!(
                "A pool of {} in place of the {} that compute now: as much gets done, with {} less queueing.",
                counted(size, "thread"),
                decimal(m.demand),
                seconds(m.own_queue)
            ),
        );
    }
    if *bottleneck == Bottleneck::Memory {
        steps.push(sentence(
            "keep-memory",
            format!(
                "Keep memory instead of giving it back and asking for it again: {} a second of computing were made.",
                counted((m.counts.minor_faults as f64 / m.cpu.total().max(1e-9)) as u64, "page")
            ),
        ));
        return recommend(
            Choice::Sequential,
            None,
            format!(
                "Threads of one process share the lock around its memory map, so they would queue for it: first avoid \
                 the {}.",
                counted(m.counts.minor_faults, "page fault")
            ),
        );
    }
    let chain = facts.shares.computing();
    if *bottleneck == Bottleneck::CpuSerial && facts.scaling.is_none() {
        all.push(fired(
            "one-chain",
            "What computes on one thread gains from more only if its parts do not depend on each other.",
            format!("{} of the time, {} threads running or ready", percent(chain), decimal(m.demand)),
        ));
        if facts.capacity < 2.0 {
            return recommend(
                Choice::Sequential,
                None,
                format!(
                    "Keep it sequential: it computes {} of the time, and there is {} to compute on.",
                    percent(chain),
                    counted(size, "processor")
                ),
            );
        }
        let python =
            if facts.python() { " In Python these have to be processes: threads compute one at a time." } else { "" };
        steps.push(sentence(
            "divide-or-not",
            format!(
                "If the work can be divided into independent parts, a pool of {size} could make it up to {size} times as \
                 fast.{python} If each step needs the one before, leave it: {} of the time is one chain.",
                percent(chain)
            ),
        ));
        return recommend(
            Choice::Sequential,
            None,
            format!(
                "As it stands, concurrency will not help: {} of the time is one chain of work and only {} goes to \
                 waiting that could be overlapped. A faster algorithm helps; more threads do not.",
                percent(chain),
                percent(facts.wait / (facts.wait + facts.service).max(1e-9))
            ),
        );
    }
    if facts.scaling.is_none() && *bottleneck == Bottleneck::CpuParallel {
        steps.push(sentence(
            "measure-scaling",
            format!(
                "Whether {} threads do as much as they could: raddle profile --scale 1,{size} -- COMMAND",
                decimal(m.demand)
            ),
        ));
    }
    all.push(fired(
        "computes",
        "Work that computes is best done by as many threads as there are processors.",
        format!("{} of the time computing, {} threads at once", percent(chain), decimal(m.demand)),
    ));
    let best = facts.scaling.and_then(|scaling| scaling.limits.as_ref()?.best_workers.as_ref()).map(|best| best.value);
    let size = best.map_or(size, |best| (best.floor().max(1.0) as u64).min(size));
    recommend(
        Choice::ThreadPool,
        Some(size),
        format!("A pool of {}: {} of the time is computing.", counted(size, "thread"), percent(chain)),
    )
}

fn memory_of_threads(facts: &Facts<'_>, all: &mut Vec<Fired>, steps: &mut Vec<Sentence>) {
    let m = facts.m;
    let threads = m.counts.threads_peak;
    let used = threads * THREAD_MEMORY;
    if threads < MANY as u64 && used < STACKS {
        return;
    }
    let reserve = m.counts.stack_reserve.unwrap_or(8 << 20);
    all.push(fired(
        "stacks",
        "Each thread reserves address space for a stack and uses some of it even while it waits.",
        format!(
            "{} with {} reserved for each ({} in all), about {} really used",
            counted(threads, "thread"),
            bytes(reserve),
            bytes(reserve * threads),
            bytes(used)
        ),
    ));
    steps.push(sentence(
        "fewer-threads",
        format!(
            "An event loop would hold the same {} waiting tasks in about {} instead of {}.",
            count(threads),
            bytes(threads * TASK_MEMORY),
            bytes(used)
        ),
    ));
}

fn long_events(facts: &Facts<'_>, all: &mut Vec<Fired>, steps: &mut Vec<Sentence>) {
    if let Some(line) = long_loop(facts) {
        let each = line.time[State::Cpu] / line.voluntary as f64;
        all.push(fired(
            "blocked-loop",
            "While an event loop computes, all its other tasks wait.",
            format!(
                "thread `{}` of process {} computed for {} on average between two waits for events",
                line.name,
                line.pid,
                seconds(each)
            ),
        ));
        steps.push(sentence(
            "move-the-computing",
            format!(
                "Move the computing out of the event loop of thread `{}` into a pool ({} at a time now): a request that \
                 arrives meanwhile waits for up to that long.",
                line.name,
                seconds(each)
            ),
        ));
    }
}

/// A thread that runs an event loop and computes for long between two waits.
fn long_loop<'f>(facts: &'f Facts<'_>) -> Option<&'f ThreadLine> {
    facts.m.threads.iter().find(|line| {
        let loops = line.time[State::EventLoop] + line.time[State::Requests];
        loops > 0.02 * line.time.total()
            && line.voluntary > 0
            && line.time[State::Cpu] >= 0.1
            && line.time[State::Cpu] / line.voluntary as f64 >= LONG_EVENT
    })
}
