//! From operations to calls: the state machine that follows one thread through the library functions it is in.
//!
//! Steps that come from one activation of one place in user code form a call. Within it, a lock call looks for the change
//! of its word that takes the lock ([`crate::encoding`]); where no change says so, the lock is taken when the call
//! returns, for a blocking call returns in no other way.

use crate::action::{Action, What};
use crate::encoding::{self, Change};
use crate::kinds::{is_once, lock_role, signal_role, unlock_role};
use crate::object::{ObjectKind, Objects};
use crate::site::{CallKey, Plain, Site, Sites};
use raddle_engine::waits::{self, Mode};
use raddle_protocol::trace::{Op, StackId, Step, ThreadId, Trace};
use raddle_protocol::{Role, trace};

/// What a thread is inside of.
#[derive(Default)]
pub struct Thread {
    inner: Option<Inner>,
    outer: Option<Outer>,
    /// Locks that it has taken and not given back.
    holds: Vec<waits::Object>,
}

/// The primitive at the bottom of a call.
struct Inner {
    role: Role,
    call: CallKey,
    object: Option<waits::Object>,
    /// Step that began to wait.
    requested: Option<usize>,
    /// The lock was taken or given back.
    done: bool,
    /// Its first step, and how many there were.
    first: (usize, StackId),
    steps: usize,
    last: (usize, StackId),
}

/// A call for a lock that has taken this many steps without getting it spins. Few would do: an uncontended lock takes two.
const SPINNING: usize = 100;

/// The call that the user made.
struct Outer {
    number: usize,
    /// `None` for a call of a dependency's function that has no role.
    role: Option<Role>,
    call: CallKey,
    object: Option<waits::Object>,
    first: StackId,
    /// Changed memory since it began.
    wrote: bool,
    /// Went to sleep, and has not got what it slept for.
    waited: bool,
    slept: Option<usize>,
    /// The action that stands for the call's effect.
    effect: Option<usize>,
    woken: Vec<ThreadId>,
    last: (usize, StackId),
}

/// A thread's wait at the end of the trace, as far as its calls tell.
pub struct OpenWait {
    /// What for.
    pub what: waits::WaitFor,
    /// Since which step.
    pub since: Option<usize>,
}

/// Follows all threads.
pub struct Calls<'a> {
    trace: &'a Trace,
    sites: &'a Sites,
    /// The objects met.
    pub objects: Objects,
    /// The actions found, not yet in order.
    pub actions: Vec<Action>,
    threads: Vec<Thread>,
    calls: usize,
}

impl<'a> Calls<'a> {
    /// Nothing read yet.
    pub fn new(trace: &'a Trace, sites: &'a Sites) -> Self {
        let threads = trace.threads.iter().map(|_| Thread::default()).collect();
        Self { trace, sites, objects: Objects::new(trace), actions: Vec::new(), threads, calls: 0 }
    }

    /// Adds an action that is a call by itself.
    pub fn push(&mut self, at: usize, step: &Step, what: What, object: Option<waits::Object>) {
        self.close(step.thread);
        self.calls += 1;
        let call = self.calls;
        self.actions.push(Action { at, thread: step.thread, stack: step.stack, what, object, call, within: None });
    }

    /// Whether a step is only how a library waits or works inside a call that the user made: a lock that yields while it
    /// spins has not been left.
    pub fn inside_call(&self, step: &Step) -> bool {
        let site = self.sites.get(step.stack);
        let open = self.threads.get(step.thread as usize).and_then(|thread| thread.outer.as_ref());
        site.outer().is_some() || open.is_some_and(|outer| outer.call == site.call)
    }

    /// Ends whatever call `thread` is in.
    pub fn close(&mut self, thread: ThreadId) {
        self.close_inner(thread);
        self.close_outer(thread);
    }

