//! Instructions that no hook announces. Fences and atomic operations written in assembly: fences order memory, without them
//! the mistake is found; and between two operations others get their turn. And what asks the processor for the time or for
//! random numbers, which are the same each time.

mod support;

use serde_json::Value;
use std::collections::BTreeMap;

const ORDER: &str = "-p assembly --test fences --test no_fence --test steps";

#[test]
fn assembly_orders_memory_where_it_locks_and_is_watched_there() {
    let (output, events) = support::explore("fixtures", &format!("{ORDER} --seed 1 --schedules 300 --time 1h"));
    let outcomes: BTreeMap<&str, &str> = events
        .iter()
        .filter(|event| event["type"] == "test-finished")
        .map(|event| (event["test"].as_str().unwrap(), event["outcome"].as_str().unwrap()))
        .collect();
    let expected = BTreeMap::from([
        ("assembly::fences exchange_of_a_local", "exhausted"),
        ("assembly::fences locked_additions_order_what_they_count", "exhausted"),
        ("assembly::fences locked_not_of_a_local", "exhausted"),
        ("assembly::fences locked_or_of_the_stack", "exhausted"),
        ("assembly::fences mfence", "exhausted"),
        ("assembly::no_fence no_lock_prefix", "failed"),
        ("assembly::no_fence nothing", "failed"),
        ("assembly::no_fence store_fence", "failed"),
        ("assembly::steps addition_in_two_instructions", "failed"),
        ("assembly::steps locked_addition_beside_a_plain_one", "failed"),
    ]);
    assert_eq!(outcomes, expected, "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_is_asked_of_the_processor_is_answered_alike() {
    let (output, events) =
        support::explore("fixtures", "-p assembly --test asked --seed 1 --schedules 100 --time 1h --verify");
    let finished: Vec<&Value> = events.iter().filter(|event| event["type"] == "test-finished").collect();
    assert_eq!(finished.len(), 4);
    for event in finished {
        let outcome = event["outcome"].as_str().unwrap();
        assert!(
            ["passed", "exhausted", "single-threaded"].contains(&outcome),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
