//! What a task does to the thread that runs it, and how tasks are told apart.

use super::scene::*;
use super::tasks::*;
use insta::assert_json_snapshot;
use raddle_instrument::symbols::Origin::{Dependency, Standard, User};
use raddle_protocol::trace::*;
use raddle_protocol::{Cause, Finding, POLL_SHARES, Severity};

const MS: u64 = 1_000_000;

const RUN: Frame = ("tokio::runtime::task::state::State::transition_to_running", Dependency, 1);
const IDLE: Frame = ("tokio::runtime::task::state::State::transition_to_idle", Dependency, 1);
const WAKE: Frame = ("tokio::runtime::task::state::State::transition_to_notified_by_val", Dependency, 1);
const TIMERS: Frame = ("tokio::runtime::time::Driver::park_internal", Dependency, 1);
const BODY: Frame = ("bank::sum::{closure#0}", User, 40);

/// Two tasks whose words are [`STATES`]; thread 0 has spawned both, and runs the first.
fn two_tasks() -> Scene {
    let mut scene = Scene::new();
    for (word, line) in STATES.into_iter().zip([30, 31]) {
        scene.block(word, 8, "tokio::task::spawn::spawn", ("bank::tests::scene", line, 9));
    }
    step(&mut scene, 0, rmw(STATES[0], 0b100, 0b001), &[RUN, EXECUTOR]);
    scene
}

/// Virtual time passes before the next step.
fn at(scene: &mut Scene, time_ns: u64) {
    scene.trace.steps.last_mut().unwrap().time_ns = time_ns;
}

/// The thread goes on with the second task.
fn goes_on(mut scene: Scene) -> Finding {
    let time_ns = scene.trace.steps.last().unwrap().time_ns;
    step(&mut scene, 0, rmw(STATES[1], 0b100, 0b001), &[RUN, EXECUTOR]);
    at(&mut scene, time_ns);
    finding(&scene, Outcome::Passed)
}

/// The first task sleeps for so long.
fn sleeps(scene: &mut Scene, ns: u64) {
    let sleep = ("std::thread::functions::sleep", Standard, 1);
    step(scene, 0, Op::Sleep { ns }, &[sleep, BODY, TASK, EXECUTOR]);
    step(scene, 0, Op::Woke, &[sleep, BODY, TASK, EXECUTOR]);
    at(scene, ns);
}

/// Somebody makes the second task ready.
fn wakes(scene: &mut Scene, frames: &[Frame], time_ns: u64) {
    step(scene, 0, rmw(STATES[1], 0, 0b100), frames);
    at(scene, time_ns);
}

#[test]
fn a_sleep_that_keeps_another_task_waiting() {
    let mut scene = two_tasks();
    sleeps(&mut scene, 200 * MS);
    let found = goes_on(scene);
    assert_eq!((found.code.0.as_str(), found.severity), ("RD0301", Severity::Warning));
    assert_eq!(lines(&found), [40, 31]);
    let message = "event loop blocked: task `sum` puts thread `main` to sleep for 200 ms while task 2 is ready";
    assert!(found.message.starts_with(message), "{}", found.message);
    let spawned = found.threads.iter().map(|thread| (thread.name.as_str(), thread.spawned_at.as_deref()));
    assert!(spawned.clone().any(|thread| thread == ("task sum", Some("src/lib.rs:30"))), "{:?}", found.threads);
}

#[test]
fn a_short_sleep_is_nothing() {
    let mut scene = two_tasks();
    sleeps(&mut scene, MS / 2);
    assert_ne!(goes_on(scene).code.0, "RD0301");
}