    /// Takes a memory operation, fence or futex operation.
    pub fn low_level(&mut self, at: usize, step: &Step) {
        if (step.thread as usize) >= self.threads.len() {
            return;
        }
        let site = self.sites.get(step.stack);
        let Some(outer) = site.outer() else { return self.without_role(at, step, site) };
        self.enter_outer(at, step, site, Some(outer));
        self.inner(at, step, site);
        self.outer(at, step, site, outer);
    }

    /// An operation of the user's own, of a dependency, or of no interest.
    fn without_role(&mut self, at: usize, step: &Step, site: &Site) {
        let open = self.threads[step.thread as usize].outer.as_mut().filter(|outer| outer.call == site.call);
        if let (Op::FutexWake { woken, .. }, Some(outer), Plain::Atomic) = (&step.op, open, site.plain) {
            // A wake at the end of a library's function may be a jump, which leaves no frame.
            outer.woken.extend(woken);
            return;
        }
        match (&step.op, site.plain) {
            (Op::FutexWait { address, .. }, _) => {
                let object = self.objects.at(*address, ObjectKind::Futex, at);
                self.push(at, step, What::WaitBegun, Some(object));
            }
            (Op::FutexReturn { address, end }, _) => {
                let object = self.objects.at(*address, ObjectKind::Futex, at);
                self.push(at, step, What::WaitEnded(*end), Some(object));
            }
            (Op::FutexWake { address, asked, woken }, Plain::Atomic) => {
                let object = self.objects.at(*address, ObjectKind::Futex, at);
                let what = What::Notified { woken: woken.clone(), all: *asked > 1, remembered: false };
                self.push(at, step, what, Some(object));
            }
            (op, Plain::Atomic) => {
                let what = match *op {
                    Op::Load { size, value, .. } => What::Read { size, value },
                    Op::Store { size, value, .. } => What::Wrote { size, value },
                    Op::Rmw { size, old, new, .. } => What::Updated { size, old, new },
                    Op::CompareExchange { size, expected, old, new, done, .. } => {
                        What::Compared { size, expected, old, new, done }
                    }
                    _ => return,
                };
                let object = encoding::address(op).map(|address| self.objects.at(address, ObjectKind::Atomic, at));
                self.push(at, step, what, object);
            }
            (_, Plain::Library) => self.enter_outer(at, step, site, None),
            (_, Plain::ReferenceCount | Plain::Internal) => {}
        }
    }

    /// Makes sure that the thread's open call is the one at `site`.
    fn enter_outer(&mut self, at: usize, step: &Step, site: &Site, role: Option<Role>) {
        let again = |outer: &Outer| {
            let channel = matches!(role, Some(Role::ChannelSend | Role::ChannelReceive));
            outer.first == step.stack && outer.wrote && !(channel && outer.waited)
        };
        let lock = role.is_some_and(|role| lock_role(role).is_some() || unlock_role(role).is_some() || is_once(role));
        let same = self.threads[step.thread as usize].outer.as_ref().is_some_and(|outer| {
            outer.role == role && outer.call == site.call && (lock || role.is_none() || !again(outer))
        });
        if !same {
            self.close(step.thread);
            self.calls += 1;
            self.threads[step.thread as usize].outer = Some(Outer {
                number: self.calls,
                role,
                call: site.call.clone(),
                object: None,
                first: step.stack,
                wrote: false,
                waited: false,
                slept: None,
                effect: None,
                woken: Vec::new(),
                last: (at, step.stack),
            });
            if role.is_none() {
                self.act(step.thread, at, step.stack, What::Called, None);
            }
        } else if role.is_none() && self.has_been_left(step.thread) {
            self.act(step.thread, at, step.stack, What::WentOn, None);
        }
        if let Some(outer) = &mut self.threads[step.thread as usize].outer {
            outer.last = (at, step.stack);
            outer.wrote |= encoding::change(&step.op).is_some();
        }
    }

