//! The state of one execution's memory model, and how an execution begins.

use super::clock::{Clock, ClockId, Epoch, Pool};
use super::idioms::Just;
use super::locations::Locations;
use super::seq_cst::TotalOrder;
use super::table::Table;
use super::versions::Version;
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::{Order, ThreadId};

/// How a question is asked: its kind and number of options, at least 2; the answer lies below that. Answer 0 is always
/// the one of sequential consistency. `None` takes that and asks nothing.
pub type Ask<'a> = Option<&'a mut dyn FnMut(ChoiceKind, usize) -> usize>;

/// Which behaviours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// Sequential consistency: loads see the newest store, whatever their order. What happens before what still follows
    /// from the orders as written.
    Sc,
    /// All that RC11 allows, but for the bounds.
    Rc11,
}

/// What bounds the model's memory and time. Smaller bounds take behaviours away and never add any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Stores to a location that are remembered, at least 1. Half as many again are let pile up before the oldest go.
    pub window: usize,
    /// After this many accesses in a row of which none saw the newest store of a location, a thread is only offered
    /// ever newer ones there: so loops that wait for a value end.
    pub patience: u32,
    /// Sequentially consistent operations, at least 2, whose order among each other is not settled for good.
    pub open: usize,
    /// Steps that a search for such an order takes at the most.
    pub search: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { window: 32, patience: 16, open: 128, search: 8192 }
    }
}

/// What came of a read-modify-write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The value it read.
    pub read: u128,
    /// What memory must hold now; `None` when it stays as it is.
    pub memory: Option<u128>,
}

/// A compare-exchange that is to be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The value that it is to replace.
    pub expected: u128,
    /// The value that it is to store.
    pub new: u128,
    /// Its order if it succeeds.
    pub success: Order,
    /// Its order if it fails.
    pub failure: Order,
    /// Whether it may fail although the values are equal.
    pub weak: bool,
}

/// What came of a compare-exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The value it read.
    pub read: u128,
    /// What memory must hold now; `None` when it stays as it is.
    pub memory: Option<u128>,
    /// Whether it has stored its value.
    pub done: bool,
}

/// One thread as the model sees it.
#[derive(Debug, Default)]
pub(super) struct Thread {
    pub(super) clock: Clock,
    /// What relaxed reads have seen and an acquire fence would make known.
    pub(super) pending: Vec<ClockId>,
    /// What the latest release fence has let later stores pass on.
    pub(super) fence: ClockId,
    /// The clock as it was kept last, unless it has learned something since.
    pub(super) version: Version,
    pub(super) just: Just,
    /// Whether it has performed a sequentially consistent read-modify-write since its last such fence; see `idioms`.
    pub(super) exchanged: bool,
}

/// The memory model's state in one execution. Storage is kept from one execution to the next.
#[derive(Debug)]
pub struct Memory {
    pub(super) model: Model,
    pub(super) idioms: bool,
    /// See `fencing`.
    pub(super) fencing: bool,
    pub(super) bounds: Bounds,
    /// Not below any time handed out in earlier executions.
    base: u64,
    pub(super) threads: Vec<Thread>,
    /// How many of `threads` are there in this execution.
    pub(super) known: usize,
    pub(super) locations: Locations,
    pub(super) objects: Table,
    pub(super) pool: Pool,
    pub(super) order: TotalOrder,
    /// Stores up to this time of the whole execution have become visible to all; 0 when there are none.
    pub(super) visible: u64,
    /// The choices of the present operation.
    pub(super) options: Vec<usize>,
    /// Whether the bounds have taken a behaviour away in this execution, or may have.
    pub(super) curtailed: bool,
}

impl Memory {
    /// The state before the first execution, which begins with it. Idioms are recognised.
    #[must_use]
    pub fn new(model: Model) -> Self {
        let mut memory = Memory {
            model,
            idioms: true,
            fencing: false,
            bounds: Bounds::default(),
            base: 0,
            threads: Vec::new(),
            known: 0,
            locations: Locations::new(),
            objects: Table::new(),
            pool: Pool::default(),
            order: TotalOrder::default(),
            visible: 0,
            options: Vec::new(),
            curtailed: false,
        };
        memory.begin();
        memory
    }

    /// The same, but by the letter of the model: idioms mean no more than they say.
    #[must_use]
    pub fn to_the_letter(model: Model) -> Self {
        Memory { idioms: false, ..Memory::new(model) }
    }

    /// The same with other bounds.
    #[must_use]
    pub fn bounded(mut self, bounds: Bounds) -> Self {
        assert!(bounds.window >= 1 && bounds.open >= 2, "no execution fits into {bounds:?}");
        self.bounds = bounds;
        self.order.bound(bounds);
        self
    }

    /// An execution begins: thread 0 runs, and nothing has happened.
    pub fn begin(&mut self) {
        let latest = self.threads[..self.known].iter().map(|thread| thread.clock.now().time()).max();
        self.base = self.base.max(latest.unwrap_or(0));
        self.known = 0;
        self.locations.begin();
        self.objects.begin();
        self.pool.begin();
        self.order.begin(self.base);
        self.visible = 0;
        self.curtailed = false;
        self.add_threads(0);
    }

    /// Makes room for threads up to this one, which know nothing.
    pub(super) fn add_threads(&mut self, last: ThreadId) {
        assert!((last as usize) < Epoch::THREADS, "an execution has at most {} threads", Epoch::THREADS);
        while self.known <= last as usize {
            if self.known == self.threads.len() {
                self.threads.push(Thread::default());
            }
            let thread = &mut self.threads[self.known];
            thread.clock.reset(self.base, self.known as ThreadId, self.base + 1);
            thread.pending.clear();
            thread.fence = ClockId::NONE;
            thread.version = Version::NONE;
            thread.just = Just::Other;
            thread.exchanged = false;
            self.known += 1;
        }
    }

    /// A thread that is used without having been spawned: created by code that is not watched. It is taken to know
    /// all that has happened so far.
    #[cold]
    pub(super) fn meet(&mut self, thread: ThreadId) {
        let old = self.known;
        self.add_threads(thread);
        let (others, new) = self.threads.split_at_mut(thread as usize);
        for other in &mut others[..old] {
            new[0].clock.join(&other.clock);
            other.clock.tick();
        }
    }

    /// Time has passed. Nobody still reads what had been overwritten by then; but nobody is ordered
    /// after what he then reads, either.
    pub fn time_passes(&mut self) {
        self.visible = self.order.now();
    }

    /// Whether the model's bounds may have kept this execution from being another one.
    #[must_use]
    pub fn is_curtailed(&self) -> bool {
        self.curtailed || self.order.is_curtailed()
    }

    /// What lies in the past of a thread.
    #[must_use]
    pub fn clock(&self, thread: ThreadId) -> &Clock {
        &self.threads[thread as usize].clock
    }

    /// The present of a thread.
    #[inline]
    #[must_use]
    pub fn epoch(&self, thread: ThreadId) -> Epoch {
        self.threads[thread as usize].clock.now()
    }

    /// Whether more than one thread has been seen. Before that, whatever happens lies in the past of all to come.
    #[inline]
    pub(super) fn is_concurrent(&self) -> bool {
        self.known > 1
    }
}

impl Default for ClockId {
    fn default() -> Self {
        ClockId::NONE
    }
}

impl Default for Version {
    fn default() -> Self {
        Version::NONE
    }
}