/// Who was made ready only afterwards was kept waiting by nobody, but for one whose timer ran out meanwhile.
#[test]
fn a_task_that_is_woken_after_the_stop() {
    let woken = |frames: &[Frame], time_ns| {
        let mut scene = two_tasks();
        sleeps(&mut scene, 200 * MS);
        wakes(&mut scene, frames, time_ns);
        goes_on(scene)
    };
    assert_ne!(woken(&[WAKE, BODY, TASK, EXECUTOR], 200 * MS).code.0, "RD0301");
    let due = woken(&[WAKE, TIMERS, PARK, EXECUTOR], 200 * MS);
    assert_eq!(due.code.0, "RD0301");
    assert!(due.message.ends_with("while a timer of task 2 is due"), "{}", due.message);
    // The thread has waited for that timer.
    assert_ne!(woken(&[WAKE, TIMERS, PARK, EXECUTOR], 300 * MS).code.0, "RD0301");
}

/// With nobody else to run tasks, whoever wakes one; where there are several threads, it may have been in another's queue.
#[test]
fn a_task_of_another_threads_queue_is_not_kept_waiting() {
    let woken_by = |waker: ThreadId| {
        let mut scene = Scene::new();
        let other = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
        for (word, line) in STATES.into_iter().zip([30, 31]) {
            scene.block(word, 8, "tokio::task::spawn::spawn", ("bank::tests::scene", line, 9));
        }
        step(&mut scene, other, rmw(STATES[1], 0b100, 0b001), &[RUN, EXECUTOR]);
        step(&mut scene, other, rmw(STATES[1], 0b001, 0), &[IDLE, EXECUTOR]);
        step(&mut scene, waker, rmw(STATES[1], 0, 0b100), &[WAKE, EXECUTOR]);
        step(&mut scene, 0, rmw(STATES[0], 0b100, 0b001), &[RUN, EXECUTOR]);
        sleeps(&mut scene, 200 * MS);
        goes_on(scene).code.0
    };
    assert_eq!(woken_by(0), "RD0301");
    assert_ne!(woken_by(1), "RD0301");
}

/// Calls that stop the thread, and the same where they may.
#[test]
fn calls_that_block() {
    let io = Op::Io { call: "read".to_owned(), descriptor: 7, blocked: true };
    let read = ("std::sys::fd::unix::FileDesc::read", Standard, 1);
    let stopped = |op: Op, frames: &[Frame]| {
        let mut scene = two_tasks();
        step(&mut scene, 0, op, frames);
        goes_on(scene)
    };
    let found = stopped(io.clone(), &[read, BODY, TASK, EXECUTOR]);
    assert_eq!((found.code.0.as_str(), lines(&found)[0]), ("RD0301", 40));
    assert!(found.message.contains("wait for input or output"), "{}", found.message);
    let in_place = ("tokio::task::blocking::block_in_place", Dependency, 1);
    assert_ne!(stopped(io.clone(), &[read, BODY, in_place, BODY, TASK, EXECUTOR]).code.0, "RD0301");
    let blocking = ("<tokio::runtime::blocking::task::BlockingTask<T> as core::future::Future>::poll", Dependency, 1);
    assert_ne!(stopped(io.clone(), &[read, BODY, blocking, TASK, EXECUTOR]).code.0, "RD0301");
    let on_a_thread = stopped(io, &[read, BODY]);
    assert_ne!(on_a_thread.code.0, "RD0301");
    for call in ["waitpid", "waitid"] {
        let child = Op::Io { call: call.to_owned(), descriptor: -1, blocked: true };
        let found = stopped(child, &[("std::process::Child::wait", Standard, 1), BODY, TASK, EXECUTOR]);
        assert!(found.message.contains("wait for the end of another process"), "{}", found.message);
    }
    let of = |call: &str, descriptor: i32| Op::Io { call: call.to_owned(), descriptor, blocked: true };
    for (op, what) in [
        (of("getaddrinfo", -1), "wait for the address of a host's name"),
        (of("fsync", 7), "wait for the disk"),
        (of("poll", -1), "wait for input or output"),
    ] {
        let found = stopped(op, &[BODY, TASK, EXECUTOR]);
        assert_eq!((found.code.0.as_str(), lines(&found)[0]), ("RD0301", 40));
        assert!(found.message.contains(what), "{}", found.message);
    }
}