    /// Whether others have done something since the last step of the thread's open call.
    fn has_been_left(&self, thread: ThreadId) -> bool {
        let Some(outer) = &self.threads[thread as usize].outer else { return false };
        self.actions.iter().rev().take_while(|action| action.at > outer.last.0).any(|action| action.thread != thread)
    }

    /// Adds an action within the thread's open call.
    fn act(&mut self, thread: ThreadId, at: usize, stack: StackId, what: What, object: Option<waits::Object>) -> usize {
        let outer = self.threads[thread as usize].outer.as_ref();
        let call = outer.map_or(0, |outer| outer.number);
        let own = self.sites.get(stack).inner();
        let within = outer
            .and_then(|outer| outer.role)
            .filter(|role| Some(*role) != own && !(is_once(*role) && own.is_some_and(is_once)));
        let holds = &mut self.threads[thread as usize].holds;
        match (&what, object) {
            (What::Acquired(_), Some(object)) => holds.push(object),
            (What::Released, Some(object)) => {
                if let Some(claim) = holds.iter().rposition(|held| *held == object) {
                    holds.remove(claim);
                }
            }
            _ => {}
        }
        self.actions.push(Action { at, thread, stack, what, object, call, within });
        self.actions.len() - 1
    }

    /// The primitive that the operation belongs to: taking and giving back locks.
    fn inner(&mut self, at: usize, step: &Step, site: &Site) {
        let index = step.thread as usize;
        // Parking is how a lock, a channel or a join sleeps; on its own it is an interface of its own.
        let role = match site.roles[..] {
            [Role::Park | Role::Unpark, above, ..] => above,
            [role, ..] => role,
            [] => return,
        };
        // Once a lock is taken, another operation on its word, or one that could take a lock, belongs to the next call.
        let takes_again = site.direct && matches!(step.op, Op::CompareExchange { .. } | Op::Rmw { .. });
        let touches = |inner: &Inner, objects: &Objects| {
            let word = inner.object.map(|object| objects.get(object).address);
            takes_again || (word.is_some() && encoding::address(&step.op) == word)
        };
        let same = self.threads[index].inner.as_ref().is_some_and(|inner| {
            inner.role == role && inner.call == site.call && !(inner.done && touches(inner, &self.objects))
        });
        if !same {
            self.close_inner(step.thread);
            self.threads[index].inner = Some(Inner {
                role,
                call: site.call.clone(),
                object: None,
                requested: None,
                done: false,
                first: (at, step.stack),
                steps: 0,
                last: (at, step.stack),
            });
        }
        let Some(mut inner) = self.threads[index].inner.take() else { return };
        inner.last = (at, step.stack);
        inner.steps += 1;
        let kind = lock_role(role).map(|(_, _, kind)| kind).or(unlock_role(role));
        let kind = kind.or(is_once(role).then_some(ObjectKind::Once));
        if let (Some(kind), None, Some(address), true) = (kind, inner.object, encoding::address(&step.op), site.direct)
        {
            let unlocks = unlock_role(role).is_some();
            let neighbour = if unlocks { self.neighbour(step.thread, address, kind, at) } else { None };
            inner.object = Some(neighbour.unwrap_or_else(|| self.objects.at(address, kind, at)));
        }
        let change = encoding::change(&step.op).filter(|_| site.direct);
        if let Some((mode, blocking, kind)) = lock_role(role) {
            if let Some(change) = change
                && !inner.done
                && inner.object.is_some_and(|object| self.objects.get(object).address == change.address)
                && takes(change, mode, blocking, kind, site)
            {
                inner.done = true;
                self.act(step.thread, at, step.stack, What::Acquired(mode), inner.object);
            }
            if let Op::FutexWait { address, .. } = step.op
                && inner.requested.is_none()
            {
                inner.requested = Some(at);
                if inner.object.is_none() {
                    inner.object = Some(self.objects.at(address, kind, at));
                }
                self.act(step.thread, at, step.stack, What::Requested(mode), inner.object);
            }
        } else if let Some(change) = change
            && unlock_role(role).is_some()
            && !inner.done
        {
            inner.done = true;
            let what = if encoding::downgrades_rwlock(change) { What::Downgraded } else { What::Released };
            self.act(step.thread, at, step.stack, what, inner.object);
        } else if is_once(role) {
            if let Some(begins) = change.and_then(encoding::once_run) {
                let what = if begins { What::Acquired(Mode::Exclusive) } else { What::Released };
                self.act(step.thread, at, step.stack, what, inner.object);
            }
            if let Op::FutexWait { address, .. } = step.op
                && inner.requested.is_none()
            {
                inner.requested = Some(at);
                if inner.object.is_none() {
                    inner.object = Some(self.objects.at(address, ObjectKind::Once, at));
                }
                self.act(step.thread, at, step.stack, What::Requested(Mode::Exclusive), inner.object);
            }
        }
        self.threads[index].inner = Some(inner);
    }

