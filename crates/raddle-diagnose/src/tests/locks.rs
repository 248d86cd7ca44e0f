//! What is told of locks in executions that pass: the order in which they are taken, and how long they are held.

use super::scene::*;
use insta::assert_json_snapshot;
use raddle_instrument::symbols::Origin;
use raddle_protocol::trace::*;
use raddle_protocol::{Cause, Finding};

const A: u64 = LOCKS;
const B: u64 = LOCKS + 0x100;
const GATE: u64 = LOCKS + 0x200;
const READ: Library = std_fn("std::sys::sync::rwlock::futex::RwLock::read");
const READ_UNLOCK: Library = std_fn("std::sys::sync::rwlock::futex::RwLock::read_unlock");
const TRY_LOCK: Library = std_fn("std::sys::sync::mutex::futex::Mutex::try_lock");

/// Two threads beside the first one, and locks with names.
fn scene() -> (Scene, ThreadId, ThreadId) {
    let mut scene = Scene::new();
    for (name, address, line) in [("bank::STOCK", A, 3), ("bank::SALES", B, 4), ("bank::GATE", GATE, 5)] {
        scene.static_lock(name, address, line);
    }
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    let two = scene.thread(None, Some(("bank::tests::scene", 14, 9)));
    (scene, one, two)
}

/// A thread takes locks in this order, and gives them back in the other.
fn takes(scene: &mut Scene, thread: ThreadId, locks: &[u64]) {
    let line = 20 + 10 * thread;
    for (place, lock) in locks.iter().enumerate() {
        scene.lock(thread, *lock, ("bank::work", line + place as u32, 5));
    }
    for lock in locks.iter().rev() {
        scene.unlock(thread, *lock, &[], ("bank::work", line + 8, 1));
    }
}

fn passed(scene: Scene) -> Finding {
    scene.finding(Outcome::Passed)
}

fn is_inverted(scene: Scene) -> bool {
    passed(scene).code.0 == "RD0202"
}

#[test]
fn opposite_orders() {
    let (mut scene, one, two) = scene();
    takes(&mut scene, one, &[A, B]);
    takes(&mut scene, two, &[B, A]);
    assert_json_snapshot!(passed(scene));
}

#[test]
fn one_order_or_one_thread_is_none() {
    let (mut same, one, two) = scene();
    takes(&mut same, one, &[A, B]);
    takes(&mut same, two, &[A, B]);
    assert!(!is_inverted(same));
    let (mut alone, one, _) = scene();
    takes(&mut alone, one, &[A, B]);
    takes(&mut alone, one, &[B, A]);
    assert!(!is_inverted(alone));
}

#[test]
fn a_gate_lock_keeps_them_apart() {
    let (mut scene, one, two) = scene();
    takes(&mut scene, one, &[GATE, A, B]);
    takes(&mut scene, two, &[GATE, B, A]);
    assert!(!is_inverted(scene));
}

#[test]
fn a_lock_that_only_one_holds_besides_does_not() {
    let (mut scene, one, two) = scene();
    takes(&mut scene, one, &[GATE, A, B]);
    takes(&mut scene, two, &[B, A]);
    assert!(is_inverted(scene));
}

#[test]
fn a_cycle_of_three_threads() {
    let (mut scene, one, two) = scene();
    takes(&mut scene, 0, &[A, B]);
    takes(&mut scene, one, &[B, GATE]);
    takes(&mut scene, two, &[GATE, A]);
    let finding = passed(scene);
    assert_eq!(finding.code.0, "RD0202");
    assert_eq!(finding.message.matches("and then").count(), 3, "{}", finding.message);
}

#[test]
fn what_comes_after_the_others_end_cannot_meet_it() {
    let (mut scene, one, _) = scene();
    takes(&mut scene, one, &[A, B]);
    scene.step(one, Op::End, &[], ("bank::work", 40, 1));
    scene.step(0, Op::Joined { child: one }, &[], ("bank::tests::scene", 50, 5));
    takes(&mut scene, 0, &[B, A]);
    assert!(!is_inverted(scene));
}

/// Through a flag, a queue under a third lock, a condition: whatever may tell a thread that the other one is done.
#[test]
fn what_comes_after_a_message_cannot_meet_it() {
    const FLAG: u64 = LOCKS + 0x300;
    let (mut flag, one, two) = scene();
    takes(&mut flag, one, &[A, B]);
    flag.step(one, store(FLAG, 1), &[STORE], ("bank::work", 40, 5));
    flag.step(two, load(FLAG, 1), &[LOAD], ("bank::work", 41, 5));
    takes(&mut flag, two, &[B, A]);
    assert!(!is_inverted(flag));
    let (mut queue, one, two) = scene();
    takes(&mut queue, one, &[A, B]);
    takes(&mut queue, one, &[GATE]);
    takes(&mut queue, two, &[GATE]);
    takes(&mut queue, two, &[B, A]);
    assert!(!is_inverted(queue));
    // The other way round the queue tells nothing.
    let (mut after, one, two) = scene();
    takes(&mut after, one, &[GATE]);
    takes(&mut after, one, &[A, B]);
    takes(&mut after, two, &[GATE]);
    takes(&mut after, two, &[B, A]);
    assert!(is_inverted(after));
}

