//! Fences and atomic operations that are written in assembly, which no hook announces: fences order memory, without them
//! the mistake is found; and between two operations others get their turn.

mod support;

use std::collections::BTreeMap;

#[test]
fn assembly_orders_memory_where_it_locks_and_is_watched_there() {
    let (output, events) = support::explore("fixtures", "-p assembly --seed 1 --schedules 300 --time 1h");
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