#[test]
fn a_join_that_keeps_another_task_waiting() {
    let joins = |works: bool| {
        let mut scene = two_tasks();
        let child = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
        let join = ("std::thread::lifecycle::JoinInner<T>::join", Standard, 1);
        step(&mut scene, 0, Op::JoinRequest { child }, &[join, BODY, TASK, EXECUTOR]);
        if works {
            step(&mut scene, child, Op::End, &[("bank::work", User, 50)]);
        }
        step(&mut scene, 0, Op::Joined { child }, &[join, BODY, TASK, EXECUTOR]);
        goes_on(scene)
    };
    let found = joins(true);
    assert_eq!((found.code.0.as_str(), found.severity, lines(&found)[0]), ("RD0301", Severity::Warning, 40));
    assert!(found.message.contains("wait for the end of another thread"), "{}", found.message);
    assert_ne!(joins(false).code.0, "RD0301");
}

/// A future within a poll, or at the top of a thread.
#[test]
fn a_future_that_a_task_blocks_on() {
    let blocks_on = |around: &[Frame]| {
        let mut scene = two_tasks();
        let parks = [
            ("std::thread::functions::park", Standard, 1),
            ("futures_lite::future::block_on::{{closure}}", Dependency, 1),
            BODY,
        ];
        let frames: Vec<Frame> = parks.iter().chain(around).copied().collect();
        step(&mut scene, 0, futex_wait(LOCKS, 0), &frames);
        step(&mut scene, 0, Op::FutexReturn { address: LOCKS, end: WaitEnd::Woken }, &frames);
        goes_on(scene)
    };
    let found = blocks_on(&[TASK, EXECUTOR]);
    assert_eq!((found.code.0.as_str(), lines(&found)[0]), ("RD0301", 40));
    assert!(found.reason[0].contains("calls `block_on` within a poll"), "{}", found.reason[0]);
    assert_ne!(blocks_on(&[]).code.0, "RD0301");
}

/// The same of smol's executors, whose task states look otherwise.
#[test]
fn a_task_of_async_task() {
    const RUNS: Frame = ("async_task::raw::RawTask<F,T,S,M>::run", Dependency, 1);
    let sleep = ("std::thread::functions::sleep", Standard, 1);
    let slept = |around: &[Frame]| {
        let mut scene = Scene::new();
        for (word, line) in STATES.into_iter().zip([30, 31]) {
            scene.block(word, 8, "async_executor::Executor::spawn", ("bank::tests::scene", line, 9));
        }
        let begins = |scene: &mut Scene, word| {
            step(scene, 0, cas(word, 0x111, 0x111, 0x112), &[RUNS, ("bank::tests::scene", User, 33)]);
        };
        begins(&mut scene, STATES[0]);
        let frames: Vec<Frame> = [sleep, BODY, RUNS].iter().chain(around).copied().collect();
        step(&mut scene, 0, Op::Sleep { ns: 200 * MS }, &frames);
        step(&mut scene, 0, Op::Woke, &frames);
        begins(&mut scene, STATES[1]);
        finding(&scene, Outcome::Passed).code.0
    };
    assert_eq!(slept(&[("bank::tests::scene", User, 33)]), "RD0301");
    assert_ne!(slept(&[("blocking::Executor::main_loop", Dependency, 1)]), "RD0301");
}

