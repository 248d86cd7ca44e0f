//! The controller: performs executions one after the other, keeps them apart, and reports.

use crate::arch::{self, Context, syscall};
use crate::classes::Classes;
use crate::interpose::io::endings;
use crate::interpose::{process, raw};
use crate::lapse::Lapse;
use crate::record::Recorder;
use crate::report::raw;
use crate::snapshot::{self, Snapshot};
use crate::state::{Odd, RECORDING, rt};
use crate::stopwatch::Stopwatch;
use crate::{cancel, crash, fault, heap, leaks, modules, printed, record, state, sys, tls, watch, weak};
use raddle_engine::random::mix;
use raddle_engine::strategy::{First, Replay, by_name};
use raddle_engine::{Seen, Strategy, Tape};
use raddle_protocol::message::{End, Obstacle};
use raddle_protocol::trace::{Bound, Outcome};
use raddle_protocol::{Choice, Entry, Job, Message, Mode, RawFinding, Summary, frame};
use std::collections::BTreeSet;

const CONTROLLER_STACK: u64 = 1 << 20;
/// Answers put before the record of an execution that is performed to be sure that it goes round: numbers of answers that
/// the runtime has left in the program's frames are others then, in each of their lower bytes.
const PADDING: usize = 0x01_01_01;
/// The same for entries of the log, of which fewer are kept.
const LOG_PADDING: usize = 0x01_01;
/// How many times as long as a search the first execution may take, and how long at the least.
const FIRST_TIMES: u64 = 6;
const FIRST_AT_LEAST_NS: u64 = 60_000_000_000;

/// Code of the runtime itself.
static mut OWN_CODE: (u64, u64) = (0, 0);
/// Memory that is never rewound: the runtime's own data and stacks.
static mut LEFT_OUT: [(u64, u64); 8] = [(0, 0); 8];
static mut LEFT_OUT_COUNT: usize = 0;
/// Whether the program runs now, rather than the controller.
static mut IN_EXECUTION: bool = false;

/// The saved memory. Only to be called once the entry has been reached.
pub fn snapshot() -> &'static mut Snapshot {
    rt().snapshot.as_mut().unwrap_or_else(|| fault::die("memory was to be put back that had not been saved"))
}

/// Whether a code address is the runtime's.
pub fn in_runtime(pc: u64) -> bool {
    // SAFETY: one thread.
    unsafe { (OWN_CODE.0..OWN_CODE.1).contains(&pc) }
}

/// Whether the program runs now, rather than the controller.
pub fn in_execution() -> bool {
    // SAFETY: one thread.
    unsafe { IN_EXECUTION }
}

/// Memory that is never rewound.
pub fn left_out() -> &'static [(u64, u64)] {
    // SAFETY: one thread; the list is not changed any more once executions are performed.
    unsafe { core::slice::from_raw_parts((&raw const LEFT_OUT).cast(), LEFT_OUT_COUNT) }
}

fn leave_out(start: u64, end: u64) {
    // SAFETY: one thread; there are fewer than eight.
    unsafe {
        LEFT_OUT[LEFT_OUT_COUNT] = (start, end);
        LEFT_OUT_COUNT += 1;
    }
}

/// A stack for the runtime itself, private to this process and never rewound: its lowest address, and one past the
/// highest.
pub fn private_stack(size: u64) -> (u64, u64) {
    let protection = (libc::PROT_READ | libc::PROT_WRITE) as u64;
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE) as u64;
    // SAFETY: a fresh mapping.
    let at = unsafe { syscall(libc::SYS_mmap, [0, size, protection, flags, u64::MAX, 0]) };
    if at < 0 {
        fault::die("no memory for the runtime's own stack");
    }
    leave_out(at as u64, at as u64 + size);
    (at as u64, at as u64 + size)
}

/// Sends a report.
pub fn send(message: &Message) {
    let frame = frame::encode(message);
    // SAFETY: one thread; the signal handler that looks at it runs on that thread.
    unsafe { SENDING = true };
    let is_heard = sys::write_all(state::report_descriptor(), &frame);
    // SAFETY: as above.
    unsafe { SENDING = false };
    if !is_heard {
        // Nobody listens any more: there is nothing left to work for.
        sys::exit_process(0);
    }
}

