//! Who can run, who waits for what, and what time it is.
//!
//! Time is virtual: it stands still while anybody can run but for looks at it (see [`clock`]), and moves to the earliest deadline
//! when nobody can. In some executions a deadline also passes while others could run; see [`lateness`].
//!
//! Waiters are kept in order of arrival, and wake-ups go to the longest waiting first, as Linux futexes do among threads
//! of one priority. Who arrives first is itself up to the schedule, so no order is lost by that.

mod clock;
mod held;
mod lateness;
mod situation;
mod spinning;
mod stall;
#[cfg(test)]
mod tests;

use crate::access::{Access, AccessKind};
use crate::log::{Event, Log, Logged};
use crate::strategy::{Hint, Question, Seen};
use crate::tape::Tape;
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::{State, ThreadId, Wait};

use clock::Clock;

pub use clock::{CLOCK_READ_NS, STEP_NS};
pub use lateness::Arrival;
pub use situation::Situation;
pub use stall::Stalled;

/// Who runs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// This thread.
    Run(ThreadId),
    /// Nobody can run, and no deadline lies ahead.
    Stuck,
}

/// One thread as the scheduler sees it.
#[derive(Clone, Debug)]
struct Thread {
    state: State,
    /// Virtual time at which a wait ends by itself.
    deadline: Option<u64>,
    /// How the last wait ended.
    timed_out: bool,
    /// Futex bit set of the present wait.
    mask: u32,
    /// What it waits for it takes itself once it runs again (a lock): its pending operation has not happened yet.
    retries: bool,
    /// It was set aside, and what it looks at has been written to.
    roused: bool,
}

impl Default for Schedule {
    fn default() -> Self {
        Self::new()
    }
}

/// The book of one execution. Cheap to clone: it is saved where executions begin and put back for each.
#[derive(Clone, Debug)]
pub struct Schedule {
    threads: Vec<Thread>,
    /// What each thread is about to do.
    pending: Vec<Access>,
    /// Threads that can run, in ascending order.
    ready: Vec<ThreadId>,
    /// Threads that could run but spin, set aside until what they read changes.
    spinners: Vec<spinning::Spinner>,
    /// Threads that wait, in order of arrival.
    waiting: Vec<ThreadId>,
    current: ThreadId,
    /// Where `current` stands in `ready`, if nothing has changed there since it was chosen.
    current_place: usize,
    clock: Clock,
    /// Earliest deadline of any waiting thread, `u64::MAX` when there is none.
    next_deadline: u64,
    alive: u32,
    most_alive: u32,
    /// Threads that wait for a descriptor.
    descriptor_waits: u32,
    delay: lateness::Delay,
    /// Whether any thread has waited with a deadline.
    timed: bool,
    /// Whether there may be stalls, and the last one until that has been told.
    stalls: bool,
    stalled: Option<Stalled>,
    held: Option<held::Held>,
    log: Log,
}

impl Schedule {
    /// A book with one thread, number 0, which runs.
    #[must_use]
    pub fn new() -> Self {
        let mut schedule = Schedule {
            threads: Vec::new(),
            pending: Vec::new(),
            ready: Vec::new(),
            spinners: Vec::new(),
            waiting: Vec::new(),
            current: 0,
            current_place: 0,
            clock: Clock::default(),
            next_deadline: u64::MAX,
            alive: 0,
            most_alive: 0,
            descriptor_waits: 0,
            delay: lateness::Delay::default(),
            timed: false,
            stalls: false,
            stalled: None,
            held: None,
            log: Log::default(),
        };
        schedule.spawn();
        schedule.log.clear();
        schedule
    }

    /// Makes this book equal to `saved`, without allocating where it need not.
    pub fn restore(&mut self, saved: &Schedule) {
        self.threads.clone_from(&saved.threads);
        self.pending.clone_from(&saved.pending);
        self.log.clone_from(&saved.log);
        self.ready.clone_from(&saved.ready);
        self.spinners.clone_from(&saved.spinners);
        self.waiting.clone_from(&saved.waiting);
        self.current = saved.current;
        self.current_place = saved.current_place;
        self.clock = saved.clock;
        self.next_deadline = saved.next_deadline;
        self.alive = saved.alive;
        self.most_alive = saved.most_alive;
        self.descriptor_waits = saved.descriptor_waits;
        self.delay.clone_from(&saved.delay);
        self.timed = saved.timed;
        self.stalls = saved.stalls;
        self.stalled = saved.stalled;
        self.held = saved.held;
    }

