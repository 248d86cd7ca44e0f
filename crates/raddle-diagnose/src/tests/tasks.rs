//! Findings about async tasks: executors' frames around the user's.

use super::scene::*;
use raddle_instrument::symbols::Origin;
use raddle_instrument::symbols::Origin::{Dependency, Standard, User};
use raddle_protocol::choice::{Choice, ChoiceKind};
use raddle_protocol::trace::*;
use raddle_protocol::{Finding, RawFinding, Severity};

pub type Frame = (&'static str, Origin, u32);

pub const EXECUTOR: Frame = ("tokio::runtime::scheduler::current_thread::CoreGuard::block_on", Dependency, 1);
pub const PARK: Frame = ("tokio::runtime::driver::Driver::park", Dependency, 1);
pub const TASK: Frame = ("tokio::runtime::task::core::Core<T,S>::poll", Dependency, 1);
const TIMEOUT: Frame = ("<tokio::time::timeout::Timeout<F> as core::future::Future>::poll", Dependency, 1);
const DROP: Frame = ("core::ptr::drop_in_place", Standard, 1);
const TEST: Frame = ("bank::tests::scene::{closure#0}", User, 5);

const LOCK: u64 = LOCKS;
pub const STATES: [u64; 2] = [LOCKS + 0x100, LOCKS + 0x200];
const LEAF: u64 = LOCKS + 0x300;

pub fn stack(scene: &mut Scene, thread: ThreadId, frames: &[Frame]) -> StackId {
    let frames = frames.iter().zip(0u64..);
    let frames = frames.map(|((function, origin, line), index)| StackFrame {
        pc: scene.pc(function, *line, 0, *origin),
        cfa: Scene::cfa(thread) + 0x10 * index,
    });
    let frames = frames.collect();
    scene.push_stack(Stack { frames })
}

pub fn step(scene: &mut Scene, thread: ThreadId, op: Op, frames: &[Frame]) {
    let stack = stack(scene, thread, frames);
    scene.trace.steps.push(Step { thread, op, stack, time_ns: 0 });
}

pub fn finding(scene: &Scene, outcome: Outcome) -> Finding {
    let raw = RawFinding { choices: scene.choices.clone(), trace: scene.trace.clone(), ..RawFinding::new(outcome, 0) };
    scene.diagnose(&raw)
}

pub fn lines(finding: &Finding) -> Vec<u32> {
    finding.spans.iter().map(|span| span.line).collect()
}

/// A future within a time limit waits, and is or is not dropped when everything has stood still.
fn time_limit(drops: bool, message: &str) -> Scene {
    let mut scene = Scene::new();
    scene.choices.push(Choice { kind: ChoiceKind::Stall, options: 3, taken: 2 });
    let wait = ("bank::ask::{closure#0}", User, 20);
    let receive = ("<tokio::sync::oneshot::Receiver<T> as core::future::Future>::poll", Dependency, 1);
    step(&mut scene, 0, load(LEAF, 0), &[receive, wait, TIMEOUT, TEST, EXECUTOR]);
    step(&mut scene, 0, Op::Stalled { ns: 3_600_000_000_000 }, &[PARK, EXECUTOR]);
    step(&mut scene, 0, load(LEAF, 0), &[receive, wait, TIMEOUT, TEST, EXECUTOR]);
    let dropped = ("<tokio::sync::oneshot::Receiver<T> as core::ops::drop::Drop>::drop", Dependency, 1);
    if drops {
        step(&mut scene, 0, rmw(LEAF, 0, 4), &[dropped, DROP, TEST, EXECUTOR]);
    } else {
        step(&mut scene, 0, rmw(LEAF, 0, 4), &[dropped, DROP, wait, TIMEOUT, TEST, EXECUTOR]);
    }
    scene.trace.output = format!("thread 'tests::scene' panicked at src/lib.rs:9:5:\n{message}\n").into_bytes();
    scene
}

#[test]
fn a_future_that_is_dropped_where_it_waits() {
    let scene = time_limit(true, "assertion failed: permits == 1");
    let found = finding(&scene, Outcome::Exited(101));
    assert_eq!((found.code.0.as_str(), found.severity, &lines(&found)[..]), ("RD0304", Severity::Error, &[20, 9][..]));
    assert!(found.message.contains("`bank::ask` was dropped at an `.await`"), "{}", found.message);
}

/// A body that has got past its `.await` drops what it waited on as well; and a test may say itself that it was too slow.
#[test]
fn what_no_cancellation_has_caused_is_not_called_so() {
    let code = |scene: Scene| finding(&scene, Outcome::Exited(101)).code.0;
    assert_eq!(code(time_limit(false, "assertion failed: permits == 1")), "RD0501");
    let message = "called `Result::unwrap()` on an `Err` value: Elapsed(())";
    assert_eq!(code(time_limit(true, message)), "RD0501");
}

/// A body waits for a message beside another future, which is done first while the sender is late. Whether it leaves its
/// waker, and whether it goes on later.
fn beside_another(waits: bool, goes_on: bool) -> Scene {
    let mut scene = Scene::new();
    scene.choices.push(Choice { kind: ChoiceKind::Stall, options: 2, taken: 1 });
    let receive = ("tokio::sync::mpsc::chan::Rx<T,S>::recv", Dependency, 1);
    let register = ("tokio::sync::task::atomic_waker::AtomicWaker::register_by_ref", Dependency, 1);
    let body = |line| ("bank::pair::{closure#0}", User, line);
    let select = ("bank::main::{closure#0}::{closure#1}", User, 30);
    let poll_fn = ("<core::future::poll_fn::PollFn<F> as core::future::future::Future>::poll", Standard, 1);
    let chooser = |line| ("bank::main::{closure#0}", User, line);
    let among = |inner: &[Frame]| [inner, &[select, poll_fn, chooser(30), EXECUTOR]].concat();
    step(&mut scene, 0, load(LEAF, 0), &among(&[receive, body(16)]));
    step(&mut scene, 0, load(LEAF, 0), &among(&[receive, body(17)]));
    let waker = if waits { among(&[register, receive, body(17)]) } else { among(&[receive, body(17)]) };
    step(&mut scene, 0, rmw(LEAF + 8, 0, 1), &waker);
    step(&mut scene, 0, Op::HeldBack { thread: 1 }, &[PARK, EXECUTOR]);
    let other = ("<tokio::sync::oneshot::Receiver<T> as core::future::Future>::poll", Dependency, 1);
    step(&mut scene, 0, load(LEAF + 16, 1), &among(&[other]));
    let after = ("tokio::sync::mpsc::chan::Rx<T,S>::try_recv", Dependency, 1);
    step(&mut scene, 0, load(LEAF, 0), &[after, chooser(34), EXECUTOR]);
    if goes_on {
        step(&mut scene, 0, load(LEAF, 0), &[receive, body(17), chooser(36), EXECUTOR]);
        step(&mut scene, 0, load(LEAF, 0), &among(&[receive, body(17)]));
    }
    scene.trace.output = b"thread 'tests::scene' panicked at src/lib.rs:9:5:\nassertion failed\n".to_vec();
    scene
}

#[test]
fn a_branch_that_another_one_comes_before() {
    let found = finding(&beside_another(true, false), Outcome::Exited(101));
    assert_eq!((found.code.0.as_str(), &lines(&found)[..]), ("RD0304", &[17, 30, 9][..]));
    assert!(found.message.contains("`bank::pair` was dropped at an `.await`"), "{}", found.message);
}

/// One that has ended is not polled again either (`join!`); and one may be polled again later.
#[test]
fn a_branch_that_has_ended_or_goes_on_has_not_lost() {
    let code = |scene: Scene| finding(&scene, Outcome::Exited(101)).code.0;
    assert_eq!(code(beside_another(false, false)), "RD0501");
    assert_eq!(code(beside_another(true, true)), "RD0501");
}

/// A descriptor is opened before the time limit runs out, and open at the end.
fn left_open(drops: bool) -> Finding {
    let mut scene = time_limit(drops, "");
    let stack =
        stack(&mut scene, 0, &[("bank::connect", User, 12), ("bank::ask::{closure#0}", User, 19), TIMEOUT, TEST]);
    scene.trace.steps.insert(0, Step { thread: 0, op: Op::Opened { descriptor: 7 }, stack, time_ns: 0 });
    step(&mut scene, 0, Op::LeftOpen { descriptor: 7 }, &[]);
    finding(&scene, Outcome::Passed)
}

#[test]
fn a_descriptor_that_a_cancellation_has_left_open() {
    let found = left_open(true);
    assert_eq!((found.code.0.as_str(), found.severity, &lines(&found)[..]), ("RD0404", Severity::Error, &[20, 12][..]));
    assert!(found.message.contains("a descriptor stayed open"), "{}", found.message);
    assert_ne!(left_open(false).code.0, "RD0404");
}

/// A task takes a lock and gives it back before its poll is over, or after.
fn lock_in_a_poll(held: bool) -> Scene {
    let mut scene = Scene::new();
    scene.static_lock("bank::TOTAL", LOCK, 3);
    let lock = ("std::sys::sync::mutex::futex::Mutex::lock", Standard, 1);
    let unlock = ("std::sys::sync::mutex::futex::Mutex::unlock", Standard, 1);
    let body = |line| ("bank::add::{closure#0}", User, line);
    let exchange = ("core::sync::atomic::AtomicU32::compare_exchange", Standard, 1);
    let swap = ("core::sync::atomic::AtomicU32::swap", Standard, 1);
    step(&mut scene, 0, cas(LOCK, 0, 0, 1), &[exchange, lock, body(10), TASK, EXECUTOR]);
    let park = |scene: &mut Scene| step(scene, 0, load(STATES[0], 1), &[PARK, EXECUTOR]);
    if held {
        park(&mut scene);
    }
    step(&mut scene, 0, rmw(LOCK, 1, 0), &[swap, unlock, body(12), TASK, EXECUTOR]);
    park(&mut scene);
    scene
}

#[test]
fn a_lock_that_is_held_when_the_poll_ends() {
    let found = finding(&lock_in_a_poll(true), Outcome::Passed);
    assert_eq!((found.code.0.as_str(), found.severity, lines(&found)[0]), ("RD0302", Severity::Warning, 10));
    assert!(found.message.contains("`TOTAL`"), "{}", found.message);
    assert_ne!(finding(&lock_in_a_poll(false), Outcome::Passed).code.0, "RD0302");
}

/// A task takes a lock and does something with a waker; it gives the lock back before its poll is over, or after.
fn waker_under_a_lock(held: bool, uses: Frame) -> String {
    let mut scene = Scene::new();
    scene.static_lock("bank::WAITING", LOCK, 3);
    let lock = ("std::sys::sync::mutex::futex::Mutex::lock", Standard, 1);
    let unlock = ("std::sys::sync::mutex::futex::Mutex::unlock", Standard, 1);
    let run = ("<async_task::raw::RawTask<F, T, S, M>>::run", Dependency, 1);
    let body = |line| ("bank::wait::{closure#0}", User, line);
    let exchange = ("core::sync::atomic::AtomicU32::compare_exchange", Standard, 1);
    let add = ("core::sync::atomic::AtomicUsize::fetch_add", Standard, 1);
    let swap = ("core::sync::atomic::AtomicU32::swap", Standard, 1);
    step(&mut scene, 0, cas(LOCK, 0, 0, 1), &[exchange, lock, body(10), run]);
    step(&mut scene, 0, rmw(STATES[0], 0x100, 0x200), &[add, uses, body(11), run]);
    let state = |scene: &mut Scene| step(scene, 0, rmw(STATES[0], 0x203, 0x201), &[add, run]);
    if held {
        state(&mut scene);
    }
    step(&mut scene, 0, rmw(LOCK, 1, 0), &[swap, unlock, body(12), run]);
    state(&mut scene);
    finding(&scene, Outcome::Passed).code.0
}

#[test]
fn using_a_waker_does_not_end_a_poll() {
    // They lie below paths of functions that call futures.
    let clones = ("<async_task::raw::RawTask<F, T, S, M>>::clone_waker", Dependency, 1);
    let wakes = ("futures_lite::future::block_on::parker_and_waker::{closure#0}", Dependency, 1);
    for uses in [clones, wakes] {
        assert_eq!(waker_under_a_lock(true, uses), "RD0302");
        assert_ne!(waker_under_a_lock(false, uses), "RD0302");
    }
}

/// An executor, here the package under test itself, holds a lock of its own while it waits.
#[test]
fn an_executor_that_is_tested_is_no_task() {
    let mut scene = Scene::new();
    scene.static_lock("async_io::EVENTS", LOCK, 3);
    let lock = ("std::sys::sync::mutex::futex::Mutex::try_lock", Standard, 1);
    let unlock = ("std::sys::sync::mutex::futex::Mutex::unlock", Standard, 1);
    let exchange = ("core::sync::atomic::AtomicU32::compare_exchange", Standard, 1);
    let swap = ("core::sync::atomic::AtomicU32::swap", Standard, 1);
    let reactor = ("async_io::reactor::Reactor::try_lock", User, 195);
    let block_on = ("async_io::driver::block_on", User, 240);
    step(&mut scene, 0, cas(LOCK, 0, 0, 1), &[exchange, lock, reactor, block_on]);
    step(&mut scene, 0, store(LEAF, 1), &[("core::sync::atomic::AtomicBool::store", Standard, 1), block_on]);
    step(&mut scene, 0, rmw(LOCK, 1, 0), &[swap, unlock, block_on]);
    assert_ne!(finding(&scene, Outcome::Passed).code.0, "RD0302");
}

/// A thread that nobody joins: what it does before the test function has returned, and after.
fn left_alone(before: Option<Op>, after: Option<Op>) -> String {
    let mut scene = Scene::new();
    let child = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    let work = ("bank::work", User, 50);
    before.into_iter().for_each(|op| step(&mut scene, child, op, &[work]));
    step(&mut scene, 0, Op::Returned, &[]);
    after.into_iter().for_each(|op| step(&mut scene, child, op, &[work]));
    let found = finding(&scene, Outcome::Passed);
    if found.code.0 == "RD0401" {
        assert_eq!((found.severity, &lines(&found)[..]), (Severity::Warning, &[9, 50][..]));
    }
    found.code.0
}

#[test]
fn a_thread_that_is_at_work_when_its_test_has_ended() {
    assert_eq!(left_alone(None, Some(load(LEAF, 0))), "RD0401");
    assert_eq!(left_alone(Some(load(LEAF, 0)), Some(load(LEAF, 0))), "RD0401");
    // It had done its work; it waited for more; it was not heard of again.
    assert_ne!(left_alone(Some(load(LEAF, 0)), None), "RD0401");
    assert_ne!(left_alone(Some(futex_wait(LEAF, 0)), Some(load(LEAF, 0))), "RD0401");
    assert_ne!(left_alone(None, None), "RD0401");
}

/// A future looks at a flag and returns `Pending`; it has or has not kept a waker.
fn pending(keeps: bool) -> Scene {
    let mut scene = Scene::new();
    let poll = ("<bank::Look as core::future::Future>::poll", User, 60);
    if keeps {
        let clone = ("<core::task::wake::Waker as core::clone::Clone>::clone", Standard, 1);
        step(&mut scene, 0, rmw(STATES[0], 1, 2), &[clone, poll, TEST, EXECUTOR]);
    }
    step(&mut scene, 0, load(LEAF, 0), &[("core::sync::atomic::AtomicBool::load", Standard, 1), poll, TEST, EXECUTOR]);
    let last = stack(&mut scene, 0, &[PARK, EXECUTOR]);
    let main = &mut scene.trace.threads[0];
    (main.state, main.last) = (State::Waiting(Wait::Descriptor(-1)), Some(last));
    scene
}

#[test]
fn a_future_that_keeps_no_waker() {
    let found = finding(&pending(false), Outcome::Stuck);
    assert_eq!((found.code.0.as_str(), found.severity, &lines(&found)[..]), ("RD0306", Severity::Error, &[60][..]));
    assert_ne!(finding(&pending(true), Outcome::Stuck).code.0, "RD0306");
}

/// A thread panics, and nobody joins it. What is done after that, in the thread itself or in the test's own.
fn panicked(after: Option<(ThreadId, Op, &[Frame])>) -> String {
    const HOOK: Frame = ("std::panicking::rust_panic_with_hook", Standard, 1);
    let mut scene = Scene::new();
    let child = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    let thread =
        [("std::panicking::catch_unwind", Standard, 1), ("std::thread::lifecycle::spawn_unchecked", Standard, 1)];
    let begins = [HOOK, ("bank::work", User, 50), thread[0], thread[1]];
    step(&mut scene, child, load(LEAF, 0), &begins);
    if let Some((thread, op, frames)) = after {
        step(&mut scene, thread, op, frames);
    }
    scene.trace.threads[child as usize].state = State::Ended;
    step(&mut scene, 0, Op::Returned, &[]);
    finding(&scene, Outcome::Passed).code.0
}

#[test]
fn a_panic_that_somebody_sees_to_is_not_lost() {
    let sentinel = [("<bank::Sentinel as core::ops::drop::Drop>::drop", User, 60)];
    assert_eq!(panicked(None), "RD0305");
    assert_eq!(panicked(Some((1, load(LEAF, 1), &sentinel))), "RD0305");
    assert_ne!(panicked(Some((1, Op::Spawn { child: 2 }, &sentinel))), "RD0305");
    assert_eq!(panicked(Some((0, Op::Spawn { child: 2 }, &sentinel))), "RD0305");
    let on_channel = |call| [(call, Standard, 1), sentinel[0]];
    let (sends, closes) =
        ("std::sync::mpmc::Sender<T>::send", "<std::sync::mpmc::Sender<T> as core::ops::drop::Drop>::drop");
    assert_ne!(panicked(Some((1, rmw(LEAF, 0, 2), &on_channel(sends)))), "RD0305");
    assert_eq!(panicked(Some((0, rmw(LEAF, 0, 2), &on_channel(sends)))), "RD0305");
    assert_eq!(panicked(Some((1, rmw(LEAF, 0, 2), &on_channel(closes)))), "RD0305");
    let panics = [("core::panicking::panic", Standard, 1), TEST];
    assert_ne!(panicked(Some((0, load(LEAF, 1), &panics))), "RD0305");
    // Of this one nobody learns either.
    assert_eq!(panicked(Some((2, load(LEAF, 1), &panics))), "RD0305");
}

/// A runtime ends, and the destructor of a future that has never been polled panics.
#[test]
fn a_task_that_panics_when_it_is_dropped_says_so() {
    const CATCHES: Frame = ("tokio::runtime::task::harness::cancel_task", Dependency, 1);
    let mut scene = Scene::new();
    let begins = ("tokio::runtime::task::state::State::transition_to_shutdown", Dependency, 1);
    let ends = ("tokio::runtime::task::state::State::transition_to_complete", Dependency, 1);
    step(&mut scene, 0, rmw(STATES[0], 0, 1), &[begins, EXECUTOR]);
    let drops = ("tokio::runtime::task::core::Core<T,S>::drop_future_or_output", Dependency, 1);
    let destructor = ("<bank::Account as core::ops::drop::Drop>::drop", User, 60);
    let caught = ("std::panicking::catch_unwind", Standard, 1);
    let panics = ("core::panicking::panic", Standard, 1);
    step(&mut scene, 0, load(LEAF, 0), &[panics, destructor, drops, caught, CATCHES, EXECUTOR]);
    step(&mut scene, 0, rmw(STATES[0], 1, 2), &[ends, EXECUTOR]);
    step(&mut scene, 0, Op::Returned, &[]);
    let found = finding(&scene, Outcome::Passed);
    assert_eq!(
        (found.code.0.as_str(), found.message.as_str()),
        ("RD0305", "task `Account` panicked, and nobody has asked how it ended")
    );
    assert_eq!(found.spans[0].label, "it panicked here, while its future was dropped");
}
