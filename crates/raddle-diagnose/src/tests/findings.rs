//! One scene for each catalogue code.

use super::scene::*;
use insta::assert_json_snapshot;
use raddle_instrument::symbols::Origin;
use raddle_protocol::choice::{Choice, ChoiceKind};
use raddle_protocol::finding::Severity;
use raddle_protocol::trace::*;
use raddle_protocol::{Cause, Finding, RawFinding};

const A: u64 = LOCKS;
const B: u64 = LOCKS + 0x100;

/// Two heap mutexes taken in opposite orders by two spawned threads; the main thread joins.
fn two_locks() -> Scene {
    let mut scene = Scene::new();
    scene.source.insert(6, "    let a = Arc::new(Mutex::new(0));");
    scene.source.insert(7, "    let b = Arc::new(Mutex::new(0));");
    scene.block(A - 16, 24, "alloc::sync::Arc<T>::new", ("bank::tests::scene", 6, 13));
    scene.block(B - 16, 24, "alloc::sync::Arc<T>::new", ("bank::tests::scene", 7, 13));
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 18)));
    let two = scene.thread(Some("mover"), Some(("bank::tests::scene", 14, 18)));
    scene.lock(one, A, ("bank::tests::scene::{{closure}}", 10, 20));
    scene.lock(two, B, ("bank::tests::scene::{{closure}}", 15, 20));
    scene.lock_waits(one, B, ("bank::tests::scene::{{closure}}", 11, 20));
    scene.lock_waits(two, A, ("bank::tests::scene::{{closure}}", 16, 20));
    scene.join_waits(0, one, ("bank::tests::scene", 19, 5));
    scene
}

#[test]
fn deadlock() {
    assert_json_snapshot!(two_locks().finding(Outcome::Stuck));
}

#[test]
fn deadlock_of_three_over_statics_with_the_same_name() {
    let mut scene = Scene::new();
    for (module, index) in [("left", 0), ("right", 1), ("back", 2)] {
        scene.static_lock(&format!("bank::{module}::LOCK"), A + index * 0x100, 3 + index as u32);
    }
    for _ in 0..2 {
        scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    }
    for thread in 0..3 {
        scene.lock(thread, A + u64::from(thread) * 0x100, ("bank::both", 20, 20));
    }
    for thread in 0..3 {
        scene.lock_waits(thread, A + u64::from((thread + 1) % 3) * 0x100, ("bank::both", 21, 20));
    }
    assert_json_snapshot!(scene.finding(Outcome::Stuck));
}

#[test]
fn deadlock_by_join() {
    let mut scene = Scene::new();
    let local = Scene::cfa(0) - 0x40;
    scene.local(0, "store", "records.inner.futex.v.value", local, 5);
    let one = scene.thread(Some("worker"), Some(("bank::tests::scene", 9, 9)));
    scene.lock(0, local, ("bank::tests::scene", 8, 20));
    scene.lock_waits(one, local, ("bank::tests::scene::{{closure}}", 10, 20));
    scene.join_waits(0, one, ("bank::tests::scene", 12, 5));
    assert_json_snapshot!(scene.finding(Outcome::Stuck));
}

#[test]
fn self_deadlock() {
    let mut scene = Scene::new();
    scene.static_lock("bank::ACCOUNTS", A, 3);
    scene.lock(0, A, ("bank::Session::close", 10, 20));
    scene.lock_waits(0, A, ("bank::Session::save", 20, 20));
    assert_json_snapshot!(scene.finding(Outcome::Stuck));
}

/// Reads of std's read-write lock: the word counts readers; bit 31 says that a writer waits, which it does on the next
/// word.
#[test]
fn second_read_behind_a_writer() {
    const READ: Library = std_fn("std::sys::sync::rwlock::futex::RwLock::read");
    const WRITE: Library = std_fn("std::sys::sync::rwlock::futex::RwLock::write");
    let mut scene = Scene::new();
    let local = Scene::cfa(0) - 0x40;
    scene.local(0, "settings", "values.inner.state.v.value", local, 5);
    let writer = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    let (first, second) = (("bank::Settings::mean", 20, 20), ("bank::Settings::sum", 30, 20));
    let write = ("bank::tests::scene::{{closure}}", 10, 20);
    let waiting = (1u64 << 31) + 1;
    scene.step(0, load(local, 0), &[LOAD, READ], first);
    scene.step(0, cas(local, 0, 0, 1), &[CAS, READ], first);
    scene.step(writer, cas(local, 0, 1, (1 << 30) - 1), &[CAS, WRITE], write);
    scene.step(writer, cas(local, 1, 1, waiting), &[CAS, WRITE], write);
    scene.step(writer, load(local + 4, 0), &[LOAD, WRITE], write);
    scene.step(writer, load(local, waiting), &[LOAD, WRITE], write);
    scene.step(writer, futex_wait(local + 4, 0), &[WRITE], write);
    scene.waits(writer, Wait::Futex(local + 4), &[WRITE], write);
    scene.step(0, load(local, waiting), &[LOAD, READ], second);
    scene.step(0, cas(local, waiting, waiting, waiting | 1 << 30), &[CAS, READ], second);
    scene.step(0, futex_wait(local, 3), &[READ], second);
    scene.waits(0, Wait::Futex(local), &[READ], second);
    assert_json_snapshot!(scene.finding(Outcome::Stuck));
}

#[test]
fn lost_wakeup() {
    let (flag, mutex, condvar) = (Scene::cfa(0) - 0x40, Scene::cfa(0) - 0x30, Scene::cfa(0) - 0x20);
    const FLAG_LOAD: Library = std_fn("core::sync::atomic::AtomicBool::load");
    const FLAG_STORE: Library = std_fn("core::sync::atomic::AtomicBool::store");
    let mut scene = Scene::new();
    scene.local(0, "signal", "raised.v.value", flag, 5);
    scene.local(0, "signal", "mutex.inner.futex.v.value", mutex, 5);
    scene.local(0, "signal", "condvar.inner.futex.v.value", condvar, 5);
    let waiter = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    scene.lock(waiter, mutex, ("bank::Signal::wait", 20, 30));
    scene.step(waiter, load(flag, 0), &[FLAG_LOAD], ("bank::Signal::wait", 21, 28));
    scene.step(0, store(flag, 1), &[FLAG_STORE], ("bank::Signal::raise", 30, 21));
    scene.notify_all(0, condvar, &[], ("bank::Signal::raise", 31, 22));
    scene.condvar_wait(waiter, condvar, mutex, ("bank::Signal::wait", 22, 30));
    scene.join_waits(0, waiter, ("bank::tests::scene", 12, 5));
    assert_json_snapshot!(scene.finding(Outcome::Stuck));
}

