//! What decides, and the pattern behind it: the reasons of a failure.

use super::scene::*;
use insta::assert_json_snapshot;
use raddle_instrument::symbols::Origin;
use raddle_protocol::finding::Severity;
use raddle_protocol::trace::*;
use raddle_protocol::{Cause, RawFinding};

const A: u64 = LOCKS;
const B: u64 = LOCKS + 0x100;

#[test]
fn fails_under_some_schedules_with_a_likely_lost_update() {
    let (mut scene, one) = overwritten();
    scene.step(0, rmw(A, 1, 3), &[ADD], ("bank::deposit", 22, 11));
    scene.step(one, Op::End, &[], WRITE);
    scene.trace.output = b"\nthread 'tests::scene' (12) panicked at src/lib.rs:12:5:\nassertion `left == right` failed\n  left: 1\n right: 2\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n".to_vec();
    assert_json_snapshot!(scene.finding(Outcome::Exited(101)));
}

/// Where both deposits write.
const WRITE: Place = ("bank::deposit", 21, 11);

/// Two deposits, of which the first thread's overwrites the other's; and the other thread.
fn overwritten() -> (Scene, ThreadId) {
    let mut scene = Scene::new();
    scene.passed = 1203;
    scene.static_lock("bank::TOTAL", A, 3);
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    let read = ("bank::deposit", 20, 23);
    scene.step(0, load(A, 0), &[LOAD], read);
    scene.step(one, load(A, 0), &[LOAD], read);
    scene.step(one, store(A, 1), &[STORE], WRITE);
    scene.step(0, store(A, 1), &[STORE], WRITE);
    (scene, one)
}

fn deposits() -> Scene {
    let (mut scene, one) = overwritten();
    scene.step(one, Op::End, &[], WRITE);
    scene.trace.output = b"thread 'tests::scene' (12) panicked at src/lib.rs:12:5:\ntoo little\n".to_vec();
    scene
}

/// What was tried, by numbers of steps; that of creating the other thread is 0.
fn tried(pairs: &[(u64, u64)], stale: &[u64]) -> Option<Cause> {
    Some(Cause { tried: 9, pairs: pairs.to_vec(), stale: stale.to_vec(), ..Cause::default() })
}

#[test]
fn the_pair_that_decides_is_shown_and_the_pattern_named() {
    let mut scene = deposits();
    scene.cause = tried(&[(2, 4), (1, 3)], &[]);
    let finding = scene.finding(Outcome::Exited(101));
    assert_eq!(finding.pattern.as_ref().map(|code| code.0.as_str()), Some("RD0102"));
    let cause = finding.root_cause.as_ref().unwrap();
    let of = |step: usize| (finding.steps[step].thread, finding.steps[step].line);
    assert_eq!((of(cause.first), of(cause.second)), ((0, 20), (1, 21)));
    assert_json_snapshot!((&finding.reason, &finding.fix, &finding.notes));
}

/// That the two stores are in this order decides: no value that was read has to do with it.
#[test]
fn a_pair_without_a_pattern_is_shown_as_it_is() {
    let mut scene = deposits();
    scene.cause = tried(&[(3, 4)], &[]);
    let finding = scene.finding(Outcome::Exited(101));
    assert_eq!(finding.pattern, None);
    assert!(finding.root_cause.is_some());
    assert_json_snapshot!((&finding.reason, &finding.fix));
}

