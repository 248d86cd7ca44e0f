//! The call stacks of a record, each of them once.
//!
//! Where functions call themselves or each other deeply, nearly every step of a long execution has a stack of its own, and
//! all of them together may be more than there is memory. So they can be counted, and those that nothing leads to any more be
//! given up.

use raddle_engine::random::mix;
use raddle_protocol::trace::{Stack, StackFrame, StackId};
use std::collections::BTreeMap;

/// Stacks by their numbers.
#[derive(Default)]
pub struct Stacks {
    stacks: Vec<Stack>,
    /// Their numbers by a hash of the frames; of two with the same hash the later one has the next that is free.
    known: BTreeMap<u64, StackId>,
    frames: usize,
}

impl Stacks {
    /// The number of this stack.
    pub fn intern(&mut self, frames: &[(u64, u64)]) -> StackId {
        let mut key = frames.iter().fold(0, |hash, (pc, cfa)| mix(mix(hash ^ pc) ^ cfa));
        while let Some(id) = self.known.get(&key) {
            let known = self.stacks[*id as usize].frames.iter().map(|frame| (frame.pc, frame.cfa));
            if known.eq(frames.iter().copied()) {
                return *id;
            }
            key = key.wrapping_add(1);
        }
        let id = self.stacks.len() as StackId;
        self.known.insert(key, id);
        self.frames += frames.len();
        self.stacks.push(Stack { frames: frames.iter().map(|(pc, cfa)| StackFrame { pc: *pc, cfa: *cfa }).collect() });
        id
    }

    /// The code address of a stack's innermost frame; 0 where there is none.
    pub fn innermost(&self, stack: StackId) -> u64 {
        self.stacks[stack as usize].frames.first().map_or(0, |frame| frame.pc)
    }

    /// Frames of all stacks.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Gives up all but the stacks to which `each` leads, and gives those other numbers.
    pub fn keep(&mut self, each: impl FnOnce(&mut dyn FnMut(&mut StackId))) {
        let mut old = core::mem::take(self);
        let mut numbers = vec![None; old.stacks.len()];
        each(&mut |stack| {
            let number = &mut numbers[*stack as usize];
            *stack = *number.get_or_insert_with(|| {
                let kept = core::mem::take(&mut old.stacks[*stack as usize]);
                self.frames += kept.frames.len();
                self.stacks.push(kept);
                self.stacks.len() as StackId - 1
            });
        });
        let known = old.known.into_iter();
        self.known = known.filter_map(|(key, id)| Some((key, numbers[id as usize]?))).collect();
    }

    /// The stacks, in the order of their numbers.
    pub fn into_vec(self) -> Vec<Stack> {
        self.stacks
    }
}
