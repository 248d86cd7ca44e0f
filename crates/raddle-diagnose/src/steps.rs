//! The interleaving in the user's terms: one line for each thing that a thread did in code that its author can see.

use crate::action::{Action, What};
use crate::case::Case;
use crate::object::ObjectKind;
use crate::place::Place;
use crate::polls;
use crate::site::{CallKey, Site};
use crate::threads::Threads;
use crate::words::{self, Type};
use raddle_engine::waits::{self, Holds, Mode};
use raddle_instrument::symbols::Origin;
use raddle_protocol::Role;
use raddle_protocol::finding::StepView;
use raddle_protocol::trace::{ThreadId, WaitEnd};
use std::collections::{BTreeMap, BTreeSet};

/// The steps of an execution.
pub struct Steps {
    /// In the order in which they happened.
    pub views: Vec<StepView>,
    /// For each action of the reading, its step.
    of_action: Vec<Option<usize>>,
}

/// Steps kept before and after one at which a thread is interrupted.
const AROUND: usize = 4;
/// Interruptions of which so much is kept, at the most: where there are more, none of them says much.
const MOST_INTERRUPTIONS: usize = 16;

impl Steps {
    /// Tells all of `case`; `keys` are the recorded steps on which the finding turns. What a task does is told of it, and
    /// not of its thread, if `by_task` says so; then what its executor does by itself is left out.
    pub fn new(case: &Case<'_>, keys: &BTreeSet<usize>, by_task: bool) -> Self {
        let mut steps = Self { views: Vec::new(), of_action: Vec::new() };
        let mut teller = Teller { case, holds: Holds::default(), panicking: BTreeMap::new() };
        for (index, action) in case.reading.actions.iter().enumerate() {
            let key = keys.contains(&action.at);
            let hidden = by_task && !key && polls::is_of_executor(case.sites.get(action.stack));
            let view = teller.view(index, action, key).filter(|_| !hidden);
            if let Some(event) = action.event() {
                teller.holds.apply(&event);
            }
            let task = case.tasks.of(action.at).filter(|_| by_task);
            let column = task.map_or(action.thread, |task| case.column_of(task));
            let is_still_there =
                action.what == What::WentOn && steps.views.last().is_some_and(|last| last.thread == column);
            let place = match (view, steps.views.last_mut()) {
                (Some(view), Some(last)) if is_still_there => {
                    last.key |= view.key;
                    Some(steps.views.len() - 1)
                }
                (view, _) => view.map(|view| steps.add(StepView { thread: column, ..view })),
            };
            steps.of_action.push(place);
        }
        steps.mark_interruptions(case);
        steps
    }

    /// Marks the steps after which another thread goes on although the thread could have.
    fn mark_interruptions(&mut self, case: &Case<'_>) {
        let mut can_go_on = vec![false; self.views.len()];
        for (action, step) in case.reading.actions.iter().zip(&self.of_action) {
            if let Some(step) = step {
                can_go_on[*step] = !stops(&action.what);
            }
        }
        let mut acts_later = BTreeSet::new();
        for at in (0..self.views.len().saturating_sub(1)).rev() {
            acts_later.insert(self.views[at + 1].thread);
            let thread = self.views[at].thread;
            let is_switched = self.views[at + 1].thread != thread;
            self.views[at].interrupted = is_switched && can_go_on[at] && acts_later.contains(&thread);
        }
    }

    /// The step of the action that took effect at recorded step `at`.
    pub fn at(&self, case: &Case<'_>, at: usize) -> Option<usize> {
        let actions = case.reading.actions.iter().zip(&self.of_action);
        actions.filter(|(action, _)| action.at == at).find_map(|(_, step)| *step)
    }

    /// Appends a step, or counts it to the last one if it is the same again.
    fn add(&mut self, view: StepView) -> usize {
        if let Some(last) = self.views.last_mut() {
            let times = last.times;
            last.times = view.times;
            if *last == view {
                last.times = times + view.times;
                return self.views.len() - 1;
            }
            last.times = times;
        }
        self.views.push(view);
        self.views.len() - 1
    }

