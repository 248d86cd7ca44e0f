//! Sequential consistency, told in the plainest way: statements of all threads one after the other, on one memory.

use crate::notation::{Outcome, Program, Statement, Value};
use std::collections::BTreeSet;

/// Every outcome of the program.
pub fn interleavings(program: &Program) -> BTreeSet<Outcome> {
    let mut outcomes = BTreeSet::new();
    go_on(program, &mut vec![0; program.threads.len()], Outcome::default(), &mut outcomes);
    outcomes
}

fn go_on(program: &Program, next: &mut [usize], so_far: Outcome, outcomes: &mut BTreeSet<Outcome>) {
    let mut is_over = true;
    for thread in 0..next.len() {
        let Some(statement) = program.threads[thread].get(next[thread]) else { continue };
        is_over = false;
        next[thread] += 1;
        for fails in [false, true] {
            if let Some(outcome) = after(so_far, statement, fails) {
                go_on(program, next, outcome, outcomes);
            }
        }
        next[thread] -= 1;
    }
    if is_over {
        outcomes.insert(so_far);
    }
}

/// What comes of a statement; with `fails`, of a weak compare-exchange that fails for no reason.
fn after(mut outcome: Outcome, statement: &Statement, fails: bool) -> Option<Outcome> {
    let Outcome { registers, locations } = &mut outcome;
    if fails && !matches!(statement, Statement::CompareExchange { weak: true, .. }) {
        return None;
    }
    let value = |value: Value, registers: &[u8]| match value {
        Value::Constant(constant) => constant,
        Value::Register(register) => registers[register],
    };
    match *statement {
        Statement::Load { register, location, .. } => registers[register] = locations[location],
        Statement::Store { location, value: new, .. } => locations[location] = value(new, registers),
        Statement::Add { register, location, value, .. } => {
            registers[register] = locations[location];
            locations[location] += value;
        }
        Statement::Exchange { register, location, value: new, .. } => {
            let new = value(new, registers);
            registers[register] = std::mem::replace(&mut locations[location], new);
        }
        Statement::CompareExchange { register, done, location, values, .. } => {
            let old = locations[location];
            registers[register] = old;
            registers[done] = u8::from(old == values.0 && !fails);
            if registers[done] == 1 {
                locations[location] = values.1;
            }
        }
        Statement::Fence { .. } | Statement::End | Statement::Join { .. } => {}
    }
    Some(outcome)
}