/// Whether a frame is being written.
static mut SENDING: bool = false;

/// Tells the command that an execution takes long, but goes on. May be called from a signal handler, wherever the runtime
/// is.
pub fn send_alive() {
    // SAFETY: one thread.
    if unsafe { !SENDING } {
        sys::write_all(state::report_descriptor(), &frame::ALIVE);
    }
}

/// The program has ended before its entry was reached.
pub fn ended_before_entry(outcome: &Outcome) -> ! {
    let status = match outcome {
        Outcome::Passed => 0,
        Outcome::Exited(status) => *status,
        Outcome::Crashed { signal, .. } => 128 + signal,
        _ => 1,
    };
    send(&Message::NeverEntered { status });
    sys::exit_process(status)
}

/// The entry has been reached, with these registers. Runs all executions and ends the process.
pub fn start(context: Context) -> ! {
    let (_, top) = private_stack(CONTROLLER_STACK);
    let runtime = rt();
    runtime.entry = context;
    runtime.controller.thread_pointer = runtime.execution.threads[0].control_block;
    let mut abandoned = 0;
    // SAFETY: a new stack; the present context is entered again through its saved registers only.
    unsafe {
        let sp = arch::new_stack(top, control, 0);
        arch::set_thread_pointer(runtime.controller.thread_pointer);
        arch::switch(&mut abandoned, sp);
    }
    fault::die("the controller returned")
}

unsafe extern "C" fn control(_: u64) -> ! {
    let runtime = rt();
    tls::prepare();
    crate::interpose::keys::prepare();
    runtime.modules = modules::list();
    let own = control as *const () as u64;
    if let Some(module) = runtime.modules.iter().find(|module| (module.start..module.end).contains(&own)) {
        // SAFETY: one thread.
        unsafe { OWN_CODE = (module.start, module.end) };
        // The rest of the last page is the library's too: the loader fills it with zeros.
        leave_out(module.start, module.end.next_multiple_of(4096));
    }
    let execution = &mut runtime.execution;
    execution.heap = heap::seal();
    execution.root = execution.running;
    execution.harness = execution.threads.len() as u32 - 1;
    execution.schedule.reset_most_alive();
    execution.schedule.clear_log();
    let world = runtime.plan.world;
    execution.schedule.allow_delay(if world.real_time { 0 } else { world.delay_ns });
    runtime.saved = Some(execution.clone());
    // The unwinder initialises itself at its first use. Were that a panic in one performance and the recording of a
    // stack in the other, the two would differ by a schedule point.
    drop(record::unwind());
    runtime.entered = true;
    runtime.snapshot = Some(Box::new(Snapshot::take(&runtime.execution, left_out())));
    let bytes = snapshot().bytes();
    send(&Message::Ready { modules: runtime.modules.clone(), bytes });
    send(&Message::Mode { mode: runtime.mode, why: None });
    crash::start_timer();
    raw::prepare();
    // SAFETY: one thread.
    raw::arm(unsafe { OWN_CODE });
    let mut explorer = Explorer {
        summary: Summary::default(),
        classes: Classes::default(),
        looked_at: Odd::default(),
        left: leaks::Seen::default(),
        told: printed::Told::default(),
        shown: Vec::new(),
        silent: matches!(runtime.plan.job, Job::Help),
        has_passed: false,
        first_points: 0,
        passes_uninterrupted: false,
        fresh: true,
        begun_ns: sys::real_time_ns(),
        stopwatch: Stopwatch::new(),
        aside_until_ns: 0,
    };
    match runtime.plan.job.clone() {
        Job::Explore | Job::Help => explorer.explore(None),
        Job::Replay { choices, accesses, ignored, live_output } => {
            explorer.replay(choices, accesses, ignored, live_output);
        }
        Job::Verify => explorer.verify(),
        Job::Regress { choices, search } => explorer.explore(Some((choices, search))),
    }
    explorer.report_leaks();
    send(&Message::Finished(Box::new(explorer.take_summary())));
    sys::exit_process(0)
}