    /// Drops all but the last `most` steps, keeping those on which the finding turns, and those around interruptions if they are
    /// few. Returns how many were dropped.
    pub fn shorten(&mut self, most: usize) -> usize {
        let spare = self.views.len().saturating_sub(most);
        let interrupted: Vec<usize> = (0..spare).filter(|at| self.views[*at].interrupted).collect();
        let near = |index: usize| {
            let next = interrupted.partition_point(|at| at + AROUND < index);
            interrupted.get(next).is_some_and(|at| at.saturating_sub(AROUND) <= index)
        };
        let are_few = interrupted.len() <= MOST_INTERRUPTIONS;
        let mut new_index = Vec::with_capacity(self.views.len());
        let mut kept = Vec::with_capacity(most);
        let mut left_out = 0;
        for (index, view) in core::mem::take(&mut self.views).into_iter().enumerate() {
            let keep = index >= spare || view.key || are_few && near(index);
            new_index.push(keep.then_some(kept.len()));
            if keep {
                kept.push(StepView { left_out: core::mem::take(&mut left_out), ..view });
            } else {
                left_out += 1;
            }
        }
        for step in &mut self.of_action {
            *step = step.and_then(|index| new_index[index]);
        }
        let dropped = new_index.iter().filter(|index| index.is_none()).count();
        self.views = kept;
        dropped
    }
}

struct Teller<'a> {
    case: &'a Case<'a>,
    holds: Holds,
    /// Threads whose panic has been told, with the call that it began in.
    panicking: BTreeMap<ThreadId, CallKey>,
}

