//! Small programs with one mistake each, as ordinary tests with the standard library's types. They know nothing of
//! Raddle.
//!
//! The shapes are those by which the literature compares search strategies: the reorder, twostage, account and
//! wronglock programs of SCTBench (Thomson, Donaldson and Betts, "Concurrency testing using controlled schedulers",
//! TOPC 2016), the Bluetooth driver of Qadeer and Wu (PLDI'04), broken variants of well-known algorithms for mutual
//! exclusion, queues, stacks and locks, and the ways in which waiting goes wrong. Each was written for this set.
//!
//! What they use of the standard library comes by the name `library`: `in-shuttle-buggy` compiles the same text with
//! shuttle's types in its place.
//!
//! Each fails under some schedules, with sequentially consistent atomic operations, and passes under others. There is
//! no data race in the language's sense, so that every failure is one of order alone.

#![cfg(test)]

mod algorithms;
mod checks;
mod deadlocks;
mod lifetimes;
mod orders;
mod parts;
mod structures;
mod waiting;

use parts::{Cell, together};
use std as library;
