//! A search that several processes perform: which block is dealt next, and what has come of those that have ended.
//!
//! Blocks are dealt in the order of their numbers, and taken in that order. What ends the search (a finding, a process that
//! dies) ends it at its own block: the blocks before it come to their ends, since one of them may end it sooner; those
//! behind it are dropped. So what is told does not depend on how many processes there are. Where time runs out, it depends
//! on which blocks have been begun by then.

use super::total::{Block, Total};
use crate::interrupt::Interrupt;
use crate::process::{Ended, Ending};
use raddle_protocol::message::End;
use raddle_protocol::{Counted, Module, Part, RawFinding};
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Blocks that may be dealt beyond the first that has not ended: what has ended is held in memory until its turn.
const AHEAD: u64 = 32;

/// Between two looks at whether the user wants to stop.
const LOOK: Duration = Duration::from_millis(100);

/// A search.
#[derive(Debug, Default)]
pub struct Division {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What is known of the head; `None` until it has come to its end.
    head: Option<Head>,
    total: Total,
    /// Blocks dealt, and of these, blocks taken into the total. Their numbers begin with 1.
    dealt: u64,
    taken: u64,
    /// Executions so far of blocks that have not ended.
    running: BTreeMap<u64, u64>,
    /// Blocks that have ended before one with a lower number.
    waiting: BTreeMap<u64, (Block, Option<Ended>)>,
    /// The block that ends the search, as far as is known.
    last: Option<u64>,
    /// How the process has died that ended it, if it did.
    death: Option<Ended>,
    /// There is no time left, or no executions: nothing is dealt any more.
    spent: bool,
    /// One process only has a part in it from now on.
    undivided: bool,
    /// What made executions go to processes of their own in a block.
    forks: Option<Option<String>>,
    helpers: usize,
}

#[derive(Debug)]
struct Head {
    digest: u64,
    modules: Vec<Module>,
}

/// What has come of a search that went beyond its head.
#[derive(Debug)]
pub struct Conclusion {
    /// As if one process had performed it.
    pub ended: Ended,
    /// Executions.
    pub schedules: u64,
    /// What blocks have found.
    pub found: Vec<RawFinding>,
    /// What made executions go to processes of their own, if they did.
    pub forks: Option<Option<String>>,
}

impl Division {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something that others may wait for.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.changed.notify_all();
        result
    }

    /// Waits for a change, for a little while at the most.
    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Counts executions of the head.
    pub fn count(&self, counted: &[Counted]) {
        self.state().total.count(counted);
    }

    /// The head has come to its end.
    pub fn take_head(&self, part: Part, modules: &[Module]) {
        self.change(|state| {
            state.head = Some(Head { digest: part.summary.digest, modules: modules.to_vec() });
            state.undivided = !part.divisible;
            state.total.take_head(part);
        });
    }

    /// The next block for a process that has performed this head; `None` when it has nothing left to do.
    pub fn draw(&self, digest: u64, modules: &[Module], helps: bool, interrupt: &Interrupt) -> Option<u64> {
        let mut state = self.state();
        loop {
            let is_same = state.head.as_ref().is_some_and(|head| head.digest == digest && head.modules == modules);
            if helps && !is_same {
                state.undivided = true;
                return None;
            }
            let is_over = state.spent || state.last.is_some() || interrupt.is_raised();
            if is_over || (helps && state.undivided) {
                return None;
            }
            if state.dealt - state.taken < AHEAD {
                break;
            }
            state = self.wait(state);
        }
        state.dealt += 1;
        let number = state.dealt;
        state.running.insert(number, 0);
        Some(number)
    }

    /// So many executions of a block have been performed; returns how many of all.
    pub fn progress(&self, block: Option<u64>, schedules: u64) -> u64 {
        let mut state = self.state();
        match block {
            None => schedules,
            Some(block) => {
                state.running.insert(block, schedules);
                state.schedules()
            }
        }
    }

    /// Whether a block is of interest.
    pub fn needs(&self, block: u64) -> bool {
        self.state().last.is_none_or(|last| block <= last)
    }

    /// A block has come to its end; `death` is how its process died in it, if it did.
    pub fn end_block(&self, number: u64, block: Block, death: Option<Ended>) {
        self.change(|state| {
            state.running.remove(&number);
            if death.is_some() || block.summary.end == End::Finding {
                state.last = Some(state.last.map_or(number, |last| last.min(number)));
            }
            state.waiting.insert(number, (block, death));
            state.take();
        });
    }

    /// There is nothing left to be dealt.
    pub fn is_spent(&self) {
        self.change(|state| state.spent = true);
    }

    /// Only one process is to have a part in it from now on.
    pub fn divide_no_more(&self) {
        self.change(|state| state.undivided = true);
    }

    /// Executions of a block have gone to processes of their own: what several of these do at the same time may not go
    /// together.
    pub fn forks(&self, why: Option<String>) {
        self.change(|state| {
            state.undivided = true;
            state.forks.get_or_insert(why);
        });
    }

    /// How many processes help; `None` where another one would be of no use.
    pub fn helpers(&self) -> Option<usize> {
        let state = self.state();
        let is_open = state.head.is_some() && state.last.is_none() && !state.spent && !state.undivided;
        is_open.then_some(state.helpers)
    }

    /// A process begins to help, or ends (`false`).
    pub fn help(&self, begins: bool) {
        self.change(|state| if begins { state.helpers += 1 } else { state.helpers -= 1 });
    }

    /// Waits until all that counts has come to its end; then tells what has come of it. `None` where the search has not gone
    /// beyond its head.
    pub fn conclude(&self, interrupt: &Interrupt) -> Option<Conclusion> {
        let mut state = self.state();
        state.head.as_ref()?;
        // From now on nobody else begins to help.
        state.spent = true;
        while state.taken < state.dealt.min(state.last.unwrap_or(u64::MAX)) && !interrupt.is_raised() {
            state = self.wait(state);
        }
        let summary = state.total.summary();
        let schedules = if interrupt.is_raised() { state.schedules() } else { summary.schedules };
        let ending = if interrupt.is_raised() { Ending::Interrupted } else { Ending::Finished(Box::new(summary)) };
        let ended = state.death.take().unwrap_or(Ended { ending, output: Vec::new() });
        let (found, forks) = (std::mem::take(&mut state.total.found), state.forks.take());
        Some(Conclusion { ended, schedules, found, forks })
    }
}

impl State {
    /// Takes blocks into the total, as long as it is their turn.
    fn take(&mut self) {
        while self.last.is_none_or(|last| self.taken < last)
            && let Some((block, death)) = self.waiting.remove(&(self.taken + 1))
        {
            self.taken += 1;
            if self.total.add(block) {
                self.last = Some(self.taken);
            }
            self.death = death;
        }
    }

    fn schedules(&self) -> u64 {
        let waiting: u64 = self.waiting.values().map(|(block, _)| block.summary.schedules).sum();
        self.total.schedules() + waiting + self.running.values().sum::<u64>()
    }
}

#[cfg(test)]
mod tests;
