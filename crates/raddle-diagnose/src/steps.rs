//! The interleaving in the user's terms: one line for each thing that a thread did in code that its author can see.

mod own_locks;
mod shorten;
pub mod verbs;

use crate::action::{Action, What};
use crate::case::Case;
use crate::object::ObjectKind;
use crate::place::Place;
use crate::polls;
use crate::site::{CallKey, Site};
use crate::words::{self, Type};
use raddle_engine::waits::{self, Holds};
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

impl Steps {
    /// Tells all of `case`; `keys` are the recorded steps on which the finding turns. What a task does is told of it, and
    /// not of its thread, if `by_task` says so; then what its executor does by itself is left out.
    pub fn new(case: &Case<'_>, keys: &BTreeSet<usize>, by_task: bool) -> Self {
        let mut steps = Self { views: Vec::new(), of_action: Vec::new() };
        let own = own_locks::own_locks(case, keys);
        let mut teller = Teller {
            case,
            own,
            holds: Holds::default(),
            panicking: BTreeMap::new(),
            told: BTreeMap::new(),
            goes_on: false,
        };
        for (index, action) in case.reading.actions.iter().enumerate() {
            let key = keys.contains(&action.at);
            let hidden = by_task && !key && polls::is_of_executor(case.sites.get(action.stack));
            let view = teller.view(index, action, key).filter(|_| !hidden);
            if let Some(event) = action.event() {
                teller.holds.apply(&event);
            }
            let task = case.tasks.of(action.at).filter(|_| by_task);
            let column = task.map_or(action.thread, |task| case.column_of(task));
            let is_still_there = teller.goes_on && steps.views.last().is_some_and(|last| last.thread == column);
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
}

struct Teller<'a> {
    case: &'a Case<'a>,
    /// Locks that libraries keep for themselves.
    own: BTreeSet<waits::Object>,
    holds: Holds,
    /// Threads whose panic has been told, with the call that it began in.
    panicking: BTreeMap<ThreadId, CallKey>,
    /// The call of a library's function that has been told last of each thread.
    told: BTreeMap<ThreadId, CallKey>,
    /// Whether the step that has been told last goes on with a call: it is one only if others have acted in between.
    goes_on: bool,
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
        self.goes_on = action.what == What::WentOn;
        let is_own = action.object.is_some_and(|object| self.own.contains(&object));
        let words = if site.panics {
            // All that a panic does until the stack is unwound is one step.
            if self.panicking.insert(action.thread, site.call.clone()).as_ref() == Some(&site.call) {
                return None;
            }
            "panics".to_owned()
        } else if is_own {
            // That the library was called is told all the same.
            if !matches!(action.what, What::Acquired(_)) {
                return None;
            }
            self.goes_on = self.told.get(&action.thread) == Some(&site.call);
            verbs::call(site, self.goes_on)?
        } else {
            let mut words = self.words(index, action, site)?;
            if let Some(entry) = inside(action, site) {
                words.push_str(&format!(" (inside `{entry}`)"));
            }
            words
        };
        if is_own || matches!(action.what, What::Called | What::WentOn) {
            self.told.insert(action.thread, site.call.clone());
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
            What::Requested(mode) => format!("{}{}", verbs::request(kind, *mode, &name()), self.held_by(action)),
            What::Acquired(mode) => verbs::acquire(kind, *mode, &name()),
            What::Refused(mode) => format!("{}, in vain{}", verbs::attempt(kind, *mode, &name()), self.held_by(action)),
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
            What::Passed => verbs::passed(kind, site, &name()),
            What::Read { size, value } => {
                format!("reads {}{}", name(), verbs::shown(" → ", Type::at(site).value(*value, *size)))
            }
            What::Wrote { size, value } => {
                format!("writes {}{}", name(), verbs::shown(" ← ", Type::at(site).value(*value, *size)))
            }
            What::Updated { size, old, new } => verbs::update(site, &name(), *size, *old, *new),
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
            What::Called | What::WentOn => verbs::call(site, action.what == What::WentOn)?,
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
            kind => verbs::waiting(kind, name).unwrap_or_else(|| "waits".to_owned()),
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
        verbs::held_by(action.thread, &self.holders(object), once, &self.case.threads)
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
