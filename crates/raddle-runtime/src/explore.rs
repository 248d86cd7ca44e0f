//! The controller: performs executions one after the other, keeps them apart, and reports.

use crate::arch::{self, Context, syscall};
use crate::interpose::raw;
use crate::record::Recorder;
use crate::snapshot::{self, Snapshot};
use crate::state::{RECORDING, Runtime, rt};
use crate::{crash, fault, heap, modules, state, sys, tls};
use raddle_engine::random::mix;
use raddle_engine::strategy::{Replay, by_name};
use raddle_engine::{Strategy, Tape};
use raddle_protocol::message::End;
use raddle_protocol::trace::Outcome;
use raddle_protocol::{Choice, Job, Message, Mode, RawFinding, Summary, frame};
use std::collections::BTreeSet;

const CONTROLLER_STACK: u64 = 1 << 20;
/// Distinct findings reported at the most, when all are wanted.
const MOST_FINDINGS: usize = 16;
/// Executions tried for one that passes, when the very first has failed.
const TRIES_FOR_A_PASS: u64 = 200;
/// Nanoseconds between two reports of progress.
const REPORT_EVERY_NS: u64 = 100_000_000;
/// Hashes of executions kept to tell distinct ones.
const MOST_HASHES: usize = 4_000_000;

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
    if !sys::write_all(state::report_descriptor(), &frame::encode(message)) {
        // Nobody listens any more: there is nothing left to work for.
        sys::exit_process(0);
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
    runtime.saved = Some(execution.clone());
    runtime.entered = true;
    // SAFETY: one thread; the list is not changed any more.
    let (holes, count) = unsafe { (LEFT_OUT, LEFT_OUT_COUNT) };
    runtime.snapshot = Some(Box::new(Snapshot::take(&runtime.execution, &holes[..count])));
    let bytes = snapshot().bytes();
    send(&Message::Ready { modules: runtime.modules.clone(), bytes });
    send(&Message::Mode { mode: runtime.mode, why: None });
    crash::start_timer();
    raw::prepare();
    // SAFETY: one thread.
    raw::arm(unsafe { OWN_CODE });
    let mut explorer = Explorer { summary: Summary::default(), fresh: true, begun_ns: sys::real_time_ns() };
    match runtime.plan.job.clone() {
        Job::Explore => explorer.explore(),
        Job::Replay { choices, live_output } => explorer.replay(choices, live_output),
        Job::Verify => explorer.verify(),
    }
    explorer.summary.points = runtime.earlier_points;
    send(&Message::Finished(explorer.summary));
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

/// A set of hashes, which need no further hashing. Never iterated over.
type Hashes = std::collections::HashSet<u64, std::hash::BuildHasherDefault<AsIs>>;

#[derive(Default)]
struct AsIs(u64);

impl std::hash::Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| mix(hash ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

struct Explorer {
    summary: Summary,
    /// No execution has touched the process yet.
    fresh: bool,
    begun_ns: u64,
}

impl Explorer {
    fn explore(&mut self) {
        let runtime = rt();
        let plan = &runtime.plan;
        let Some(strategy) = by_name(&plan.strategy, plan.seed) else {
            fault::die(&format!("there is no strategy named {}", plan.strategy));
        };
        let budget = plan.budget;
        runtime.tape = Tape::new(strategy);
        let mut hashes = Hashes::default();
        let mut first_failure: Option<(Outcome, Vec<Choice>)> = None;
        let mut known = BTreeSet::new();
        let mut reported_ns = self.begun_ns;
        let mut execution = 0;
        self.summary.end = End::Budget;
        while execution < budget.schedules {
            let outcome = self.perform_reversibly(execution);
            self.count(&outcome, &mut hashes);
            match outcome {
                Outcome::Passed => {
                    if runtime.pass_mark.is_none() {
                        runtime.pass_mark = runtime.returned;
                    }
                    if let Some((outcome, choices)) = first_failure.take() {
                        self.report(outcome, 0, choices, &mut known);
                        if !runtime.plan.keep_going {
                            self.summary.end = End::Finding;
                            return;
                        }
                    }
                }
                Outcome::Exited(_) if execution == 0 => {
                    first_failure = Some((outcome, runtime.tape.record().to_vec()));
                }
                Outcome::Exited(_) if first_failure.is_some() => {}
                outcome => {
                    let choices = runtime.tape.record().to_vec();
                    self.report(outcome, execution, choices, &mut known);
                    if !runtime.plan.keep_going || known.len() >= MOST_FINDINGS {
                        self.summary.end = End::Finding;
                        return;
                    }
                }
            }
            execution += 1;
            let nothing_to_choose = execution == 1 && runtime.tape.record().is_empty();
            if nothing_to_choose || (first_failure.is_some() && execution >= TRIES_FOR_A_PASS) {
                self.summary.end = if first_failure.is_some() { End::AlwaysFails } else { End::Exhausted };
                break;
            }
            let now = sys::real_time_ns();
            if now - reported_ns > REPORT_EVERY_NS {
                reported_ns = now;
                send(&Message::Progress { schedules: self.summary.schedules, points: runtime.earlier_points });
            }
            if (now - self.begun_ns) / 1_000_000 >= budget.time_ms {
                break;
            }
        }
        if let Some((outcome, choices)) = first_failure {
            self.summary.end = End::AlwaysFails;
            self.report(outcome, 0, choices, &mut known);
        }
    }

    fn replay(&mut self, choices: Vec<Choice>, live_output: bool) {
        let runtime = rt();
        runtime.live_output = live_output;
        let (outcome, raw) = self.record(0, choices.clone());
        let differs = matches!(outcome, Outcome::Diverged { .. }).then(|| outcome.clone());
        let raw = RawFinding { outcome, execution: 0, choices, trace: raw.into_trace(runtime), differs };
        self.summary.schedules = 1;
        send(&Message::Replayed(Box::new(raw)));
    }

    /// Performs each execution twice, and compares every step of the two.
    fn verify(&mut self) {
        let runtime = rt();
        let budget = runtime.plan.budget;
        let (name, seed) = (runtime.plan.strategy.clone(), runtime.plan.seed);
        let mut hashes = Hashes::default();
        self.summary.end = End::Budget;
        for execution in 0..budget.schedules {
            let Some(strategy) = by_name(&name, seed) else {
                fault::die(&format!("there is no strategy named {name}"));
            };
            let (first, mark) = self.digest(execution, strategy);
            let choices = runtime.tape.record().to_vec();
            self.count(&first, &mut hashes);
            self.summary.digest = mix(self.summary.digest ^ mark);
            let (second, mark_again) = self.digest(execution, Box::new(Replay::new(choices.clone())));
            if first != second || mark != mark_again {
                let (again, recorder) = self.record(execution, choices.clone());
                let trace = recorder.into_trace(runtime);
                let differs = Some(if second == first { again } else { second });
                let raw = RawFinding { outcome: first, execution, choices, trace, differs };
                send(&Message::Finding(Box::new(raw)));
                self.summary.end = End::Finding;
                return;
            }
            if (sys::real_time_ns() - self.begun_ns) / 1_000_000 >= budget.time_ms {
                return;
            }
        }
    }

    /// Performs one execution and hashes its steps. Afterwards, whether a rewind puts back everything.
    fn digest(&mut self, execution: u64, strategy: Box<dyn Strategy>) -> (Outcome, u64) {
        let runtime = rt();
        runtime.tape = Tape::new(strategy);
        runtime.recorder = Some(Box::new(Recorder::digest_only()));
        let outcome = self.perform_reversibly(execution);
        let digest = runtime.recorder.take().map_or(0, |recorder| recorder.digest());
        if runtime.mode == Mode::Rewind && !core::mem::replace(&mut self.fresh, true) {
            // The state that `count` reads is the execution's: it is kept over the rewind.
            let execution = runtime.execution.clone();
            snapshot::rewind(snapshot());
            runtime.execution = execution;
            if let Some(address) = snapshot().differs() {
                fault::die(&format!("memory at {address:#x} was not put back after an execution"));
            }
        }
        (outcome, digest)
    }

    /// Performs an execution again, for the record.
    fn record(&mut self, execution: u64, choices: Vec<Choice>) -> (Outcome, Box<Recorder>) {
        let runtime = rt();
        let strategy = by_name(&runtime.plan.strategy, runtime.plan.seed);
        runtime.tape = Tape::new(Box::new(Replay::new(choices)));
        runtime.recorder = Some(Box::new(Recorder::default()));
        // libtest's own judgement is part of what is performed again only where it was reached the first time; the
        // recorded choices end with it.
        let outcome = self.perform_reversibly(execution);
        let recorder = runtime.recorder.take().unwrap_or_default();
        if let Some(strategy) = strategy {
            runtime.tape = Tape::new(strategy);
        }
        (outcome, recorder)
    }

    /// Reports a finding with its record.
    fn report(&mut self, outcome: Outcome, execution: u64, choices: Vec<Choice>, known: &mut BTreeSet<u64>) {
        let (again, recorder) = self.record(execution, choices.clone());
        let differs = (again != outcome).then_some(again);
        let runtime = rt();
        let key = recorder.signature(&outcome);
        let trace = recorder.into_trace(runtime);
        if !known.insert(key) {
            return;
        }
        let outcome = renumbered(outcome, runtime);
        send(&Message::Finding(Box::new(RawFinding { outcome, execution, choices, trace, differs })));
    }

    fn count(&mut self, outcome: &Outcome, hashes: &mut Hashes) {
        let runtime = rt();
        let summary = &mut self.summary;
        summary.schedules += 1;
        summary.choices += runtime.tape.record().len() as u64;
        if *outcome == Outcome::Passed {
            summary.passed += 1;
        } else {
            summary.failed += 1;
        }
        if hashes.len() < MOST_HASHES && hashes.insert(runtime.tape.hash()) {
            summary.distinct += 1;
        }
        summary.digest = mix(summary.digest ^ runtime.tape.hash());
        let (_, most) = runtime.execution.schedule.alive();
        summary.most_threads = summary.most_threads.max(most - runtime.execution.harness);
    }

    /// Performs an execution; when it is about to do what cannot be undone, all executions are forked from now on, this
    /// one performed again first.
    fn perform_reversibly(&mut self, execution: u64) -> Outcome {
        let outcome = self.perform(execution);
        if let Outcome::NeedsFork(why) = outcome {
            rt().mode = Mode::Fork;
            send(&Message::Mode { mode: Mode::Fork, why: Some(why) });
            if let Some(recorder) = rt().recorder.as_mut() {
                recorder.clear();
            }
            return self.perform(execution);
        }
        outcome
    }

    fn perform(&mut self, execution: u64) -> Outcome {
        let runtime = rt();
        let begun = sys::real_time_ns();
        runtime.tape.begin(execution);
        runtime.points = 0;
        runtime.limit = runtime.plan.budget.steps;
        runtime.returned = None;
        runtime.epilogue = false;
        crash::progress();
        let outcome = match runtime.mode {
            Mode::Rewind => {
                if core::mem::replace(&mut self.fresh, false) {
                    let saved = runtime.saved.as_ref().expect("executions begin after the entry has been saved");
                    runtime.execution.restore(saved);
                } else {
                    snapshot::rewind(snapshot());
                }
                let launched = sys::real_time_ns();
                self.summary.isolation_ns += launched - begun;
                launch();
                self.summary.execution_ns += sys::real_time_ns() - launched;
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
                self.summary.isolation_ns += sys::real_time_ns() - begun;
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
    let root = &runtime.execution.threads[runtime.execution.root as usize];
    // SAFETY: memory is as it was at the entry, and so are the registers.
    unsafe {
        RECORDING = runtime.recorder.is_some();
        IN_EXECUTION = true;
        raw::watch(true);
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
    // SAFETY: one thread; the child goes on with a copy of all private memory.
    unsafe {
        let child = syscall(libc::SYS_clone, [libc::SIGCHLD as u64, 0, 0, 0, 0, 0]);
        if child < 0 {
            fault::die("cannot fork a process for an execution");
        }
        if child == 0 {
            syscall(libc::SYS_prctl, [libc::PR_SET_PDEATHSIG as u64, libc::SIGKILL as u64, 0, 0, 0, 0]);
            crash::start_timer();
            raw::arm(OWN_CODE);
            launch();
            crate::interpose::process::kill_children();
            sys::exit_process(0);
        }
        let mut status = 0i32;
        loop {
            let got = syscall(libc::SYS_wait4, [child as u64, &raw mut status as u64, 0, 0, 0, 0]);
            if got != -i64::from(libc::EINTR) {
                break;
            }
        }
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

/// The same outcome with the thread numbers of a trace.
fn renumbered(outcome: Outcome, runtime: &Runtime) -> Outcome {
    match outcome {
        Outcome::Crashed { thread, signal, address, cause } => {
            let execution = &runtime.execution;
            let thread = if thread == execution.root { 0 } else { thread.saturating_sub(execution.harness) };
            Outcome::Crashed { thread, signal, address, cause }
        }
        other => other,
    }
}
