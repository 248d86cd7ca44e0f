//! The states that a thread's time is divided into, and which of them count as work.
//!
//! The division into work, hand-over, idleness and delegation is what tells *blocked in the middle of work* from *idle
//! by design*. It decides whose state speaks for the program at a moment: see [`crate::measure`].

use serde::{Deserialize, Serialize};

/// What a thread does or waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum State {
    /// Executes instructions, its own or the kernel's for it.
    Cpu,
    /// Could execute, but all processors it may use are taken.
    RunQueue,
    /// Waits for a lock that somebody else holds.
    Lock,
    /// Waits for a file system or a block device.
    Disk,
    /// Waits for another computer, or for what stands at the other end of a connection that it has opened.
    Network,
    /// Waits for a page: mapped files, swap.
    PageFault,
    /// Waits in a system call that none of the other states describes.
    Other,
    /// Waits for the other end of a pipe or local socket.
    Pipe,
    /// Waits for a time.
    Timer,
    /// Waits for a person.
    Terminal,
    /// An event loop in which there is nothing to do.
    EventLoop,
    /// A server that waits for connections or requests.
    Requests,
    /// Waits for a signal of another thread: condition variable, queue, semaphore, park.
    Condition,
    /// Waits for a signal in the sense of `kill`.
    Signal,
    /// Stopped by a debugger or by job control.
    Stopped,
    /// Waits for a child process to end.
    Child,
    /// Waits for a thread to end.
    Join,
}

/// How many states there are.
pub const STATES: usize = 17;

/// What a state says about the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The thread is in the middle of work.
    Work,
    /// It is somebody else's turn; speaks for the program when nobody works.
    HandOver,
    /// There is nothing to do; speaks for the program when nobody works or hands over.
    Idle,
    /// The work has been given to another thread or process, which speaks for itself.
    Delegated,
}

impl State {
    /// All states, in the order of their numbers.
    pub const ALL: [State; STATES] = [
        State::Cpu,
        State::RunQueue,
        State::Lock,
        State::Disk,
        State::Network,
        State::PageFault,
        State::Other,
        State::Pipe,
        State::Timer,
        State::Terminal,
        State::EventLoop,
        State::Requests,
        State::Condition,
        State::Signal,
        State::Stopped,
        State::Child,
        State::Join,
    ];

    /// Its number.
    pub fn index(self) -> usize {
        self as usize
    }

    /// What it says about the program.
    pub fn standing(self) -> Standing {
        match self {
            State::Cpu
            | State::RunQueue
            | State::Lock
            | State::Disk
            | State::Network
            | State::PageFault
            | State::Other => Standing::Work,
            State::Pipe => Standing::HandOver,
            State::Timer
            | State::Terminal
            | State::EventLoop
            | State::Requests
            | State::Condition
            | State::Signal
            | State::Stopped => Standing::Idle,
            State::Child | State::Join => Standing::Delegated,
        }
    }

    /// Whether the thread sleeps in the kernel.
    pub fn is_blocked(self) -> bool {
        !matches!(self, State::Cpu | State::RunQueue)
    }

    /// Short label for tables.
    pub fn label(self) -> &'static str {
        match self {
            State::Cpu => "on a CPU",
            State::RunQueue => "queue for a CPU",
            State::Lock => "lock",
            State::Disk => "disk",
            State::Network => "network",
            State::PageFault => "page fault",
            State::Other => "other wait",
            State::Pipe => "pipe",
            State::Timer => "timer",
            State::Terminal => "terminal",
            State::EventLoop => "event loop idle",
            State::Requests => "no requests",
            State::Condition => "condition, queue",
            State::Signal => "signal",
            State::Stopped => "stopped",
            State::Child => "child process",
            State::Join => "thread to end",
        }
    }

    /// As the rest of "threads wait for ...".
    pub fn object(self) -> &'static str {
        match self {
            State::Cpu => "nothing",
            State::RunQueue => "a processor",
            State::Lock => "a lock",
            State::Disk => "the disk",
            State::Network => "the network",
            State::PageFault => "pages to be read",
            State::Other => "something that Raddle does not know",
            State::Pipe => "the other end of a pipe",
            State::Timer => "a timer",
            State::Terminal => "a person at the terminal",
            State::EventLoop => "events",
            State::Requests => "requests",
            State::Condition => "a condition or a queue",
            State::Signal => "a signal",
            State::Stopped => "being continued",
            State::Child => "a child process",
            State::Join => "a thread to end",
        }
    }
}

/// An amount for each state, in seconds unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ByState(pub [f64; STATES]);

impl ByState {
    /// The sum over all states.
    pub fn total(&self) -> f64 {
        self.0.iter().sum()
    }

    /// The sum over the states of one standing.
    pub fn of(&self, standing: Standing) -> f64 {
        State::ALL.iter().filter(|state| state.standing() == standing).map(|state| self[*state]).sum()
    }

    /// Adds another, state by state.
    pub fn add(&mut self, other: &ByState) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// Each amount times `factor`.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> ByState {
        ByState(self.0.map(|amount| amount * factor))
    }

    /// States with an amount, largest first.
    pub fn ranked(&self) -> Vec<(State, f64)> {
        let mut all: Vec<_> =
            State::ALL.iter().map(|state| (*state, self[*state])).filter(|(_, amount)| *amount > 0.0).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all
    }
}

impl std::ops::Index<State> for ByState {
    type Output = f64;
    fn index(&self, state: State) -> &f64 {
        &self.0[state.index()]
    }
}

impl std::ops::IndexMut<State> for ByState {
    fn index_mut(&mut self, state: State) -> &mut f64 {
        &mut self.0[state.index()]
    }
}

impl Serialize for ByState {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            State::ALL
                .iter()
                .filter(|state| self[**state] != 0.0)
                // A microsecond is finer than anything here is known; more digits only make pages long.
                .map(|state| (*state, (self[*state] * 1e6).round() / 1e6)),
        )
    }
}

impl<'de> Deserialize<'de> for ByState {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = std::collections::BTreeMap::<State, f64>::deserialize(deserializer)?;
        let mut amounts = ByState::default();
        for (state, amount) in map {
            amounts[state] = amount;
        }
        Ok(amounts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_order_agree() {
        for (index, state) in State::ALL.iter().enumerate() {
            assert_eq!(state.index(), index);
        }
    }

    #[test]
    fn amounts_are_written_by_name_and_read_again() {
        let mut amounts = ByState::default();
        amounts[State::EventLoop] = 1.5;
        amounts[State::Cpu] = 0.25;
        let text = serde_json::to_string(&amounts).unwrap();
        assert_eq!(text, r#"{"cpu":0.25,"event-loop":1.5}"#);
        assert_eq!(serde_json::from_str::<ByState>(&text).unwrap(), amounts);
    }
}
