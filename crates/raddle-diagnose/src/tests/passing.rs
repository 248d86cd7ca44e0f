//! What is told of executions that pass besides: loops that keep the processor, and output that differs.

use super::scene::*;
use insta::assert_json_snapshot;
use raddle_instrument::symbols::Origin;
use raddle_protocol::message::Printed;
use raddle_protocol::trace::*;
use raddle_protocol::{Cause, Finding};

const FLAG: u64 = LOCKS;

/// A thread looks at a flag so many times, in this way, before the other one raises it.
fn looks(times: usize, library: &[Library], between: Option<Op>) -> Finding {
    let mut scene = Scene::new();
    scene.static_lock("bank::READY", FLAG, 3);
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    for _ in 0..times {
        scene.step(0, load(FLAG, 0), library, ("bank::tests::scene", 12, 15));
        if let Some(op) = &between {
            scene.step(0, op.clone(), &[], ("bank::tests::scene", 13, 9));
        }
    }
    scene.step(one, store(FLAG, 1), &[STORE], ("bank::tests::scene::{{closure}}", 10, 5));
    scene.step(0, load(FLAG, 1), library, ("bank::tests::scene", 12, 15));
    scene.cause = Some(Cause { spins: Some((0, FLAG)), ..Cause::default() });
    scene.first(Outcome::Passed)
}

#[test]
fn a_loop_that_keeps_the_processor() {
    assert_json_snapshot!(looks(150, &[LOAD], None));
}

#[test]
fn a_loop_that_lets_others_run_or_gives_up_soon_is_none() {
    const LOCK: Library = ("spin::mutex::spin::SpinMutex<T>::lock", Origin::Dependency);
    assert_eq!(looks(150, &[LOAD], None).code.0, "RD0207");
    assert_ne!(looks(50, &[LOAD], None).code.0, "RD0207");
    assert_ne!(looks(150, &[LOAD], Some(Op::Yield)).code.0, "RD0207");
    assert_ne!(looks(150, &[LOAD, LOCK], None).code.0, "RD0207");
}

#[test]
fn output_that_differs() {
    let mut scene = Scene::new();
    scene.static_lock("bank::LOUD", FLAG, 3);
    let one = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    let two = scene.thread(None, Some(("bank::tests::scene", 9, 9)));
    for thread in [two, one] {
        scene.lock(thread, FLAG, ("bank::tests::scene::{{closure}}", 10, 5));
        scene.unlock(thread, FLAG, &[], ("bank::tests::scene::{{closure}}", 10, 40));
    }
    let printed = Printed {
        here: "took 1ms\nWORLD HELLO\n".to_owned(),
        there: "took 2ms\nHELLO WORLD\n".to_owned(),
        execution: 0,
        choices: Vec::new(),
    };
    scene.cause = Some(Cause { tried: 3, pairs: vec![(2, 4)], printed: Some(printed), ..Cause::default() });
    assert_json_snapshot!(scene.finding(Outcome::Passed));
}
