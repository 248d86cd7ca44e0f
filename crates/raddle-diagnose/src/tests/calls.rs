//! How operations become steps, and what vanishes.

use super::scene::*;
use insta::assert_snapshot;
use raddle_instrument::symbols::Origin;
use raddle_protocol::Finding;
use raddle_protocol::trace::*;

const A: u64 = LOCKS;

fn told(finding: &Finding) -> String {
    let line = |step: &raddle_protocol::finding::StepView| {
        let times = if step.times > 1 { format!(" x{}", step.times) } else { String::new() };
        format!("{} {}:{} {}{times}\n", step.thread, step.file, step.line, step.action)
    };
    finding.steps.iter().map(line).collect()
}

#[test]
fn a_contended_mutex_is_two_steps() {
    let mut scene = Scene::new();
    scene.static_lock("bank::LOCK", A, 3);
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    scene.lock(0, A, ("bank::f", 10, 5));
    scene.lock_waits(one, A, ("bank::g", 20, 5));
    scene.unlock(0, A, &[one], ("bank::f", 12, 1));
    scene.lock_gets(one, A, ("bank::g", 20, 5));
    scene.unlock(one, A, &[], ("bank::g", 22, 1));
    assert_snapshot!(told(&scene.finding(Outcome::Exited(1))));
}

#[test]
fn loops_fold_and_reference_counts_vanish() {
    const CLONE: Library = std_fn("<alloc::sync::Arc<T> as core::clone::Clone>::clone");
    const HOOKS: Library = std_fn("std::thread::spawnhook::run");
    let mut scene = Scene::new();
    scene.static_lock("bank::COUNT", A, 3);
    for value in 0..3 {
        scene.step(0, rmw(A, 5, 6), &[ADD], ("bank::f", 10, 5));
        scene.step(0, rmw(A + 64, value, value + 1), &[ADD, CLONE], ("bank::f", 11, 5));
        scene.step(0, load(A + 80, value), &[LOAD, HOOKS], ("bank::f", 12, 5));
    }
    scene.step(0, cas(A, 0, 6, 1), &[CAS], ("bank::f", 13, 5));
    scene.step(0, store(A, 9), &[STORE], ("bank::f", 14, 5));
    scene.step(0, Op::Sleep { ns: 10_000_000 }, &[], ("bank::f", 15, 5));
    assert_snapshot!(told(&scene.finding(Outcome::Exited(1))));
}

#[test]
fn calls_of_a_dependency_are_one_step_each() {
    const PUSH: Library = ("crossbeam_queue::seg_queue::SegQueue<T>::push", Origin::Dependency);
    let mut scene = Scene::new();
    for line in [10, 11] {
        for value in 0..4 {
            scene.step(0, cas(A, value, value, value + 1), &[CAS, PUSH], ("bank::f", line, 5));
        }
    }
    assert_snapshot!(told(&scene.finding(Outcome::Exited(1))));
}