impl Teller<'_> {
    fn view(&mut self, index: usize, action: &Action, key: bool) -> Option<StepView> {
        let site = self.case.sites.get(action.stack);
        let of_threads = matches!(
            action.what,
            What::Ended
                | What::Spawned(_)
                | What::JoinBegun(_)
                | What::Joined(_)
                | What::Slept(_)
                | What::Stalled(_)
                | What::HeldBack(_)
                | What::Cancelled
        );
        let accesses = matches!(action.what, What::Accessed(_));
        let frame = match self.case.frame_of(site).filter(|_| !accesses).or(site.user_frame()) {
            Some(frame) => Some(frame),
            None if key && !matches!(action.what, What::LeftOpen(_)) => site.best_frame(),
            None if key || of_threads => None,
            None => return None,
        };
        // Accesses behind a lock are recorded to be judged; the lock is what a reader can see.
        let judged = self.case.raw.cause.as_ref().is_some_and(|cause| cause.behind.is_some());
        if judged && matches!(action.what, What::Accessed(_)) {
            return None;
        }
        if !key && (matches!(action.what, What::Opened(_)) || !of_threads && self.is_internal(action, site)) {
            return None;
        }
        let mut words = if site.panics {
            // All that a panic does until the stack is unwound is one step.
            if self.panicking.insert(action.thread, site.call.clone()).as_ref() == Some(&site.call) {
                return None;
            }
            "panics".to_owned()
        } else {
            self.words(index, action, site)?
        };
        if let Some(entry) = inside(action, site) {
            words.push_str(&format!(" (inside `{entry}`)"));
        }
        let place = frame.and_then(|frame| Place::of(frame, self.case.context));
        let (file, line) = place.as_ref().map_or((String::new(), 0), |place| (place.file.clone(), place.line));
        let function = frame.map_or_else(String::new, |frame| crate::function::plain(&frame.function));
        Some(StepView {
            thread: action.thread,
            action: words,
            file,
            line,
            function,
            times: 1,
            key,
            interrupted: false,
            left_out: 0,
        })
    }

    /// Whether an action happens inside the standard library, on something of its own. Panics are told all the same.
    fn is_internal(&self, action: &Action, site: &Site) -> bool {
        let object = action.object.filter(|_| !site.panics);
        let kind = object.map(|object| self.case.reading.objects.get(object).kind);
        let parks = || site.entry().is_some_and(|entry| crate::function::method(&entry.function).contains("park"));
        // A library's own static, taken on the way to what the user asked of the library.
        let library = || {
            let object = object.filter(|_| inside(action, site).is_some())?;
            let owner = self.case.names.get(object).owner.as_ref()?;
            Some(site.library().iter().any(|frame| crate::function::krate(&frame.function) == *owner))
        };
        object.is_some_and(|object| self.case.names.get(object).internal)
            || library() == Some(true)
            || (kind == Some(ObjectKind::ParkToken) && !parks())
    }

    /// The action in words; `None` when it is no step of its own.
    fn words(&self, index: usize, action: &Action, site: &Site) -> Option<String> {
        let name = || action.object.map_or_else(|| "it".to_owned(), |object| self.case.names.short(object).to_owned());
        let kind = action.object.map(|object| self.case.reading.objects.get(object).kind);
        let condition = action.within == Some(Role::CondvarWait);
        let words = match &action.what {
            What::Acquired(_) if condition => format!("locks {} again", name()),
            What::Requested(_) if condition => format!("waits to lock {} again{}", name(), self.held_by(action)),
            What::Acquired(_) | What::Requested(_) | What::Refused(_) | What::Released | What::Downgraded
                if action.within.is_some() =>
            {
                return None;
            }
            What::Requested(mode) => format!("{}{}", request(kind, *mode, &name()), self.held_by(action)),
            What::Acquired(mode) => acquire(kind, *mode, &name()),
            What::Refused(mode) => format!("{}, in vain{}", attempt(kind, *mode, &name()), self.held_by(action)),
            What::Released if kind == Some(ObjectKind::Once) => format!("finishes initialising {}", name()),
            What::Released => format!("unlocks {}", name()),
            What::Downgraded => format!("turns its write lock on {} into a read lock", name()),
            What::WaitBegun => self.wait(action, kind, &name()),
            What::WaitEnded(WaitEnd::TimedOut) => "stops waiting: its time is up".to_owned(),
            What::WaitEnded(WaitEnd::Woken) => "wakes up".to_owned(),
            What::WaitEnded(WaitEnd::Spurious) => "wakes up without a notification".to_owned(),
            What::Notified { woken, all, .. } => self.notify(kind, woken, *all, &name()),
            What::Received { woken } => format!("receives from {}{}", name(), self.wakes(woken)),
            What::Closed { woken } => format!("closes its end of {}{}", name(), self.wakes(woken)),
            What::Passed => passed(kind, site, &name()),
            What::Read { size, value } => {
                format!("reads {}{}", name(), shown(" → ", Type::at(site).value(*value, *size)))
            }
            What::Wrote { size, value } => {
                format!("writes {}{}", name(), shown(" ← ", Type::at(site).value(*value, *size)))
            }
            What::Updated { size, old, new } => update(site, &name(), *size, *old, *new),
            What::Compared { size, expected, old, new, done } => {
                let value = |value: &u64| Type::at(site).value(*value, *size);
                match (*done, value(expected), value(old), value(new)) {
                    (true, _, Some(old), Some(new)) => format!("compare-exchange on {}: {old} → {new}", name()),
                    (true, ..) => format!("compare-exchange on {} succeeds", name()),
                    (false, ..) if expected == old => format!("compare-exchange on {} fails spuriously", name()),
                    (false, Some(expected), Some(old), _) => {
                        format!("compare-exchange on {} fails: expected {expected}, found {old}", name())
                    }
                    (false, ..) => format!("compare-exchange on {} fails", name()),
                }
            }
            What::Accessed(access) => format!("{} {}", words::does(*access), name()),
            What::Called | What::WentOn => call(site, action.what == What::WentOn)?,
            What::Began => return None,
            What::Ended => "ends".to_owned(),
            What::Spawned(child) => format!("starts {}", self.case.threads.prose(*child)),
            What::JoinBegun(children) if self.joins_at_once(index, action) || children.is_empty() => return None,
            What::JoinBegun(children) => format!("waits for {} to end", self.case.threads.list(children)),
            What::Joined(children) => format!("joins {}", self.case.threads.list(children)),
            What::Yielded => "yields".to_owned(),
            What::Slept(ns) => format!("sleeps {}", words::duration(*ns)),
            What::Stalled(ns) => format!("waits; {} pass before anybody goes on", words::about(*ns)),
            What::HeldBack(thread) => format!("waits; {} is late from now on", self.case.threads.prose(*thread)),
            What::Cancelled => "drops a future where it waits".to_owned(),
            What::Path(path) => path.words(),
            What::Opened(descriptor) => format!("opens descriptor {descriptor}"),
            What::LeftOpen(descriptor) => format!("ends the test, with descriptor {descriptor} still open"),
            What::Io { call, blocked: true } => format!("waits in `{call}`"),
            What::Io { call, blocked: false } => format!("calls `{call}`"),
        };
        Some(words)
    }

    fn wait(&self, action: &Action, kind: Option<ObjectKind>, name: &str) -> String {
        match kind {
            Some(ObjectKind::Condvar) => match self.case.mutex_of_wait(action) {
                Some(mutex) => format!("waits on {name}, which unlocks {}", self.case.names.short(mutex)),
                None => format!("waits on {name}"),
            },
            kind => waiting(kind, name).unwrap_or_else(|| "waits".to_owned()),
        }
    }

    fn notify(&self, kind: Option<ObjectKind>, woken: &[ThreadId], all: bool, name: &str) -> String {
        let does = match kind {
            Some(ObjectKind::Condvar) => {
                let does = if all { "notifies all waiters of" } else { "notifies" };
                return match woken {
                    [] => format!("{does} {name} (nobody waits)"),
                    woken => format!("{does} {name}{}", self.wakes(woken)),
                };
            }
            Some(ObjectKind::Channel | ObjectKind::ChannelRoom) => format!("sends on {name}"),
            Some(ObjectKind::ParkToken) => {
                return match woken {
                    [] => "unparks a thread that is not parked yet".to_owned(),
                    woken => format!("unparks {}", self.case.threads.list(woken)),
                };
            }
            Some(ObjectKind::Barrier) => format!("arrives last at {name}"),
            Some(ObjectKind::Semaphore) => format!("adds a permit to {name}"),
            _ if woken.is_empty() => return format!("wakes the waiters of {name} (there are none)"),
            _ => return format!("wakes {}", self.case.threads.list(woken)),
        };
        format!("{does}{}", self.wakes(woken))
    }

    fn wakes(&self, woken: &[ThreadId]) -> String {
        if woken.is_empty() { String::new() } else { format!(", which wakes {}", self.case.threads.list(woken)) }
    }

    /// Who keeps the thread from the lock at this moment.
    fn held_by(&self, action: &Action) -> String {
        let Some(object) = action.object else { return String::new() };
        let once = self.case.reading.objects.get(object).kind == ObjectKind::Once;
        held_by(action.thread, &self.holders(object), once, &self.case.threads)
    }

    fn holders(&self, object: waits::Object) -> Vec<ThreadId> {
        let mut holders: Vec<_> = self.holds.of(object).iter().map(|hold| hold.thread).collect();
        holders.dedup();
        holders
    }

    /// Whether a join is over before anything else happens.
    fn joins_at_once(&self, index: usize, action: &Action) -> bool {
        let next = self.case.reading.actions.get(index + 1);
        next.is_some_and(|next| next.thread == action.thread && matches!(next.what, What::Joined(_)))
    }
}

