//! Races, and memory that is used after it was freed.

use super::scene::*;
use insta::assert_json_snapshot;
use raddle_instrument::symbols::Origin;
use raddle_protocol::trace::*;

const A: u64 = LOCKS;
const B: u64 = LOCKS + 0x100;

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