    /// A new thread, which can run. Returns its number: threads are numbered from 0 in order of creation.
    pub fn spawn(&mut self) -> ThreadId {
        let id = self.threads.len() as ThreadId;
        self.threads.push(Thread {
            state: State::Runnable,
            deadline: None,
            timed_out: false,
            mask: !0,
            retries: false,
            roused: false,
        });
        self.pending.push(Access::begins(self.current));
        self.log.push(self.current, Event::Spawned, Access::begins(id));
        self.ready.push(id);
        self.alive += 1;
        self.most_alive = self.most_alive.max(self.alive);
        id
    }

    /// The running thread is about to perform this operation: what strategies see of it while it waits for its turn.
    #[inline]
    pub fn arrive(&mut self, access: Access) {
        self.set_pending(self.current, access);
    }

    /// Says what any thread is about to do.
    #[inline]
    pub fn set_pending(&mut self, thread: ThreadId, access: Access) {
        if let Some(pending) = self.pending.get_mut(thread as usize) {
            *pending = access;
        }
    }

    /// The running thread performs this operation now, or begins to wait for it.
    #[inline]
    pub fn perform(&mut self, access: Access) {
        self.log.push(self.current, Event::Performed, access);
    }

    /// What the running thread has just performed on this object turned out to change nothing: a compare-exchange that
    /// failed. Nothing happens where it was no step.
    #[inline]
    pub fn only_read(&mut self, object: u64) {
        self.turned_out(object, AccessKind::Read);
    }

    /// What the running thread has just performed on this object turned out to be of this kind. Nothing happens where it
    /// was no step.
    #[inline]
    pub fn turned_out(&mut self, object: u64, kind: AccessKind) {
        let current = self.current;
        let last = self.log.last_mut();
        let is_it = |last: &&mut Logged| {
            last.thread == current && last.event == Event::Performed && last.access.object == object
        };
        if let Some(last) = last.filter(is_it) {
            last.access.kind = kind;
        }
    }

    /// What each thread is about to do, by thread number.
    #[must_use]
    pub fn pending(&self) -> &[Access] {
        &self.pending
    }

