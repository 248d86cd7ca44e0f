//! What the C library's functions read and write for their caller is seen: found where it races, and nothing beyond it.

mod support;

use std::collections::BTreeMap;

#[test]
fn the_c_library_reads_and_writes_what_it_is_said_to_and_no_more() {
    let (output, events) = support::explore("fixtures", "-p c-library --seed 1 --schedules 300 --time 1h");
    let found: BTreeMap<&str, String> = events
        .iter()
        .filter(|event| event["type"] == "test-finished")
        .map(|event| (event["test"].as_str().unwrap(), event["findings"].to_string()))
        .collect();
    let (right, wrong) = ("[]".to_owned(), "[\"RD0101\"]".to_owned());
    let expected = BTreeMap::from([
        ("c-library::apart a_string_grows_under_a_lock", right.clone()),
        ("c-library::apart a_string_is_read_as_far_as_it_takes", right.clone()),
        ("c-library::apart a_string_is_read_up_to_its_end", right.clone()),
        ("c-library::apart strings_are_put_side_by_side", right.clone()),
        ("c-library::apart two_halves_are_sorted", right),
        ("c-library::together appended_to", wrong.clone()),
        ("c-library::together compared", wrong.clone()),
        ("c-library::together copied_from", wrong.clone()),
        ("c-library::together copied_to", wrong.clone()),
        ("c-library::together filled_up", wrong.clone()),
        ("c-library::together sorted", wrong),
    ]);
    assert_eq!(found, expected, "{}", String::from_utf8_lossy(&output.stderr));
}