/// Two calls of a crate's functions, which lead to its own variable, or to a file.
#[test]
fn a_pair_inside_a_crate_may_be_the_crates_mistake_or_this_codes() {
    const LOOK: Library = ("post::Inbox::look", Origin::Dependency);
    const PUT: Library = ("post::Inbox::put", Origin::Dependency);
    let told = |look: Op, put: Op, library: [&[Library]; 2]| {
        let mut scene = Scene::new();
        scene.passed = 1;
        let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
        scene.step(0, look, library[0], ("bank::tests::scene", 20, 5));
        scene.step(one, put, library[1], ("bank::deposit", 10, 5));
        scene.trace.output = b"thread 'tests::scene' (12) panicked at src/lib.rs:12:5:\ntoo little\n".to_vec();
        scene.cause = tried(&[(1, 2)], &[]);
        scene.finding(Outcome::Exited(101))
    };
    let finding = told(load(B, 0), store(B, 1), [&[LOAD, LOOK], &[STORE, PUT]]);
    assert!(finding.fix[0].starts_with("Both steps are taken inside the crate `post`."), "{:?}", finding.fix);
    let io = |call: &str| Op::Io { call: call.to_owned(), descriptor: 3, blocked: false };
    let finding = told(io("read"), io("write"), [&[LOOK], &[PUT]]);
    let order = finding.reason.iter().find(|line| line.starts_with("The order of two steps decides")).unwrap();
    assert!(order.contains("calls `read` (inside `Inbox::look`) at src/lib.rs:20"), "{order}");
    assert!(order.contains("calls `write` (inside `Inbox::put`) at src/lib.rs:10"), "{order}");
    let finding = told(load(B, 0), store(B, 1), [&[LOAD, LOOK], &[STORE]]);
    assert!(!finding.fix[0].contains("the crate"), "{:?}", finding.fix);
}

/// A crate's function in which a thread is interrupted is not done when the others go on: its call is shown again where it goes
/// on, and of a pair that decides the rows are marked in which its steps lie.
#[test]
fn a_call_that_is_interrupted_goes_on_later() {
    const SEND: Library = ("post::Sender::send", Origin::Dependency);
    const DROP: Library = ("<post::Receiver<T> as core::ops::Drop>::drop", Origin::Dependency);
    const DROP_GLUE: Library = std_fn("core::mem::drop");
    let mut scene = Scene::new();
    scene.passed = 1;
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    let (sends, drops) = (("bank::deposit", 10, 5), ("bank::tests::scene", 20, 5));
    scene.step(one, rmw(A, 0, 1), &[SWAP, SEND], sends);
    scene.step(one, store(B, 1), &[STORE, SEND], sends);
    scene.step(0, load(B, 1), &[LOAD, DROP, DROP_GLUE], drops);
    scene.step(0, load(A, 1), &[LOAD, DROP, DROP_GLUE], drops);
    scene.step(one, store(B, 2), &[STORE, SEND], sends);
    scene.trace.output = b"thread 'tests::scene' (12) panicked at src/lib.rs:12:5:\ntoo little\n".to_vec();
    scene.cause = tried(&[(2, 4)], &[]);
    let finding = scene.finding(Outcome::Exited(101));
    let rows: Vec<(u32, &str, bool)> =
        finding.steps.iter().map(|step| (step.thread, step.action.as_str(), step.key)).collect();
    let calls = [
        (1, "calls `Sender::send`", true),
        (0, "drops a value (`Receiver::drop`)", true),
        (1, "goes on in `Sender::send`", false),
    ];
    assert!(rows.windows(3).any(|window| window == calls), "{rows:?}");
    let cause = finding.root_cause.as_ref().unwrap();
    assert_eq!((rows[cause.first].1, rows[cause.second].1), (calls[0].1, calls[1].1));
}

/// What a panic does within the call that decides, such as taking the lock of the hook, is not what decides.
#[test]
fn a_step_that_decides_is_not_called_by_what_a_panic_does() {
    const PUT: Library = ("post::Inbox::put", Origin::Dependency);
    const PANIC: Library = std_fn("core::panicking::panic_fmt");
    const RECEIVE: Library = std_fn("std::sync::mpmc::Receiver<T>::recv");
    let mut scene = Scene::new();
    scene.passed = 1;
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    scene.step(one, store(B, 1), &[STORE, PUT], ("bank::deposit", 10, 5));
    let place = ("bank::tests::scene", 20, 5);
    scene.step(0, load(B, 1), &[LOAD, RECEIVE, PUT], place);
    scene.step(0, cas(A, 0, 0, 1), &[CAS, MUTEX_LOCK, PANIC, RECEIVE, PUT], place);
    scene.trace.output = b"thread 'tests::scene' (12) panicked at src/lib.rs:12:5:\ntoo little\n".to_vec();
    scene.cause = tried(&[(1, 2)], &[]);
    let finding = scene.finding(Outcome::Exited(101));
    let order = finding.reason.iter().find(|line| line.starts_with("The order of two steps decides")).unwrap();
    assert!(!order.contains("thread `main` locks"), "{order}");
}