#[test]
fn a_lost_wakeup_inside_a_dependency_is_laid_at_its_door() {
    const NOTIFY: Library = std_fn("std::sys::sync::condvar::futex::Condvar::notify_one");
    let told = |krate: &str, waits: Library, notifies: Library| {
        let (mutex, condvar) = (Scene::cfa(0) - 0x30, Scene::cfa(0) - 0x20);
        let (sends, receives) = (("bank::tests::scene", 14, 9), ("bank::tests::scene", 20, 9));
        let mut scene = Scene::new();
        let receiver = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
        scene.step(receiver, rmw(condvar, 0, 1), &[ADD, NOTIFY, notifies], receives);
        scene.step(
            receiver,
            Op::FutexWake { address: condvar, asked: 1, woken: Vec::new() },
            &[NOTIFY, notifies],
            receives,
        );
        scene.step(0, load(condvar, 0), &[LOAD, CONDVAR_WAIT, waits], sends);
        scene.step(0, rmw(mutex, 1, 0), &[SWAP, MUTEX_UNLOCK, CONDVAR_WAIT, waits], sends);
        scene.step(0, futex_wait(condvar, 0), &[FUTEX_WAIT, CONDVAR_WAIT, waits], sends);
        scene.waits(0, Wait::Futex(condvar), &[FUTEX_WAIT, CONDVAR_WAIT, waits], sends);
        let finding = scene.finding(Outcome::Stuck);
        assert_eq!(finding.code.to_string(), "RD0204");
        assert!(finding.message.contains("notified the condition variable before"), "{}", finding.message);
        let name = format!("the crate `{krate}`");
        let said = |lines: &[String]| lines.iter().any(|line| line.contains(&name));
        assert_eq!(said(&finding.reason), said(&finding.fix));
        said(&finding.reason)
    };
    let send = ("tokio::sync::broadcast::Sender<T>::send", Origin::Dependency);
    let receive = ("tokio::sync::broadcast::Receiver<T>::recv", Origin::Dependency);
    assert!(told("tokio", send, receive));
    // A condition variable that the user's code took from a crate is the user's own.
    let wait = ("parking_lot::condvar::Condvar::wait", Origin::Dependency);
    let notify = ("parking_lot::condvar::Condvar::notify_one", Origin::Dependency);
    assert!(!told("parking_lot", wait, notify));
}

/// A thread that is parked for ever, `inside` these functions, while another waits for a message.
fn parked(inside: &[Library]) -> Finding {
    const PARK: Library = std_fn("std::sys::sync::thread_parking::futex::Parker::park");
    const RECEIVE: Library = std_fn("std::sync::mpmc::Receiver<T>::recv");
    let (parks, receives) = (("bank::tests::scene", 14, 9), ("bank::tests::scene::{{closure}}", 10, 20));
    let mut scene = Scene::new();
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    let park: Vec<Library> = [&[PARK][..], inside].concat();
    scene.step(0, futex_wait(0x61000, 1), &park, parks);
    scene.waits(0, Wait::Futex(0x61000), &park, parks);
    scene.block(A, 512, "std::sync::mpmc::counter::new", ("bank::tests::scene", 6, 20));
    scene.step(one, load(A, 4), &[LOAD, RECEIVE], receives);
    scene.step(one, futex_wait(0x62000, 1), &[PARK, RECEIVE], receives);
    scene.waits(one, Wait::Futex(0x62000), &[PARK, RECEIVE], receives);
    scene.finding(Outcome::Stuck)
}

/// Who should end the wait is not known; whose mistake it is depends on what the crate's function waits for.
#[test]
fn a_wait_inside_a_crate_may_be_the_crates_mistake_or_this_codes() {
    let finding = parked(&[("post::Inbox::take", Origin::Dependency)]);
    assert_eq!(finding.message, "thread `main` is parked, and nobody is left to unpark it");
    let other = finding.reason.iter().find(|line| line.contains("waits for a message")).unwrap();
    assert!(!other.contains("part of the cause"), "{other}");
    assert!(other.ends_with("It may be that the one who should end the first wait is held up there."), "{other}");
    let whose = "Thread `main` waits inside the crate `post` (`Inbox::take`). Either this code does not do what";
    assert!(finding.fix[0].starts_with(whose), "{:?}", finding.fix);
    let dropped = [("<post::Inbox as core::ops::drop::Drop>::drop", Origin::Dependency), std_fn("core::mem::drop")];
    let finding = parked(&dropped);
    assert!(finding.fix[0].starts_with("Thread `main` waits inside the crate `post`"), "{:?}", finding.fix);
    let finding = parked(&[]);
    assert!(!finding.fix.iter().any(|fix| fix.contains("the crate")), "{:?}", finding.fix);
}

#[test]
fn a_message_that_nobody_is_left_to_send() {
    const SEND: Library = std_fn("std::sync::mpmc::Sender<T>::send");
    const RECEIVE: Library = std_fn("std::sync::mpmc::Receiver<T>::recv");
    const PARK: Library = std_fn("std::sys::sync::thread_parking::futex::Parker::park");
    let mut scene = Scene::new();
    scene.source.insert(6, "    let (tx, rx) = mpsc::channel();");
    scene.block(A, 512, "std::sync::mpmc::counter::new", ("bank::tests::scene", 6, 20));
    let consumer = scene.thread(Some("consumer"), Some(("bank::tests::scene", 9, 9)));
    let (send, receive) = (("bank::tests::scene", 11, 8), ("bank::tests::scene::{{closure}}", 10, 20));
    for index in 0..2 {
        scene.step(0, load(A + 0x80, index), &[LOAD, SEND], send);
        scene.step(0, cas(A + 0x80, index, index, index + 2), &[CAS, SEND], send);
        scene.step(consumer, load(A, index), &[LOAD, RECEIVE], receive);
        scene.step(consumer, cas(A, index, index, index + 2), &[CAS, RECEIVE], receive);
    }
    scene.step(consumer, load(A, 4), &[LOAD, RECEIVE], receive);
    scene.step(consumer, futex_wait(0x61000, 1), &[PARK, RECEIVE], receive);
    scene.waits(consumer, Wait::Futex(0x61000), &[PARK, RECEIVE], receive);
    scene.join_waits(0, consumer, ("bank::tests::scene", 13, 5));
    assert_json_snapshot!(scene.finding(Outcome::Stuck));
}