/// Under replay: ends the execution as soon as the program asks what was not recorded.
pub fn check_replay() {
    let Some(divergence) = rt().tape.strategy().divergence() else { return };
    let recorded = match divergence.recorded {
        Some(choice) => format!("{:?} with {} options was recorded", choice.kind, choice.options),
        None => "the record had ended".to_owned(),
    };
    let (kind, options) = divergence.asked;
    let detail = format!("{recorded}, the program now asked {kind:?} with {options} options");
    crate::sched::finish(Outcome::Diverged { at: divergence.at, detail });
}

pub struct Explorer {
    pub summary: Summary,
    pub classes: Classes,
    /// What has been looked at more closely.
    pub looked_at: Odd,
    /// What executions have left in memory.
    pub left: leaks::Seen,
    /// What executions have printed.
    pub told: printed::Told,
    /// What has been sent as findings in the present part of the search, as [`raddle_protocol::Part::shown`] has it.
    pub shown: Vec<u64>,
    /// What is found is not told: another process does.
    pub silent: bool,
    /// Whether any execution has passed.
    pub has_passed: bool,
    /// Schedule points of the execution without preemption, if it has passed.
    pub first_points: u64,
    /// Whether one has in which no turn ended before its thread had to wait.
    pub passes_uninterrupted: bool,
    /// No execution has touched the process yet.
    fresh: bool,
    pub begun_ns: u64,
    pub stopwatch: Stopwatch,
    /// When executions for a report must have come to an end.
    pub aside_until_ns: u64,
}

/// From here on the plan's strategy answers.
pub fn take_strategy() {
    let runtime = rt();
    let plan = &runtime.plan;
    let Some(strategy) = by_name(&plan.strategy, plan.seed) else {
        fault::die(&format!("there is no strategy named {}", plan.strategy));
    };
    runtime.tape = Tape::new(strategy);
    runtime.tape.expect(plan.budget.schedules);
    if let Some(preemptions) = plan.preemptions {
        runtime.tape.bound(preemptions);
    }
}

impl Explorer {
    fn replay(&mut self, choices: Vec<Choice>, accesses: Option<(u64, u64)>, ignored: Vec<u64>, live_output: bool) {
        let runtime = rt();
        runtime.ignored = ignored;
        runtime.names_leaks = true;
        runtime.live_output = live_output;
        let perform = |explorer: &mut Self| explorer.record(0, choices.clone(), accesses);
        let (outcome, recorder) =
            if cancel::stalls(&choices) { cancel::with_stalls(self, perform) } else { perform(self) };
        let differs = matches!(outcome, Outcome::Diverged { .. }).then(|| outcome.clone());
        let raw = RawFinding { differs, ..raw(outcome, 0, choices, recorder) };
        self.summary.schedules = 1;
        send(&Message::Replayed(Box::new(raw)));
    }

    /// Performs each execution twice, and compares every step of the two.
    fn verify(&mut self) {
        let runtime = rt();
        let budget = runtime.plan.budget;
        take_strategy();
        self.summary.end = End::Budget;
        let mut first_failure = None;
        for execution in 0..budget.schedules {
            let Some((first, mark)) = self.digest(execution) else { break };
            let choices = runtime.tape.record().to_vec();
            self.count(&first);
            self.summary.digest = mix(self.summary.digest ^ mark);
            let replay = Box::new(Replay::new(choices.clone()));
            let Some((second, mark_again)) = self.led_by(replay, |explorer| explorer.digest(execution)) else { break };
            if first != second || mark != mark_again {
                let (again, recorder) = self.record(execution, choices.clone(), None);
                let differs = Some(if second == first { again } else { second });
                let raw = RawFinding { differs, ..raw(first, execution, choices, recorder) };
                send(&Message::Finding(Box::new(raw)));
                self.summary.end = End::Finding;
                return;
            }
            if execution == 0 && first != Outcome::Passed {
                first_failure = Some((first, choices));
            }
            if self.is_out_of_time() {
                break;
            }
        }
        // To be the same twice is not enough where none has passed.
        if let Some((outcome, choices)) = first_failure.filter(|_| !self.has_passed) {
            self.summary.end = End::AlwaysFails;
            self.report(outcome, 0, choices, &mut BTreeSet::new());
        }
    }

