//! Priorities of threads, as PCT and what has come of it need them: those that threads begin with are random and above
//! all others; a thread can drop to one of a few levels below, or below everything.

use super::Question;
use crate::random::Random;
use raddle_protocol::trace::ThreadId;

/// Priorities that threads begin with lie above this.
const INITIAL: u64 = 1 << 63;
/// Level `i` is `LEVELS + i`; who is put last goes below, each lower than the one before.
const LEVELS: u64 = 1 << 32;

/// Who runs before whom.
#[derive(Clone, Debug)]
pub struct Priorities {
    /// By thread number; 0 is for threads not seen yet.
    threads: Vec<u64>,
    lowest: u64,
}

impl Default for Priorities {
    fn default() -> Self {
        Priorities { threads: Vec::new(), lowest: LEVELS }
    }
}

impl Priorities {
    /// An execution begins: no thread has been seen.
    pub fn clear(&mut self) {
        self.threads.clear();
        self.lowest = LEVELS;
    }

    /// One more than the highest number of a thread that has been seen.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    fn of(&mut self, thread: ThreadId, random: &mut Random) -> u64 {
        let at = thread as usize;
        if at >= self.threads.len() {
            self.threads.resize(at + 1, 0);
        }
        if self.threads[at] == 0 {
            self.threads[at] = INITIAL | random.bits();
        }
        self.threads[at]
    }

    /// The answer whose thread comes first.
    pub fn highest(&mut self, question: &Question<'_>, random: &mut Random) -> usize {
        let mut best = (0, 0);
        for answer in 0..question.options {
            let priority = self.of(question.thread(answer), random);
            if priority > best.1 {
                best = (answer, priority);
            }
        }
        best.0
    }

    /// Puts a thread that has been seen below all that have not dropped, at a level.
    pub fn drop_to(&mut self, thread: ThreadId, level: usize) {
        self.threads[thread as usize] = LEVELS + level as u64;
    }

    /// Puts a thread below all others.
    pub fn put_last(&mut self, thread: ThreadId, random: &mut Random) {
        self.lowest -= 1;
        self.of(thread, random);
        self.threads[thread as usize] = self.lowest;
    }
}