#[test]
fn a_guard_that_was_leaked() {
    let mut scene = Scene::new();
    scene.static_lock("bank::ACCOUNTS", A, 3);
    let one = scene.thread(Some("worker"), Some(("bank::tests::scene", 9, 9)));
    scene.lock(one, A, ("bank::leak", 10, 20));
    scene.step(one, Op::End, &[], ("bank::leak", 11, 1));
    scene.lock_waits(0, A, ("bank::tests::scene", 20, 20));
    assert_json_snapshot!(scene.finding(Outcome::Stuck));
}

#[test]
fn fails_under_some_schedules_with_a_likely_lost_update() {
    let mut scene = Scene::new();
    scene.passed = 1203;
    scene.static_lock("bank::TOTAL", A, 3);
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    let (read, write) = (("bank::deposit", 20, 23), ("bank::deposit", 21, 11));
    scene.step(0, load(A, 0), &[LOAD], read);
    scene.step(one, load(A, 0), &[LOAD], read);
    scene.step(one, store(A, 1), &[STORE], write);
    scene.step(0, store(A, 1), &[STORE], write);
    scene.step(0, rmw(A, 1, 3), &[ADD], ("bank::deposit", 22, 11));
    scene.step(one, Op::End, &[], write);
    scene.trace.output = b"\nthread 'tests::scene' (12) panicked at src/lib.rs:12:5:\nassertion `left == right` failed\n  left: 1\n right: 2\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n".to_vec();
    assert_json_snapshot!(scene.finding(Outcome::Exited(101)));
}

