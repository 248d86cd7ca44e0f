//! Scenes of what is in no other file: panics, crashes, executions without an end, and what things are called.

use super::scene::*;
use super::waits::two_locks;
use insta::assert_json_snapshot;
use raddle_instrument::symbols::Origin;
use raddle_protocol::RawFinding;
use raddle_protocol::choice::{Choice, ChoiceKind};
use raddle_protocol::trace::*;

const A: u64 = LOCKS;
const B: u64 = LOCKS + 0x100;

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
