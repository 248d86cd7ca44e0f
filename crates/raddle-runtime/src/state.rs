//! The one runtime of this process, and what of it belongs to an execution.
//!
//! Everything here lies in the arena (see [`crate::arena`]) except the few statics below. There is one operating-system
//! thread, and the runtime never switches stacks while it holds a reference into its own state; that is what makes
//! [`rt`] sound.

use crate::arch::Context;
use crate::record::{self, Recorder};
use crate::spurious::Met;
use crate::thread::ThreadData;
use crate::{heap, mappings, stacks, tls};
use raddle_engine::lock_order::LockOrder;
use raddle_engine::memory::{Memory, Model};
use raddle_engine::output::Printed;
use raddle_engine::race::Detector;
use raddle_engine::random::Random;
use raddle_engine::{Schedule, Tape};
use raddle_protocol::message::Obstacle;
use raddle_protocol::trace::{Outcome, State, Wait};
use raddle_protocol::{Isolation, MemoryModel, Mode, Module, Plan};

/// Whether the runtime is in charge: there is a plan, and this process is not a child that the program made.
/// When it is not, every interposed function is the C library's.
pub static mut LIVE: bool = false;

/// Whether the present execution is performed for the record.
pub static mut RECORDING: bool = false;

static mut RUNTIME: *mut Runtime = core::ptr::null_mut();
static mut REPORT: i32 = -1;

/// The runtime's state.
pub struct Runtime {
    /// What to do.
    pub plan: Plan,
    /// Asks and records choices.
    pub tape: Tape,
    /// Which values atomic operations see, and what happens before what.
    pub memory: Memory,
    /// Judges accesses.
    pub detector: Detector,
    /// The present execution.
    pub execution: Execution,
    /// The execution as it stood at the entry; what [`Runtime::execution`] is put back to.
    pub saved: Option<Execution>,
    /// Memory as it stood at the entry.
    pub snapshot: Option<Box<crate::snapshot::Snapshot>>,
    /// Registers at the entry.
    pub entry: Context,
    /// Whether the entry has been reached.
    pub entered: bool,
    /// Whether the present execution is past the test function: libtest judges it, and nothing is explored any more.
    pub epilogue: bool,
    /// How the present execution ended.
    pub outcome: Outcome,
    /// What the present execution depends on that no strategy decides.
    pub obstacle: Option<Obstacle>,
    /// The record of the present execution, when one is kept.
    pub recorder: Option<Box<Recorder>>,
    /// Call stacks that have been looked at.
    pub latest: record::Latest,
    /// How executions are kept apart now.
    pub mode: Mode,
    /// Whose files executions see.
    pub files: crate::view::Files,
    /// Schedule points of the present execution, and those of all earlier ones.
    pub points: u64,
    /// See `points`.
    pub earlier_points: u64,
    /// Value of `points` at which the scheduler has something to do besides.
    pub limit: u64,
    /// Value of `points` at which threads that spin, and have been set aside, come back.
    pub aside: u64,
    /// Value of `points` at which a thread that stands still (`--cancel`) goes on.
    pub held: u64,
    /// When time passes although threads can run.
    pub lapse: crate::lapse::Lapse,
    /// Answers that are put before the record of the next execution.
    pub padding: usize,
    /// Whether the execution goes round in circles.
    pub rounds: crate::rounds::Rounds,
    /// How long the execution may take.
    pub patience: crate::patience::Patience,
    /// First word of the value that the test function returns when it passes, once known.
    pub pass_mark: Option<u64>,
    /// That word in the present execution, if the test function has returned.
    pub returned: Option<u64>,
    /// The class of the present execution, if libtest judges it and more is done than belongs to it.
    pub class: Option<u64>,
    /// What the present execution has left in memory.
    pub left: crate::leaks::Left,
    /// Whether the record of an execution names what it leaves.
    pub names_leaks: bool,
    /// Places of races that have been reported: they no longer end an execution.
    pub ignored: Vec<u64>,
    /// What is known of call sites.
    pub sites: crate::sites::Sites,
    /// What is known of the execution without cancellation, while cancellation is tried.
    pub uncancelled: crate::cancel::Uncancelled,
    /// Whether the program has used an address of its own choice, at which other processes would meet it.
    pub is_known_by_name: bool,
    /// Loaded files, as they were at the entry.
    pub modules: Vec<Module>,
    /// Whether replayed output is handed on.
    pub live_output: bool,
    /// Stack and thread pointers of the controller while an execution runs.
    pub controller: Controller,
}

