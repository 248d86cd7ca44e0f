//! What `examples/EXPECTED.toml` says of each example is what the command finds.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// Codes that are right for each test: `none`, or one or more.
fn expected(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    for entry in text.split("[[test]]").skip(1) {
        let value = |key: &str| {
            let line = entry.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
            line.map(|value| value.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        };
        let one = |key: &str| value(key).unwrap().remove(0);
        let mut codes = value("expected").unwrap();
        codes.extend(value("or").unwrap_or_default());
        all.insert(format!("{} {}", one("binary"), one("test")), codes);
    }
    all
}

#[test]
fn each_wrong_one_is_found_and_each_fixed_one_is_left_alone() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    // Bounds in wall-clock time are long, so that a loaded machine finds the same. The one test that runs into the bound
    // for stalls has to wait for it.
    let bounds = "--seed 1 --schedules 20000 --time 1h --max-steps 50000 --stall 5s";
    let output = Command::new(env!("CARGO_BIN_EXE_raddle"))
        .args(["test", "--message-format", "json"])
        .args(bounds.split(' '))
        .current_dir(&examples)
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples"))
        .env_remove("CARGO_BUILD_TARGET_DIR")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(100), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut left = expected(&std::fs::read_to_string(examples.join("EXPECTED.toml")).unwrap());
    assert!(left.len() > 40, "{}", left.len());
    let mut wrong = Vec::new();
    for event in events.iter().filter(|event| event["type"] == "test-finished") {
        let test = event["test"].as_str().unwrap();
        let found: Vec<&str> =
            event["findings"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
        let Some(codes) = left.remove(test) else {
            wrong.push(format!("{test} is not in EXPECTED.toml"));
            continue;
        };
        let right = match found[..] {
            [] => codes == ["none"] && event["outcome"] != "failed" && event["outcome"] != "error",
            [code] => codes.iter().any(|expected| expected == code),
            _ => false,
        };
        if !right {
            wrong.push(format!("{test}: expected {codes:?}, found {found:?}, {}", event["outcome"]));
        }
    }
    wrong.extend(left.keys().map(|test| format!("{test} was not explored")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
