//! One process of a search: what it tells of the head and of blocks goes into the [`Division`], and from there it is told
//! what to do next.

use super::division::Division;
use super::total::Block;
use crate::interrupt::Interrupt;
use crate::judge::Judge;
use crate::process::{Ended, Ending, Reply};
use crate::subject::Subject;
use raddle_protocol::{Counted, Deal, Message, Module, RawFinding};

/// One process of a search.
pub struct Worker<'a> {
    division: &'a Division,
    subject: &'a Subject,
    interrupt: &'a Interrupt,
    /// Whether another process performs the head for all to see.
    helps: bool,
    /// Executable and libraries as they are loaded.
    pub modules: Vec<Module>,
    /// How much of what is known of call stacks it has been told.
    told: usize,
    /// The block that it performs.
    block: Option<u64>,
    counted: Vec<Counted>,
    found: Vec<RawFinding>,
    /// Whether it has been dealt a block, ever.
    takes_part: bool,
}

impl<'a> Worker<'a> {
    /// A process that has said nothing yet.
    pub fn new(division: &'a Division, subject: &'a Subject, interrupt: &'a Interrupt, helps: bool) -> Self {
        let (modules, counted, found) = (Vec::new(), Vec::new(), Vec::new());
        Self { division, subject, interrupt, helps, modules, told: 0, block: None, counted, found, takes_part: false }
    }

    /// Whether what it tells now is not of a block.
    pub fn is_in_head(&self) -> bool {
        self.block.is_none()
    }

    /// Whether it has come further than the head.
    pub fn takes_part(&self) -> bool {
        self.takes_part
    }

    /// It has performed so many executions of its part; returns how many there are of the search.
    pub fn progress(&self, schedules: u64) -> u64 {
        self.division.progress(self.block, schedules)
    }

    /// Whether it is to go on.
    pub fn goes_on(&self) -> Reply {
        let is_needed = match self.block {
            Some(block) => self.division.needs(block),
            None => !self.helps || self.division.helpers().is_some(),
        };
        if is_needed { Reply::Nothing } else { Reply::Stop }
    }

    /// Takes in what concerns the division, and answers.
    pub fn hear(&mut self, message: Message, judge: &mut Judge) -> Reply {
        match message {
            Message::Ready { modules, .. } => self.modules = modules,
            Message::Ask { stack, whole } => {
                let source = &self.subject.source;
                return Reply::Known(judge.answer(stack, whole, &self.modules, source, &mut self.told));
            }
            Message::Counted(counted) if self.is_in_head() => self.division.count(&counted),
            Message::Counted(counted) => self.counted.extend(counted),
            Message::Finding(raw) => self.found.push(*raw),
            Message::Part(part) => match self.block.take() {
                None => self.division.take_head(*part, &self.modules),
                Some(number) => {
                    let shown = part.shown.into_iter().map(Some);
                    let found = shown.zip(std::mem::take(&mut self.found)).collect();
                    let counted = std::mem::take(&mut self.counted);
                    self.division.end_block(number, Block { summary: part.summary, counted, found }, None);
                }
            },
            Message::Draw { head } => {
                self.block = self.division.draw(head, &self.modules, self.helps, self.interrupt);
                self.takes_part |= self.block.is_some();
                return Reply::Deal(Deal(self.block));
            }
            _ => {}
        }
        Reply::Nothing
    }

    /// The process has ended. Returns how, where that is not a matter of the block that it has performed last.
    pub fn end(self, ended: Ended) -> Option<Ended> {
        match (&ended.ending, self.block) {
            (Ending::Finished(_), block) => {
                // It ends by itself when there is no time left, or its block lies beyond the budget.
                if let Some(number) = block {
                    self.division.end_block(number, Block::default(), None);
                }
                if self.takes_part {
                    self.division.is_spent();
                }
                Some(ended)
            }
            (Ending::Stopped, _) => None,
            (Ending::Died(..) | Ending::Silent(_) | Ending::Fault(_), Some(number)) => {
                let found = self.found.into_iter().map(|raw| (None, raw)).collect();
                self.division.end_block(number, Block { found, ..Block::default() }, Some(ended));
                None
            }
            (Ending::Died(..) | Ending::Silent(_) | Ending::Fault(_) | Ending::Interrupted, _) => Some(ended),
        }
    }
}
