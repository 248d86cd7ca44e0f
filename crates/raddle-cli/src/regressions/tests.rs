//! What is kept where, what is read, and whose directories are left alone.

use super::*;
use crate::args::build::BuildOptions;
use crate::samples::{self, settings};
use raddle_protocol::{Choice, ChoiceKind, Outcome, World};
use std::os::unix::fs::PermissionsExt;

const OPTIONS: &str = "--memory rc11 --cpus 2 --delay 50ms";

fn finding(test: &str) -> Finding {
    Finding { test: test.into(), ..samples::finding() }
}

fn raw(execution: u64, choices: usize) -> RawFinding {
    // No two alike in a row, so that they are not folded.
    let choices =
        (0..choices).map(|at| Choice { kind: ChoiceKind::Thread, options: 2, taken: at as u16 % 2 }).collect();
    RawFinding { choices, ..RawFinding::new(Outcome::Stuck, execution) }
}

fn read(mode: Mode, root: &Path) -> (Regressions, Vec<String>) {
    Regressions::read(mode, OPTIONS.into(), root, [root.join(DIRECTORY)].iter())
}

#[test]
fn what_is_kept_is_found_by_its_test_alone_and_once() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join(DIRECTORY);
    let (regressions, unread) = read(Mode::Keep, root.path());
    assert!(unread.is_empty(), "that there is nothing is nothing to tell");
    let keep =
        || regressions.keep(Some(&place), &finding("bank::wrong a::b"), &raw(13, 5), &settings()).unwrap().unwrap();
    let first = keep();
    assert!(first.new && first.file.starts_with(".raddle/bank-wrong-a-b-RD0201-"), "{first:?}");
    assert_eq!(keep(), KeptIn { new: false, ..first.clone() });
    let files: Vec<_> = std::fs::read_dir(&place).unwrap().flatten().collect();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o600, 0o600);

    let (regressions, unread) = read(Mode::Try, root.path());
    assert!(unread.is_empty());
    let (tried, others) = regressions.of(Some(&place), "bank::wrong a::b");
    assert_eq!((tried.len(), others.len()), (1, 0));
    assert_eq!((tried[0].kept.number, &tried[0].kept.choices), (14, &raw(13, 5).choices));
    assert_eq!(regressions.shown(&tried[0].file), first.file);
    assert_eq!(regressions.of(Some(&place), "bank::wrong a::c"), (vec![], vec![]));
    assert_eq!(regressions.of(None, "bank::wrong a::b"), (vec![], vec![]));
    assert_eq!(read(Mode::Off, root.path()).0.of(Some(&place), "bank::wrong a::b"), (vec![], vec![]));

    let other = Regressions::read(Mode::Try, format!("{OPTIONS} --release"), root.path(), [place.clone()].iter()).0;
    let (tried, others) = other.of(Some(&place), "bank::wrong a::b");
    assert_eq!((tried.len(), others.len()), (0, 1));
}

#[test]
fn what_is_not_to_be_kept_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join(DIRECTORY);
    let kept = |mode, place: Option<&PathBuf>, finding: &Finding, raw: &RawFinding| {
        read(mode, root.path()).0.keep(place, finding, raw, &settings()).unwrap()
    };
    let wrong = finding("a");
    assert_eq!(kept(Mode::Try, Some(&place), &wrong, &raw(13, 5)), None);
    assert_eq!(kept(Mode::Off, Some(&place), &wrong, &raw(13, 5)), None);
    assert_eq!(kept(Mode::Keep, None, &wrong, &raw(13, 5)), None);
    assert_eq!(kept(Mode::Keep, Some(&place), &wrong, &raw(0, 5)), None, "the first execution comes first anyway");
    let warning = Finding { severity: Severity::Warning, ..finding("a") };
    assert_eq!(kept(Mode::Keep, Some(&place), &warning, &raw(13, 5)), None);
    let unsteady = RawFinding { differs: Some(Outcome::Passed), ..raw(13, 5) };
    assert_eq!(kept(Mode::Keep, Some(&place), &wrong, &unsteady), None);
    assert!(!place.exists());
}

