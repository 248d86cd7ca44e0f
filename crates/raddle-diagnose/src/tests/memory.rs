//! Findings about values of several words, and about memory that is left.

use super::scene::*;
use raddle_instrument::symbols::Origin;
use raddle_protocol::trace::*;
use raddle_protocol::{Cause, Finding, Leaks, Severity};

const X: u64 = 0x4000;
const Y: u64 = 0x4008;
const FAR: u64 = 0x5000;

/// The main thread reads `X`, then `second`; the other thread writes both in between. The pairs are those that decide.
fn reads_two(second: u64, reader: [&'static str; 2], pairs: &[(u64, u64)]) -> Finding {
    let mut scene = Scene::new();
    scene.passed = 3;
    let other = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    scene.step(0, load(X, 0), &[LOAD], (reader[0], 20, 9));
    scene.step(other, store(X, 7), &[STORE], ("bank::set", 30, 9));
    scene.step(other, store(second, 7), &[STORE], ("bank::set", 31, 9));
    scene.step(0, load(second, 7), &[LOAD], (reader[1], 21, 9));
    scene.step(other, Op::End, &[], ("bank::set", 32, 1));
    scene.trace.output = b"thread 'tests::scene' (12) panicked at src/lib.rs:12:5:\nmixed\n".to_vec();
    scene.cause = Some(Cause { tried: 9, pairs: pairs.to_vec(), stale: Vec::new(), ..Cause::default() });
    scene.finding(Outcome::Exited(101))
}

fn pattern(finding: &Finding) -> Option<&str> {
    finding.pattern.as_ref().map(|code| code.0.as_str())
}

#[test]
fn part_of_the_old_value_and_part_of_the_new_one() {
    let found = reads_two(Y, ["bank::get"; 2], &[(1, 2), (3, 4)]);
    assert_eq!((found.code.0.as_str(), pattern(&found)), ("RD0501", Some("RD0107")));
    let lines: Vec<u32> = found.spans.iter().map(|span| span.line).collect();
    assert_eq!(lines, [12, 20, 30, 21]);
    let said = found.reason.iter().find(|sentence| sentence.contains("RD0107")).unwrap();
    assert!(said.contains("bank/src/lib.rs:31") || said.contains("src/lib.rs:31"), "{said}");
}

#[test]
fn what_is_not_shown_to_be_mixed_is_not_called_torn() {
    // Only one of the two orders decides.
    assert_eq!(pattern(&reads_two(Y, ["bank::get"; 2], &[(1, 2)])), None);
    assert_eq!(pattern(&reads_two(Y, ["bank::get"; 2], &[(3, 4)])), None);
    // Words that have nothing to do with each other, as far as can be told.
    assert_eq!(pattern(&reads_two(FAR, ["bank::get"; 2], &[(1, 2), (3, 4)])), None);
    assert_eq!(pattern(&reads_two(Y, ["bank::get", "bank::other"], &[(1, 2), (3, 4)])), None);
}

/// Three blocks from two places are left at the end.
fn left(leaks: Option<Leaks>) -> Finding {
    let mut scene = Scene::new();
    scene.leaks = leaks;
    let sizes = [(X, 16), (Y + 0x100, 200), (FAR, 32)];
    for (at, (address, size)) in sizes.into_iter().enumerate() {
        scene.block(address, size, "alloc::alloc::alloc", ("bank::open", if at == 1 { 40 } else { 41 }, 9));
    }
    for (address, size) in sizes {
        scene.step(0, Op::LeftAllocated { address, size }, &[], ("bank::tests::scene", 50, 1));
    }
    scene.finding(Outcome::Passed)
}

#[test]
fn memory_that_nothing_leads_to() {
    let found = left(Some(Leaks { executions: 37, of: 1000, least: (0, 0), most: (248, 3) }));
    assert_eq!((found.code.0.as_str(), found.severity), ("RD0404", Severity::Warning));
    assert_eq!(found.message, "handle leak: 3 blocks (248 bytes) of memory are left when the test has ended");
    let spans: Vec<(u32, &str)> = found.spans.iter().map(|span| (span.line, span.label.as_str())).collect();
    assert_eq!(
        spans,
        [(40, "1 block (200 bytes) was allocated here"), (41, "2 blocks (48 bytes) were allocated here")]
    );
    assert!(
        found.reason[1].starts_with("Something is left behind in 37 of the 1,000 executions"),
        "{:?}",
        found.reason
    );
}

#[test]
fn how_often_memory_is_left() {
    let said = |least, most| left(Some(Leaks { executions: 9, of: 9, least, most })).reason.remove(1);
    assert_eq!(said((248, 3), (248, 3)), "As much is left behind in every one of the 9 executions that passed.");
    assert!(said((16, 1), (248, 3)).ends_with("16 bytes at the least, 248 bytes at the most."));
    // A replay has not counted.
    assert_eq!(left(None).reason.len(), 1);
}

/// What a race of a write with a later access is said to come to, where both have this size, in bytes, and the later begins
/// so many bytes behind the earlier.
fn race(size: u64, behind: u64, later: Access) -> Option<String> {
    let mut scene = Scene::new();
    let one = scene.thread(Some("reader"), Some(("bank::tests::scene", 9, 9)));
    let access = |address, access| Op::Access { address, size, access };
    scene.step(0, access(X, Access::Write), &[], ("bank::publish", 10, 5));
    scene.step(one, access(X + behind, later), &[], ("bank::take", 21, 5));
    scene.runs(one, &[], ("bank::take", 21, 5));
    let found = scene.finding(Outcome::Conflict(Conflict {
        kind: ConflictKind::Race,
        address: X + behind,
        size: size - behind,
        thread: one,
        access: later,
        earlier: Some((0, Access::Write)),
    }));
    assert_eq!(found.code.0, "RD0101");
    found.reason.into_iter().find(|sentence| sentence.contains("RD0107"))
}

#[test]
fn a_race_on_more_than_a_word_may_tear_what_is_read() {
    let said = race(24, 8, Access::Read).expect("a torn read");
    assert!(said.contains("Both go over 16 bytes"), "{said}");
    // One word in common, two writes.
    assert_eq!(race(24, 16, Access::Read), None);
    assert_eq!(race(8, 0, Access::Read), None);
    assert_eq!(race(24, 0, Access::Write), None);
}

/// The process is aborted after it has printed this.
fn aborted(output: &str) -> Finding {
    let mut scene = Scene::new();
    scene.step(0, load(LOCKS, 0), &[LOAD], ("bank::tests::scene", 10, 5));
    scene.runs(0, &[std_fn("std::process::abort")], ("bank::tests::scene", 11, 5));
    scene.trace.output = output.as_bytes().to_vec();
    scene.finding(Outcome::Crashed { thread: 0, signal: 6, address: 0, cause: Crash::Abort })
}

/// The heap has a bound under Raddle that it has nowhere else.
#[test]
fn whoever_runs_out_of_memory_is_told_of_the_bound() {
    let names_bound = |output| aborted(output).fix.iter().any(|sentence| sentence.contains("`--heap"));
    assert!(names_bound("memory allocation of 8589934592 bytes failed\n"));
    assert!(!names_bound("so far so good\n"));
}

/// What the standard library complains of before it aborts stands in the place of where.
#[test]
fn an_abort_without_a_panic_says_what_was_complained_of() {
    let told = |output: &str| aborted(output).message;
    let complaint = "fatal runtime error: IO Safety violation: owned file descriptor already closed, aborting\n";
    let message = "crash: thread `main` aborts the process: IO Safety violation: owned file descriptor already closed";
    assert_eq!(told(complaint), message);
    assert_eq!(told("so far so good\n"), "crash: thread `main` aborts the process at src/lib.rs:11");
}

/// Whose thread-local variable is gone when another one's destructor wants it is not told of panics within panics.
#[test]
fn an_abort_at_the_end_of_a_thread_says_what_destructors_must_not_do() {
    let panics = "thread 'tests::scene' panicked at src/lib.rs:12:5:\ncannot access a Thread Local Storage value\n";
    let found = aborted(&format!("{panics}fatal runtime error: thread local panicked on drop, aborting\n"));
    assert!(found.reason[0].contains("by the destructor of a thread-local variable"), "{:?}", found.reason);
    assert!(found.fix[0].contains("LocalKey::try_with") && found.fix.len() == 1, "{:?}", found.fix);
    let found = aborted(panics);
    assert!(found.reason[0].contains("a second one came"), "{:?}", found.reason);
}

/// A panic that has been caught is not the one by which the process ends.
#[test]
fn an_abort_is_told_of_by_the_panic_that_is_not_unwound() {
    let panic = |line: u32, said: &str| format!("thread 'tests::scene' panicked at src/lib.rs:{line}:5:\n{said}\n");
    let last = "thread caused non-unwinding panic. aborting.\n";
    let checked = aborted(&(panic(12, "caught") + &panic(14, "unsafe precondition(s) violated: a check") + last));
    assert_eq!(checked.message, "crash: thread `main` aborts the process: unsafe precondition(s) violated: a check");
    assert_eq!(checked.fix.len(), 1, "{:?}", checked.fix);
    let twice =
        aborted(&(panic(12, "one") + &panic(14, "two") + &panic(16, "panic in a destructor during cleanup") + last));
    assert_eq!(twice.message, "crash: thread `main` aborts the process: one");
}

/// What is said to be missing at a load, by which a thread meets what another has stored between the two accesses of a race.
fn missing_order(stores: &[Library], loads: &[Library]) -> Option<String> {
    let mut scene = Scene::new();
    let one = scene.thread(Some("reader"), Some(("bank::tests::scene", 9, 9)));
    let access = |access| Op::Access { address: X, size: 8, access };
    scene.step(0, access(Access::Write), &[], ("bank::publish", 10, 5));
    scene.step(0, store(Y, 7), stores, ("bank::publish", 11, 5));
    scene.step(one, Op::Load { address: Y, size: 4, order: Order::Relaxed, value: 7 }, loads, ("bank::take", 20, 5));
    scene.step(one, access(Access::Read), &[], ("bank::take", 21, 5));
    scene.runs(one, &[], ("bank::take", 21, 5));
    let found = scene.finding(Outcome::Conflict(Conflict {
        kind: ConflictKind::Race,
        address: X,
        size: 8,
        thread: one,
        access: Access::Read,
        earlier: Some((0, Access::Write)),
    }));
    found.reason.into_iter().find(|sentence| sentence.contains("would order"))
}

#[test]
fn the_standard_librarys_own_orders_are_no_flaw() {
    assert!(missing_order(&[STORE], &[LOAD]).is_some());
    let of_a_crate = [LOAD, ("parking::WordLock::lock", Origin::Dependency)];
    assert!(missing_order(&[STORE], &of_a_crate).is_some());
    let count = [STORE, std_fn("<alloc::sync::Arc<T> as core::ops::drop::Drop>::drop")];
    assert_eq!(missing_order(&count, &[LOAD]), None);
    assert_eq!(missing_order(&[STORE], &[LOAD, std_fn("std::thread::Packet<T>::is_finished")]), None);
}