    /// The lock of this kind that `thread` holds next to `address`, when the word at `address` itself is no known lock: a
    /// ticket lock, for one, is taken through one word and given back through the next.
    fn neighbour(&self, thread: ThreadId, address: u64, kind: ObjectKind, at: usize) -> Option<waits::Object> {
        let block = self.objects.block_at(address, at);
        if self.objects.find(address, block, kind).is_some() {
            return None;
        }
        self.threads[thread as usize].holds.iter().rev().copied().find(|object| {
            let there = self.objects.get(*object);
            there.kind == kind && there.block == block && there.address.abs_diff(address) <= 16
        })
    }

    /// The interface that the user called: conditions, channels, barriers, parking.
    fn outer(&mut self, at: usize, step: &Step, site: &Site, role: Role) {
        let Some(kind) = signal_role(role) else { return self.join(at, step, role) };
        let Some(mut outer) = self.threads[step.thread as usize].outer.take() else { return };
        // A condition's own word, not that of the mutex beside it; for the others, the first word marks the object.
        let own = site.direct && (site.inner() == Some(role) || kind != ObjectKind::Condvar);
        let address = match step.op {
            Op::FutexWait { address, .. } => Some(address),
            ref op => encoding::address(op).filter(|_| own),
        };
        if let (None, Some(address)) = (outer.object, address) {
            outer.object = Some(self.objects.at(address, kind, at));
        }
        let number = outer.object;
        // A message is put or taken by a compare-exchange on the channel's own block; the thread's own wait entry lies
        // elsewhere.
        let own_block = |object: waits::Object, address: u64| {
            let known = self.objects.get(object);
            known.block.is_none() || known.block == self.objects.block_at(address, at)
        };
        let claims = match step.op {
            Op::CompareExchange { address, done: true, .. } => {
                site.inner() == Some(role) && number.is_some_and(|object| own_block(object, address))
            }
            _ => false,
        };
        let lock_back = lock_role(site.inner().unwrap_or(role)).is_some();
        let sleeps = !(lock_back && role != Role::Park);
        self.threads[step.thread as usize].outer = Some(outer);
        let mut effect = None;
        let mut slept = None;
        match &step.op {
            Op::FutexWait { .. } if sleeps => {
                self.act(step.thread, at, step.stack, What::WaitBegun, number);
                slept = Some(at);
            }
            Op::FutexReturn { end, .. } if sleeps => {
                self.act(step.thread, at, step.stack, What::WaitEnded(*end), number);
            }
            Op::FutexWake { woken, .. } => {
                if let Some(outer) = &mut self.threads[step.thread as usize].outer {
                    outer.woken.extend(woken);
                }
            }
            _ => {
                let first =
                    self.threads[step.thread as usize].outer.as_ref().is_some_and(|outer| outer.effect.is_none());
                let what = match role {
                    Role::CondvarNotify | Role::Unpark if first && own => Some(self.effect(role, site)),
                    Role::ChannelSend | Role::ChannelReceive if first && claims => Some(self.effect(role, site)),
                    _ => None,
                };
                if let Some(what) = what {
                    let target = self.effect_object(role, number, at);
                    effect = Some(self.act(step.thread, at, step.stack, what, target));
                }
            }
        }
        if let Some(outer) = &mut self.threads[step.thread as usize].outer {
            outer.effect = outer.effect.or(effect);
            outer.slept = slept.or(outer.slept);
            outer.waited = (outer.waited || slept.is_some()) && !claims;
        }
    }

