//! Files that tests change: every execution begins with the same tree, and the user's is left as it was.
//!
//! The package is written by the test. Where the system gives Raddle no view of its own on files, the output must say so,
//! and there is nothing else to be tested.

#[allow(dead_code)]
mod support;

use serde_json::Value;
use std::fs;
use std::path::Path;

/// Each of these holds in an execution only if it sees nothing of what others have done.
const TESTS: &str = r#"
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Works while another thread looks around, so that there are several schedules.
fn watched<R>(work: impl FnOnce() -> R) -> R {
    let watcher = thread::spawn(|| fs::read_dir(here()).unwrap().count() + fs::read_dir(here()).unwrap().count());
    let result = work();
    assert!(watcher.join().unwrap() > 0);
    result
}

#[test]
fn makes() {
    let directory = here().join("made");
    fs::create_dir(&directory).unwrap();
    watched(|| fs::write(directory.join("note"), "weft").unwrap());
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
}

#[test]
fn changes() {
    let file = here().join("kept/text");
    watched(|| {
        assert_eq!(fs::read_to_string(&file).unwrap(), "warp");
        fs::write(&file, "weft").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "weft");
    });
}

#[test]
fn removes() {
    watched(|| fs::remove_dir_all("kept").unwrap());
    assert!(!here().join("kept").exists());
}

#[test]
fn renames() {
    watched(|| fs::rename("kept/text", here().join("renamed")).unwrap());
    assert_eq!(fs::read_to_string("renamed").unwrap(), "warp");
    assert_eq!(fs::read_dir("kept").unwrap().count(), 0);
}

#[test]
fn another_program_changes() {
    let status = watched(|| Command::new("sh").args(["-c", "mkdir made && mv kept/text made/"]).status().unwrap());
    assert!(status.success());
    assert_eq!(fs::read_to_string("made/text").unwrap(), "warp");
}

#[test]
fn temporary_files() {
    let file = std::env::temp_dir().join("note");
    watched(|| {
        assert!(!file.exists());
        fs::write(&file, "weft").unwrap();
    });
    assert_eq!(fs::read_to_string(file).unwrap(), "weft");
}
"#;

/// All files below, with their contents.
fn tree(directory: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn no_execution_sees_what_another_has_done_to_files() {
    let target = tempfile::tempdir().unwrap();
    let package = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(package.path().join(name), text).unwrap();
    for directory in ["tests", "src", "kept"] {
        fs::create_dir(package.path().join(directory)).unwrap();
    }
    write("Cargo.toml", "[package]\nname = \"files\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n");
    write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"files\"\nversion = \"0.0.0\"\n");
    write("src/lib.rs", "");
    write("tests/files.rs", TESTS);
    write("kept/text", "warp");
    let before = tree(package.path());
    let output = support::raddle(package.path(), target.path())
        .env("RADDLE_REGRESSIONS", "off")
        .env("TMPDIR", temporary.path())
        .args(["test", "--message-format", "json", "--seed", "1", "--schedules", "20"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let finished: Vec<&Value> = events.iter().filter(|event| event["type"] == "test-finished").collect();
    assert_eq!(finished.len(), 6, "{}", String::from_utf8_lossy(&output.stderr));
    if finished.iter().any(|event| event["mode_why"].as_str().is_some_and(|why| why.contains("keep them apart"))) {
        eprintln!("this system gives no view of its own on files");
        return;
    }
    for event in finished {
        assert_eq!((event["outcome"].as_str(), event["mode"].as_str()), (Some("passed"), Some("fork")), "{event}");
        assert_eq!(event["schedules"], 20, "{event}");
    }
    assert_eq!(tree(package.path()), before);
    assert!(tree(temporary.path()).is_empty());
}
