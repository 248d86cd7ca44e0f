//! What the C library and the kernel read and write for their caller is seen, and what they do with the environment: found
//! where it races, and nothing beyond it.

mod support;

#[test]
fn what_is_read_and_written_for_the_caller_is_seen_and_no_more() {
    let (output, events) = support::explore("fixtures", "-p c-library --seed 1 --schedules 300 --time 1h");
    let finished = events.iter().filter(|event| event["type"] == "test-finished");
    let found = finished.map(|event| (event["test"].as_str().unwrap(), event["findings"].to_string()));
    let (wrong, right): (Vec<_>, Vec<_>) = found.partition(|(test, _)| test.contains("together "));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(wrong.iter().all(|(_, findings)| findings == "[\"RD0101\"]"), "{wrong:?}\n{text}");
    assert!(right.iter().all(|(_, findings)| findings == "[]"), "{right:?}\n{text}");
    assert_eq!((wrong.len(), right.len()), (100, 20), "{text}");
}