/// A mutex that a crate keeps for itself is part of the call, unless somebody has to wait for it.
#[test]
fn a_crates_own_mutex_is_no_step_until_it_is_contended() {
    const RING: Library = ("post::Bell::ring", Origin::Dependency);
    let (first, second) = (("bank::f", 10, 5), ("bank::g", 20, 5));
    let rung_twice = || {
        let mut scene = Scene::new();
        let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
        for place in [first, second] {
            scene.step(0, cas(A, 0, 0, 1), &[CAS, MUTEX_LOCK, RING], place);
            scene.step(0, store(A, 0), &[STORE, MUTEX_UNLOCK, RING], place);
        }
        (scene, one)
    };
    let quiet = told(&rung_twice().0.finding(Outcome::Exited(1)));
    let rows: Vec<&str> = quiet.lines().filter(|row| row.contains("rs:10") || row.contains("rs:20")).collect();
    assert_eq!(rows, ["0 src/lib.rs:10 calls `Bell::ring`", "0 src/lib.rs:20 calls `Bell::ring`"], "{quiet}");

    // Where others act before the call is done, it goes on.
    let (mut scene, one) = rung_twice();
    scene.step(one, store(A + 64, 1), &[STORE], ("bank::h", 30, 5));
    scene.step(0, cas(A, 0, 0, 1), &[CAS, MUTEX_LOCK, RING], second);
    let interrupted = told(&scene.finding(Outcome::Exited(1)));
    assert!(interrupted.contains("0 src/lib.rs:20 goes on in `Bell::ring`"), "{interrupted}");

    let (mut scene, one) = rung_twice();
    scene.step(0, cas(A, 0, 0, 1), &[CAS, MUTEX_LOCK, RING], first);
    scene.step(one, cas(A, 0, 1, 1), &[CAS, MUTEX_LOCK, RING], second);
    scene.step(one, futex_wait(A, 1), &[FUTEX_WAIT, MUTEX_LOCK, RING], second);
    let contended = told(&scene.finding(Outcome::Exited(1)));
    assert!(contended.contains("0 src/lib.rs:10 locks the mutex (inside `Bell::ring`)"), "{contended}");
}

#[test]
fn a_wait_on_a_condition_and_its_mutex_are_told_together() {
    let (mutex, condvar) = (A, A + 0x100);
    let mut scene = Scene::new();
    scene.static_lock("bank::M", mutex, 3);
    scene.static_lock("bank::C", condvar, 4);
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    let wait = ("bank::wait", 21, 5);
    scene.lock(one, mutex, ("bank::wait", 20, 5));
    scene.condvar_wait(one, condvar, mutex, wait);
    scene.notify_all(0, condvar, &[one], ("bank::f", 30, 5));
    scene.step(one, Op::FutexReturn { address: condvar, end: WaitEnd::Woken }, &[FUTEX_WAIT, CONDVAR_WAIT], wait);
    scene.step(one, cas(mutex, 0, 0, 1), &[CAS, MUTEX_LOCK, CONDVAR_WAIT], wait);
    scene.unlock(one, mutex, &[], ("bank::wait", 22, 5));
    scene.trace.threads[one as usize].state = State::Ended;
    scene.step(one, Op::End, &[], ("bank::wait", 22, 5));
    assert_snapshot!(told(&scene.finding(Outcome::Exited(1))));
}

#[test]
fn posix_locks_wait_only_when_they_are_not_granted_at_once() {
    let mut scene = Scene::new();
    scene.static_lock("table", A, 3);
    let one = scene.thread(Some("c-thread"), Some(("main", 9, 9)));
    let request = || Op::LockRequest { address: A, kind: PosixLock::Mutex };
    let acquired = || Op::LockAcquired { address: A, kind: PosixLock::Mutex, ok: true };
    let released = || Op::LockReleased { address: A, kind: PosixLock::Mutex };
    scene.step(0, request(), &[], ("main", 10, 5));
    scene.step(0, acquired(), &[], ("main", 10, 5));
    scene.step(one, request(), &[], ("work", 20, 5));
    scene.step(0, released(), &[], ("main", 12, 5));
    scene.step(one, acquired(), &[], ("work", 20, 5));
    scene.step(one, released(), &[], ("work", 22, 5));
    assert_snapshot!(told(&scene.finding(Outcome::Exited(1))));
}

#[test]
fn a_lock_that_is_taken_without_a_known_layout_is_held_when_the_call_returns() {
    const LOCK: Library = ("spin::mutex::ticket::TicketMutex<T>::lock", Origin::Dependency);
    const UNLOCK: Library =
        ("<spin::mutex::ticket::TicketMutexGuard<T> as core::ops::drop::Drop>::drop", Origin::Dependency);
    let wide = |address: u64, old: u64, new: u64| Op::Rmw { address, size: 8, order: Order::AcqRel, old, new };
    let mut scene = Scene::new();
    scene.static_lock("bank::TICKETS", A, 3);
    let lock = ("bank::f", 10, 5);
    scene.step(0, wide(A, 3, 4), &[ADD, LOCK], lock);
    scene.step(0, load(A + 8, 2), &[LOAD, LOCK], lock);
    scene.step(0, load(A + 8, 3), &[LOAD, LOCK], lock);
    scene.step(0, wide(A + 8, 3, 4), &[ADD, UNLOCK], ("bank::f", 12, 5));
    assert_snapshot!(told(&scene.finding(Outcome::Exited(1))));
}

