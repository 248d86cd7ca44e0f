//! Replay: the answers of a recorded stream.

use super::{Question, SPURIOUS, Strategy};
use raddle_protocol::{Choice, ChoiceKind};

/// The program asked something else than when the stream was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Index into the recorded stream.
    pub at: u64,
    /// The recorded choice; `None` when the stream had ended.
    pub recorded: Option<Choice>,
    /// What was asked: its kind and number of options.
    pub asked: (ChoiceKind, usize),
}

/// Answers from a recorded stream. After a divergence it answers 0.
#[derive(Clone, Debug)]
pub struct Replay {
    choices: Vec<Choice>,
    next: usize,
    divergence: Option<Divergence>,
    /// Whether what happens for no reason was asked about: waits that end, and weak compare-exchanges that fail.
    asked: [bool; SPURIOUS.len()],
}

impl Replay {
    /// Replays this stream.
    #[must_use]
    pub fn new(choices: Vec<Choice>) -> Self {
        let asked = SPURIOUS.map(|kind| choices.iter().any(|choice| choice.kind == kind));
        Replay { choices, next: 0, divergence: None, asked }
    }
}

impl Strategy for Replay {
    fn begin(&mut self, _: u64) {
        self.next = 0;
        self.divergence = None;
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        if self.divergence.is_some() {
            return 0;
        }
        let recorded = self.choices.get(self.next).copied();
        match recorded {
            Some(choice) if choice.kind == question.kind && usize::from(choice.options) == question.options => {
                self.next += 1;
                usize::from(choice.taken)
            }
            _ => {
                let asked = (question.kind, question.options);
                self.divergence = Some(Divergence { at: self.next as u64, recorded, asked });
                0
            }
        }
    }

    fn allows(&self, kind: ChoiceKind) -> bool {
        SPURIOUS.iter().zip(self.asked).any(|(one, asked)| asked && *one == kind)
    }

    fn divergence(&self) -> Option<Divergence> {
        self.divergence.clone()
    }
}
