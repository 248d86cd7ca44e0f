//! Calls on paths: what they mean, and a use of a path whose check was out of date by then.
//!
//! A thread asks about a path; another thread changes what is there; the first one uses the path, and finds the contrary
//! of what it was told. That is the check-then-use of RD0104 (McPhee, "Operating system integrity in OS/VS2", IBM Systems
//! Journal 1974; Bishop and Dilger, "Checking for race conditions in file accesses", Computing Systems 1996).

use crate::action::Action;
use raddle_protocol::trace::PathCall;

/// A call on a path, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathUse {
    /// As the program has it.
    pub path: String,
    /// What the call does.
    pub call: PathCall,
    /// Whether it did.
    pub done: bool,
    /// Whether it did not because there was nothing.
    pub missing: bool,
}

impl PathUse {
    /// The last part of the path, as a report names it.
    pub fn name(&self) -> String {
        let last = self.path.rsplit('/').find(|part| !part.is_empty());
        format!("`{}`", last.unwrap_or(&self.path))
    }

    /// What the thread does.
    pub fn words(&self) -> String {
        let name = self.name();
        match (self.call, self.done, self.missing) {
            (PathCall::Looks, true, _) => format!("asks about {name}: it is there"),
            (PathCall::Looks, _, true) => format!("asks about {name}: there is none"),
            (PathCall::Looks, ..) => format!("asks about {name} and gets no answer"),
            (PathCall::Opens, true, _) => format!("opens {name}"),
            (PathCall::Empties, true, _) => format!("opens {name} and throws away what is in it"),
            (PathCall::Makes, true, _) => format!("makes {name}"),
            (PathCall::Replaces, true, _) => format!("takes over {name}, which is there already"),
            (PathCall::Removes, true, _) => format!("takes {name} away"),
            (PathCall::Enters, true, _) => format!("makes {name} the working directory"),
            (PathCall::Opens | PathCall::Empties, false, true) => format!("wants to open {name}: there is none"),
            (PathCall::Removes, false, true) => format!("wants to take {name} away: there is none"),
            (_, false, _) => format!("wants to use {name} and fails"),
        }
    }

    /// Whether another thread's question would have another answer after this.
    fn changes(&self) -> bool {
        self.done && self.call.changes()
    }

    /// Whether this shows the contrary of what the thread had been told before.
    fn contradicts(&self, look: &PathUse) -> bool {
        if look.done { self.missing } else { self.done && self.call.takes_what_is_there() }
    }
}

/// Three actions on one path, by their numbers: two of one thread, and one of another in between.
#[derive(Clone, Copy, Debug)]
pub struct CheckThenUse {
    /// The thread asks.
    pub look: usize,
    /// The other thread changes what is there.
    pub change: usize,
    /// The thread goes by what it was told, and finds the contrary.
    pub act: usize,
}

/// All of them, in the order of their uses.
pub fn checks_out_of_date(actions: &[Action]) -> Vec<CheckThenUse> {
    let calls: Vec<(usize, &Action, &PathUse)> =
        actions.iter().enumerate().filter_map(|(index, action)| Some((index, action, action.path()?))).collect();
    let is_question = |path: &PathUse| path.call == PathCall::Looks;
    let mut found = Vec::new();
    for (at, (act, used, path)) in calls.iter().enumerate().filter(|(_, (.., path))| !is_question(path)) {
        let same = || calls[..at].iter().rev().filter(|(.., other)| other.path == path.path);
        // What the thread itself did last with this path must have been to ask.
        let last = same().find(|(_, action, _)| action.thread == used.thread);
        let Some((look, _, asked)) = last.filter(|(.., asked)| is_question(asked)) else { continue };
        let change = same().find(|(_, action, other)| action.thread != used.thread && other.changes());
        if let Some((change, ..)) = change.filter(|(change, ..)| change > look && path.contradicts(asked)) {
            found.push(CheckThenUse { look: *look, change: *change, act: *act });
        }
    }
    found
}
