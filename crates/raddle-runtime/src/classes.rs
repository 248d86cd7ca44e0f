//! Counts executions by equivalence class, and lists them for the command, which counts those of all processes together.

use crate::explore::send;
use raddle_engine::classes::Counts;
use raddle_protocol::{Counted, Message, Summary};

/// Executions that are told of at once.
const TOLD_AT_ONCE: usize = 1 << 15;

/// The classes that this process has seen, as far as they matter to it.
#[derive(Default)]
pub struct Classes {
    /// Those of the head of a search, or of all executions where it is not divided.
    head: Counts,
    /// Those of the present block.
    block: Option<Counts>,
    /// Executions that have not been told of; `None` where nobody wants to know.
    untold: Option<Vec<Counted>>,
}

impl Classes {
    /// From now on executions are listed, or not.
    pub fn list(&mut self, listed: bool) {
        self.untold = listed.then(Vec::new);
    }

    /// A block begins.
    pub fn begin_block(&mut self) {
        self.block = Some(Counts::default());
    }

    /// Counts an execution; tells whether its class is new, to the head and to the present block.
    pub fn count(&mut self, class: u64, drawn: bool) -> bool {
        if let Some(untold) = &mut self.untold {
            untold.push(Counted { class, drawn });
            if untold.len() >= TOLD_AT_ONCE {
                self.tell();
            }
        }
        match &mut self.block {
            Some(block) => block.count(class, drawn) && !self.head.has(class),
            None => self.head.count(class, drawn),
        }
    }

    /// Sends what is listed.
    pub fn tell(&mut self) {
        if let Some(untold) = self.untold.as_mut().filter(|untold| !untold.is_empty()) {
            send(&Message::Counted(core::mem::take(untold)));
        }
    }

    /// Writes the counts down, those of the present block if there is one.
    pub fn sum_up(&self, summary: &mut Summary) {
        let counts = self.block.as_ref().unwrap_or(&self.head);
        summary.distinct = counts.distinct();
        summary.unseen = counts.unseen().map(|unseen| [unseen.estimate, unseen.upper_bound]);
        summary.new_lately = counts.new_lately();
    }
}