    /// Waiting for the end of scoped threads, which std builds from `park`. Other joins are operations of their own.
    fn join(&mut self, at: usize, step: &Step, role: Role) {
        if role == Role::Join && matches!(step.op, Op::FutexWait { .. }) {
            let children = self.scoped_children(step.thread);
            self.act(step.thread, at, step.stack, What::JoinBegun(children), None);
            if let Some(outer) = &mut self.threads[step.thread as usize].outer {
                outer.slept = Some(at);
            }
        }
    }

    /// The action that stands for a call of this role.
    fn effect(&self, role: Role, site: &Site) -> What {
        match role {
            Role::ChannelReceive => What::Received { woken: Vec::new() },
            Role::ChannelClose => What::Closed { woken: Vec::new() },
            _ => {
                let all = site.library().iter().any(|frame| crate::function::method(&frame.function) == "notify_all");
                What::Notified { woken: Vec::new(), all, remembered: role != Role::CondvarNotify }
            }
        }
    }

    /// A send gives to the receiving side; a receive makes room on the sending side.
    fn effect_object(&mut self, role: Role, object: Option<waits::Object>, at: usize) -> Option<waits::Object> {
        let kind = match role {
            Role::ChannelSend => ObjectKind::Channel,
            Role::ChannelReceive => ObjectKind::ChannelRoom,
            _ => return object,
        };
        let address = self.objects.get(object?).address;
        Some(self.objects.at(address, kind, at))
    }

    /// The scoped threads that `parent` has started and that have not ended.
    fn scoped_children(&self, parent: ThreadId) -> Vec<ThreadId> {
        let scoped = |thread: &trace::Thread| {
            let Some((by, stack)) = thread.spawned else { return false };
            let site = self.sites.get(stack);
            by == parent
                && site.library().iter().any(|frame| frame.function.contains("scoped"))
                && thread.state != trace::State::Ended
        };
        self.trace.threads.iter().zip(0..).filter(|(thread, _)| scoped(thread)).map(|(_, id)| id).collect()
    }

    fn close_inner(&mut self, thread: ThreadId) {
        let Some(inner) = self.threads.get_mut(thread as usize).and_then(|thread| thread.inner.take()) else { return };
        let (at, stack) = inner.last;
        if inner.done || inner.object.is_none() {
            return;
        }
        if let Some((mode, blocking, _)) = lock_role(inner.role) {
            let what = if blocking { What::Acquired(mode) } else { What::Refused(mode) };
            self.act(thread, at, stack, what, inner.object);
        } else if unlock_role(inner.role).is_some() {
            self.act(thread, at, stack, What::Released, inner.object);
        }
    }

    fn close_outer(&mut self, thread: ThreadId) {
        let Some(slot) = self.threads.get_mut(thread as usize) else { return };
        let Some(outer) = slot.outer.as_ref() else { return };
        let Some(role) = outer.role.filter(|role| signal_role(*role).is_some()) else {
            slot.outer = None;
            return;
        };
        let ((at, stack), woken, number) = (outer.last, outer.woken.clone(), outer.object);
        match outer.effect {
            Some(effect) => self.actions[effect].add_woken(&woken),
            None => {
                let site = self.sites.get(stack);
                let waited = outer.slept.is_some();
                let what = match role {
                    Role::CondvarNotify | Role::Unpark | Role::ChannelSend | Role::ChannelClose => {
                        Some(self.effect(role, site))
                    }
                    Role::BarrierWait if !woken.is_empty() => {
                        Some(What::Notified { woken: Vec::new(), all: true, remembered: false })
                    }
                    Role::ChannelReceive | Role::BarrierWait | Role::Park if !waited => Some(What::Passed),
                    _ => None,
                };
                if let Some(mut what) = what {
                    what.add_woken(&woken);
                    let target = self.effect_object(role, number, at);
                    let target = if what == What::Passed { number } else { target };
                    self.act(thread, at, stack, what, target);
                }
            }
        }
        self.threads[thread as usize].outer = None;
    }