#[test]
fn locks_that_are_tried_and_locks_that_are_read_do_not_wait() {
    let (mut tried, one, two) = scene();
    takes(&mut tried, one, &[A, B]);
    tried.lock(two, B, ("bank::work", 40, 5));
    tried.step(two, cas(A, 0, 0, 1), &[CAS, TRY_LOCK], ("bank::work", 41, 5));
    for lock in [A, B] {
        tried.unlock(two, lock, &[], ("bank::work", 42, 5));
    }
    assert!(!is_inverted(tried));
    let (mut read, one, two) = scene();
    for (thread, locks) in [(one, [A, B]), (two, [B, A])] {
        for (line, lock) in (40..).zip(locks) {
            read.step(thread, load(lock, 0), &[LOAD, READ], ("bank::work", line, 5));
            read.step(thread, cas(lock, 0, 0, 1), &[CAS, READ], ("bank::work", line, 5));
        }
        for lock in locks {
            read.step(thread, rmw(lock, 1, 0), &[ADD, READ_UNLOCK], ("bank::work", 45, 5));
        }
    }
    assert!(!is_inverted(read));
}

#[test]
fn locks_inside_a_dependency_are_its_own() {
    const POOL: Library = ("pool::Pool::get", Origin::Dependency);
    let (mut scene, one, two) = scene();
    for (thread, locks) in [(one, [A, B]), (two, [B, A])] {
        for lock in locks {
            scene.step(thread, cas(lock, 0, 0, 1), &[CAS, MUTEX_LOCK, POOL], ("bank::work", 40, 5));
        }
        for lock in locks {
            scene.step(thread, rmw(lock, 1, 0), &[SWAP, MUTEX_UNLOCK, POOL], ("bank::work", 41, 5));
        }
    }
    assert!(!is_inverted(scene));
}

/// A lock that is never given back, as far as the record shows, is given back in some way that is not known.
#[test]
fn a_lock_that_seems_to_be_kept_is_not_trusted() {
    let (mut scene, one, two) = scene();
    for lock in [A, B] {
        scene.lock(one, lock, ("bank::work", 40, 5));
    }
    takes(&mut scene, two, &[B, A]);
    assert!(!is_inverted(scene));
}

/// One thread looks behind lock `A` in one section and changes in the next; another one changes it in one section. Line 20
/// is where the first begins, line 22 where the second does.
fn two_sections(source: &[(u32, &'static str)], looks_again: Option<u32>) -> Scene {
    let (mut scene, one, two) = scene();
    scene.source.extend(source.iter().copied());
    let access = |access| Op::Access { address: A + 8, size: 8, access };
    let mut section = |thread, line, accesses: &[(u32, Access)]| {
        scene.lock(thread, A, ("bank::book", line, 20));
        for (line, what) in accesses {
            scene.step(thread, access(*what), &[], ("bank::book", *line, 20));
        }
        scene.unlock(thread, A, &[], ("bank::book", line, 50));
    };
    section(one, 20, &[(20, Access::Read)]);
    let mut acts = vec![(22, Access::Read), (22, Access::Write)];
    if let Some(line) = looks_again {
        acts.insert(0, (line, Access::Read));
        acts[2].0 = line + 1;
    }
    section(one, 22, &acts);
    section(two, 20, &[(20, Access::Read)]);
    section(two, 22, &acts);
    scene.cause = Some(Cause { behind: Some((A + 1, 79)), ..Cause::default() });
    scene
}

const COUNTS: (u32, &str) = (20, "    let taken = self.guests.lock().unwrap().len();");
const ASKS: (u32, &str) = (21, "    if taken == SEATS { return false; }");
const BOOKS: (u32, &str) = (22, "    self.guests.lock().unwrap().push(name);");

#[test]
fn a_lock_given_back_between_look_and_act() {
    assert_json_snapshot!(passed(two_sections(&[COUNTS, ASKS, BOOKS], None)));
}

#[test]
fn a_look_that_nothing_goes_by_is_none() {
    let prints = (21, "    println!(\"{taken}\");");
    assert_ne!(passed(two_sections(&[COUNTS, prints, BOOKS], None)).code.0, "RD0106");
}

#[test]
fn who_looks_again_is_right() {
    let again = [
        COUNTS,
        ASKS,
        (22, "    let mut guests = self.guests.lock().unwrap();"),
        (23, "    if guests.len() < SEATS {"),
    ];
    assert_ne!(passed(two_sections(&again, Some(23))).code.0, "RD0106");
}