/// A task looks and acts under a short lock, in one poll or in two; a task of another thread does the same in between.
fn looks_and_acts(suspended: bool) -> Finding {
    const TOTAL: u64 = LOCKS + 0x400;
    let mut scene = Scene::new();
    scene.passed = 1;
    scene.static_lock("bank::TOTAL", TOTAL, 3);
    let other = scene.thread(Some("worker"), None);
    for word in STATES {
        scene.block(word, 8, "tokio::task::spawn::spawn", ("bank::tests::scene", 30, 9));
    }
    let lock = ("std::sys::sync::mutex::futex::Mutex::lock", Standard, 1);
    let unlock = ("std::sys::sync::mutex::futex::Mutex::unlock", Standard, 1);
    let exchange = ("core::sync::atomic::AtomicU32::compare_exchange", Standard, 1);
    let swap = ("core::sync::atomic::AtomicU32::swap", Standard, 1);
    let body = |line| ("bank::withdraw::{closure#0}", User, line);
    let section = |scene: &mut Scene, thread, line| {
        let at = scene.trace.steps.len() as u64;
        step(scene, thread, cas(TOTAL, 0, 0, 1), &[exchange, lock, body(line), TASK, EXECUTOR]);
        step(scene, thread, rmw(TOTAL, 1, 0), &[swap, unlock, body(line), TASK, EXECUTOR]);
        at
    };
    step(&mut scene, 0, rmw(STATES[0], 0b100, 0b001), &[RUN, EXECUTOR]);
    step(&mut scene, other, rmw(STATES[1], 0b100, 0b001), &[RUN, EXECUTOR]);
    let look = section(&mut scene, 0, 20);
    if suspended {
        step(&mut scene, 0, load(LOCKS, 0), &[body(21), TASK, EXECUTOR]);
        step(&mut scene, 0, rmw(STATES[0], 0b001, 0), &[IDLE, EXECUTOR]);
    }
    let change = section(&mut scene, other, 20);
    let before = section(&mut scene, other, 22);
    if suspended {
        step(&mut scene, 0, rmw(STATES[0], 0b100, 0b001), &[RUN, EXECUTOR]);
    }
    let act = section(&mut scene, 0, 22);
    scene.trace.output = b"thread 'tests::scene' (12) panicked at src/lib.rs:12:5:\ntoo little\n".to_vec();
    scene.cause =
        Some(Cause { tried: 9, pairs: vec![(look, change), (before, act)], stale: Vec::new(), ..Cause::default() });
    scene.finding(Outcome::Exited(101))
}

#[test]
fn a_check_whose_act_comes_after_an_await() {
    let found = looks_and_acts(true);
    assert_eq!(found.pattern.as_ref().map(|code| code.0.as_str()), Some("RD0303"));
    assert_json_snapshot!((&found.reason, &found.fix, &found.spans, &found.threads, &found.steps));
    let found = looks_and_acts(false);
    assert_eq!(found.pattern.as_ref().map(|code| code.0.as_str()), Some("RD0103"));
}

/// A task is aborted while it waits, or it is done by the time; then the test fails, and it is known what decides.
fn aborted(waits: bool) -> Finding {
    const CANCEL: Frame = ("tokio::runtime::task::state::State::transition_to_notified_and_cancel", Dependency, 1);
    const COMPLETE: Frame = ("tokio::runtime::task::state::State::transition_to_complete", Dependency, 1);
    const HELD: Frame = ("bank::hold::{closure#0}", User, 61);
    let mut scene = Scene::new();
    scene.passed = 1;
    let other = scene.thread(Some("other"), None);
    scene.block(STATES[0], 8, "tokio::task::spawn::spawn", ("bank::tests::scene", 30, 9));
    step(&mut scene, 0, rmw(STATES[0], 0b100, 0b001), &[RUN, EXECUTOR]);
    step(&mut scene, 0, load(LOCKS, 0), &[HELD, TASK, EXECUTOR]);
    if waits {
        step(&mut scene, 0, rmw(STATES[0], 0b001, 0), &[IDLE, EXECUTOR]);
    } else {
        step(&mut scene, 0, rmw(STATES[0], 0b001, 0b010), &[COMPLETE, EXECUTOR]);
    }
    step(&mut scene, other, store(LOCKS, 1), &[("bank::answer", User, 70)]);
    if waits {
        step(&mut scene, 0, rmw(STATES[0], 0, 0b10_0100), &[CANCEL, ("bank::tests::scene", User, 33), EXECUTOR]);
        step(&mut scene, 0, rmw(STATES[0], 0b10_0100, 0b10_0001), &[RUN, EXECUTOR]);
    } else {
        step(&mut scene, 0, load(STATES[0], 0b010), &[CANCEL, ("bank::tests::scene", User, 33), EXECUTOR]);
    }
    scene.trace.output = b"thread 'tests::scene' (12) panicked at src/lib.rs:12:5:\nnone left\n".to_vec();
    scene.cause = Some(Cause { tried: 9, pairs: vec![(1, 3)], stale: Vec::new(), ..Cause::default() });
    scene.finding(Outcome::Exited(101))
}