impl Runtime {
    /// Whether the program is between the entry and the end of the test function, where executions differ.
    pub fn explores(&self) -> bool {
        self.entered && !self.epilogue
    }

    /// Which values loads can see, which may have changed since the search began.
    pub fn memory_model(&self) -> MemoryModel {
        if self.memory.exchanges_fence() { MemoryModel::Fenced } else { self.plan.memory }
    }

    /// Value of `points` at which the scheduler has something to do besides, whatever comes first.
    pub fn next_due(&self) -> u64 {
        let due = [self.held, self.rounds.due(), self.patience.due(), self.lapse.due()];
        due.into_iter().fold(self.aside, u64::min)
    }
}

/// The context that performs executions.
#[derive(Clone, Copy, Default)]
pub struct Controller {
    /// Its stack pointer while an execution runs.
    pub sp: u64,
    /// Its thread pointer: that of the process's first thread.
    pub thread_pointer: u64,
}

/// What one execution changes in the runtime, saved at the entry and put back for each.
#[derive(Clone)]
pub struct Execution {
    /// Who can run, who waits.
    pub schedule: Schedule,
    /// What the scheduler need not know of a thread, by thread number.
    pub threads: Vec<ThreadData>,
    /// The thread whose stack is in use.
    pub running: u32,
    /// The thread that reached the entry.
    pub root: u32,
    /// Threads older than the entry: the test harness's own.
    pub harness: u32,
    /// Stacks handed out.
    pub stacks: stacks::Pool,
    /// Thread-local storage handed out.
    pub tls: tls::Pool,
    /// Memory that the program has mapped itself.
    pub mappings: mappings::Mappings,
    /// Random numbers for the program.
    pub random: Random,
    /// Descriptors and dispositions to put back.
    pub effects: crate::effects::Effects,
    /// What has happened in it that may be a mistake although nothing fails.
    pub odd: Odd,
    /// A thread has spun for long while another one could run.
    pub has_spun: bool,
    /// What could have happened in it for no reason.
    pub met: Met,
    /// What a cancellation has left behind in it.
    pub cancelled: crate::cancel::Trail,
    /// What threads were last told of paths.
    pub looks: crate::interpose::paths::Looks,
    /// Timers and the addresses of sockets, as the program sees them.
    pub io: crate::interpose::io::Io,
    /// Signals that wait to be taken, and timers that send some.
    pub signals: crate::interpose::signals::Signals,
    /// Memory that may be given out again.
    pub reuse: crate::reuse::Reuse,
    /// The orders in which threads take locks.
    pub locks: LockOrder,
    /// What has been printed.
    pub printed: Printed,
    /// Allocation state is in the heap itself; this is its reach.
    pub heap: heap::Reach,
}

/// What may be a mistake although nothing fails. Whether it is one is judged on the record of the execution.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Odd {
    /// A panic was raised.
    pub raised: bool,
    /// A thread slept.
    pub slept: bool,
    /// A thread waited for a lock for long while there was a set of descriptors to wait for.
    pub held_up: bool,
    /// There was a set of descriptors to wait for: an event loop.
    pub looped: bool,
    /// A thread that nobody has joined was at work when the test function returned. Looked for only in the execution
    /// without preemption: in others it may merely have been kept from its last step.
    pub outlived: bool,
    /// A thread was told that there was nothing at a path, and then took what another had put there meanwhile.
    pub replaced: bool,
    /// Something has piled up between two threads: a queue, perhaps. Looked for only in the execution without preemption,
    /// which favours whoever fills it.
    pub piled: bool,
    /// A thread slept, or waited for a descriptor, while another one waited on something that may be a lock.
    pub kept_waiting: bool,
    /// Locks were taken in orders that contradict each other: 1. Of executions that have been looked at: in how many.
    pub inverted: u8,
}