#[test]
fn a_load_that_sees_an_old_value_is_the_reason() {
    let mut scene = deposits();
    scene.cause = tried(&[], &[2]);
    let finding = scene.finding(Outcome::Exited(101));
    assert_eq!((&finding.pattern, &finding.root_cause), (&None, &None));
    assert_json_snapshot!((&finding.reason, &finding.fix));
}

/// What a processor rules out on which read-modify-writes are fences is a warning that says so.
#[test]
fn what_fails_by_the_letter_only_is_a_warning() {
    let mut scene = deposits();
    scene.cause = tried(&[], &[2]);
    let raw = RawFinding { by_the_letter: true, ..scene.raw(Outcome::Exited(101), 7) };
    let finding = scene.diagnose(&raw);
    assert_eq!((finding.code.0.as_str(), finding.severity), ("RD0501", Severity::Warning));
    assert_json_snapshot!((&finding.reason, &finding.fix));
}

/// In a crate's function the load is of a variable of the crate's, whatever else the same call does.
#[test]
fn an_old_value_that_a_crate_sees_is_of_no_variable_of_the_users() {
    const LOOK: Library = ("post::Notifier::is_expired", Origin::Dependency);
    const RECEIVE: Library = ("post::Receiver::recv", Origin::Dependency);
    let mut scene = Scene::new();
    scene.passed = 1;
    scene.static_lock("bank::TOTAL", A, 3);
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    let place = ("bank::deposit", 20, 5);
    scene.step(one, load(B, 0), &[LOAD, LOOK, RECEIVE], place);
    scene.step(one, cas(A, 0, 0, 1), &[CAS, MUTEX_LOCK, RECEIVE], place);
    scene.trace.output = b"thread 'tests::scene' (12) panicked at src/lib.rs:12:5:\ntoo little\n".to_vec();
    scene.cause = tried(&[], &[1]);
    let finding = scene.finding(Outcome::Exited(101));
    let labels: Vec<&str> = finding.spans.iter().map(|span| span.label.as_str()).collect();
    assert!(labels.contains(&"thread 1 sees an old value of a variable of the crate `post` here"), "{labels:?}");
    assert!(finding.fix[0].starts_with("This happens inside the crate `post`."), "{:?}", finding.fix);
}

/// A look and an act under short locks, with both orders tried; and with only one, which is not enough.
#[test]
fn check_then_act_takes_two_pairs() {
    let mut scene = two_short_locks();
    scene.cause = tried(&[(1, 5), (3, 7)], &[]);
    let finding = scene.finding(Outcome::Exited(101));
    assert_eq!(finding.pattern.as_ref().map(|code| code.0.as_str()), Some("RD0103"));
    assert_json_snapshot!((&finding.reason, &finding.fix));
    let mut scene = two_short_locks();
    scene.cause = tried(&[(1, 5)], &[]);
    assert_eq!(scene.finding(Outcome::Exited(101)).pattern, None);
}

#[test]
fn what_was_looked_at_before_a_deadlock_is_not_what_to_change() {
    let mut scene = two_short_locks();
    scene.static_lock("bank::LEFT", A + 0x200, 5);
    scene.static_lock("bank::RIGHT", A + 0x300, 6);
    for thread in 0..2 {
        scene.lock(thread, A + 0x200 + u64::from(thread) * 0x100, ("bank::both", 30, 20));
    }
    for thread in 0..2 {
        scene.lock_waits(thread, A + 0x300 - u64::from(thread) * 0x100, ("bank::both", 31, 20));
    }
    scene.cause = tried(&[(1, 5), (3, 7)], &[]);
    let finding = scene.finding(Outcome::Stuck);
    assert_eq!((finding.code.0.as_str(), &finding.pattern), ("RD0201", &None));
    assert!(finding.reason.iter().any(|sentence| sentence.contains("The order of two steps decides")));
}