#[test]
fn a_task_that_was_aborted_where_it_waited() {
    let found = aborted(true);
    assert_eq!(found.pattern.as_ref().map(|code| code.0.as_str()), Some("RD0304"));
    assert_json_snapshot!((&found.reason, &found.spans));
    assert_eq!(aborted(false).pattern, None);
}

/// One poll makes so many sixteenths of its budget of accesses, the first of which may have begun before.
#[test]
fn a_poll_that_computes_for_longer_than_its_budget() {
    let computes = |shares: u64, ready: bool| {
        let mut scene = two_tasks();
        for _ in 0..shares {
            step(&mut scene, 0, Op::Computed { accesses: 1000 }, &[BODY, TASK, EXECUTOR]);
        }
        if !ready {
            wakes(&mut scene, &[WAKE, EXECUTOR], 0);
        }
        goes_on(scene)
    };
    let found = computes(POLL_SHARES + 1, true);
    assert_eq!((found.code.0.as_str(), lines(&found)[0]), ("RD0301", 40));
    assert!(found.message.contains("for more than 16,000 memory accesses while task 2 is ready"), "{}", found.message);
    assert_ne!(computes(POLL_SHARES, true).code.0, "RD0301");
    assert_ne!(computes(POLL_SHARES + 1, false).code.0, "RD0301");
}

/// A task awaits something inside a crate's function and is not woken, or is; then the executor's thread sleeps for ever, for
/// which the test's own waits.
fn asleep(woken: bool) -> Finding {
    let mut scene = Scene::new();
    let worker = scene.thread(Some("worker"), None);
    scene.block(STATES[0], 8, "tokio::task::spawn::spawn", ("bank::tests::scene", 30, 9));
    let work = ("group::Group<T>::work::{closure#0}", Dependency, 1);
    step(&mut scene, worker, rmw(STATES[0], 0b100, 0b001), &[RUN, EXECUTOR]);
    step(&mut scene, worker, load(LOCKS, 0), &[work, ("bank::ask::{closure#0}", User, 20), TASK, EXECUTOR]);
    step(&mut scene, worker, rmw(STATES[0], 0b001, 0), &[IDLE, EXECUTOR]);
    if woken {
        step(&mut scene, 0, rmw(STATES[0], 0, 0b100), &[WAKE, ("bank::tests::scene", User, 40)]);
    }
    let last = stack(&mut scene, worker, &[PARK, EXECUTOR]);
    let thread = &mut scene.trace.threads[worker as usize];
    (thread.state, thread.last) = (State::Waiting(Wait::Futex(LOCKS + 0x800)), Some(last));
    scene.join_waits(0, worker, ("bank::tests::scene", 50, 5));
    scene.finding(Outcome::Stuck)
}

#[test]
fn where_an_executor_sleeps_it_is_a_task_that_nobody_wakes() {
    let finding = asleep(false);
    assert_eq!(
        (finding.code.0.as_str(), finding.message.as_str()),
        ("RD0204", "lost wakeup: task `ask` is suspended, and nobody is left to wake it")
    );
    assert_eq!(finding.spans[0].line, 20);
    assert_eq!(
        finding.reason[0],
        "Task `ask` spawned at src/lib.rs:30 has not ended: it is suspended in `Group::work` at src/lib.rs:20, and has not been woken since."
    );
    let finding = asleep(true);
    assert!(finding.message.contains("thread `worker`"), "{}", finding.message);
}

