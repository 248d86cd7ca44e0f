//! Executions that go round for ever.

use super::scene::*;
use raddle_protocol::trace::*;
use raddle_protocol::{Cause, Finding, Severity};

const A: u64 = LOCKS;
const B: u64 = LOCKS + 0x40;

/// What the scene begins with, then `round` again and again, then the execution's limit in the middle of one.
fn endless(mut scene: Scene, mut round: impl FnMut(&mut Scene)) -> Finding {
    let from = scene.trace.steps.len();
    for _ in 0..20 {
        round(&mut scene);
    }
    let all = scene.trace.steps.len();
    let length = (all - from) / 20;
    scene.trace.steps.truncate(all - length / 2);
    scene.trace.round = length as u64;
    scene.finding(Outcome::NoProgress(Bound::Round(6_000)))
}

#[test]
fn a_writer_that_never_finds_the_lock_free() {
    let mut scene = Scene::new();
    scene.static_lock("bank::STATE", A, 3);
    scene.static_lock("bank::NEWS", B, 4);
    let readers = [1, 2].map(|_| scene.thread(None, Some(("bank::tests::scene", 9, 9))));
    let writer = scene.thread(Some("writer"), Some(("bank::tests::scene", 10, 9)));
    for thread in [readers[0], readers[1], writer] {
        scene.runs(thread, &[LOAD], ("bank::f", 20, 5));
    }
    let finding = endless(scene, |scene| {
        let [one, two] = readers;
        scene.step(one, rmw(A, 1, 2), &[ADD], ("bank::read", 20, 5));
        scene.step(two, rmw(A, 2, 1), &[ADD], ("bank::read", 22, 5));
        scene.step(writer, cas(A, 0, 1, 9), &[CAS], ("bank::write", 30, 5));
        scene.step(one, load(B, 0), &[LOAD], ("bank::read", 21, 5));
        scene.step(two, rmw(A, 1, 2), &[ADD], ("bank::read", 20, 5));
        scene.step(one, rmw(A, 2, 1), &[ADD], ("bank::read", 22, 5));
        scene.step(writer, cas(A, 0, 1, 9), &[CAS], ("bank::write", 30, 5));
        scene.step(two, load(B, 0), &[LOAD], ("bank::read", 21, 5));
    });
    assert_eq!(finding.code.0, "RD0206");
    assert_eq!(
        finding.message,
        "starvation: thread `writer` never gets past `STATE`, for thread 1 and thread 2 pass it again and again"
    );
    assert!(finding.steps.len() < 25, "one round is enough: {}", finding.steps.len());
}

/// One that polls for what nobody does any more is neither.
#[test]
fn a_loop_of_one_thread_makes_no_progress() {
    let mut scene = Scene::new();
    scene.static_lock("bank::LEFT", A, 3);
    let one = scene.thread(Some("one"), Some(("bank::tests::scene", 9, 9)));
    scene.runs(one, &[CAS, MUTEX_LOCK], ("bank::f", 20, 5));
    scene.join_waits(0, one, ("bank::tests::scene", 12, 5));
    let finding = endless(scene, |scene| {
        scene.lock(one, A, ("bank::f", 20, 5));
        scene.unlock(one, A, &[], ("bank::f", 22, 5));
    });
    assert_eq!(finding.code.0, "RD0503");
    assert!(finding.reason[0].contains("endless"), "{:?}", finding.reason);
}

/// The first schedule goes round, or one in step beside the search: one thread looks for what others would have to do, while
/// they stand where `stand` leaves them.
fn first_goes_round(stand: impl FnOnce(&mut Scene, ThreadId)) -> Vec<Finding> {
    let mut scene = Scene::new();
    scene.static_lock("bank::LEFT", A, 3);
    let one = scene.thread(Some("one"), Some(("bank::tests::scene", 9, 9)));
    scene.runs(one, &[CAS], ("bank::f", 20, 5));
    stand(&mut scene, one);
    for _ in 0..20 {
        scene.step(one, rmw(A, 1, 1), &[ADD], ("bank::f", 20, 5));
        scene.step(one, load(B, 0), &[LOAD], ("bank::f", 21, 5));
    }
    scene.trace.round = 2;
    scene.first_suspects(Outcome::NoProgress(Bound::Round(6_000)))
}

#[test]
fn one_thread_that_goes_round_alone_is_told_of_in_the_first_schedule_too() {
    let findings = first_goes_round(|scene, one| scene.join_waits(0, one, ("bank::tests::scene", 12, 5)));
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((finding.code.0.as_str(), finding.severity), ("RD0503", Severity::Error));
    assert!(finding.message.ends_with("thread `one` keeps running"), "{}", finding.message);
}

#[test]
fn whoever_goes_round_while_another_may_go_on_may_be_how_a_lock_spins() {
    assert_eq!(first_goes_round(|scene, _| scene.runs(0, &[LOAD], ("bank::tests::scene", 12, 5))).len(), 0);
    let sleeps = |scene: &mut Scene, _| scene.trace.threads[0].state = State::Waiting(Wait::Sleep);
    assert_eq!(first_goes_round(sleeps).len(), 0);
}

