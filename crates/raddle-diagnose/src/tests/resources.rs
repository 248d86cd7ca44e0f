//! Findings about files.

use super::scene::*;
use raddle_instrument::symbols::Origin;
use raddle_protocol::trace::*;
use raddle_protocol::{Cause, Finding, Severity};

const STAT: Library = std_fn("std::fs::metadata");
const WRITE: Library = std_fn("std::fs::write");
const NOT_THERE: i32 = 2;

fn call(scene: &mut Scene, thread: ThreadId, path: &str, call: PathCall, errno: i32, line: u32) {
    call_by(scene, thread, path, call, errno, line, std_fn(if call == PathCall::Looks { STAT.0 } else { WRITE.0 }));
}

fn call_by(scene: &mut Scene, thread: ThreadId, path: &str, call: PathCall, errno: i32, line: u32, by: Library) {
    let op = Op::Path { path: path.to_owned(), call, errno };
    scene.step(thread, op, &[by], ("bank::claim", line, 9));
}

/// The main thread is told that there is no report; the other makes `path`; the main thread makes or takes over the report.
fn claims(path: &str, use_by_main: PathCall, by: Library) -> Scene {
    let mut scene = Scene::new();
    let other = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    call(&mut scene, 0, "out/report", PathCall::Looks, NOT_THERE, 20);
    call(&mut scene, other, path, PathCall::Looks, NOT_THERE, 20);
    call(&mut scene, other, path, PathCall::Makes, 0, 21);
    call_by(&mut scene, 0, "out/report", use_by_main, 0, 21, by);
    scene.step(other, Op::End, &[], ("bank::claim", 22, 1));
    scene
}

fn lines(finding: &Finding) -> Vec<u32> {
    finding.spans.iter().map(|span| span.line).collect()
}

#[test]
fn a_file_that_was_not_there_when_it_was_asked_about() {
    let found = claims("out/report", PathCall::Replaces, WRITE).finding(Outcome::Passed);
    assert_eq!((found.code.0.as_str(), found.severity), ("RD0104", Severity::Warning));
    assert_eq!(lines(&found), [20, 21, 21]);
    assert!(found.message.contains("takes over `report`, which was not there when it asked"), "{}", found.message);
    assert!(found.notes.iter().any(|note| note.contains("`out/report`")), "{:?}", found.notes);
}

#[test]
fn a_path_that_nobody_else_has_changed_is_left_alone() {
    let code = |scene: Scene| scene.finding(Outcome::Passed).code.0;
    assert_ne!(code(claims("out/other", PathCall::Replaces, WRITE)), "RD0104");
    // It was refused, or there was nothing any more: the system has decided in one step.
    assert_ne!(code(claims("out/report", PathCall::Makes, WRITE)), "RD0104");
    // What a library does with its own files.
    let library = ("sqlite::open", Origin::Dependency);
    assert_ne!(code(claims("out/report", PathCall::Replaces, library)), "RD0104");
}

/// Both threads are told that the file is there, and both remove it: the second finds none and panics.
fn removals(pairs: &[(u64, u64)]) -> Finding {
    let mut scene = Scene::new();
    scene.passed = 3;
    let other = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    call(&mut scene, 0, "out/report", PathCall::Looks, 0, 20);
    call(&mut scene, other, "out/report", PathCall::Looks, 0, 20);
    call(&mut scene, other, "out/report", PathCall::Removes, 0, 21);
    call(&mut scene, 0, "out/report", PathCall::Removes, NOT_THERE, 21);
    scene.step(other, Op::End, &[], ("bank::claim", 22, 1));
    scene.cause = Some(Cause { tried: 9, pairs: pairs.to_vec(), stale: Vec::new(), ..Cause::default() });
    scene.trace.output = b"thread 'tests::scene' (12) panicked at src/lib.rs:21:5:\nNotFound\n".to_vec();
    scene.finding(Outcome::Exited(101))
}

#[test]
fn a_failure_that_comes_of_an_answer_out_of_date() {
    let found = removals(&[(1, 3)]);
    assert_eq!((found.code.0.as_str(), found.pattern.map(|code| code.0).as_deref()), ("RD0501", Some("RD0104")));
    let said = found.reason.iter().find(|sentence| sentence.contains("RD0104")).unwrap();
    assert!(said.contains("asks about `report`: it is there"), "{said}");
    assert!(said.contains("wants to take `report` away: there is none"), "{said}");
    // Where something else decides, it is not called so.
    assert_eq!(removals(&[(0, 2)]).pattern, None);
}