/// Whether a thread does not go on by itself after this, or says that it need not.
fn stops(what: &What) -> bool {
    matches!(
        what,
        What::Requested(_)
            | What::WaitBegun
            | What::JoinBegun(_)
            | What::Slept(_)
            | What::Yielded
            | What::Ended
            | What::Stalled(_)
            | What::HeldBack(_)
            | What::Io { blocked: true, .. }
    )
}

/// Who keeps `thread` waiting for a lock, or for an initialisation (`once`), in brackets; nothing if nobody is known.
pub fn held_by(thread: ThreadId, holders: &[ThreadId], once: bool, threads: &Threads) -> String {
    match (holders.contains(&thread), once) {
        _ if holders.is_empty() => String::new(),
        (true, false) => " (which it holds itself)".to_owned(),
        (true, true) => " (which it does itself)".to_owned(),
        (false, false) => format!(" (held by {})", threads.list(holders)),
        (false, true) => format!(" (by {})", threads.list(holders)),
    }
}

/// What a thread that waits for a notification of this kind does; `None` when nothing is known.
pub fn waiting(kind: Option<ObjectKind>, name: &str) -> Option<String> {
    Some(match kind? {
        ObjectKind::Condvar => format!("waits on {name}"),
        ObjectKind::Futex => format!("sleeps on {name} until it is woken"),
        ObjectKind::Barrier => format!("waits at {name}"),
        ObjectKind::Channel => format!("waits for a message on {name}"),
        ObjectKind::ChannelRoom => format!("waits for room in {name}"),
        ObjectKind::ParkToken => "is parked".to_owned(),
        ObjectKind::Semaphore => format!("waits for a permit of {name}"),
        ObjectKind::Descriptor => format!("waits for input or output on descriptor {name}"),
        _ => return None,
    })
}

/// A call of a dependency's function, begun or gone on with.
fn call(site: &Site, goes_on: bool) -> Option<String> {
    let entry = &site.entry()?.function;
    let drops = ["drop", "drop_in_place", "drop_glue"].contains(&crate::function::method(entry).as_str());
    // Whoever drops something knows it by its type.
    let dropped = site.dependency().map(|frame| crate::function::short(&frame.function));
    let dropped = dropped.as_deref().and_then(|function| function.strip_suffix("::drop"));
    Some(match (drops, dropped, goes_on) {
        (true, Some(value), false) => format!("drops a value of `{value}`"),
        (true, Some(value), true) => format!("goes on dropping the value of `{value}`"),
        (true, None, false) => "drops a value".to_owned(),
        (true, None, true) => "goes on dropping the value".to_owned(),
        (false, _, false) => format!("calls `{}`", crate::function::short(entry)),
        (false, _, true) => format!("goes on in `{}`", crate::function::short(entry)),
    })
}

