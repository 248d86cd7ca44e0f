//! How threads are called.

use crate::context::Context;
use crate::place::Place;
use crate::site::Sites;
use raddle_protocol::trace::{Thread, ThreadId, Trace};

/// A thread's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadName {
    /// As a heading: `worker`, `main`, `thread 1`.
    pub heading: String,
    /// In a sentence: ``thread `worker` ``, `thread 1`.
    pub prose: String,
    /// Where it was spawned.
    pub spawned: Option<Place>,
}

/// The names of all threads.
pub struct Threads(Vec<ThreadName>);

impl Threads {
    /// Names the threads of `trace`.
    pub fn new(trace: &Trace, sites: &Sites, context: &Context<'_>) -> Self {
        let mut names = Vec::with_capacity(trace.threads.len());
        for (thread, id) in trace.threads.iter().zip(0..) {
            let (heading, prose) = name(trace, thread, id);
            let spawned = thread
                .spawned
                .and_then(|(_, stack)| sites.get(stack).user_frame().and_then(|frame| Place::of(frame, context)));
            names.push(ThreadName { heading, prose, spawned });
        }
        Self(names)
    }

    /// The name of a thread; a thread that the trace does not hold has a number only.
    pub fn get(&self, thread: ThreadId) -> Option<&ThreadName> {
        self.0.get(thread as usize)
    }

    /// In a sentence.
    pub fn prose(&self, thread: ThreadId) -> String {
        self.get(thread).map_or_else(|| format!("thread {thread}"), |name| name.prose.clone())
    }

    /// In a sentence, at its beginning.
    pub fn capital(&self, thread: ThreadId) -> String {
        crate::words::capital(&self.prose(thread))
    }

    /// Several in a sentence.
    pub fn list(&self, threads: &[ThreadId]) -> String {
        crate::words::list(&threads.iter().map(|thread| self.prose(*thread)).collect::<Vec<_>>())
    }
}

/// Heading and prose. The harness names the thread of a test after the test; to its author that is the main thread.
fn name(trace: &Trace, thread: &Thread, id: ThreadId) -> (String, String) {
    let given = thread.name.as_deref().filter(|name| !name.trim().is_empty());
    match given {
        _ if id == 0 => ("main".to_owned(), "thread `main`".to_owned()),
        Some(name) => {
            let shared = trace.threads.iter().filter(|other| other.name.as_deref() == Some(name)).count() > 1;
            let heading = if shared { format!("{name} (thread {id})") } else { name.to_owned() };
            let prose = if shared { format!("thread {id} (`{name}`)") } else { format!("thread `{name}`") };
            (heading, prose)
        }
        None => (format!("thread {id}"), format!("thread {id}")),
    }
}
