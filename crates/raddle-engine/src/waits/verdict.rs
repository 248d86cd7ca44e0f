//! The answer of the judgement.

use super::event::{Mode, Object, Thread, WaitFor};
use super::holds::Hold;

/// Why nothing can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A thread waits for a lock that it holds itself.
    SelfDeadlock(SelfDeadlock),
    /// Threads wait in a cycle, each for what the next one holds or is to do.
    Deadlock(Deadlock),
    /// A thread waits for something that nobody is left to do.
    LostWakeup(LostWakeup),
    /// No thread waits for anything that is known.
    Unexplained,
}

impl Verdict {
    /// The catalogue code.
    pub fn code(&self) -> &'static str {
        match self {
            Verdict::SelfDeadlock(_) => "RD0203",
            Verdict::Deadlock(_) => "RD0201",
            Verdict::LostWakeup(_) | Verdict::Unexplained => "RD0204",
        }
    }
}

/// A thread waits for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfDeadlock {
    /// The thread.
    pub thread: Thread,
    /// What it holds.
    pub held: Hold,
    /// In which mode it asks for the same lock again.
    pub wanted: Mode,
    /// Since when it waits.
    pub since: Option<usize>,
    /// For a second read: the writer that queued between the two, and since when.
    pub writer: Option<(Thread, Option<usize>)>,
}

/// A cycle in the wait-for graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlock {
    /// The threads of the cycle; each waits for the one after it, the last one for the first.
    pub cycle: Vec<Link>,
    /// An order of the locks that, kept by every thread, makes this cycle impossible. Empty when not every link is a
    /// distinct lock, for then no order of locks helps.
    pub order: Vec<Object>,
    /// The thread that does not keep `order`.
    pub against_order: Option<Thread>,
}

/// One thread of a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The thread.
    pub thread: Thread,
    /// What it waits for.
    pub waits: WaitFor,
    /// Since when.
    pub since: Option<usize>,
    /// Why this makes it wait for the next thread of the cycle.
    pub because: Because,
}

/// Why one thread waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// The other holds the lock.
    Holds(Hold),
    /// The other is a writer that already waits for the same lock, and the lock lets no reader pass a waiting writer.
    Queued {
        /// The lock.
        object: Object,
        /// Since when the writer waits.
        since: Option<usize>,
    },
    /// The other has not ended.
    Join,
    /// The other is the one that notifies this object, and did so last at this place.
    Notifies {
        /// The object.
        object: Object,
        /// Its last notification.
        at: Option<usize>,
    },
}

/// A wait that nobody is left to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostWakeup {
    /// The thread that waits.
    pub thread: Thread,
    /// For what.
    pub waits: WaitFor,
    /// Since when.
    pub since: Option<usize>,
    /// What became of the notification.
    pub fate: Fate,
    /// Threads that wait, directly or through others, for this one; with what each waits for.
    pub behind: Vec<(Thread, WaitFor)>,
    /// Other threads that wait for a notification of their own.
    pub others: Vec<(Thread, WaitFor)>,
    /// What the thread itself holds meanwhile.
    pub holds: Vec<Hold>,
}

/// Why a notification does not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was sent before the thread waited, and woke nobody.
    SentEarly {
        /// By whom.
        by: Thread,
        /// Where.
        at: Option<usize>,
    },
    /// It woke another thread, which has itself gone back to waiting or ended.
    WokeAnother {
        /// By whom.
        by: Thread,
        /// Where.
        at: Option<usize>,
        /// The thread that it woke.
        woken: Thread,
    },
    /// None was sent that could have ended the wait, and no thread is left to send one.
    NeverSent,
    /// It waits for a lock whose holder has ended without giving it back.
    OwnerEnded(Hold),
    /// It waits for a lock that nobody is known to hold.
    OwnerUnknown,
}