#[test]
fn what_cannot_be_written_is_an_error_to_be_told_and_no_more() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join(DIRECTORY);
    let (regressions, _) = read(Mode::Keep, root.path());
    let long = regressions.keep(Some(&place), &finding("a"), &raw(13, 20_000), &settings()).unwrap_err();
    assert_eq!(long.to_string(), "it takes more than 64 kB");
    assert!(!place.exists());
    // A file stands where the directory would.
    std::fs::write(&place, "").unwrap();
    let refused = regressions.keep(Some(&place), &finding("a"), &raw(13, 5), &settings()).unwrap_err();
    assert!(refused.to_string().starts_with("cannot "), "{refused}");
    let (_, unread) = read(Mode::Try, root.path());
    assert!(unread[0].starts_with("the schedules kept in `.raddle` are not tried: "), "{unread:?}");
}

#[test]
fn what_cannot_be_read_is_told_and_keeps_nothing_else_from_being_tried() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join(DIRECTORY);
    read(Mode::Keep, root.path()).0.keep(Some(&place), &finding("a"), &raw(13, 5), &settings()).unwrap();
    std::fs::write(place.join("damaged.txt"), "<<<<<<< HEAD\n").unwrap();
    std::fs::write(place.join("endless.txt"), vec![b'#'; MOST_BYTES + 1]).unwrap();
    std::fs::write(place.join("README.md"), "another matter").unwrap();
    let (regressions, unread) = read(Mode::Try, root.path());
    assert_eq!(
        unread,
        [
            "`.raddle/damaged.txt` is not tried: it is not a kept schedule: line 1 is not of the form",
            "`.raddle/endless.txt` is not tried: it is longer than 64 kB"
        ]
    );
    assert_eq!(regressions.of(Some(&place), "a").0.len(), 1);
}

#[test]
fn the_option_comes_before_the_variable_and_that_before_continuous_integration() {
    let mode = |option, set: &[(&str, &str)]| {
        let variable = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        Mode::new(option, &variable).map_err(|error| error.to_string())
    };
    assert_eq!(mode(None, &[]), Ok(Mode::Keep));
    assert_eq!(mode(None, &[("CI", "true")]), Ok(Mode::Try));
    assert_eq!(mode(None, &[("CI", "false")]), Ok(Mode::Keep));
    assert_eq!(mode(None, &[("CI", "true"), (VARIABLE, "keep")]), Ok(Mode::Keep));
    assert_eq!(mode(Some(Mode::Off), &[(VARIABLE, "keep")]), Ok(Mode::Off));
    assert_eq!(mode(None, &[(VARIABLE, "")]), Ok(Mode::Keep));
    assert_eq!(mode(None, &[(VARIABLE, "x")]), Err("the environment variable RADDLE_REGRESSIONS is `x`".to_owned()));
}

#[test]
fn options_that_change_the_choices_are_told_apart_and_others_are_not() {
    let build = CommonOptions::default();
    let plain = options(&settings(), &build);
    assert_eq!(plain, OPTIONS);
    assert_eq!(options(&Settings { seed: 8, schedules: 5, time_ms: 5, ..settings() }, &build), plain);
    let world = World {
        delay_ns: 0,
        io_faults: true,
        network: true,
        real_time: true,
        cancel: true,
        leaks: true,
        poll_budget: 0,
    };
    let settings = Settings { memory: MemoryModel::Sc, processors: 4, world, ..settings() };
    let build = BuildOptions {
        common: CommonOptions {
            profile: Some("fast".into()),
            features: vec!["b a".into(), "a,c".into()],
            no_default_features: true,
            ..build
        },
        ..BuildOptions::default()
    };
    assert_eq!(
        options(&settings, &build.common),
        "--memory sc --cpus 4 --delay 0s --io-faults --allow-network --real-time --no-default-features --profile fast \
         --features a,b,c"
    );
}

#[test]
fn the_name_of_a_file_has_letters_that_all_systems_have() {
    let kept = |test: &str| Kept {
        test: test.into(),
        code: "RD0201".into(),
        options: String::new(),
        seed: 1,
        strategy: String::new(),
        number: 1,
        choices: Vec::new(),
    };
    let name = file_name(&kept("../../etc::a<b> ü:*?"), "");
    assert!(name.starts_with("etc-a-b-RD0201-"), "{name}");
    assert!(file_name(&kept(&"x".repeat(500)), "").len() < 110);
    assert_ne!(file_name(&kept("a"), "1"), file_name(&kept("a"), "2"));
}