fn deposits() -> Scene {
    let mut scene = Scene::new();
    scene.passed = 1203;
    scene.static_lock("bank::TOTAL", A, 3);
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    let (read, write) = (("bank::deposit", 20, 23), ("bank::deposit", 21, 11));
    scene.step(0, load(A, 0), &[LOAD], read);
    scene.step(one, load(A, 0), &[LOAD], read);
    scene.step(one, store(A, 1), &[STORE], write);
    scene.step(0, store(A, 1), &[STORE], write);
    scene.step(one, Op::End, &[], write);
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

/// The first panic of another thread may be why the test's own one comes: it is told of, too.
#[test]
fn of_several_panics_the_one_that_fails_the_test_is_described() {
    let described = |own: &str| {
        let mut scene = two_locks();
        scene.trace.output = format!(
            "thread '<unnamed>' panicked at src/lib.rs:12:5:\nmeant so\nthread 'tests::scene' panicked at src/lib.rs:14:9:\n{own}\n"
        )
        .into_bytes();
        let finding = scene.finding(Outcome::Exited(101));
        let before = finding.reason.iter().find(|line| line.contains("had panicked before that")).cloned();
        (finding.message, before, finding.notes.into_iter().find(|note| note.starts_with("2 panics")))
    };
    let (message, before, note) = described("too little");
    assert_eq!(message, "fails under some schedules: too little");
    assert_eq!(before.unwrap(), "Thread 1 had panicked before that, at src/lib.rs:12: meant so.");
    assert_eq!(note, None);
    let (message, before, note) = described("called `Result::unwrap()` on an `Err` value: Any { .. }");
    assert_eq!(message, "fails under some schedules: meant so");
    assert_eq!(before, None);
    assert_eq!(note.unwrap(), "2 panics were written in this execution; the first one is described.");
}

/// A panic inside the standard library is shown where the program has called it.
#[test]
fn a_panic_inside_the_standard_library_is_shown_at_the_call() {
    const PANIC: Library = std_fn("core::panicking::panic_fmt");
    const WITH: Library = std_fn("std::thread::local::LocalKey<T>::with");
    let mut scene = Scene::new();
    scene.step(0, cas(A, 0, 0, 1), &[CAS, MUTEX_LOCK, PANIC, WITH], ("bank::tests::scene", 20, 5));
    scene.trace.output = b"thread 'tests::scene' (12) panicked at /library/lib.rs:100:0:\ngone\n".to_vec();
    let finding = scene.finding(Outcome::Exited(101));
    assert_eq!(finding.reason[0], "Thread `main` panicked at src/lib.rs:20: gone.");
}

/// Of a panic in a crate's own code the crate is named; one that it only hands on is its caller's.
#[test]
fn a_panic_inside_a_crate_names_the_crate() {
    let told = |place: &str| {
        let mut scene = Scene::new();
        let frames = [
            ("std::sys::sync::mutex::futex::Mutex::lock", Origin::Standard, 1),
            ("core::panicking::panic_fmt", Origin::Standard, 1),
            ("post::Maker::make", Origin::Dependency, 7),
            ("bank::tests::scene", Origin::User, 20),
        ];
        super::tasks::step(&mut scene, 0, cas(A, 0, 0, 1), &frames);
        let output = format!("thread 'tests::scene' (12) panicked at {place}:\nentered unreachable code\n");
        scene.trace.output = output.into_bytes();
        scene.finding(Outcome::Exited(101)).fix
    };
    let fix = told("/library/lib.rs:7:0");
    assert!(fix[0].starts_with("The panic is raised inside the crate `post`."), "{fix:?}");
    let fix = told("src/lib.rs:20:0");
    assert!(fix[0].starts_with("Look in the interleaving for two steps"), "{fix:?}");
}

#[test]
fn fails_under_some_schedules_without_a_cause() {
    let mut scene = two_locks();
    scene.trace.output = b"thread '<unnamed>' panicked at src/lib.rs:12:5:\ntwo of us\n".to_vec();
    let finding = scene.finding(Outcome::Exited(101));
    assert_eq!(finding.code.0, "RD0501");
    assert_eq!(finding.root_cause, None);
    assert_json_snapshot!((finding.message, finding.reason, finding.fix, finding.notes, finding.spans));
}

#[test]
fn stack_overflow() {
    let mut scene = Scene::new();
    let one = scene.thread(Some("parser"), Some(("bank::tests::scene", 9, 9)));
    let frames = [
        ("bank::parse::item", 41, 5),
        ("bank::parse::list", 30, 9),
        ("bank::parse::item", 44, 9),
        ("bank::parse::list", 30, 9),
        ("bank::parse::item", 44, 9),
        ("bank::tests::scene::{{closure}}", 10, 9),
    ];
    let frames = frames.map(|place| scene.user_frame(one, place)).to_vec();
    // The innermost address of a crash is that of the instruction; symbols are asked for the one after it.
    let mut exact = frames.clone();
    exact[0].pc -= 1;
    let stack = scene.push_stack(Stack { frames: exact });
    scene.trace.threads[one as usize].state = State::Runnable;
    scene.trace.threads[one as usize].last = Some(stack);
    scene.runs(0, &[], ("bank::tests::scene", 12, 5));
    let outcome = Outcome::Crashed { thread: one, signal: 11, address: 0x72010, cause: Crash::StackOverflow };
    assert_json_snapshot!(scene.finding(outcome));
}

#[test]
fn null_pointer() {
    let mut scene = Scene::new();
    let stack = {
        let mut frame = scene.user_frame(0, ("bank::publish", 31, 14));
        frame.pc -= 1;
        scene.push_stack(Stack { frames: vec![frame] })
    };
    scene.step(0, load(A, 0), &[LOAD], ("bank::publish", 30, 14));
    scene.trace.threads[0].state = State::Runnable;
    scene.trace.threads[0].last = Some(stack);
    let finding = scene.finding(Outcome::Crashed { thread: 0, signal: 11, address: 8, cause: Crash::Signal });
    assert_json_snapshot!(finding);
}

#[test]
fn a_deadlock_of_threads_that_spin() {
    let mut scene = Scene::new();
    scene.static_lock("bank::LEFT", A, 3);
    scene.static_lock("bank::RIGHT", B, 4);
    let one = scene.thread(Some("mover"), Some(("bank::tests::scene", 9, 9)));
    scene.lock(0, A, ("bank::f", 10, 5));
    scene.lock(one, B, ("bank::g", 20, 5));
    for _ in 0..200 {
        scene.step(0, cas(B, 0, 1, 1), &[CAS, MUTEX_LOCK], ("bank::f", 11, 5));
        scene.step(one, cas(A, 0, 1, 1), &[CAS, MUTEX_LOCK], ("bank::g", 21, 5));
    }
    scene.runs(0, &[CAS, MUTEX_LOCK], ("bank::f", 11, 5));
    scene.runs(one, &[CAS, MUTEX_LOCK], ("bank::g", 21, 5));
    let finding = scene.finding(Outcome::NoProgress(Bound::Steps(100_000)));
    assert_eq!(finding.code.0, "RD0201");
    assert_eq!(
        finding.message,
        "deadlock: thread `main` holds `LEFT` and waits for `RIGHT`, thread `mover` holds `RIGHT` and waits for `LEFT`"
    );
    assert_eq!(finding.steps.len(), 5, "{:?}", finding.steps);
    assert!(finding.notes[0].contains("spin"), "{:?}", finding.notes);
}

#[test]
fn a_signal_that_the_program_sends_itself_is_placed_at_the_call() {
    let mut scene = Scene::new();
    let stack = scene.stack(0, &[], ("bank::stop", 40, 14));
    scene.trace.threads[0].state = State::Runnable;
    scene.trace.threads[0].last = Some(stack);
    let finding = scene.finding(Outcome::Crashed { thread: 0, signal: 11, address: 0, cause: Crash::Raised });
    assert_eq!(finding.message, "crash: thread `main` sends SIGSEGV to its own process at src/lib.rs:40");
    assert!(!finding.reason.iter().any(|reason| reason.contains("null pointer")), "{:?}", finding.reason);
}

#[test]
fn statics_that_a_macro_hides_in_a_method_are_named_by_their_use() {
    let mut scene = Scene::new();
    scene.source.insert(10, "    LEFT.lock();");
    scene.source.insert(11, "    RIGHT.lock();");
    for (index, address) in [(0, A), (1, B)] {
        scene.static_lock(&format!("bank::{{impl#{index}}}::deref::__stability::LAZY"), address, 3);
    }
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    scene.lock(0, A, ("bank::f", 10, 10));
    scene.lock(one, B, ("bank::f", 11, 11));
    scene.lock_waits(0, B, ("bank::f", 11, 11));
    scene.lock_waits(one, A, ("bank::f", 10, 10));
    let message = scene.finding(Outcome::Stuck).message;
    assert!(message.starts_with("deadlock: thread `main` holds `LEFT` and waits for `RIGHT`"), "{message}");
}

#[test]
fn locks_of_different_kinds_under_one_name_are_told_apart_by_their_kind() {
    let mut scene = Scene::new();
    scene.static_lock("bank::TABLE", A, 3);
    scene.static_lock("bank::TABLE", B, 3);
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    scene.lock(0, A, ("bank::f", 10, 5));
    scene.step(one, rmw(B, 0, 1), &[ADD], ("bank::f", 11, 5));
    scene.lock_waits(one, A, ("bank::f", 12, 5));
    scene.lock_waits(0, A, ("bank::f", 12, 5));
    let message = scene.finding(Outcome::Stuck).message;
    assert!(message.contains("the mutex of `TABLE`"), "{message}");
}

#[test]
fn a_program_without_debug_information_is_said_to_have_none() {
    let mut scene = Scene::new();
    let bare = scene.push_stack(Stack { frames: vec![StackFrame { pc: 0x99_0000, cfa: 0x1000 }] });
    scene.trace.steps.push(Step { thread: 0, op: Op::Yield, stack: bare, time_ns: 0 });
    let noted =
        |finding: raddle_protocol::Finding| finding.notes.iter().any(|note| note.contains("no debug information"));
    assert!(noted(scene.finding(Outcome::Exited(1))));
    assert!(!noted(two_locks().finding(Outcome::Stuck)));
}

#[test]
fn no_progress() {
    let mut scene = Scene::new();
    scene.static_lock("bank::READY", A, 3);
    let one = scene.thread(Some("poller"), Some(("bank::tests::scene", 9, 9)));
    for _ in 0..40 {
        scene.step(one, load(A, 0), &[LOAD], ("bank::poll", 20, 17));
        scene.step(one, Op::Yield, &[std_fn("std::thread::yield_now")], ("bank::poll", 21, 9));
    }
    scene.runs(one, &[LOAD], ("bank::poll", 20, 17));
    scene.join_waits(0, one, ("bank::tests::scene", 12, 5));
    let mut finding = scene.finding(Outcome::NoProgress(Bound::Steps(100_000)));
    finding.steps.truncate(4);
    assert_json_snapshot!(finding);
}

/// A thread that looks and yields when all others have ended is said to be left alone; inside a crate, the crate is named.
#[test]
fn no_progress_when_nobody_else_is_left() {
    let told = |library: &[Library], changes: bool| {
        let mut scene = Scene::new();
        scene.static_lock("bank::READY", A, 3);
        scene.thread(Some("sender"), Some(("bank::tests::scene", 9, 9)));
        for _ in 0..1_100 {
            scene.step(0, load(A, 0), library, ("bank::poll", 20, 17));
        }
        if changes {
            scene.step(0, rmw(A, 0, 1), library, ("bank::poll", 20, 17));
        }
        scene.runs(0, library, ("bank::poll", 20, 17));
        let finding = scene.finding(Outcome::NoProgress(Bound::Steps(100_000)));
        (finding.reason.last().unwrap().clone(), finding.fix[0].clone())
    };
    let receive = ("post::Receiver::receive", Origin::Dependency);
    let (reason, fix) = told(&[LOAD, receive], false);
    assert_eq!(
        reason,
        "Thread `main` has only looked and yielded for its last 1,000 steps and more. The other thread has ended: nobody is left who would change what it looks at."
    );
    assert!(fix.starts_with("The loop is inside the crate `post` (`Receiver::receive`)."), "{fix}");
    let (reason, fix) = told(&[LOAD], false);
    assert!(reason.ends_with("nobody is left who would change what it looks at."), "{reason}");
    assert!(fix.starts_with("Give every loop that waits"), "{fix}");
    let (reason, fix) = told(&[LOAD, receive], true);
    assert!(!reason.contains("nobody is left") && fix.starts_with("Give every loop that waits"), "{reason} {fix}");
}

/// The threads of a pool that wait for work are not shown one by one.
#[test]
fn no_progress_beside_a_pool() {
    let mut scene = Scene::new();
    scene.static_lock("bank::READY", A, 3);
    for worker in 1..=6 {
        let one = scene.thread(Some(&format!("worker-{worker}")), Some(("bank::tests::scene", 9, 9)));
        scene.condvar_wait(one, B, A, ("bank::work", 30, 13));
    }
    for _ in 0..40 {
        scene.step(0, load(A, 0), &[LOAD], ("bank::poll", 20, 17));
    }
    scene.runs(0, &[LOAD], ("bank::poll", 20, 17));
    let finding = scene.finding(Outcome::NoProgress(Bound::Steps(100_000)));
    let labels: Vec<&str> = finding.spans.iter().map(|span| &span.label[..]).collect();
    let waits = "thread `worker-1` waits on the condition variable here, and so do 5 other threads";
    assert_eq!(labels, ["thread `main` is here, in a loop", waits]);
}

#[test]
fn not_reproducible() {
    let mut scene = two_locks();
    let read = Op::Io { call: "read".to_owned(), descriptor: 3, blocked: false };
    scene.step(0, read, &[std_fn("std::fs::File::read")], ("bank::tests::scene", 18, 9));
    let raw = RawFinding {
        trace: scene.trace.clone(),
        differs: Some(Outcome::Diverged { at: 17, detail: "a choice of 3 threads where there were 2".to_owned() }),
        ..RawFinding::new(Outcome::Stuck, 3)
    };
    let finding = scene.diagnose(&raw);
    assert_eq!(finding.code.0, "RD0505");
    assert_json_snapshot!((finding.message, finding.reason, finding.fix, finding.notes, finding.spans));
}

/// Whatever the failure is: that it takes a thread that is slow is said, and only then.
#[test]
fn a_failure_that_takes_a_delay_says_so() {
    let with = |taken: &[u16]| {
        let mut scene = two_locks();
        scene.choices =
            taken.iter().map(|taken| Choice { kind: ChoiceKind::Lateness, options: 2, taken: *taken }).collect();
        scene.finding(Outcome::Exited(101))
    };
    let (on_time, asked, late) = (with(&[]), with(&[0]), with(&[1]));
    assert_eq!((&on_time.reason, &on_time.notes), (&asked.reason, &asked.notes));
    assert_eq!(late.reason.len(), on_time.reason.len() + 1);
    assert!(late.reason.last().unwrap().contains("kept waiting"), "{:?}", late.reason);
    assert!(late.notes.iter().any(|note| note.contains("--delay 0s")), "{:?}", late.notes);
}

/// A thread that has never run is in no row of the interleaving.
#[test]
fn who_has_not_begun_is_named_where_a_delay_decides() {
    let mut scene = Scene::new();
    scene.passed = 1;
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    scene.trace.threads[one as usize].state = State::Runnable;
    scene.choices = vec![Choice { kind: ChoiceKind::Lateness, options: 2, taken: 1 }];
    scene.trace.output = b"thread 'tests::scene' (12) panicked at src/lib.rs:12:5:\nnot yet\n".to_vec();
    let finding = scene.finding(Outcome::Exited(101));
    let said = "Thread 1, started at src/lib.rs:9, has not taken a single step.";
    assert_eq!(finding.reason.last().unwrap(), said);
    assert!(finding.fix.iter().all(|fix| !fix.contains("two steps of one thread")), "{:?}", finding.fix);
}

#[test]
fn locks_that_a_dependency_takes_are_named_by_where_they_are_made() {
    const LOCK_SLOW: Library = ("parking_lot::raw_mutex::RawMutex::lock_slow", Origin::Dependency);
    const INSERT: Library = ("dashmap::DashMap<K,V,S>::insert", Origin::Dependency);
    const CORE: Library = ("parking_lot_core::parking_lot::park", Origin::Dependency);
    let mut scene = Scene::new();
    scene.block(A, 64, "dashmap::DashMap<K,V,S>::new", ("bank::tests::scene", 6, 40));
    let place = ("bank::tests::scene", 10, 9);
    let byte = |expected: u64, old: u64, new: u64| Op::CompareExchange {
        address: A,
        size: 1,
        order: Order::Acquire,
        expected,
        old,
        new,
        done: expected == old,
    };
    scene.step(0, byte(0, 0, 1), &[CAS, LOCK_SLOW, INSERT], place);
    let place = ("bank::tests::scene", 11, 9);
    scene.step(0, byte(0, 1, 1), &[CAS, LOCK_SLOW, INSERT], place);
    scene.step(0, byte(1, 1, 3), &[CAS, LOCK_SLOW, INSERT], place);
    // The parking lot's own memory is not the lock.
    scene.step(0, rmw(0x61000, 0, 1), &[SWAP, CORE, LOCK_SLOW, INSERT], place);
    scene.step(0, futex_wait(0x62000, 1), &[CORE, LOCK_SLOW, INSERT], place);
    scene.waits(0, Wait::Futex(0x62000), &[CORE, LOCK_SLOW, INSERT], place);
    let finding = scene.finding(Outcome::Stuck);
    assert_json_snapshot!((finding.code, finding.message, finding.threads, finding.steps));
}

/// A message passed by a flag that is stored with `Relaxed`, in a static.
fn passed_by_a_flag() -> (Scene, Conflict) {
    let mut scene = Scene::new();
    scene.static_lock("bank::DATA", A, 3);
    scene.static_lock("bank::READY", B, 4);
    let one = scene.thread(Some("reader"), Some(("bank::tests::scene", 9, 9)));
    let access = |access| Op::Access { address: A, size: 8, access };
    scene.step(0, access(Access::Write), &[], ("bank::publish", 10, 5));
    scene.step(
        0,
        Op::Store { address: B, size: 1, order: Order::Relaxed, value: 1 },
        &[STORE],
        ("bank::publish", 11, 5),
    );
    scene.step(one, Op::Load { address: B, size: 1, order: Order::Acquire, value: 1 }, &[LOAD], ("bank::take", 20, 5));
    scene.step(one, access(Access::Read), &[], ("bank::take", 21, 5));
    scene.runs(one, &[], ("bank::take", 21, 5));
    let conflict = Conflict {
        kind: ConflictKind::Race,
        address: A,
        size: 8,
        thread: one,
        access: Access::Read,
        earlier: Some((0, Access::Write)),
    };
    (scene, conflict)
}

/// The order is a crate's, which the user cannot change: said is where it is in the crate.
#[test]
fn a_race_past_a_relaxed_flag_of_a_crate() {
    const SET: Library = ("post::Flag::set", Origin::Dependency);
    let (mut scene, conflict) = passed_by_a_flag();
    let inside = scene.stack(0, &[STORE, SET], ("bank::publish", 11, 5));
    let store = scene.trace.steps.iter_mut().find(|step| matches!(step.op, Op::Store { .. }));
    store.unwrap().stack = inside;
    let finding = scene.finding(Outcome::Conflict(conflict));
    let fix = "This is inside the crate `post`, which should use `Ordering::Release` for the store";
    assert!(finding.fix[0].starts_with(fix), "{:?}", finding.fix);
}

/// A crate's function hands memory to a closure: that says more of whose mistake it is than where the closure stands.
#[test]
fn a_race_in_a_closure_names_the_crate_that_calls_it() {
    let told = |library: &[Library]| {
        let (mut scene, conflict) = passed_by_a_flag();
        let access = scene.stack(conflict.thread, &[], ("bank::take::{closure#0}", 21, 30));
        let outer = scene.stack(conflict.thread, library, ("bank::take", 21, 5));
        let callers = scene.trace.stacks[outer as usize].frames.clone();
        scene.trace.stacks[access as usize].frames.extend(callers);
        scene.trace.threads[conflict.thread as usize].last = Some(access);
        scene.finding(Outcome::Conflict(conflict)).fix.pop().unwrap()
    };
    let last = told(&[("post::Map<K, V>::read", Origin::Dependency)]);
    assert!(last.ends_with("Here it is reached in a closure called by `Map::read` of the crate `post`."), "{last}");
    // A value of the crate's that is dropped.
    let dropped = ("<post::Slot<T> as core::ops::drop::Drop>::drop", Origin::Dependency);
    let last = told(&[dropped, std_fn("core::ptr::drop_in_place")]);
    assert!(last.ends_with("Here it is reached in a closure called by `Slot::drop` of the crate `post`."), "{last}");
}

#[test]
fn a_race_past_a_relaxed_flag() {
    let (scene, conflict) = passed_by_a_flag();
    let finding = scene.finding(Outcome::Conflict(conflict));
    assert!(finding.fix[0].contains("`Ordering::Release` for the store at src/lib.rs:11"), "{:?}", finding.fix);
    assert_json_snapshot!(finding);
}

/// A compare-exchange has two orders. What counts where it fails is the second one.
#[test]
fn a_race_past_a_compare_exchange_that_fails() {
    let (mut scene, conflict) = passed_by_a_flag();
    for step in &mut scene.trace.steps {
        match &mut step.op {
            Op::Store { order, .. } => *order = Order::Release,
            load @ Op::Load { .. } => {
                *load = Op::CompareExchange {
                    address: B,
                    size: 1,
                    order: Order::Relaxed,
                    expected: 0,
                    old: 1,
                    new: 2,
                    done: false,
                };
            }
            _ => {}
        }
    }
    let finding = scene.finding(Outcome::Conflict(conflict));
    let why = "`Relaxed` instead of `Acquire` at the load, the order for a compare-exchange that fails.";
    assert!(finding.reason.iter().any(|line| line.ends_with(why)), "{:?}", finding.reason);
    let fix = "`Ordering::Acquire` for the failure of the compare-exchange at src/lib.rs:20";
    assert!(finding.fix[0].contains(fix), "{:?}", finding.fix);
}

#[test]
fn a_block_that_is_used_after_it_was_freed() {
    let mut scene = Scene::new();
    scene.source.insert(6, "    let shared = Box::new(Account::new());");
    scene.block(A, 24, "alloc::boxed::Box<T>::new", ("bank::tests::scene", 6, 18));
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    let access = |access| Op::Access { address: A + 8, size: 8, access };
    scene.step(0, access(Access::Free), &[std_fn("core::mem::drop")], ("bank::close", 30, 5));
    let freed = scene.stack(0, &[std_fn("core::mem::drop")], ("bank::close", 30, 5));
    scene.trace.blocks[0].live.1 = 2;
    scene.trace.blocks[0].freed = Some((0, freed));
    scene.step(one, access(Access::Read), &[], ("bank::balance", 40, 5));
    scene.runs(one, &[], ("bank::balance", 40, 5));
    let conflict = Conflict {
        kind: ConflictKind::UseAfterFree,
        address: A + 8,
        size: 8,
        thread: one,
        access: Access::Read,
        earlier: Some((0, Access::Free)),
    };
    assert_json_snapshot!(scene.finding(Outcome::Conflict(conflict)));
}

/// Where a crate's code both frees and reads, what the user can do is to look for another version of it.
#[test]
fn a_block_that_a_crate_uses_after_it_has_freed_it() {
    const CLEAR: Library = ("post::Stack::clear", Origin::Dependency);
    const TOP: Library = ("post::Stack::top", Origin::Dependency);
    let mut scene = Scene::new();
    scene.block(A, 24, "alloc::boxed::Box<T>::new", ("bank::tests::scene", 6, 18));
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    let access = |access| Op::Access { address: A + 8, size: 8, access };
    scene.step(0, access(Access::Free), &[CLEAR], ("bank::close", 30, 5));
    scene.trace.blocks[0].live.1 = 2;
    scene.trace.blocks[0].freed = Some((0, scene.trace.steps.last().unwrap().stack));
    scene.step(one, access(Access::Read), &[TOP], ("bank::balance", 40, 5));
    scene.runs(one, &[TOP], ("bank::balance", 40, 5));
    let (kind, earlier) = (ConflictKind::UseAfterFree, Some((0, Access::Free)));
    let conflict = Conflict { kind, address: A + 8, size: 8, thread: one, access: Access::Read, earlier };
    let finding = scene.finding(Outcome::Conflict(conflict));
    assert!(finding.fix[0].starts_with("This happens inside the crate `post`."), "{:?}", finding.fix);
    assert!(!finding.fix.iter().any(|fix| fix.contains("`unsafe`")), "{:?}", finding.fix);
}

/// Of memory that is used after it was freed it is seen in the steps that it is the same; a thread may free it twice itself.
#[test]
fn what_was_freed_keeps_its_name_in_the_steps() {
    let told = |again: Access, by: u32| {
        let mut scene = Scene::new();
        scene.block(A, 24, "alloc::boxed::Box<T>::new", ("bank::tests::scene", 6, 18));
        scene.block(B, 24, "alloc::boxed::Box<T>::new", ("bank::tests::scene", 7, 18));
        let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
        let access = |address, access| Op::Access { address, size: 24, access };
        scene.step(0, access(B, Access::Write), &[], ("bank::open", 20, 5));
        scene.step(0, access(A, Access::Free), &[], ("bank::close", 30, 5));
        scene.trace.blocks[0].live.1 = scene.trace.steps.len() as u64;
        scene.trace.blocks[0].freed = Some((0, scene.trace.steps.last().unwrap().stack));
        let thread = if by == 0 { 0 } else { one };
        scene.step(thread, access(A, again), &[], ("bank::balance", 40, 5));
        scene.runs(thread, &[], ("bank::balance", 40, 5));
        let kind = if again == Access::Free { ConflictKind::DoubleFree } else { ConflictKind::UseAfterFree };
        let earlier = Some((0, Access::Free));
        let conflict = Conflict { kind, address: A, size: 24, thread, access: again, earlier };
        let finding = scene.finding(Outcome::Conflict(conflict));
        finding.steps.iter().map(|step| (step.action.clone(), step.key)).collect::<Vec<_>>()
    };
    let rows = |again, by| {
        let told = told(again, by);
        told.iter().rev().take(3).rev().map(|(action, key)| format!("{action} {key}")).collect::<Vec<_>>()
    };
    assert_eq!(rows(Access::Write, 1), ["writes memory 1 false", "frees memory 2 true", "writes memory 2 true"]);
    assert_eq!(rows(Access::Free, 0), ["writes memory 1 false", "frees memory 2 true", "frees memory 2 true"]);
}

/// Memory that a library makes once, for whoever comes first, is not what that one's statement binds.
#[test]
fn what_is_made_once_is_not_called_after_who_came_first() {
    let told = |once: &[Library]| {
        let mut scene = Scene::new();
        scene.source.insert(6, "    let mut guard = RwLock::upgrade(reader);");
        let made: Vec<Library> = [std_fn("alloc::vec::from_elem"), ("parking::table", Origin::Dependency)]
            .into_iter()
            .chain(once.iter().copied())
            .chain([("parking::RwLock::upgrade", Origin::Dependency)])
            .collect();
        let stack = scene.stack(0, &made, ("bank::tests::scene", 6, 21));
        scene.trace.blocks.push(Block {
            address: A,
            size: 64,
            allocated: Some((0, stack)),
            live: (0, u64::MAX),
            freed: None,
        });
        let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
        let access = |access| Op::Access { address: A + 8, size: 8, access };
        scene.step(0, access(Access::Write), &made, ("bank::tests::scene", 6, 21));
        scene.step(one, access(Access::Read), &[], ("bank::balance", 40, 5));
        scene.runs(one, &[], ("bank::balance", 40, 5));
        let found = scene.finding(Outcome::Conflict(Conflict {
            kind: ConflictKind::Race,
            address: A + 8,
            size: 8,
            thread: one,
            access: Access::Read,
            earlier: Some((0, Access::Write)),
        }));
        found.message
    };
    assert!(told(&[]).starts_with("data race on `guard`"), "{}", told(&[]));
    for once in [
        "std::thread::local::LocalKey<T>::try_with",
        "once_cell::sync::Lazy<T,F>::force",
        "lazy_static::lazy::Lazy<T>::get",
    ] {
        assert!(told(&[std_fn(once)]).starts_with("data race on the same memory"), "{}", told(&[std_fn(once)]));
    }
}

/// Who waits in a function of the user's own is also shown where that was called from.
#[test]
fn where_a_wait_of_ones_own_was_called_from() {
    let from = |caller: &'static str| {
        let mut scene = Scene::new();
        let frames: Vec<StackFrame> = [("bank::block_on", 20), (caller, 30)]
            .into_iter()
            .map(|(function, line)| StackFrame { pc: scene.pc(function, line, 0, Origin::User), cfa: Scene::cfa(0) })
            .collect();
        let last = scene.push_stack(Stack { frames });
        let main = &mut scene.trace.threads[0];
        (main.state, main.last) = (State::Waiting(Wait::Futex(A)), Some(last));
        let spans = scene.finding(Outcome::Stuck).spans;
        spans.into_iter().map(|span| span.line).collect::<Vec<u32>>()
    };
    assert_eq!(from("bank::tests::scene::{closure#0}"), [20, 30]);
    assert_eq!(from("bank::block_on::{closure#0}"), [20]);
}

