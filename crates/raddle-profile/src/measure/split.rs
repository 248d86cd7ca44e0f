//! What the states of all threads in a short piece of time say about the program as a whole.
//!
//! Threads in the middle of work come first: their states share the time in proportion. A piece in which their times do
//! not fill it leaves a rest, and that belongs to those who hand over (pipes), else to those who are idle, else to those
//! who only wait for children and threads.
//!
//! Queueing for a processor is divided by cause. A program whose threads want no more processors than it may use does not
//! have to queue: if it does, other programs are why. Only what goes beyond is its own doing. So a busy machine does not
//! make a serial program look oversubscribed.
//!
//! What this simplifies: within a piece, times of work of several threads are taken to come one after the other as far
//! as they fit. In pieces much shorter than the phases of a program that makes no difference.

use crate::state::{ByState, Standing, State};

/// A piece of time, as it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Piece {
    /// Its length, seconds.
    pub length: f64,
    /// The program's time by state; together with `taken` they add up to `length`.
    pub shares: ByState,
    /// Time in which the program was ready and other programs had the processors.
    pub taken: f64,
    /// Time of all threads by state.
    pub threads: ByState,
    /// Part of the queueing that is the program's own doing, thread-seconds.
    pub own_queue: f64,
    /// Seconds in which somebody was running or ready.
    pub computing: f64,
}

/// Folds the times of all threads (`threads`, in seconds) in a piece of `length` seconds on `capacity` processors.
pub fn split(threads: &ByState, length: f64, capacity: f64) -> Piece {
    let (cpu, queue) = (threads[State::Cpu], threads[State::RunQueue]);
    let own_queue = (cpu + queue - capacity * length).clamp(0.0, queue);
    let mut piece =
        Piece { length, threads: *threads, own_queue, computing: (cpu + queue).min(length), ..Piece::default() };
    let mut work = *threads;
    for state in State::ALL {
        if state.standing() != Standing::Work {
            work[state] = 0.0;
        }
    }
    let working = work.total();
    let factor = if working > length { length / working } else { 1.0 };
    piece.shares = work.scaled(factor);
    piece.taken = (queue - own_queue) * factor;
    piece.shares[State::RunQueue] = own_queue * factor;
    let rest = length - working * factor;
    if rest <= 0.0 {
        return piece;
    }
    for standing in [Standing::HandOver, Standing::Idle, Standing::Delegated] {
        let all = threads.of(standing);
        // A trace of a state, left over from the edge of the piece, must not speak for all of it.
        if all >= (rest * 0.5).min(length * 0.1) {
            for state in State::ALL.into_iter().filter(|state| state.standing() == standing) {
                piece.shares[state] += rest * threads[state] / all;
            }
            return piece;
        }
    }
    // Nobody was there: not yet, or no more, and Raddle was late to see it because others had the processors.
    piece.taken += rest;
    piece
}