#[test]
fn objects_that_follow_each_other_at_one_address_are_two() {
    let mut scene = Scene::new();
    scene.source.insert(6, "    let first = Arc::new(Mutex::new(0));");
    scene.source.insert(7, "    let second = Arc::new(Mutex::new(0));");
    scene.block(A - 16, 24, "alloc::sync::Arc<T>::new", ("bank::f", 6, 17));
    scene.lock(0, A, ("bank::f", 10, 5));
    scene.unlock(0, A, &[], ("bank::f", 11, 5));
    let steps = scene.trace.steps.len() as u64;
    scene.trace.blocks[0].live = (0, steps);
    scene.block(A - 16, 24, "alloc::sync::Arc<T>::new", ("bank::f", 7, 18));
    scene.trace.blocks[1].live = (steps, u64::MAX);
    scene.lock(0, A, ("bank::f", 12, 5));
    scene.unlock(0, A, &[], ("bank::f", 13, 5));
    assert_snapshot!(told(&scene.finding(Outcome::Exited(1))));
}

#[test]
fn unnamed_locks_are_numbered_and_fields_named_by_their_use() {
    let mut scene = Scene::new();
    scene.source.insert(6, "    let bank = Arc::new(Bank::open());");
    scene.source.insert(7, "    let forks: Vec<_> = (0..2).map(|_| Arc::new(Mutex::new(()))).collect();");
    scene.source.insert(10, "        let _left = self.left.lock().unwrap();");
    scene.source.insert(11, "        let _right = self.right.lock().unwrap();");
    scene.source.insert(12, "        let _fork = forks[seat].lock().unwrap();");
    scene.block(A, 64, "alloc::sync::Arc<T>::new", ("bank::f", 6, 16));
    for fork in 1..3 {
        scene.block(A + fork * 0x100, 24, "alloc::sync::Arc<T>::new", ("bank::f::{{closure}}", 7, 40));
    }
    scene.lock(0, A + 16, ("bank::Bank::f", 10, 31));
    scene.lock(0, A + 24, ("bank::Bank::f", 11, 33));
    scene.lock(0, A + 0x100, ("bank::f", 12, 33));
    scene.lock(0, A + 0x200, ("bank::f", 12, 33));
    assert_snapshot!(told(&scene.finding(Outcome::Exited(1))));
}

#[test]
fn a_panic_is_one_step_and_the_standard_librarys_own_locks_none() {
    const PANIC: [Library; 2] = [std_fn("std::panicking::panic_with_hook"), std_fn("core::panicking::panic_fmt")];
    const PRINT: Library = std_fn("std::io::stdio::_print");
    let mut scene = Scene::new();
    scene.static_lock("std::panicking::HOOK", A, 3);
    scene.static_lock("std::io::stdio::STDOUT", A + 0x100, 3);
    let place = ("bank::f", 10, 5);
    scene.step(0, cas(A + 0x100, 0, 0, 1), &[CAS, MUTEX_LOCK, PRINT], ("bank::f", 9, 5));
    scene.step(0, rmw(A + 0x100, 1, 0), &[SWAP, MUTEX_UNLOCK, PRINT], ("bank::f", 9, 5));
    scene.step(0, cas(A, 0, 0, 1), &[CAS, MUTEX_LOCK, PANIC[0], PANIC[1]], place);
    scene.step(0, rmw(A, 1, 0), &[SWAP, MUTEX_UNLOCK, PANIC[0], PANIC[1]], place);
    assert_snapshot!(told(&scene.finding(Outcome::Exited(1))));
}