    /// What a strategy is told of an execution that has ended here after so many choices: as a new one, that depends on nothing
    /// else.
    #[must_use]
    pub fn seen(&self, choices: u64, passed: bool) -> Seen<'_> {
        let (steps, pending) = (self.log().steps(), self.pending());
        Seen { steps, choices, record: &[], new: true, passed, pending, obstacle: None }
    }

    /// What has happened so far.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The equivalence class of this execution, once it is over.
    pub fn class(&mut self) -> u64 {
        self.log.class()
    }

    /// Puts so many entries into the log that mean nothing: nothing that depends on its length is as it would be without.
    pub fn pad_log(&mut self, entries: usize) {
        (0..entries).for_each(|_| self.log.push(self.current, Event::Performed, Access::local()));
    }

    /// Forgets what has happened so far: the part of the program that is explored begins here.
    pub fn clear_log(&mut self) {
        self.log.clear();
    }

    /// The thread that runs.
    #[inline]
    #[must_use]
    pub fn current(&self) -> ThreadId {
        self.current
    }

    /// How many threads can run and are not set aside.
    #[inline]
    #[must_use]
    pub fn runnable(&self) -> usize {
        self.ready.len()
    }

    /// Threads ever created.
    #[must_use]
    pub fn len(&self) -> usize {
        self.threads.len()
    }

    /// Whether no thread was ever created.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.threads.is_empty()
    }

    /// Threads that have not ended, and the most there ever were at once.
    #[must_use]
    pub fn alive(&self) -> (u32, u32) {
        (self.alive, self.most_alive)
    }

    /// Begins to count [`Schedule::alive`]'s maximum afresh from the threads there are now.
    pub fn reset_most_alive(&mut self) {
        self.most_alive = self.alive;
    }

    /// What a thread is doing.
    #[must_use]
    pub fn state(&self, thread: ThreadId) -> &State {
        &self.threads[thread as usize].state
    }

    /// The running thread begins to wait, until [`Schedule::wake`] or until `deadline_ns` has been reached.
    /// `u64::MAX`, the end of time, is as good as no deadline. `mask` is a futex bit set; all ones for other kinds of
    /// wait.
    pub fn wait(&mut self, wait: Wait, deadline_ns: Option<u64>, mask: u32) {
        let deadline_ns = deadline_ns.filter(|deadline| *deadline != u64::MAX);
        let id = self.current;
        let retried = if is_retried(&wait) { self.log.take_back(id) } else { None };
        self.pending[id as usize] = retried.unwrap_or(Access::begins(id));
        let thread = &mut self.threads[id as usize];
        thread.retries = retried.is_some();
        self.descriptor_waits += u32::from(matches!(wait, Wait::Descriptor(_)));
        thread.state = State::Waiting(wait);
        self.timed |= deadline_ns.is_some();
        thread.deadline = deadline_ns;
        thread.timed_out = false;
        thread.mask = mask;
        self.next_deadline = self.next_deadline.min(deadline_ns.unwrap_or(u64::MAX));
        self.leave_ready(id);
        self.waiting.push(id);
    }

    /// The running thread has ended.
    pub fn end_current(&mut self) {
        let id = self.current;
        self.threads[id as usize].state = State::Ended;
        self.pending[id as usize] = Access::local();
        self.leave_ready(id);
        self.alive -= 1;
    }

    /// Lets a waiting thread run again. Nothing happens when it does not wait.
    pub fn wake(&mut self, id: ThreadId) {
        self.end_wait(id, false);
    }

    /// Wakes up to `most` threads whose wait satisfies `matches`, longest waiting first, and tells which.
    pub fn wake_matching(&mut self, most: usize, mut matches: impl FnMut(&Wait) -> bool) -> Vec<ThreadId> {
        self.wake_masked(most, !0, &mut matches)
    }

    /// As [`Schedule::wake_matching`], for waits whose bit set has a bit in common with `mask`.
    pub fn wake_masked(&mut self, most: usize, mask: u32, matches: &mut dyn FnMut(&Wait) -> bool) -> Vec<ThreadId> {
        if most == 0 || self.waiting.is_empty() {
            return Vec::new();
        }
        let mut woken = Vec::new();
        for &id in &self.waiting {
            let thread = &self.threads[id as usize];
            if let State::Waiting(wait) = &thread.state
                && thread.mask & mask != 0
                && matches(wait)
            {
                woken.push(id);
                if woken.len() == most {
                    break;
                }
            }
        }
        for &id in &woken {
            self.wake(id);
        }
        woken
    }

    /// Changes what up to `most` waiting threads wait for (a futex requeue); tells how many.
    pub fn requeue(&mut self, most: usize, from: Wait, to: Wait) -> usize {
        let mut moved = 0;
        for &id in &self.waiting {
            if moved == most {
                break;
            }
            let thread = &mut self.threads[id as usize];
            if thread.state == State::Waiting(from) {
                thread.state = State::Waiting(to);
                self.descriptor_waits -= u32::from(matches!(from, Wait::Descriptor(_)));
                self.descriptor_waits += u32::from(matches!(to, Wait::Descriptor(_)));
                moved += 1;
            }
        }
        moved
    }

    /// Whether any thread has waited with a deadline, so that time has a part in what happens.
    #[must_use]
    pub fn is_timed(&self) -> bool {
        self.timed
    }

    /// Whether the last wait of the running thread ended by its deadline.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.threads[self.current as usize].timed_out
    }

    /// Says how the last wait of the running thread ended, if it has waited for something else since.
    pub fn set_timed_out(&mut self, timed_out: bool) {
        self.threads[self.current as usize].timed_out = timed_out;
    }

    /// Whether any thread waits for a descriptor.
    #[inline]
    #[must_use]
    pub fn waits_for_descriptor(&self) -> bool {
        self.descriptor_waits > 0
    }

    /// Whether any thread waits, with no deadline, on something that may be a lock.
    #[must_use]
    pub fn is_waited_for_lock(&self) -> bool {
        let may_be_lock = |wait: &State| {
            matches!(wait, State::Waiting(Wait::Futex(_) | Wait::Mutex(..) | Wait::RwLock(..) | Wait::FileLock(..)))
        };
        self.waiting
            .iter()
            .map(|id| &self.threads[*id as usize])
            .any(|one| one.deadline.is_none() && may_be_lock(&one.state))
    }

    /// The earliest deadline of any waiting thread.
    #[must_use]
    pub fn earliest_deadline(&self) -> Option<u64> {
        (self.next_deadline != u64::MAX).then_some(self.next_deadline)
    }

    /// The deadline of a thread that waits with one.
    #[must_use]
    pub fn deadline(&self, id: ThreadId) -> Option<u64> {
        self.threads[id as usize].deadline
    }

    /// Whether any of the threads up to number `last`, except `except`, can run.
    #[inline]
    #[must_use]
    pub fn any_ready_up_to(&self, last: ThreadId, except: ThreadId) -> bool {
        // In ascending order, one of the first two is such a thread if any is.
        match self.ready[..] {
            [first, ..] if first > last => false,
            [first, ..] if first != except => true,
            [_, second, ..] => second <= last,
            _ => false,
        }
    }

    /// Makes the lowest-numbered thread that can run the running one, asking nobody. For what happens after the part of
    /// the program that is explored.
    pub fn next_unasked(&mut self) -> Next {
        if let Err(stuck) = self.advance() {
            return stuck;
        }
        self.run(self.ready[0])
    }

    /// Makes a thread the running one. If it has waited to take something, it tries now.
    #[inline]
    fn run(&mut self, id: ThreadId) -> Next {
        self.current = id;
        self.clock.decided();
        let thread = &mut self.threads[id as usize];
        if thread.retries {
            thread.retries = false;
            self.log.push(id, Event::Performed, self.pending[id as usize]);
        }
        Next::Run(id)
    }

    /// Lets deadlines pass that have been reached, and moves time to the next one when nobody can run.
    #[inline]
    fn advance(&mut self) -> Result<(), Next> {
        if self.held.is_some() {
            self.tend_held();
        }
        if self.ready.is_empty() && self.has_spinners() {
            self.resume_spinners();
        }
        if self.ready.is_empty() {
            let Some(deadline) = self.earliest_deadline() else { return Err(Next::Stuck) };
            self.clock.now_ns = self.clock.now_ns.max(deadline);
            self.fire_deadlines();
        } else if self.next_deadline <= self.clock.now_ns {
            self.fire_deadlines();
        }
        Ok(())
    }

    /// Decides who runs next and makes it the running thread. Moves time when it must.
    #[inline]
    pub fn next(&mut self, tape: &mut Tape, hint: Hint) -> Next {
        if self.stalls
            && let Some(next) = self.stall(tape)
        {
            return next;
        }
        if self.deadline_near()
            && let Some(next) = self.next_or_deadline(tape, hint)
        {
            return next;
        }
        if let Err(stuck) = self.advance() {
            return stuck;
        }
        let count = self.ready.len();
        if count == 1 {
            return self.run(self.ready[0]);
        }
        // Option 0 is the running thread, if it can go on; the others follow in ascending order, around the end.
        let first = if self.ready.get(self.current_place) == Some(&self.current) {
            self.current_place
        } else {
            match self.ready.binary_search(&self.current) {
                Ok(at) => at,
                Err(at) if at < count => at,
                Err(_) => 0,
            }
        };
        let question = Question {
            kind: ChoiceKind::Thread,
            options: count,
            threads: &self.ready,
            pending: &self.pending,
            steps: self.log.steps(),
            current: self.current,
            first,
            hint,
        };
        let answer = tape.ask(&question);
        self.current_place = question.place(answer);
        self.run(self.ready[self.current_place])
    }

    fn fire_deadlines(&mut self) {
        let now = self.clock.now_ns;
        let due = |thread: &Thread| thread.deadline.is_some_and(|deadline| deadline <= now);
        while let Some(&id) = self.waiting.iter().find(|id| due(&self.threads[**id as usize])) {
            self.end_wait(id, true);
        }
    }

    fn end_wait(&mut self, id: ThreadId, timed_out: bool) {
        let thread = &mut self.threads[id as usize];
        let State::Waiting(wait) = thread.state else { return };
        self.descriptor_waits -= u32::from(matches!(wait, Wait::Descriptor(_)));
        thread.state = State::Runnable;
        let deadline = thread.deadline.take();
        thread.timed_out = timed_out;
        if !thread.retries {
            let event = if timed_out { Event::TimedOut } else { Event::Woken };
            self.log.push(id, event, Access::begins(self.current));
        }
        self.waiting.retain(|waiting| *waiting != id);
        if deadline == Some(self.next_deadline) {
            let deadlines = self.waiting.iter().filter_map(|id| self.threads[*id as usize].deadline);
            self.next_deadline = deadlines.min().unwrap_or(u64::MAX);
        }
        self.join_ready(id);
    }

    fn join_ready(&mut self, id: ThreadId) {
        let at = self.ready.partition_point(|ready| *ready < id);
        self.ready.insert(at, id);
    }

    fn leave_ready(&mut self, id: ThreadId) {
        if let Ok(at) = self.ready.binary_search(&id) {
            self.ready.remove(at);
        }
    }
}

/// Whether a thread that has waited for this takes it itself when it runs again, so that the operation happens then.
fn is_retried(wait: &Wait) -> bool {
    matches!(
        wait,
        Wait::Mutex(..) | Wait::RwLock(..) | Wait::FileLock(..) | Wait::Semaphore(_) | Wait::Once(_) | Wait::Join(_)
    )
}
