//! What waits for ever: deadlocks and lost wake-ups, with their whole report.

use super::scene::*;
use insta::assert_json_snapshot;
use raddle_instrument::symbols::Origin;
use raddle_protocol::Finding;
use raddle_protocol::trace::*;

const A: u64 = LOCKS;
const B: u64 = LOCKS + 0x100;

/// Two heap mutexes taken in opposite orders by two spawned threads; the main thread joins.
pub(super) fn two_locks() -> Scene {
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