    /// Performs one execution and hashes its steps. Afterwards, whether a rewind puts back everything. `None` if there is no
    /// time left for it.
    fn digest(&mut self, execution: u64) -> Option<(Outcome, u64)> {
        let runtime = rt();
        runtime.recorder = Some(Box::new(Recorder::digest_only()));
        let outcome = self.perform_in_time(execution);
        let digest = runtime.recorder.take().map_or(0, |recorder| recorder.digest());
        let outcome = outcome?;
        if runtime.mode == Mode::Rewind && !core::mem::replace(&mut self.fresh, true) {
            // The state that `count` reads is the execution's: it is kept over the rewind.
            let execution = runtime.execution.clone();
            snapshot::rewind(snapshot());
            runtime.execution = execution;
            if let Some(address) = snapshot().differs() {
                fault::die(&format!("memory at {address:#x} was not put back after an execution"));
            }
        }
        Some((outcome, digest))
    }

    /// Does something with this strategy in place of the search's.
    pub fn led_by<T>(&mut self, strategy: Box<dyn Strategy>, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = rt().tape.exchange(strategy);
        let result = work(self);
        rt().tape.exchange(before);
        result
    }

    /// Nanoseconds since the search began, and whether they are all it may take.
    pub fn spent(&mut self) -> (u64, bool) {
        let spent_ns = self.stopwatch.now_ns().saturating_sub(self.begun_ns);
        (spent_ns, spent_ns / 1_000_000 >= rt().plan.budget.time_ms)
    }

    /// Whether the time for the search is used up.
    pub fn is_out_of_time(&mut self) -> bool {
        self.spent().1
    }