/// A thread polls a future of a crate's in a loop of the user's own, which is not ready, and is parked.
#[test]
fn what_a_thread_has_polled_before_it_was_parked() {
    const PARKED: Frame = ("std::sys::sync::thread_parking::futex::Parker::park", Standard, 1);
    let told = |polled: Frame| {
        let mut scene = Scene::new();
        step(&mut scene, 0, load(LOCKS, 0), &[polled, ("bank::block_on", User, 20)]);
        step(&mut scene, 0, rmw(LOCKS, 0, 255), &[PARKED, ("bank::block_on", User, 22)]);
        step(&mut scene, 0, futex_wait(LOCKS, 0), &[PARKED, ("bank::block_on", User, 22)]);
        let last = stack(&mut scene, 0, &[PARKED, ("bank::block_on", User, 22)]);
        let main = &mut scene.trace.threads[0];
        (main.state, main.last) = (State::Waiting(Wait::Futex(LOCKS)), Some(last));
        let finding = scene.finding(Outcome::Stuck);
        assert_eq!(finding.code.0, "RD0204");
        let of_crate = |reason: &String| {
            Some(reason.split_once("a future of the crate `post` (`")?.1.split_once('`')?.0.to_owned())
        };
        finding.reason.iter().find_map(of_crate)
    };
    let poll = ("<post::Receive as core::future::future::Future>::poll", Dependency, 1);
    assert_eq!(told(poll).as_deref(), Some("Receive::poll"));
    assert_eq!(told(("post::Receiver<T>::receive::{closure#0}", Dependency, 1)).as_deref(), Some("Receiver::receive"));
    assert_eq!(told(("post::Receiver<T>::try_receive", Dependency, 1)), None);
}

/// A thread blocks on a future that awaits something inside a crate's function, and waits for that in the executor; so does an
/// idle thread of the executor's, which has begun to wait before.
#[test]
fn where_a_thread_blocks_on_a_future_it_is_that_which_nobody_wakes() {
    let told = |block_on: Frame| {
        let mut scene = Scene::new();
        let worker = scene.thread(Some("worker"), None);
        let (work, calls) = (("group::Group<T>::work::{closure#0}", Dependency, 1), ("bank::tests::scene", User, 50));
        step(&mut scene, worker, futex_wait(LOCKS + 0x800, 0), &[PARK, EXECUTOR]);
        let polled = [work, ("bank::tests::scene::{closure#0}", User, 20), block_on, calls];
        step(&mut scene, 0, load(LOCKS, 0), &polled);
        step(&mut scene, 0, futex_wait(LOCKS + 0x900, 0), &[PARK, block_on, calls]);
        for (thread, word, frames) in [(worker, 0x800, &[PARK, EXECUTOR][..]), (0, 0x900, &[PARK, block_on, calls])] {
            let last = stack(&mut scene, thread, frames);
            let thread = &mut scene.trace.threads[thread as usize];
            (thread.state, thread.last) = (State::Waiting(Wait::Futex(LOCKS + word)), Some(last));
        }
        let finding = scene.finding(Outcome::Stuck);
        (finding.message, finding.spans[0].line, finding.reason[0].clone())
    };
    let (message, line, reason) = told(("tokio::runtime::park::CachedParkThread::block_on", Dependency, 1));
    assert_eq!(message, "lost wakeup: thread `main` blocks on a future, and nobody is left to wake it");
    assert_eq!(line, 20);
    assert_eq!(
        reason,
        "Thread `main` blocks on a future that has not ended: it is suspended in `Group::work` at src/lib.rs:20."
    );
}

