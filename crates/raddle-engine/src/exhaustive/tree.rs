//! The answers on the way to the present execution, and at each of them what has been tried and what is to be.
//!
//! A stack: going on from an execution takes away the answers that are exhausted. Lists that belong to an answer lie one
//! behind the other in two vectors, so that nothing is allocated once these have grown.

use crate::access::Access;
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::ThreadId;
use std::ops::Range;

/// Threads that can run at one moment, at the most: they are kept as bits of a word.
pub const MOST_READY: usize = 64;

/// What an answer is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Threads, of which others may have to be tried.
    Thread,
    /// Threads, of which no other need be tried: whoever was chosen did nothing that others could tell.
    Forced,
    /// Values, all of which are tried in turn.
    Value(ChoiceKind),
}

/// One answer.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// What it is one of.
    pub kind: Kind,
    /// Entries of the log when it was given; for values, when the last thread was chosen.
    pub step: u32,
    /// The answer: a place among the threads that could run, or a value.
    pub taken: u16,
    /// How many answers there were.
    pub options: u16,
    /// Places of the threads that have been tried, and that must be (those that have been among them).
    pub done: u64,
    /// See `done`.
    pub todo: u64,
    /// Whether the thread chosen does nothing but look in vain, so that its step is not in the log.
    pub looks: bool,
    /// The place of a thread that was found to look in vain for ever.
    pub waits: Option<u16>,
    ready: u32,
    asleep: u32,
}

/// A thread and what it is about to do.
pub type Pending = (ThreadId, Access);

/// The stack.
#[derive(Default)]
pub struct Tree {
    nodes: Vec<Node>,
    ready: Vec<Pending>,
    asleep: Vec<Pending>,
}

impl Tree {
    /// Answers on the way.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// An answer.
    pub fn get(&self, at: usize) -> Option<&Node> {
        self.nodes.get(at)
    }

    /// All answers, the first one first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// An answer, to be changed.
    pub fn at(&mut self, at: usize) -> &mut Node {
        &mut self.nodes[at]
    }

    /// Threads that could run, in ascending order.
    pub fn ready(&self, at: usize) -> &[Pending] {
        &self.ready[self.range(at, |node| node.ready, self.ready.len())]
    }

    /// Threads that need not run, since all that could follow has been seen.
    pub fn asleep(&self, at: usize) -> &[Pending] {
        &self.asleep[self.range(at, |node| node.asleep, self.asleep.len())]
    }

    /// The thread that was chosen.
    pub fn chosen(&self, at: usize) -> Pending {
        self.ready(at)[usize::from(self.nodes[at].taken)]
    }

    /// Whether a thread need not run.
    pub fn is_asleep(&self, at: usize, thread: ThreadId) -> bool {
        self.asleep(at).iter().any(|(id, _)| *id == thread)
    }

    fn range(&self, at: usize, begin: fn(&Node) -> u32, end: usize) -> Range<usize> {
        let start = begin(&self.nodes[at]) as usize;
        start..self.nodes.get(at + 1).map_or(end, |next| begin(next) as usize)
    }

    /// Adds an answer about values.
    pub fn push_value(&mut self, kind: ChoiceKind, options: usize, tried: usize, step: u32) {
        // Of `options` answers only so many are tried.
        let todo = tried as u64;
        self.push(Kind::Value(kind), options, step);
        self.at(self.nodes.len() - 1).todo = todo;
    }

    /// Adds an answer about threads that can run; [`Tree::sleeps`] says which need not. Nothing is chosen yet.
    pub fn push_threads(&mut self, step: u32, ready: impl Iterator<Item = Pending>) -> usize {
        self.push(Kind::Thread, 0, step);
        self.ready.extend(ready);
        let at = self.nodes.len() - 1;
        self.nodes[at].options = self.ready(at).len() as u16;
        at
    }

    fn push(&mut self, kind: Kind, options: usize, step: u32) {
        let (ready, asleep) = (self.ready.len() as u32, self.asleep.len() as u32);
        let options = options as u16;
        self.nodes.push(Node {
            kind,
            step,
            taken: 0,
            options,
            done: 0,
            todo: 0,
            looks: false,
            waits: None,
            ready,
            asleep,
        });
    }

    /// Lets a thread sleep at the answer added last.
    pub fn sleeps(&mut self, pending: Pending) {
        self.asleep.push(pending);
    }

    /// Chooses a thread by its place at the answer added last.
    pub fn choose(&mut self, place: usize, kind: Kind) {
        let node = self.nodes.last_mut().expect("an answer was added before its thread is chosen");
        node.kind = kind;
        node.taken = place as u16;
        node.todo |= 1 << place;
    }

    /// Forgets the answer added last.
    pub fn pop(&mut self) {
        if let Some(node) = self.nodes.pop() {
            self.ready.truncate(node.ready as usize);
            self.asleep.truncate(node.asleep as usize);
        }
    }

    /// Goes to the next execution: the last answer that can be another one is. Tells where that is; `None` when there is
    /// no execution left.
    pub fn advance(&mut self) -> Option<usize> {
        while let Some(node) = self.nodes.last_mut() {
            match node.kind {
                Kind::Value(_) if u64::from(node.taken) + 1 < node.todo => {
                    node.taken += 1;
                    return Some(self.nodes.len() - 1);
                }
                Kind::Thread => {
                    node.done |= 1 << node.taken;
                    node.looks = false;
                    let left = node.todo & !node.done;
                    if left != 0 {
                        node.taken = left.trailing_zeros() as u16;
                        return Some(self.nodes.len() - 1);
                    }
                }
                Kind::Value(_) | Kind::Forced => {}
            }
            self.pop();
        }
        None
    }

    /// The part of the tree that has been seen, if all that is known to be tried at an answer leads to equally much:
    /// Knuth's way to estimate the size of a search tree ("Estimating the efficiency of backtrack programs", Mathematics
    /// of Computation 1975), from the path that the search stands on rather than from one drawn at random.
    pub fn seen(&self) -> f64 {
        let (mut seen, mut share) = (0.0, 1.0);
        for node in &self.nodes {
            let (done, all) = match node.kind {
                Kind::Forced => (0, 1),
                Kind::Value(_) => (u64::from(node.taken), node.todo),
                Kind::Thread => (u64::from(node.done.count_ones()), u64::from((node.todo | node.done).count_ones())),
            };
            share /= all.max(1) as f64;
            seen += share * done as f64;
        }
        seen
    }
}
