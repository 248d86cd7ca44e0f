//! The choice stream: everything in an execution that could have gone another way, in the order in which it was asked.
//!
//! An execution is a function of the program and of this stream alone. Replay feeds a recorded stream back; a search
//! strategy is whatever answers the questions the first time.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

/// What was being decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum ChoiceKind {
    /// Which of the threads that can run takes the next step. Option 0 is the thread that runs now, if it still can.
    Thread,
    /// Whether a weak compare-exchange fails although the values are equal (option 1).
    WeakFailure,
    /// Whether a wait on a condition or futex ends without a wake-up (option 1).
    SpuriousWakeup,
    /// Whether a deadline passes while threads that could run are kept waiting (option 0: none does). Asked once of an
    /// execution as a whole; where it was agreed to, again wherever input and a deadline compete for one thread.
    Lateness,
    /// Which of several stores a load reads (option 0: the latest).
    ReadsFrom,
    /// Where a store goes in its location's modification order (option 0: at the end).
    ModificationOrder,
    /// Which of several ready descriptors is reported next (option 0: the one registered first), or, as the last option,
    /// that no more are reported this time.
    Readiness,
    /// How input or output falls short of what was asked for (option 0: it does not).
    Shortfall,
    /// Whether something is cancelled (option 0: nothing is). When a thread begins to wait, everything may stand still: until
    /// its deadline has passed, or for as long as no deadline is; or one of the threads that can run may. A future that the
    /// test has given free for it may be dropped where it waits.
    Stall,
    /// Which of the threads that do not block it takes a signal for the process (option 0: the one that runs, if it does).
    Receiver,
    /// Whether an allocation gets a block that was freed before and whose address other threads may still hold (option 1).
    Reuse,
}

impl ChoiceKind {
    const ALL: [(ChoiceKind, char); 11] = [
        (ChoiceKind::Thread, 't'),
        (ChoiceKind::WeakFailure, 'w'),
        (ChoiceKind::SpuriousWakeup, 's'),
        (ChoiceKind::Lateness, 'l'),
        (ChoiceKind::ReadsFrom, 'r'),
        (ChoiceKind::ModificationOrder, 'm'),
        (ChoiceKind::Readiness, 'i'),
        (ChoiceKind::Shortfall, 'f'),
        (ChoiceKind::Stall, 'c'),
        (ChoiceKind::Receiver, 'g'),
        (ChoiceKind::Reuse, 'a'),
    ];

    fn letter(self) -> char {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or('?', |(_, letter)| *letter)
    }

    fn from_letter(letter: char) -> Option<Self> {
        Self::ALL.iter().find(|(_, l)| *l == letter).map(|(kind, _)| *kind)
    }
}

/// One decision: `taken` of `options`, counted from 0. A question with a single answer is never asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Choice {
    /// What was decided.
    pub kind: ChoiceKind,
    /// How many answers there were, at least 2.
    pub options: u16,
    /// The answer, below `options`.
    pub taken: u16,
}

impl Choice {
    /// Whether something is cancelled by it.
    #[must_use]
    pub fn cancels(&self) -> bool {
        self.kind == ChoiceKind::Stall && self.taken != 0
    }
}

/// How many choices took the turn from a thread that could have gone on: option 0 is the thread that runs. (Where that thread
/// cannot go on, option 0 is another one, which the stream does not tell; such a choice is counted too.)
#[must_use]
pub fn preemptions(choices: &[Choice]) -> u64 {
    choices.iter().filter(|choice| choice.kind == ChoiceKind::Thread && choice.taken != 0).count() as u64
}

/// Writes a stream as text: a letter for the kind, then `taken/options`, runs of the same choice folded as `*n`.
pub fn to_text(choices: &[Choice]) -> String {
    let mut text = String::new();
    let mut rest = choices;
    while let [first, ..] = rest {
        let run = rest.iter().take_while(|choice| *choice == first).count();
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&format!("{}{}/{}", first.kind.letter(), first.taken, first.options));
        if run > 1 {
            text.push_str(&format!("*{run}"));
        }
        rest = &rest[run..];
    }
    text
}

/// How often a choice that is written with `*n` may follow itself.
const RUN: core::ops::RangeInclusive<usize> = 2..=1 << 28;

/// Digits alone, where [`str::parse`] would take a sign too.
fn number<T: core::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Reads what [`to_text`] wrote; `None` when the text is not of that form.
pub fn from_text(text: &str) -> Option<Vec<Choice>> {
    let mut choices = Vec::new();
    for word in text.split_ascii_whitespace() {
        let kind = ChoiceKind::from_letter(word.chars().next()?)?;
        let (one, run) = match word[1..].split_once('*') {
            Some((one, run)) => (one, Some(number(run)?)),
            None => (&word[1..], None),
        };
        let (taken, options) = one.split_once('/')?;
        let choice = Choice { kind, taken: number(taken)?, options: number(options)? };
        if choice.taken >= choice.options || choice.options < 2 || run.is_some_and(|run| !RUN.contains(&run)) {
            return None;
        }
        choices.extend(core::iter::repeat_n(choice, run.unwrap_or(1)));
    }
    Some(choices)
}
