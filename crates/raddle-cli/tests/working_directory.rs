//! The working directory is one for all threads: whoever changes it changes what the others' relative paths mean, and a report
//! shows the step.

#[allow(dead_code)]
mod small_package;
#[allow(dead_code)]
mod support;

use small_package::{SmallPackage, findings};

const TESTS: &str = r#"
use std::path::Path;
use std::{env, fs, thread};

/// Writes a file and reads it again, while another thread changes the directory.
fn writes(path: &Path) {
    let other = thread::spawn(|| env::set_current_dir("src").unwrap());
    fs::write(path, "warp").unwrap();
    let text = fs::read_to_string(path);
    other.join().unwrap();
    assert!(text.is_ok());
}

#[test]
fn relative() {
    writes(Path::new("note"));
}

#[test]
fn absolute() {
    writes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("note"));
}
"#;

#[test]
fn a_change_of_the_working_directory_is_shown() {
    let package = SmallPackage::new("directory", TESTS);
    let events = package.explore("--schedules 500");
    let found = findings(&events);
    let [finding] = found[..] else { panic!("{events:#?}") };
    assert_eq!(finding["code"], "RD0501", "{finding:#}");
    assert!(finding["test"].as_str().is_some_and(|test| test.ends_with("relative")), "{finding:#}");
    assert!(finding.to_string().contains("makes `src` the working directory"), "{finding:#}");
}