/// `notify_all` ends in a jump to the system call: its frame is gone.
#[test]
fn a_wake_without_the_frame_of_its_library_belongs_to_the_call() {
    const NOTIFY: Library = std_fn("std::sys::sync::condvar::futex::Condvar::notify_all");
    let mut scene = Scene::new();
    scene.static_lock("bank::C", A, 3);
    let place = ("bank::f", 10, 5);
    scene.step(0, rmw(A, 0, 1), &[ADD, NOTIFY], place);
    scene.step(0, Op::FutexWake { address: A, asked: 9, woken: vec![] }, &[], place);
    assert_snapshot!(told(&scene.finding(Outcome::Exited(1))));
}

/// The bounds of its stack are not known any more.
#[test]
fn a_local_of_a_thread_that_has_ended_is_found_by_its_frames() {
    let mut scene = Scene::new();
    let local = Scene::cfa(0) - 0x40;
    scene.local(0, "account", "balance.inner.futex.v.value", local, 5);
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    scene.lock(one, local, ("bank::withdraw", 10, 5));
    for thread in &mut scene.trace.threads {
        (thread.stack_low, thread.stack_high) = (0, 0);
    }
    assert_snapshot!(told(&scene.finding(Outcome::Exited(1))));
}

/// parking_lot yields a few times before it goes to sleep.
#[test]
fn a_lock_that_yields_while_it_spins_is_not_held_yet() {
    const LOCK: Library = ("parking_lot::raw_mutex::RawMutex::lock_slow", Origin::Dependency);
    const SPIN: [Library; 2] =
        [std_fn("std::thread::yield_now"), ("parking_lot_core::spinwait::SpinWait::spin", Origin::Dependency)];
    let byte = |expected: u64, old: u64, new: u64| Op::CompareExchange {
        address: A,
        size: 1,
        order: Order::Acquire,
        expected,
        old,
        new,
        done: expected == old,
    };
    let mut scene = Scene::new();
    scene.static_lock("bank::LOCK", A, 3);
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    scene.step(0, byte(0, 0, 1), &[CAS, LOCK], ("bank::f", 10, 5));
    let place = ("bank::g", 20, 5);
    scene.step(one, byte(0, 1, 1), &[CAS, LOCK], place);
    scene.step(one, Op::Yield, &[SPIN[0], SPIN[1], LOCK], place);
    scene.step(one, byte(1, 1, 3), &[CAS, LOCK], place);
    scene.step(one, futex_wait(0x62000, 1), &[LOCK], place);
    scene.waits(one, Wait::Futex(0x62000), &[LOCK], place);
    assert_snapshot!(told(&scene.finding(Outcome::Stuck)));
}

#[test]
fn the_mutex_inside_a_barrier_has_no_name_of_its_own() {
    const WAIT: Library = std_fn("std::sync::barrier::Barrier::wait");
    let mut scene = Scene::new();
    scene.source.insert(6, "    let barrier = Arc::new(Barrier::new(3));");
    scene.block(A - 16, 64, "alloc::sync::Arc<T>::new", ("bank::tests::scene", 6, 19));
    let place = ("bank::f", 10, 13);
    scene.step(0, cas(A, 0, 0, 1), &[CAS, MUTEX_LOCK, WAIT], place);
    scene.step(0, load(A + 8, 0), &[LOAD, CONDVAR_WAIT, WAIT], place);
    scene.step(0, rmw(A, 1, 0), &[SWAP, MUTEX_UNLOCK, CONDVAR_WAIT, WAIT], place);
    scene.step(0, futex_wait(A + 8, 0), &[FUTEX_WAIT, CONDVAR_WAIT, WAIT], place);
    scene.waits(0, Wait::Futex(A + 8), &[FUTEX_WAIT, CONDVAR_WAIT, WAIT], place);
    let finding = scene.finding(Outcome::Stuck);
    assert_eq!(finding.message, "thread `main` waits at `barrier`, and nobody is left to arrive");
    assert_snapshot!(told(&finding));
}