    /// Performs executions that do not count as search.
    pub fn aside<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let (summary, points) = (self.summary.clone(), rt().earlier_points);
        let result = work(self);
        (self.summary, rt().earlier_points) = (summary, points);
        result
    }

    /// The execution from which failing ones are told apart: the first, but without ends of turns if it passes so.
    pub fn usual(&self) -> First {
        if self.passes_uninterrupted { First::without_slices() } else { First::default() }
    }

    /// Does something with another limit on the points of an execution, if the plan's is not lower.
    pub fn within<T>(&mut self, points: u64, work: impl FnOnce(&mut Self) -> T) -> T {
        self.limited_to(points.min(rt().plan.budget.steps), work)
    }

    /// Does something with this limit on the points of an execution in place of the plan's.
    pub fn limited_to<T>(&mut self, points: u64, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = core::mem::replace(&mut rt().plan.budget.steps, points);
        let result = work(self);
        rt().plan.budget.steps = before;
        result
    }

    /// Performs an execution of the search. `None` if the search is out of time before the execution has ended; then it
    /// counts for nothing. The first one may take longer, since without it nothing is known.
    pub fn perform_in_time(&mut self, execution: u64) -> Option<Outcome> {
        let runtime = rt();
        let budget_ns = runtime.plan.budget.time_ms * 1_000_000;
        let first = execution == 0;
        let most_ns = if first { budget_ns.saturating_mul(FIRST_TIMES).max(FIRST_AT_LEAST_NS) } else { budget_ns };
        runtime.patience.end_at(self.begun_ns, most_ns, self.summary.schedules);
        let outcome = self.perform_reversibly(execution);
        let runtime = rt();
        runtime.patience.never_end();
        if matches!(outcome, Outcome::NoProgress(Bound::Time(_))) {
            runtime.earlier_points -= runtime.points;
            return None;
        }
        Some(outcome)
    }

    /// Counts an execution, and tells the strategy what came of it.
    pub fn count(&mut self, outcome: &Outcome) {
        let runtime = rt();
        let summary = &mut self.summary;
        summary.schedules += 1;
        summary.choices += runtime.tape.record().len() as u64;
        if *outcome == Outcome::Passed {
            summary.passed += 1;
            self.has_passed = true;
            let ended = runtime.returned.is_some() || runtime.epilogue || runtime.plan.entry == Entry::Main;
            summary.left_early += u64::from(!ended);
        } else {
            summary.failed += 1;
        }
        let class = runtime.class.unwrap_or_else(|| runtime.execution.schedule.class());
        let new = self.classes.count(class, runtime.tape.strategy().is_sample());
        let choices = runtime.tape.record().len() as u64;
        let schedule = &runtime.execution.schedule;
        let found = [
            (runtime.mode == Mode::Fork, Obstacle::Fork),
            (schedule.is_timed(), Obstacle::Time),
            (runtime.memory.is_curtailed(), Obstacle::Bounds),
            (matches!(outcome, Outcome::NoProgress(_)), Obstacle::Endless),
        ];
        let found = found.into_iter().find(|(is_there, _)| *is_there).map(|(_, obstacle)| obstacle);
        runtime.tape.end(&Seen {
            new,
            obstacle: found.or(runtime.obstacle),
            ..schedule.seen(choices, *outcome == Outcome::Passed)
        });
        summary.digest = mix(summary.digest ^ runtime.tape.hash());
        let (_, most) = runtime.execution.schedule.alive();
        summary.most_threads = summary.most_threads.max(most - runtime.execution.harness);
    }

    /// What has been done since the last summary.
    pub fn take_summary(&mut self) -> Summary {
        let runtime = rt();
        let strategy = runtime.tape.strategy();
        let mut summary = core::mem::take(&mut self.summary);
        summary.points = core::mem::take(&mut runtime.earlier_points);
        summary.search = strategy.search();
        summary.bounded = strategy.bounded();
        summary.pct = strategy.pct().map(|runs| [runs.guarantee(2), runs.guarantee(3), runs.guarantee(4)]);
        self.classes.sum_up(&mut summary);
        summary
    }

    /// Performs an execution; when it is about to do what cannot be undone, all executions are forked from now on, this
    /// one performed again first.
    pub fn perform_reversibly(&mut self, execution: u64) -> Outcome {
        let mut outcome = self.perform(execution);
        // Once because it needs a process of its own, and once because it changes files.
        while let Outcome::NeedsFork(why) = outcome {
            let runtime = rt();
            runtime.mode = Mode::Fork;
            let why = [Some(why), runtime.files.prepare()].into_iter().flatten().collect::<Vec<_>>().join("; ");
            send(&Message::Mode { mode: Mode::Fork, why: Some(why) });
            if let Some(recorder) = runtime.recorder.as_mut() {
                recorder.clear();
            }
            outcome = self.perform(execution);
        }
        self.confirm(execution, outcome)
    }

    /// An execution has ended. If it has reached its limit and seems to go round, it is performed once more, to be sure.
    fn confirm(&mut self, execution: u64, outcome: Outcome) -> Outcome {
        let runtime = rt();
        if !matches!(outcome, Outcome::NoProgress(Bound::Steps(_))) || !runtime.rounds.is_to_be_confirmed() {
            return outcome;
        }
        if let Some(recorder) = runtime.recorder.as_mut() {
            recorder.clear();
        }
        let replay = Replay::new(runtime.tape.record().to_vec());
        let points = runtime.points;
        runtime.padding = PADDING;
        let outcome = self.led_by(Box::new(replay), |explorer| explorer.perform(execution));
        runtime.padding = 0;
        runtime.tape.unpad(PADDING);
        runtime.earlier_points -= points;
        runtime.rounds.forget();
        outcome
    }

    fn perform(&mut self, execution: u64) -> Outcome {
        let runtime = rt();
        let begun = self.stopwatch.now_ns();
        runtime.tape.begin(execution);
        runtime.tape.pad(runtime.padding);
        runtime.points = 0;
        runtime.obstacle = None;
        runtime.aside = u64::MAX;
        runtime.held = u64::MAX;
        runtime.lapse = Lapse::default();
        runtime.rounds.begin(runtime.plan.budget.steps);
        runtime.patience.begin();
        runtime.limit = runtime.next_due();
        runtime.returned = None;
        runtime.class = None;
        runtime.left = leaks::Left::default();
        runtime.epilogue = false;
        weak::disarm();
        crash::progress();
        let outcome = match runtime.mode {
            Mode::Rewind => {
                if core::mem::replace(&mut self.fresh, false) {
                    let saved = runtime.saved.as_ref().expect("executions begin after the entry has been saved");
                    runtime.execution.restore(saved);
                } else {
                    snapshot::rewind(snapshot());
                }
                let launched = self.stopwatch.now_ns();
                self.summary.isolation_ns += launched - begun;
                launch();
                self.summary.execution_ns += self.stopwatch.now_ns() - launched;
                runtime.outcome.clone()
            }
            Mode::Fork => {
                if !core::mem::replace(&mut self.fresh, true) {
                    snapshot::rewind(snapshot());
                    snapshot().unprotect();
                }
                // What child processes changed of the runtime's own state is put back too.
                if let Some(saved) = runtime.saved.as_ref() {
                    runtime.execution.restore(saved);
                }
                let outcome = fork_and_wait();
                self.summary.isolation_ns += self.stopwatch.now_ns() - begun;
                outcome
            }
        };
        runtime.earlier_points += runtime.points;
        outcome
    }
}

