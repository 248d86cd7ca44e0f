//! What an execution has done that lies outside its memory: open descriptors, signal dispositions, and whatever cannot
//! be undone at all.

use crate::arch::syscall;
use crate::interpose::io::endings;
use crate::interpose::signals::actions::{self, Action};
use crate::state::{recording, rt};
use raddle_protocol::trace::Outcome;
use raddle_protocol::{Mode, Op};

/// Effects since the entry that a rewind undoes.
#[derive(Clone, Default, Debug)]
pub struct Effects {
    /// Descriptors opened and not closed, and which opening of this execution each comes from, counted from 0.
    descriptors: Vec<(i32, u32)>,
    /// Openings so far.
    openings: u32,
    /// Signals whose disposition was changed, with what the kernel and the runtime had before.
    dispositions: Vec<(i32, [u64; 4], Option<Action>)>,
}

impl Effects {
    /// Remembers a new descriptor. One that was open before has been replaced.
    fn opened(&mut self, descriptor: i32) {
        self.closed(descriptor);
        self.descriptors.push((descriptor, self.openings));
        self.openings += 1;
    }

    /// Forgets a descriptor.
    pub fn closed(&mut self, descriptor: i32) {
        self.descriptors.retain(|(open, _)| *open != descriptor);
    }

    /// Whether the present execution opened this descriptor.
    pub fn owns(&self, descriptor: i32) -> bool {
        self.descriptors.iter().any(|(open, _)| *open == descriptor)
    }

    /// Descriptors opened and not closed, with the number of the opening that each comes from.
    pub fn open(&self) -> &[(i32, u32)] {
        &self.descriptors
    }

    /// How many times a descriptor has been opened.
    pub fn openings(&self) -> u32 {
        self.openings
    }

    /// Remembers what to put back when a signal's disposition is about to change.
    pub fn disposition_changes(&mut self, signal: i32) {
        if !self.dispositions.iter().any(|(known, ..)| *known == signal) {
            self.dispositions.push((signal, actions::kernel(signal), actions::kept(signal)));
        }
    }

    /// Undoes all that happened since `saved`.
    pub fn undo(&self, saved: &Effects) {
        for (descriptor, _) in self.descriptors.iter().filter(|(open, _)| !saved.owns(*open)) {
            endings::reset_when_closed(*descriptor);
            // SAFETY: opened by an execution that has ended.
            unsafe { syscall(libc::SYS_close, [*descriptor as u64, 0, 0, 0, 0, 0]) };
        }
        for (signal, kernel, kept) in &self.dispositions {
            actions::put_back(*signal, kernel, *kept);
        }
    }
}

/// The running thread has opened a descriptor.
pub fn opened(descriptor: i32) {
    if descriptor >= 0 {
        rt().execution.effects.opened(descriptor);
        if recording() {
            crate::record::step(Op::Opened { descriptor });
        }
    }
}

/// The program is about to do what a rewind cannot undo. Under rewind the execution is given up here, before anything
/// has happened, and performed again in a process of its own.
pub fn irreversible(what: &str) {
    if crate::state::executing() && rt().mode == Mode::Rewind {
        crate::sched::finish(Outcome::NeedsFork(what.to_owned()));
    }
}

/// As [`irreversible`], of what other processes and later executions could find: the execution is performed with a view of
/// its own on files.
pub fn changes_files(what: &str) {
    if crate::state::executing() && rt().files.are_shared() {
        rt().files = crate::view::Files::Wanted;
        crate::sched::finish(Outcome::NeedsFork(what.to_owned()));
    }
}