/// Asking for a lock, in words.
pub fn request(kind: Option<ObjectKind>, mode: Mode, name: &str) -> String {
    match (kind, mode) {
        (Some(ObjectKind::RwLock), Mode::Shared) => format!("waits to read-lock {name}"),
        (Some(ObjectKind::RwLock), Mode::Exclusive) => format!("waits to write-lock {name}"),
        (Some(ObjectKind::Once), _) => format!("waits for {name} to be initialised"),
        _ => format!("waits for {name}"),
    }
}

fn acquire(kind: Option<ObjectKind>, mode: Mode, name: &str) -> String {
    match (kind, mode) {
        (Some(ObjectKind::RwLock), Mode::Shared) => format!("read-locks {name}"),
        (Some(ObjectKind::RwLock), Mode::Exclusive) => format!("write-locks {name}"),
        (Some(ObjectKind::Once), _) => format!("begins to initialise {name}"),
        _ => format!("locks {name}"),
    }
}

fn attempt(kind: Option<ObjectKind>, mode: Mode, name: &str) -> String {
    match (kind, mode) {
        (Some(ObjectKind::RwLock), Mode::Shared) => format!("tries to read-lock {name}"),
        (Some(ObjectKind::RwLock), Mode::Exclusive) => format!("tries to write-lock {name}"),
        _ => format!("tries to lock {name}"),
    }
}

fn passed(kind: Option<ObjectKind>, site: &Site, name: &str) -> String {
    match kind {
        Some(ObjectKind::Barrier) => format!("arrives at {name}"),
        Some(ObjectKind::ParkToken) => "parks and goes on at once, for it has been unparked before".to_owned(),
        Some(ObjectKind::Semaphore) => format!("takes a permit of {name}"),
        _ => match site.entry() {
            Some(entry) => format!("calls `{}` on {name}", crate::function::method(&entry.function)),
            None => format!("looks at {name}"),
        },
    }
}

fn update(site: &Site, name: &str, size: u8, old: u64, new: u64) -> String {
    let kind = Type::at(site);
    let method = words::atomic_method(site);
    let change = match (kind.value(old, size), kind.value(new, size)) {
        // What assembly leaves behind is not known.
        _ if method.is_empty() && old == new => String::new(),
        (Some(old), Some(new)) => format!("{old} → {new}"),
        _ => String::new(),
    };
    let mask = if size >= 8 { u64::MAX } else { (1 << (u32::from(size) * 8)) - 1 };
    let by = match method.as_str() {
        "fetch_add" => kind.value(new.wrapping_sub(old) & mask, size).map(|by| format!("adds {by} to {name}")),
        "fetch_sub" => kind.value(old.wrapping_sub(new) & mask, size).map(|by| format!("subtracts {by} from {name}")),
        "swap" => Some(format!("swaps {name}")),
        _ => None,
    };
    let does = by.unwrap_or_else(|| match method.as_str() {
        "" => format!("changes {name}"),
        method => format!("changes {name} by `{method}`"),
    });
    if change.is_empty() { does } else { format!("{does} ({change})") }
}

fn shown(arrow: &str, value: Option<String>) -> String {
    value.map_or_else(String::new, |value| format!("{arrow}{value}"))
}

/// The dependency's function that uses a lock or channel on the user's behalf, if the user did not ask for that itself.
fn inside(action: &Action, site: &Site) -> Option<String> {
    let entry = site.entry().filter(|entry| entry.origin == Origin::Dependency)?;
    action.object?;
    let method = crate::function::method(&entry.function);
    let own = [
        "lock",
        "unlock",
        "read",
        "write",
        "drop",
        "wait",
        "notify",
        "send",
        "recv",
        "park",
        "unpark",
        "join",
        "iter",
        "next",
        "upgrad",
        "get_or_init",
        "call_once",
        "force",
        "deref",
        "load",
        "store",
        "swap",
        "fetch_",
        "compare_",
    ];
    (!own.iter().any(|word| method.contains(word))).then(|| crate::function::short(&entry.function))
}