/// A thread blocks on a future of a crate's, in the `block_on` of an executor that is not known, while a thread that another
/// crate has started waits for work.
#[test]
fn where_a_thread_blocks_on_a_crates_future_in_any_executor() {
    const WAIT: Frame = ("std::sys::sync::condvar::futex::Condvar::wait", Standard, 1);
    const START: Frame = ("std::thread::lifecycle::spawn_unchecked::{closure#1}", Standard, 1);
    let (block_on, calls) = (("pool::block_on", Dependency, 1), ("bank::tests::scene", User, 50));
    let works = ("mill::Worker::run", Dependency, 7);
    let told = |polled: Frame| {
        let mut scene = Scene::new();
        let worker = scene.thread(Some("worker"), None);
        let waits = [(worker, 0x800, &[WAIT, works, START][..]), (0, 0x900, &[WAIT, block_on, calls])];
        step(&mut scene, worker, futex_wait(LOCKS + 0x800, 0), waits[0].2);
        step(&mut scene, 0, load(LOCKS, 0), &[polled, block_on, calls]);
        step(&mut scene, 0, futex_wait(LOCKS + 0x900, 0), waits[1].2);
        for (thread, word, frames) in waits {
            let last = stack(&mut scene, thread, frames);
            let thread = &mut scene.trace.threads[thread as usize];
            (thread.state, thread.last) = (State::Waiting(Wait::Futex(LOCKS + word)), Some(last));
        }
        scene.finding(Outcome::Stuck)
    };
    let finding = told(("<mill::Spawned as core::future::future::Future>::poll", Dependency, 1));
    assert_eq!(finding.message, "lost wakeup: thread `main` blocks on a future, and nobody is left to wake it");
    assert_eq!(
        finding.reason[0],
        "Thread `main` blocks on a future that has not ended: it is suspended in `Spawned::poll` at src/lib.rs:50."
    );
    assert!(finding.fix[0].starts_with("The future is of the crate `mill`."), "{}", finding.fix[0]);
    // What the executor does itself is no part of a future.
    let finding = told(("pool::Signal::wait", Dependency, 1));
    assert!(finding.message.starts_with("thread `main` waits on condition variable"), "{}", finding.message);
}

/// A thread that a crate has started waits on a condition variable that another thread has notified a moment before.
#[test]
fn a_thread_of_a_crates_own_sleeps_through_a_notification() {
    const WAIT: Frame = ("std::sys::sync::condvar::futex::Condvar::wait", Standard, 1);
    const NOTIFY: Frame = ("std::sys::sync::condvar::futex::Condvar::notify_one", Standard, 1);
    const LOCK: Frame = ("std::sys::sync::mutex::futex::Mutex::lock", Standard, 1);
    const UNLOCK: Frame = ("std::sys::sync::mutex::futex::Mutex::unlock", Standard, 1);
    const EXCHANGE: Frame = ("core::sync::atomic::AtomicU32::compare_exchange", Standard, 1);
    const SWAP: Frame = ("core::sync::atomic::AtomicU32::swap", Standard, 1);
    const ADD: Frame = ("core::sync::atomic::AtomicU32::fetch_add", Standard, 1);
    const START: Frame = ("std::thread::lifecycle::spawn_unchecked::{closure#1}", Standard, 1);
    let (mutex, condvar) = (LOCKS, LOCKS + 0x100);
    let (works, runs) = (("mill::Worker::run", Dependency, 7), ("mill::Mill::run", Dependency, 9));
    let calls = ("bank::tests::scene", User, 50);
    let mut scene = Scene::new();
    let worker = scene.thread(Some("worker"), None);
    step(&mut scene, worker, cas(mutex, 0, 0, 1), &[EXCHANGE, LOCK, works, START]);
    step(&mut scene, 0, rmw(condvar, 0, 1), &[ADD, NOTIFY, runs, calls]);
    step(&mut scene, 0, Op::FutexWake { address: condvar, asked: 1, woken: Vec::new() }, &[NOTIFY, runs, calls]);
    step(&mut scene, worker, rmw(mutex, 1, 0), &[SWAP, UNLOCK, WAIT, works, START]);
    step(&mut scene, worker, futex_wait(condvar, 1), &[WAIT, works, START]);
    let last = stack(&mut scene, worker, &[WAIT, works, START]);
    let thread = &mut scene.trace.threads[worker as usize];
    (thread.state, thread.last) = (State::Waiting(Wait::Futex(condvar)), Some(last));
    let finding = scene.finding(Outcome::Stuck);
    assert_eq!(
        finding.message,
        "lost wakeup: thread `main` notified the condition variable before thread `worker` waited"
    );
    assert!(
        finding
            .reason
            .contains(&"Both happen inside the crate `mill`: `Worker::run` waits, `Mill::run` notifies.".to_owned()),
        "{:?}",
        finding.reason
    );
}

