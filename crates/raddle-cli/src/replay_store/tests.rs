use super::*;
use crate::args::build::{BuildOptions, CommonOptions};
use crate::samples;
use crate::subject::Target;

fn record() -> Record {
    Record {
        format: FORMAT,
        test: "bank::wrong transfers".into(),
        code: "RD0201".into(),
        origin: Origin::Tests {
            directory: "/home/user/bank".into(),
            build: BuildOptions {
                common: CommonOptions { release: true, features: vec!["a,b".into()], ..CommonOptions::default() },
                test: vec!["wrong".into()],
                ..BuildOptions::default()
            },
            target: Target { package: "bank".into(), binary: "bank::wrong".into() },
        },
        executable: "e".repeat(64),
        runtime: "f".repeat(64),
        arguments: vec!["transfers".into(), "--exact".into()],
        directory: "/home/user/bank".into(),
        entry: Some(vec![0x1234, u64::MAX]),
        settings: Settings {
            seed: u64::MAX,
            strategy: "random".into(),
            epoch_ns: 1_700_000_000_000_000_000,
            world: raddle_protocol::World::default(),
            ..samples::settings()
        },
        execution: 17,
        kept: None,
        tally: (16, 1),
        accesses: None,
        ignored: Vec::new(),
        cause: None,
        choices: "t1/2 t0/3*4 w1/2".into(),
    }
}

#[test]
fn a_record_comes_back_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let token = store(&directory.path().join("new"), &record()).unwrap();
    let elsewhere = directory.path().join("elsewhere");
    let found = find(&[elsewhere, directory.path().join("new")], &token).unwrap();
    assert_eq!(found, record());
    assert_eq!(found.choices().unwrap().len(), 6);
    let files = std::fs::read_dir(directory.path().join("new")).unwrap().count();
    assert_eq!(files, 1, "no temporary file is left");
}

#[test]
fn the_format_on_disk_is_the_one_of_this_version() {
    // A change of this text is a change of the format: raise its version.
    insta::assert_snapshot!(serde_json::to_string_pretty(&record()).unwrap());
}

#[test]
fn tokens_differ_with_the_record_and_can_be_typed() {
    let directory = tempfile::tempdir().unwrap();
    let one = store(directory.path(), &record()).unwrap();
    let other = store(directory.path(), &Record { execution: 18, ..record() }).unwrap();
    assert_ne!(one, other);
    assert_eq!(one.len(), TOKEN_LENGTH);
    assert!(find(&[directory.path().into()], &one.to_uppercase()).is_ok());
    assert_eq!(normal("O1LIabcdef").as_deref(), Some("0111abcdef"));
}

#[test]
fn what_is_no_token_is_not_looked_for() {
    for wrong in ["", "abc", "../../etc/x", "abcdefghj!", "uuuuuuuuuu", "0123456789a"] {
        let error = find(&["/".into()], wrong).unwrap_err();
        assert!(error.to_string().contains("is not a token"), "{error}");
    }
}

#[test]
fn an_unknown_token_says_where_it_was_looked_for() {
    let directory = tempfile::tempdir().unwrap();
    let error = find(&[directory.path().into()], "0123456789").unwrap_err();
    assert!(error.to_string().contains("0123456789"));
    assert!(error.to_string().contains(directory.path().to_str().unwrap()));
    assert!(error.remedy().unwrap().contains("--manifest-path"));
}

#[test]
fn records_of_other_versions_and_damaged_ones_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let token = store(directory.path(), &record()).unwrap();
    let path = directory.path().join(format!("{token}.json"));
    let text = std::fs::read_to_string(&path).unwrap();
    let refusal = |text: &str| {
        std::fs::write(&path, text).unwrap();
        find(&[directory.path().into()], &token).unwrap_err().to_string()
    };
    assert!(refusal(&text.replacen("\"format\": 3", "\"format\": 1", 1)).contains("another version"));
    assert!(refusal("{\"format\": 7, \"new\": true}").contains("another version"));
    assert!(refusal(&text[..text.len() / 2]).contains("damaged"));
    assert!(refusal("").contains("damaged"));
    let damaged = Record { choices: "t5/2".into(), ..record() };
    assert!(damaged.choices().is_err());
}