/// So many steps without an end in the first schedule or a later one, by threads that change something or only look, for most of
/// the execution or not.
fn long(is_first: bool, changes: bool, has_spun: bool) -> Severity {
    let mut scene = Scene::new();
    scene.static_lock("bank::LEFT", A, 3);
    scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    for _ in 0..2_000 {
        scene.step(0, load(A, 0), &[LOAD], ("bank::f", 20, 5));
    }
    if changes {
        scene.lock(0, A, ("bank::f", 20, 5));
    }
    scene.runs(0, &[LOAD], ("bank::f", 21, 5));
    scene.cause = has_spun.then(|| Cause { spins: Some((0, A)), ..Cause::default() });
    let outcome = Outcome::NoProgress(Bound::Steps(1_000_000));
    let finding = if is_first { scene.first(outcome) } else { scene.finding(outcome) };
    assert_eq!(finding.code.0, "RD0503");
    finding.severity
}

/// The first schedule is long, and ends while one thread looks; another, which can run, has done this last.
fn long_beside(last: impl FnOnce(&mut Scene, ThreadId)) -> Severity {
    let mut scene = Scene::new();
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    last(&mut scene, one);
    scene.runs(one, &[LOAD], ("bank::g", 30, 5));
    for _ in 0..2_000 {
        scene.step(0, load(A, 0), &[LOAD], ("bank::f", 20, 5));
    }
    scene.runs(0, &[LOAD], ("bank::f", 20, 5));
    scene.first(Outcome::NoProgress(Bound::Steps(1_000_000))).severity
}

#[test]
fn whoever_has_not_had_a_turn_may_still_change_what_others_look_at() {
    assert_eq!(long_beside(|scene, one| scene.step(one, store(A, 1), &[STORE], ("bank::g", 30, 5))), Severity::Warning);
    assert_eq!(long_beside(|_, _| {}), Severity::Warning);
    assert_eq!(long_beside(|scene, one| scene.step(one, load(A, 0), &[LOAD], ("bank::g", 30, 5))), Severity::Error);
}

#[test]
fn a_first_schedule_that_takes_long_is_only_warned_of_where_something_changes() {
    assert_eq!(long(true, true, true), Severity::Warning);
    let ended = [long(true, false, true), long(false, true, false), long(false, false, false)];
    assert_eq!(ended, [Severity::Error; 3]);
}

/// A loop over a long list that looks at each value where it has put it.
#[test]
fn who_is_left_alone_and_has_not_looked_for_long_may_come_to_an_end() {
    assert_eq!(long(true, false, false), Severity::Warning);
}

/// The first schedule is long, and ends while threads look at so many places one after the other.
fn long_walk(threads: u32, places: u64) -> Severity {
    let mut scene = Scene::new();
    for _ in 1..threads {
        scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    }
    for step in 0..2_000 {
        for thread in 0..threads {
            scene.step(thread, load(A + 8 * (step % places), 0), &[LOAD], ("bank::f", 20, 5));
        }
    }
    for thread in 0..threads {
        scene.runs(thread, &[LOAD], ("bank::f", 20, 5));
    }
    scene.first(Outcome::NoProgress(Bound::Steps(1_000_000))).severity
}

#[test]
fn whoever_looks_at_many_places_searches_and_does_not_wait() {
    assert_eq!([long_walk(2, 1), long_walk(2, 10)], [Severity::Error; 2]);
    assert_eq!([long_walk(1, 10), long_walk(2, 500)], [Severity::Warning; 2]);
}

/// A thread waits while another one, which has nothing to do with that, goes on for ever.
#[test]
fn whoever_has_waited_for_most_of_a_long_execution_is_told_of() {
    let told = |done_before: usize| {
        let mut scene = Scene::new();
        let place = ("bank::tick", 30, 5);
        let one = scene.thread(Some("clock"), Some(("bank::tests::scene", 9, 9)));
        for _ in 0..done_before {
            scene.step(one, Op::Sleep { ns: 1_000_000 }, &[], place);
        }
        scene.condvar_wait(0, B, A, ("bank::tests::scene", 12, 5));
        for _ in 0..100 {
            scene.step(one, Op::Sleep { ns: 1_000_000 }, &[], place);
        }
        scene.runs(one, &[], place);
        let finding = scene.finding(Outcome::NoProgress(Bound::Steps(1_000_000)));
        finding.reason.into_iter().find(|reason| reason.contains("the wake-up is lost"))
    };
    assert_eq!(
        told(3).as_deref(),
        Some(
            "Thread `main` waits on the condition variable at src/lib.rs:12, for the last 101 of 107 operations. Nothing that was done meanwhile has ended that wait: if it was to be ended long ago, the wake-up is lost (RD0204), and threads that go on for ever hide it."
        )
    );
    assert_eq!(told(300), None);
}
