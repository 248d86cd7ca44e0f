//! What has nothing to do with a strategy's idea, in particular which stores loads see.

use super::super::toy::{fits, op};
use super::*;
use crate::access::AccessKind::{Read, Update, Write};
use crate::log::Event;

const EXECUTIONS: u64 = 15_000;

/// How often the last of these steps, a load that may see two stores, sees the older one.
fn older(steps: &[(ThreadId, crate::Access)]) -> f64 {
    let logged = |(thread, access): &(ThreadId, crate::Access)| Logged {
        thread: *thread,
        event: Event::Performed,
        access: *access,
    };
    let steps: Vec<Logged> = steps.iter().map(logged).collect();
    let question = Question { steps: &steps, ..Question::plain(ChoiceKind::ReadsFrom, 2) };
    let mut common = Common::new(1, "test");
    let seen = (1..=EXECUTIONS).filter(|execution| {
        common.begin(*execution);
        common.settled(&question) == Some(1)
    });
    seen.count() as f64 / EXECUTIONS as f64
}

#[test]
fn an_older_store_is_rare_in_half_of_the_executions_where_coming_earlier_does_as_well() {
    let found = older(&[(0, op(Write, 9)), (0, op(Write, 8)), (1, op(Write, 7)), (1, op(Read, 9))]);
    assert!(fits(found, 0.5 / UNUSUAL as f64 + 0.25, EXECUTIONS), "{found}");
}

#[test]
fn an_older_store_is_as_likely_as_the_newest_where_no_order_shows_it() {
    // Thread 1 has seen what came after the newer store.
    let found = older(&[(0, op(Write, 9)), (0, op(Update, 8)), (1, op(Update, 8)), (1, op(Read, 9))]);
    assert!(fits(found, 0.5, EXECUTIONS), "{found}");
    // The newer store was too long ago to be found.
    let mut steps = vec![(1, op(Read, 7)); LATELY];
    steps[0] = (0, op(Write, 9));
    steps.push((1, op(Read, 9)));
    assert!(fits(older(&steps), 0.5, EXECUTIONS));
}