/// Runs the program from its entry until the execution ends.
fn launch() {
    let runtime = rt();
    if runtime.padding > 0 {
        runtime.execution.schedule.pad_log(LOG_PADDING);
    }
    let root = &runtime.execution.threads[runtime.execution.root as usize];
    // SAFETY: memory is as it was at the entry, and so are the registers.
    unsafe {
        RECORDING = runtime.recorder.is_some();
        IN_EXECUTION = true;
        crate::interpose::clock::begin();
        raw::watch(true);
        runtime.memory.begin();
        runtime.detector.begin(runtime.memory.epoch(0).time() - 1);
        watch::set(true);
        arch::set_thread_pointer(root.control_block);
        arch::launch(&raw mut runtime.controller.sp, &raw const runtime.entry);
        raw::watch(false);
        RECORDING = false;
        IN_EXECUTION = false;
    }
}

/// Runs an execution in a child process. The runtime's own state is shared with it.
fn fork_and_wait() -> Outcome {
    let runtime = rt();
    runtime.outcome = Outcome::NeedsFork(String::new());
    process::before_execution();
    // SAFETY: one thread; the child goes on with a copy of all private memory.
    unsafe {
        let child = syscall(libc::SYS_clone, [libc::SIGCHLD as u64, 0, 0, 0, 0, 0]);
        if child < 0 {
            fault::die("cannot fork a process for an execution");
        }
        if child == 0 {
            runtime.files.enter();
            syscall(libc::SYS_prctl, [libc::PR_SET_PDEATHSIG as u64, libc::SIGKILL as u64, 0, 0, 0, 0]);
            crash::start_timer();
            raw::arm(OWN_CODE);
            launch();
            endings::before_exit();
            process::kill_children();
            sys::exit_process(0);
        }
        let mut status = 0i32;
        loop {
            let got = syscall(libc::SYS_wait4, [child as u64, &raw mut status as u64, 0, 0, 0, 0]);
            if got != -i64::from(libc::EINTR) {
                break;
            }
        }
        process::after_execution();
        let told = !matches!(&runtime.outcome, Outcome::NeedsFork(why) if why.is_empty());
        if libc::WIFSIGNALED(status) && !told {
            let signal = libc::WTERMSIG(status);
            let thread = runtime.execution.running;
            return Outcome::Crashed { thread, signal, address: 0, cause: raddle_protocol::trace::Crash::Signal };
        }
        if !told {
            let status = libc::WEXITSTATUS(status);
            return if status == 0 { Outcome::Passed } else { Outcome::Exited(status) };
        }
    }
    runtime.outcome.clone()
}