/// Where a counter is kept below a limit, one pair is enough if the text shows that the change depends on the look.
#[test]
fn a_limit_is_looked_at_and_passed() {
    let found = |asks: &'static str| {
        let mut scene = Scene::new();
        scene.passed = 1;
        scene.static_lock("bank::TOTAL", A, 3);
        scene.source.extend([(20, asks), (21, "        TOTAL.fetch_add(1, SeqCst);"), (22, "    }")]);
        let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
        let (looks, adds) = (("bank::deposit", 20, 8), ("bank::deposit", 21, 9));
        scene.step(0, load(A, 2), &[LOAD], looks);
        scene.step(one, load(A, 2), &[LOAD], looks);
        scene.step(one, rmw(A, 2, 3), &[ADD], adds);
        scene.step(0, rmw(A, 3, 4), &[ADD], adds);
        scene.trace.output = b"thread 'tests::scene' (12) panicked at src/lib.rs:12:5:\ntoo much\n".to_vec();
        scene.cause = tried(&[(1, 3)], &[]);
        scene.finding(Outcome::Exited(101))
    };
    let finding = found("    if TOTAL.load(SeqCst) < 3 {");
    assert_eq!(finding.pattern.as_ref().map(|code| code.0.as_str()), Some("RD0103"));
    assert_json_snapshot!((&finding.reason, &finding.fix));
    assert_eq!(found("    log(TOTAL.load(SeqCst)); {").pattern, None);
}

/// A wait under a question that is asked once, and somebody who locks before the one who was woken.
#[test]
fn a_stolen_wakeup_is_told_of_the_thread_that_does_not_look_again() {
    let found = |asks: &'static str| {
        let mut scene = two_consumers();
        scene.source.extend([(19, "fn take() {"), (20, asks), (21, "        items = CHANGED.wait(items).unwrap();")]);
        scene.finding(Outcome::Exited(101))
    };
    let finding = found("    if items.is_empty() {");
    assert_eq!(finding.pattern, None);
    assert_json_snapshot!((&finding.reason, &finding.fix));
    let in_a_loop = found("    while items.is_empty() {");
    assert!(in_a_loop.reason.iter().all(|sentence| !sentence.contains("stolen wakeup")), "{:?}", in_a_loop.reason);
}

/// Thread 0 waits; thread 1 has it woken and takes the lock; thread 0 has it again and fails.
fn two_consumers() -> Scene {
    let mut scene = Scene::new();
    scene.passed = 1;
    scene.static_lock("bank::ITEMS", A, 3);
    scene.static_lock("bank::CHANGED", B, 4);
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    let wait = ("bank::take", 21, 25);
    scene.lock(0, A, ("bank::take", 18, 5));
    scene.condvar_wait(0, B, A, wait);
    scene.notify_all(one, B, &[0], ("bank::put", 30, 5));
    scene.lock(one, A, ("bank::drain", 40, 5));
    scene.unlock(one, A, &[], ("bank::drain", 41, 5));
    scene.step(0, Op::FutexReturn { address: B, end: WaitEnd::Woken }, &[FUTEX_WAIT, CONDVAR_WAIT], wait);
    scene.step(0, cas(A, 0, 0, 1), &[CAS, MUTEX_LOCK, CONDVAR_WAIT], wait);
    scene.trace.threads[0].state = State::Ended;
    scene.trace.output = b"thread 'tests::scene' (12) panicked at src/lib.rs:23:5:\nnothing there\n".to_vec();
    scene.cause = tried(&[(7, 10)], &[]);
    scene
}

/// Locks, unlocks: thread 0, twice thread 1, thread 0.
fn two_short_locks() -> Scene {
    let mut scene = Scene::new();
    scene.passed = 1;
    scene.static_lock("bank::TOTAL", A, 3);
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    for (thread, line) in [(0, 20), (one, 20), (one, 21), (0, 21)] {
        scene.lock(thread, A, ("bank::deposit", line, 5));
        scene.unlock(thread, A, &[], ("bank::deposit", line, 30));
    }
    scene.trace.output = b"thread 'tests::scene' (12) panicked at src/lib.rs:12:5:\ntoo little\n".to_vec();
    scene
}