/// Executions looked at in which locks were taken in orders that contradict each other. In one of them something else may
/// have kept the threads apart, that does not in the next.
pub const MOST_INVERTED: u8 = 3;

impl Odd {
    /// What is here but not there.
    pub fn beyond(self, other: Odd) -> bool {
        self.inverted > 0 || self.flags().iter().zip(other.flags()).any(|(here, there)| *here && !there)
    }

    /// Either.
    pub fn or(self, other: Odd) -> Odd {
        Odd {
            raised: self.raised || other.raised,
            slept: self.slept || other.slept,
            held_up: self.held_up || other.held_up,
            looped: self.looped || other.looped,
            outlived: self.outlived || other.outlived,
            replaced: self.replaced || other.replaced,
            piled: self.piled || other.piled,
            kept_waiting: self.kept_waiting || other.kept_waiting,
            inverted: self.inverted + other.inverted,
        }
    }

    /// Tells apart what differs.
    pub fn signature(self) -> u64 {
        self.flags().iter().fold(u64::from(self.inverted), |bits, flag| bits << 1 | u64::from(*flag))
    }

    fn flags(self) -> [bool; 8] {
        [
            self.raised,
            self.slept,
            self.held_up,
            self.looped,
            self.outlived,
            self.replaced,
            self.piled,
            self.kept_waiting,
        ]
    }
}

impl Execution {
    /// The state of a process that has a single thread.
    pub fn new(seed: u64) -> Self {
        Execution {
            schedule: Schedule::new(),
            threads: vec![ThreadData::first()],
            running: 0,
            root: 0,
            harness: 0,
            stacks: stacks::Pool::default(),
            tls: tls::Pool::default(),
            mappings: mappings::Mappings::default(),
            random: Random::new(seed, u64::MAX),
            effects: crate::effects::Effects::default(),
            odd: Odd::default(),
            has_spun: false,
            met: Met::default(),
            cancelled: crate::cancel::Trail::default(),
            looks: crate::interpose::paths::Looks::default(),
            io: crate::interpose::io::Io::default(),
            signals: crate::interpose::signals::Signals::default(),
            reuse: crate::reuse::Reuse::default(),
            locks: LockOrder::default(),
            printed: Printed::default(),
            heap: heap::Reach::default(),
        }
    }

    /// The running thread's number as traces have it: that which reached the entry is 0, later ones follow in order.
    #[inline]
    pub fn number(&self) -> u32 {
        self.number_of(self.running)
    }

    /// As [`Execution::number`], of any thread.
    #[inline]
    pub fn number_of(&self, thread: u32) -> u32 {
        thread.saturating_sub(self.harness)
    }

    /// Whether there is a thread beside the running one that has not ended, the test harness's aside.
    pub fn has_others(&self) -> bool {
        let ended = |id: u32| *self.schedule.state(id) == State::Ended;
        (self.root..self.threads.len() as u32).any(|id| id != self.running && !ended(id))
    }

    /// Whether a thread other than the test's own is at work, and nobody has waited for it.
    pub fn has_survivors(&self) -> bool {
        let at_work = |state: &State| matches!(state, State::Runnable | State::Waiting(Wait::Sleep));
        (self.harness + 1..self.threads.len() as u32)
            .any(|id| id != self.root && !self.threads[id as usize].joined && at_work(self.schedule.state(id)))
    }

    /// Makes this equal to `saved`, reusing what memory it has.
    pub fn restore(&mut self, saved: &Execution) {
        self.schedule.restore(&saved.schedule);
        self.threads.clone_from(&saved.threads);
        self.running = saved.running;
        self.root = saved.root;
        self.harness = saved.harness;
        self.stacks.clone_from(&saved.stacks);
        self.tls.clone_from(&saved.tls);
        self.mappings.clone_from(&saved.mappings);
        self.random = saved.random.clone();
        self.effects.clone_from(&saved.effects);
        self.odd = saved.odd;
        self.has_spun = saved.has_spun;
        self.met = saved.met;
        self.cancelled.clone_from(&saved.cancelled);
        self.looks.clone_from(&saved.looks);
        self.io.clone_from(&saved.io);
        self.signals.clone_from(&saved.signals);
        self.reuse.clone_from(&saved.reuse);
        self.locks.clone_from(&saved.locks);
        self.printed.clone_from(&saved.printed);
        self.heap = saved.heap;
    }
}

