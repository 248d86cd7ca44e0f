//! The slow, obvious twin of [`Schedule`](super::Schedule): no run queue, no list of waiters, no cached deadline. Every
//! question is answered by looking at every thread.

use super::super::clock::{STEP_NS, look_ns};
use raddle_protocol::trace::{ThreadId, Wait};

/// What one thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    Able,
    Ended,
    /// `arrived` orders the waiters: lower waits longer.
    Waiting {
        wait: Wait,
        deadline: Option<u64>,
        mask: u32,
        arrived: usize,
    },
}

/// The whole book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naive {
    pub doing: Vec<Doing>,
    pub timed_out: Vec<bool>,
    pub current: ThreadId,
    pub now: u64,
    /// Looks at the clock since the last decision.
    pub looks: u64,
    pub most_alive: usize,
    arrivals: usize,
    steps_seen: u64,
}

impl Naive {
    pub fn new() -> Self {
        Naive {
            doing: vec![Doing::Able],
            timed_out: vec![false],
            current: 0,
            now: 0,
            looks: 0,
            most_alive: 1,
            arrivals: 0,
            steps_seen: 0,
        }
    }

    pub fn ids(&self) -> impl Iterator<Item = ThreadId> + use<> {
        0..self.doing.len() as ThreadId
    }

    pub fn able(&self, id: ThreadId) -> bool {
        self.doing[id as usize] == Doing::Able
    }

    pub fn ready(&self) -> Vec<ThreadId> {
        self.ids().filter(|id| self.able(*id)).collect()
    }

    /// Threads that wait, longest first.
    pub fn waiting(&self) -> Vec<ThreadId> {
        let arrived = |id: &ThreadId| match self.doing[*id as usize] {
            Doing::Waiting { arrived, .. } => arrived,
            _ => usize::MAX,
        };
        let mut ids: Vec<_> = self.ids().filter(|id| arrived(id) != usize::MAX).collect();
        ids.sort_by_key(arrived);
        ids
    }

    pub fn deadline(&self, id: ThreadId) -> Option<u64> {
        match self.doing[id as usize] {
            Doing::Waiting { deadline, .. } => deadline,
            _ => None,
        }
    }

    pub fn earliest_deadline(&self) -> Option<u64> {
        self.ids().filter_map(|id| self.deadline(id)).min()
    }

    pub fn alive(&self) -> usize {
        self.doing.iter().filter(|doing| **doing != Doing::Ended).count()
    }

    pub fn spawn(&mut self) -> ThreadId {
        self.doing.push(Doing::Able);
        self.timed_out.push(false);
        self.most_alive = self.most_alive.max(self.alive());
        self.doing.len() as ThreadId - 1
    }

    pub fn wait(&mut self, wait: Wait, deadline: Option<u64>, mask: u32) {
        let deadline = deadline.filter(|deadline| *deadline != u64::MAX);
        self.doing[self.current as usize] = Doing::Waiting { wait, deadline, mask, arrived: self.arrivals };
        self.timed_out[self.current as usize] = false;
        self.arrivals += 1;
    }

    pub fn end(&mut self) {
        self.doing[self.current as usize] = Doing::Ended;
    }

    pub fn wake(&mut self, id: ThreadId) {
        if matches!(self.doing[id as usize], Doing::Waiting { .. }) {
            self.doing[id as usize] = Doing::Able;
            self.timed_out[id as usize] = false;
        }
    }

    pub fn wake_masked(&mut self, most: usize, bits: u32, asked: impl Fn(Wait) -> bool) -> Vec<ThreadId> {
        let fits = |id: &ThreadId| match self.doing[*id as usize] {
            Doing::Waiting { wait, mask, .. } => mask & bits != 0 && asked(wait),
            _ => false,
        };
        let woken: Vec<_> = self.waiting().into_iter().filter(fits).take(most).collect();
        woken.iter().for_each(|id| self.wake(*id));
        woken
    }

    pub fn requeue(&mut self, most: usize, from: Wait, to: Wait) -> usize {
        let mut moved = 0;
        for id in self.waiting() {
            if let Doing::Waiting { wait, .. } = &mut self.doing[id as usize]
                && *wait == from
                && moved < most
            {
                *wait = to;
                moved += 1;
            }
        }
        moved
    }

    pub fn read_clock(&mut self, steps: u64) -> u64 {
        let worked = steps.saturating_sub(self.steps_seen);
        self.steps_seen = steps;
        self.now = self.now.saturating_add(look_ns(self.looks) + worked * STEP_NS);
        self.looks += 1;
        self.now
    }

    /// Moves time if it must move and lets deadlines pass; `None` when nobody will ever run again, else the threads
    /// that can run in the order in which they are offered: the running one first, then upwards and around the end.
    pub fn offer(&mut self) -> Option<Vec<ThreadId>> {
        if self.ready().is_empty() {
            self.now = self.now.max(self.earliest_deadline()?);
        }
        for id in self.ids() {
            if self.deadline(id).is_some_and(|deadline| deadline <= self.now) {
                self.doing[id as usize] = Doing::Able;
                self.timed_out[id as usize] = true;
            }
        }
        self.looks = 0;
        let (count, current) = (self.doing.len() as ThreadId, self.current);
        let mut offered = self.ready();
        offered.sort_by_key(|id| (id + count - current) % count);
        Some(offered)
    }
}
