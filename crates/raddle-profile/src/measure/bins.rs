//! Bins of time into which the amounts of all threads are laid.
//!
//! Looks at threads come late: one that is seldom looked at brings amounts for a longer time back. So bins stay open for
//! a while; what comes for a closed one goes to the oldest that is open. A measurement that grows long is kept at half
//! the resolution.

use super::split::{Piece, split};
use crate::state::{ByState, State};
use std::collections::VecDeque;

/// Length of a bin, seconds: two looks at the usual rate.
pub const WIDTH: f64 = 0.02;
/// For how many bins amounts may come late.
const OPEN: usize = 100;
/// How many closed pieces are kept before they are joined in pairs.
const KEPT: usize = 4096;

#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    threads: ByState,
    alive: f64,
    counted: u32,
}

/// A closed piece with the number of threads alive in it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Closed {
    /// The piece.
    pub piece: Piece,
    /// Threads alive, mean.
    pub alive: f64,
}

/// All bins of a measurement.
#[derive(Debug)]
pub struct Bins {
    capacity: f64,
    open: VecDeque<Bin>,
    /// Number of bins closed: the first open one begins at this times [`WIDTH`].
    first: u64,
    closed: Vec<Closed>,
    /// How many bins one closed entry holds.
    joined: u64,
    partial: Option<(Closed, u64)>,
    total: Piece,
    alive: f64,
    alive_peak: f64,
}

impl Bins {
    /// For a program that may use `capacity` processors.
    pub fn new(capacity: f64) -> Self {
        Self {
            capacity,
            open: VecDeque::new(),
            first: 0,
            closed: Vec::new(),
            joined: 1,
            partial: None,
            total: Piece::default(),
            alive: 0.0,
            alive_peak: 0.0,
        }
    }

    /// A change of what the program may use.
    pub fn set_capacity(&mut self, capacity: f64) {
        self.capacity = capacity;
    }

    /// Lays `amount` seconds of a thread evenly between two times, in seconds since the start.
    pub fn lay(&mut self, state: State, amount: f64, from: f64, to: f64) {
        if amount <= 0.0 {
            return;
        }
        let (first, last) = (self.index(from), self.index(to));
        if first == last || to <= from {
            self.bin(last).threads[state] += amount;
            return;
        }
        let density = amount / (to - from);
        for index in first..=last {
            let start = (index as f64 * WIDTH).max(from);
            let end = ((index + 1) as f64 * WIDTH).min(to);
            self.bin(index).threads[state] += density * (end - start).max(0.0);
        }
    }

    /// Notes how many threads are alive.
    pub fn count(&mut self, alive: usize, at: f64) {
        let index = self.index(at);
        let bin = self.bin(index);
        bin.alive += alive as f64;
        bin.counted += 1;
        self.alive_peak = self.alive_peak.max(alive as f64);
    }

    fn index(&self, at: f64) -> u64 {
        (at.max(0.0) / WIDTH) as u64
    }

    fn bin(&mut self, index: u64) -> &mut Bin {
        while index >= self.first + self.open.len() as u64 {
            if self.open.len() >= OPEN {
                self.close_first(WIDTH);
            } else {
                self.open.push_back(Bin::default());
            }
        }
        let index = index.saturating_sub(self.first) as usize;
        &mut self.open[index]
    }

    fn close_first(&mut self, length: f64) {
        let Some(bin) = self.open.pop_front() else { return };
        self.first += 1;
        if bin.counted > 0 {
            self.alive = bin.alive / f64::from(bin.counted);
        }
        let closed = Closed { piece: split(&bin.threads, length, self.capacity), alive: self.alive };
        join(&mut self.total, &closed.piece);
        let (joined, count) = match self.partial.take() {
            None => (closed, 1),
            Some((mut partial, count)) => {
                join_closed(&mut partial, &closed);
                (partial, count + 1)
            }
        };
        if count < self.joined {
            self.partial = Some((joined, count));
            return;
        }
        self.closed.push(joined);
        if self.closed.len() >= KEPT {
            self.closed = pairs(&self.closed);
            self.joined *= 2;
        }
    }

    /// Closes all bins up to the end of the measurement, in seconds since the start. Returns the pieces and their sum.
    pub fn finish(mut self, end: f64) -> (Vec<Closed>, Piece, f64) {
        if end > 0.0 {
            // A bin that begins where the measurement ends does not exist.
            let last = ((end / WIDTH).ceil() as u64).max(1) - 1;
            self.bin(last);
            while let Some(start) = (!self.open.is_empty()).then_some(self.first as f64 * WIDTH) {
                let length = (end - start).min(WIDTH);
                if length <= 1e-9 {
                    break;
                }
                self.close_first(length);
            }
        }
        if let Some((partial, _)) = self.partial.take() {
            self.closed.push(partial);
        }
        (self.closed, self.total, self.alive_peak)
    }
}

fn join(sum: &mut Piece, piece: &Piece) {
    sum.length += piece.length;
    sum.shares.add(&piece.shares);
    sum.threads.add(&piece.threads);
    sum.taken += piece.taken;
    sum.own_queue += piece.own_queue;
    sum.computing += piece.computing;
}

fn join_closed(sum: &mut Closed, other: &Closed) {
    let length = sum.piece.length + other.piece.length;
    sum.alive = (sum.alive * sum.piece.length + other.alive * other.piece.length) / length.max(1e-9);
    join(&mut sum.piece, &other.piece);
}

fn pairs(closed: &[Closed]) -> Vec<Closed> {
    closed
        .chunks(2)
        .map(|pair| {
            let mut sum = pair[0];
            for other in &pair[1..] {
                join_closed(&mut sum, other);
            }
            sum
        })
        .collect()
}

/// Joins pieces until there are at most `most`; returns them with how many original ones each holds, but for the last.
pub fn coarser(mut closed: Vec<Closed>, most: usize) -> Vec<Closed> {
    let factor = closed.len().div_ceil(most.max(1)).max(1);
    if factor > 1 {
        closed = closed
            .chunks(factor)
            .map(|group| {
                let mut sum = group[0];
                for other in &group[1..] {
                    join_closed(&mut sum, other);
                }
                sum
            })
            .collect();
    }
    closed
}