/// The runtime. Only to be called when [`LIVE`].
#[inline]
pub fn rt() -> &'static mut Runtime {
    // SAFETY: set before LIVE is; one thread; no reference is held across a switch of stacks (see the module).
    unsafe { &mut *RUNTIME }
}

/// Notes that the present execution depends on something that no strategy decides.
pub fn hindered(obstacle: Obstacle) {
    let runtime = rt();
    if runtime.explores() {
        runtime.obstacle.get_or_insert(obstacle);
    }
}

/// Asks something of the runtime even when it is not in charge at the moment; `false` when it never was.
pub fn with(question: impl FnOnce(&mut Runtime) -> bool) -> bool {
    // SAFETY: as for `rt`.
    unsafe { RUNTIME.as_mut().is_some_and(question) }
}

/// Whether the runtime is in charge.
#[inline(always)]
pub fn live() -> bool {
    // SAFETY: one thread.
    unsafe { LIVE }
}

/// Whether the present execution is performed for the record.
#[inline(always)]
pub fn recording() -> bool {
    // SAFETY: one thread.
    unsafe { RECORDING }
}

/// Whether the program under test has reached its entry, so that what happens now belongs to an execution.
#[inline]
pub fn executing() -> bool {
    live() && rt().entered
}

/// The descriptor on which reports go out; -1 when there is none.
pub fn report_descriptor() -> i32 {
    // SAFETY: one thread.
    unsafe { REPORT }
}

/// Says where reports go.
pub fn take_report(report: i32) {
    // SAFETY: one thread.
    unsafe { REPORT = report };
}

fn memory_of(model: MemoryModel) -> Memory {
    let mut memory = Memory::new(if model == MemoryModel::Sc { Model::Sc } else { Model::Rc11 });
    memory.let_exchanges_fence(model == MemoryModel::Fenced);
    memory
}

/// Takes charge of this process.
pub fn take_charge(plan: Plan) {
    crate::interpose::io::file_times::begin();
    let mode = if plan.isolation == Isolation::Fork { Mode::Fork } else { Mode::Rewind };
    let seed = plan.seed;
    let runtime = Runtime {
        tape: Tape::new(Box::new(raddle_engine::strategy::First::default())),
        memory: memory_of(plan.memory),
        detector: Detector::default(),
        execution: Execution::new(seed),
        saved: None,
        snapshot: None,
        entry: Context::default(),
        entered: false,
        epilogue: false,
        outcome: Outcome::Passed,
        obstacle: None,
        recorder: None,
        latest: record::Latest::default(),
        mode,
        files: crate::view::Files::Shared,
        points: 0,
        earlier_points: 0,
        limit: plan.budget.steps,
        aside: u64::MAX,
        held: u64::MAX,
        lapse: crate::lapse::Lapse::default(),
        padding: 0,
        rounds: crate::rounds::Rounds::default(),
        patience: crate::patience::Patience::default(),
        pass_mark: None,
        returned: None,
        class: None,
        left: crate::leaks::Left::default(),
        names_leaks: false,
        ignored: Vec::new(),
        sites: crate::sites::Sites::default(),
        uncancelled: crate::cancel::Uncancelled::default(),
        is_known_by_name: false,
        modules: Vec::new(),
        live_output: false,
        controller: Controller::default(),
        plan,
    };
    // SAFETY: called once, from the library's constructor, before any other thread can exist.
    unsafe {
        RUNTIME = Box::into_raw(Box::new(runtime));
        LIVE = true;
    }
}

/// In a child process that the program made: everything is the C library's from now on.
pub fn let_go() {
    // SAFETY: one thread.
    unsafe { LIVE = false };
}