    /// What `thread` waits for on a futex at the end of the trace, as far as its open calls tell. Must be asked before
    /// the calls are closed.
    pub fn open_wait(&self, thread: ThreadId) -> Option<OpenWait> {
        let state = self.threads.get(thread as usize)?;
        if let Some(inner) = &state.inner
            && let (Some(object), Some(since), false) = (inner.object, inner.requested, inner.done)
        {
            let mode = lock_role(inner.role).map_or(Mode::Exclusive, |(mode, _, _)| mode);
            return Some(OpenWait { what: waits::WaitFor::Lock(object, mode), since: Some(since) });
        }
        let outer = state.outer.as_ref()?;
        let since = outer.slept?;
        if let Some(What::JoinBegun(children)) = self.action_at(since, thread) {
            return Some(OpenWait { what: waits::WaitFor::Ends(children.clone()), since: Some(since) });
        }
        Some(OpenWait { what: waits::WaitFor::Notification(outer.object?), since: Some(since) })
    }

    /// The lock for which `thread`, which could run, spins at the end of the trace; tells its request as an action. Must
    /// be asked before the calls are closed.
    pub fn spins(&mut self, thread: ThreadId) -> Option<OpenWait> {
        let inner = self.threads.get(thread as usize)?.inner.as_ref()?;
        let (mode, blocking, _) = lock_role(inner.role)?;
        let object = inner.object.filter(|_| blocking && !inner.done && inner.steps >= SPINNING)?;
        let (since, stack) = inner.first;
        if inner.requested.is_none() {
            self.act(thread, since, stack, What::Requested(mode), Some(object));
        }
        Some(OpenWait { what: waits::WaitFor::Lock(object, mode), since: Some(since) })
    }

    fn action_at(&self, at: usize, thread: ThreadId) -> Option<&What> {
        self.actions.iter().rev().find(|action| action.at == at && action.thread == thread).map(|action| &action.what)
    }

    /// Ends the trace. A call that its thread has not returned from has not got what it asked for.
    pub fn finish(&mut self) {
        for (thread, id) in self.trace.threads.iter().zip(0..) {
            if thread.state != trace::State::Ended {
                let state = &mut self.threads[id as usize];
                state.inner = None;
                if matches!(thread.state, trace::State::Waiting(_))
                    && let Some(outer) = state.outer.take()
                    && let Some(effect) = outer.effect
                {
                    self.actions[effect].add_woken(&outer.woken);
                }
            }
            self.close(id);
        }
        self.actions.sort_by_key(|action| action.at);
    }
}

/// Whether `change` takes the lock.
fn takes(change: Change, mode: Mode, blocking: bool, kind: ObjectKind, site: &Site) -> bool {
    let known = match kind {
        ObjectKind::Mutex => encoding::takes_mutex(change),
        _ => encoding::takes_rwlock(change, mode, &site.library_crate()),
    };
    // An unknown layout: a try that changes the word has succeeded; a blocking call tells by returning.
    known.unwrap_or(!blocking)
}

impl What {
    /// Adds threads that the action has woken.
    fn add_woken(&mut self, threads: &[ThreadId]) {
        if let What::Notified { woken, .. } | What::Received { woken } | What::Closed { woken } = self {
            woken.extend(threads);
        }
    }
}

impl Action {
    fn add_woken(&mut self, threads: &[ThreadId]) {
        self.what.add_woken(threads);
    }
}