/// A thread that polls waits for a message by the way, and that wait takes the wake-up of the future. Told of is what was
/// woken, and not the call that has come back; nothing of it where the executor has been parked again since.
#[test]
fn a_wake_up_of_a_future_that_another_wait_has_used_up() {
    const PARKS: Frame = ("std::sys::sync::thread_parking::futex::Parker::park", Standard, 1);
    const UNPARKS: Frame = ("std::sys::sync::thread_parking::futex::Parker::unpark", Standard, 1);
    const RECEIVE: Frame = ("std::sync::mpmc::Receiver<T>::recv", Standard, 1);
    const SUB: Frame = ("core::sync::atomic::AtomicU32::fetch_sub", Standard, 1);
    const SWAP: Frame = ("core::sync::atomic::AtomicU32::swap", Standard, 1);
    let told = |parks_again: bool| {
        let token = LOCKS + 0x900;
        let (block_on, calls) = (("pool::block_on", Dependency, 1), ("bank::tests::scene", User, 50));
        let body = |line| ("bank::tests::scene::{closure#0}", User, line);
        let asks = ("<post::Answer as core::future::future::Future>::poll", Dependency, 1);
        let (sends, works) = (("post::Asked::answer", Dependency, 1), ("bank::work", User, 60));
        let mut scene = Scene::new();
        let worker = scene.thread(Some("worker"), Some(("bank::tests::scene", 9, 9)));
        step(&mut scene, 0, load(LOCKS, 0), &[asks, body(20), block_on, calls]);
        let waits = [PARKS, RECEIVE, body(30), block_on, calls];
        step(&mut scene, 0, rmw(token, 0, u32::MAX.into()), &[&[SUB], &waits[..]].concat());
        step(&mut scene, 0, futex_wait(token, u32::MAX), &waits);
        step(&mut scene, worker, rmw(token, u32::MAX.into(), 1), &[SWAP, UNPARKS, sends, works]);
        step(&mut scene, 0, cas(token, 1, 1, 0), &waits);
        let parked = [PARKS, block_on, calls];
        for _ in 0..=usize::from(parks_again) {
            step(&mut scene, 0, rmw(token, 0, u32::MAX.into()), &[&[SUB], &parked[..]].concat());
            step(&mut scene, 0, futex_wait(token, u32::MAX), &parked);
        }
        let last = stack(&mut scene, 0, &parked);
        (scene.trace.threads[0].state, scene.trace.threads[0].last) = (State::Waiting(Wait::Futex(token)), Some(last));
        scene.trace.threads[worker as usize].state = State::Ended;
        scene.finding(Outcome::Stuck)
    };
    let finding = told(false);
    assert_eq!((finding.code.0.as_str(), finding.spans[0].line), ("RD0204", 20));
    assert_json_snapshot!((&finding.reason, &finding.fix));
    let labels = finding.spans.iter().map(|span| (span.line, span.label.as_str())).collect::<Vec<_>>();
    assert!(labels.contains(&(60, "thread `worker` unparks thread `main` here")), "{labels:?}");
    let finding = told(true);
    assert!(finding.reason.iter().all(|reason| !reason.contains("used up")), "{:?}", finding.reason);
    assert!(
        finding.fix[0].starts_with("It waits for a future of the crate `post` (`Answer::poll`)."),
        "{:?}",
        finding.fix
    );
}