/// Where a crate makes both accesses, they are not called after what the user's code calls it by, and the crate comes first.
#[test]
fn a_race_inside_a_crate_is_not_for_the_users_code_to_mend() {
    const PULL: Library = ("post::Pool::pull", Origin::Dependency);
    let told = |library: &[Library]| {
        let mut scene = Scene::new();
        scene.static_lock("bank::TOTAL", A, 8);
        let place = ("bank::balance", 40, 5);
        let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
        let access = |access| Op::Access { address: A, size: 8, access };
        scene.step(0, access(Access::Write), &[PULL], ("bank::tests::scene", 6, 21));
        scene.step(one, access(Access::AtomicRead), library, place);
        scene.runs(one, library, place);
        let finding = scene.finding(Outcome::Conflict(Conflict {
            kind: ConflictKind::Race,
            address: A,
            size: 8,
            thread: one,
            access: Access::AtomicRead,
            earlier: Some((0, Access::Write)),
        }));
        finding.fix
    };
    let [crates, _] = &told(&[("hash::Table::grow", Origin::Dependency), PULL])[..] else { panic!() };
    assert!(crates.contains("inside the crate `hash`, for the crate `post` that this code calls"), "{crates}");
    let [crates, code] = &told(&[PULL])[..] else { panic!("{:?}", told(&[PULL])) };
    assert!(crates.contains("`post`") && crates.ends_with("What follows is for the code of the crate."), "{crates}");
    assert!(code.starts_with("Make every access to that memory atomic"), "{code}");
    let fix = told(&[]);
    assert!(fix[0].starts_with("Make every access to `TOTAL` atomic"), "{fix:?}");
}

/// What belongs to the C library cannot be put behind a lock of the program's.
#[test]
fn a_race_on_what_is_the_c_librarys() {
    const STATIC: u64 = LOCKS + 0x700;
    let told = |prepare: &dyn Fn(&mut Scene)| {
        let mut scene = Scene::new();
        prepare(&mut scene);
        let place = ("bank::balance", 40, 5);
        let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
        let access = |access| Op::Access { address: STATIC, size: 8, access };
        scene.step(0, access(Access::Write), &[], ("bank::tests::scene", 6, 21));
        scene.step(one, access(Access::Write), &[], place);
        scene.runs(one, &[], place);
        let finding = scene.finding(Outcome::Conflict(Conflict {
            kind: ConflictKind::Race,
            address: STATIC,
            size: 8,
            thread: one,
            access: Access::Write,
            earlier: Some((0, Access::Write)),
        }));
        (finding.message.split(':').next().unwrap_or_default().to_owned(), finding.fix[0].clone())
    };
    let (message, fix) = told(&|scene| scene.library(STATIC - 0x100..STATIC + 0x100, "libc.so.6"));
    assert_eq!(message, "data race on the same memory");
    assert!(fix.starts_with("Call the form of the function that answers into memory of the caller's"), "{fix}");
    let (message, fix) = told(&|scene| {
        scene.static_lock("__environ", STATIC, 0);
        scene.library(STATIC - 0x100..STATIC + 0x100, "libc.so.6");
    });
    assert_eq!(message, "data race on the environment");
    assert!(fix.starts_with("Change the environment before other threads are started"), "{fix}");
    let (_, fix) = told(&|scene| scene.library(STATIC - 0x100..STATIC + 0x100, "libpost.so"));
    assert!(fix.starts_with("Put that memory behind one lock"), "{fix}");
}

/// A failure that comes after a long time in which nothing could run tells of that.
#[test]
fn a_long_time_in_which_nothing_could_run() {
    let told = |slept: u64| {
        let mut scene = Scene::new();
        let other = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
        scene.step(other, Op::Sleep { ns: slept }, &[], ("bank::work", 30, 5));
        scene.step(0, load(A, 0), &[LOAD], ("bank::tests::scene", 12, 5));
        scene.step(0, load(A, 0), &[LOAD], ("bank::tests::scene", 14, 5));
        scene.trace.steps.last_mut().unwrap().time_ns = 3_600_000_000_000;
        scene.trace.output =
            b"\nthread 'tests::scene' (12) panicked at src/lib.rs:15:5:\nit came an hour later\n".to_vec();
        let finding = scene.finding(Outcome::Exited(101));
        finding.reason.into_iter().find(|reason| reason.contains("virtual time"))
    };
    assert_eq!(
        told(1_000_000).as_deref(),
        Some(
            "After what thread `main` did at src/lib.rs:12, nothing could run for about 1 h of virtual time, until a deadline had passed. If somebody should have gone on before, nobody has woken them."
        )
    );
    // Somebody sleeps for so long on purpose.
    assert_eq!(told(3_600_000_000_000), None);
}
