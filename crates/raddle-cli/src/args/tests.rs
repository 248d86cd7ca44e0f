use super::harness::{Filter, Ignored, Verdict};
use super::*;
use clap::error::ErrorKind;
use raddle_protocol::MemoryModel;
use std::time::Duration;

fn read(line: &str) -> Result<Cli, clap::Error> {
    Cli::read(Called::Alone, line.split(' ').map(OsString::from))
}

fn test(line: &str) -> TestCommand {
    match read(line).unwrap().command {
        Command::Test(command) => *command,
        other => panic!("{other:?}"),
    }
}

fn refused(line: &str) -> String {
    let error = read(line).unwrap_err();
    assert!(error.use_stderr(), "{error}");
    error.to_string()
}

#[test]
fn the_table_of_options_is_consistent() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
}

#[test]
fn cargo_inserts_a_word_that_is_passed_over() {
    let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
    for line in ["cargo-raddle raddle explain RD0201", "cargo-raddle explain RD0201"] {
        let cli = Cli::read(Called::ByCargo, words(line)).unwrap();
        assert!(matches!(cli.command, Command::Explain(ExplainCommand { code: Some(code) }) if code == "RD0201"));
    }
    let help = Cli::read(Called::ByCargo, words("cargo-raddle raddle test --help")).unwrap_err();
    assert_eq!(help.kind(), ErrorKind::DisplayHelp);
    assert!(help.to_string().contains("Usage: cargo raddle test"), "{help}");
}

#[test]
fn cargos_own_options_reach_cargo() {
    let command = test(
        "raddle test -p a --package b --lib --bin x --test y --example z --bench w --features f,g -F h \
         --no-default-features --release --manifest-path m/Cargo.toml --target-dir t --locked --offline \
         --build-jobs 3 --workspace --exclude c -vv --config k=1",
    );
    let selection = command.build.selection();
    assert_eq!(selection.packages, ["a", "b"]);
    assert_eq!(selection.exclude, ["c"]);
    assert_eq!((&selection.bin[..], &selection.test[..]), (&["x".to_owned()][..], &["y".to_owned()][..]));
    assert_eq!((&selection.example[..], &selection.bench[..]), (&["z".to_owned()][..], &["w".to_owned()][..]));
    assert_eq!(selection.features, ["f,g", "h"]);
    assert!(selection.lib && selection.workspace && selection.no_default_features && selection.release);
    assert!(selection.locked && selection.offline && !selection.frozen && !selection.all_features);
    assert_eq!(selection.jobs.as_deref(), Some("3"));
    assert_eq!(selection.verbose, 2);
    assert_eq!(selection.config, ["k=1"]);
    assert_eq!(selection.target_dir.unwrap(), PathBuf::from("t"));
    assert_eq!(selection.manifest_path.unwrap(), PathBuf::from("m/Cargo.toml"));
}

#[test]
fn a_filter_is_the_same_before_and_after_the_dashes() {
    let before = test("raddle test one two --exact --skip three --ignored").filter.filter();
    let after = test("raddle test one -- two --exact --skip three --ignored").filter.filter();
    let comparable = |filter: Filter| Filter { rest: Vec::new(), ..filter };
    assert_eq!(comparable(before.clone()), comparable(after));
    assert_eq!(before.words, ["one", "two"]);
    assert_eq!(before.ignored, Ignored::Only);
    let both = test("raddle test -- --ignored --include-ignored").filter.filter();
    assert_eq!(both.ignored, Ignored::Included);
}

#[test]
fn habits_do_no_harm_and_unknown_words_are_kept_for_other_harnesses() {
    let habit = test("raddle test -- --nocapture --test-threads=1").filter.filter();
    assert_eq!(habit.without_effect, ["--nocapture", "--test-threads"]);
    assert_eq!(habit.not_libtest, None);
    let other = test("raddle test -- --frobnicate 3").filter.filter();
    assert!(other.not_libtest.unwrap().contains("--frobnicate"));
    assert_eq!(other.rest, ["--frobnicate", "3"]);
}

#[test]
fn words_after_the_dashes_choose_no_executable_with_a_harness_of_its_own() {
    let judge =
        |words: &str| test(&format!("raddle test {words}")).filter.of_whole_executables().judge("mill::own", false);
    assert_eq!(judge("-- first --skip own --ignored"), Verdict::Chosen);
    assert_eq!([judge("first -- own"), judge("--skip own")], [Verdict::LeftOut; 2]);
}

#[test]
fn tests_are_chosen_as_libtest_chooses_them() {
    let filter = |words: &[&str], skip: &[&str], exact, ignored| Filter {
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        skip: skip.iter().map(|word| (*word).to_owned()).collect(),
        exact,
        ignored,
        ..Filter::default()
    };
    let all = filter(&[], &[], false, Ignored::LeftOut);
    assert_eq!(all.judge("a::b", false), Verdict::Chosen);
    assert_eq!(all.judge("a::b", true), Verdict::Ignored);
    let some = filter(&["b", "x"], &["::c"], false, Ignored::Included);
    assert_eq!(some.judge("a::b", true), Verdict::Chosen);
    assert_eq!(some.judge("a::b::c", false), Verdict::LeftOut);
    assert_eq!(some.judge("a::y", false), Verdict::LeftOut);
    let exact = filter(&["a::b"], &["a"], true, Ignored::LeftOut);
    assert_eq!(exact.judge("a::b", false), Verdict::Chosen);
    assert_eq!(exact.judge("a::bc", false), Verdict::LeftOut);
    assert_eq!(exact.judge("a", false), Verdict::LeftOut);
    let only = filter(&[], &[], false, Ignored::Only);
    assert_eq!(only.judge("a", false), Verdict::LeftOut);
    assert_eq!(only.judge("a", true), Verdict::Chosen);
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let explore = test("raddle test").explore;
    assert_eq!((explore.schedules, explore.time), (100_000, Duration::from_secs(10)));
    assert_eq!((explore.strategy.as_str(), explore.memory), ("auto", MemoryModel::Rc11));
    assert_eq!((explore.cpus, explore.max_steps, explore.stall), (2, 1_000_000, Duration::from_secs(10)));
    assert_eq!((explore.seed, explore.keep_going, explore.fork), (None, false, false));
}

#[test]
fn the_strategies_are_those_of_the_engine() {
    for name in raddle_engine::strategy::NAMES {
        assert_eq!(test(&format!("raddle test --strategy {name}")).explore.strategy, *name);
    }
}

#[test]
fn lengths_of_time_are_read_as_people_write_them() {
    let time = |text: &str| values::duration(text);
    assert_eq!(time("5"), Ok(Duration::from_secs(5)));
    assert_eq!(time("1m 30s"), Ok(Duration::from_secs(90)));
    assert_eq!(time("250ms"), Ok(Duration::from_millis(250)));
    assert!(time("0s").unwrap_err().contains("longer"));
    assert!(time("soon").unwrap_err().contains("10s"));
    assert!(time("-3").is_err());
}

#[test]
fn wrong_values_are_refused_with_what_there_is() {
    assert!(
        refused("raddle test --strategy frob")
            .contains("`auto`, `random`, `pct`, `pos`, `surw`, `lag`, `rff`, `branch`, `pctwm` and `exhaustive`")
    );
    assert!(refused("raddle test --memory tso").contains("there are `rc11` and `sc`"));
    assert!(refused("raddle test --schedules 0").contains("at least 1"));
    assert!(refused("raddle test --jobs 0").contains("at least 1"));
    assert!(refused("raddle test --cpus 0").contains("from 1 to 1024"));
    assert!(refused("raddle test --deny RD9999").contains("raddle explain"));
    assert!(refused("raddle test --release --profile x").contains("cannot be used with"));
    assert!(refused("raddle test --exclude x").contains("--workspace"));
    assert!(refused("raddle run --bin a --example b").contains("cannot be used with"));
    assert!(refused("raddle replay").contains("<TOKEN>"));
    assert!(refused("raddle frobnicate").contains("frobnicate"));
}

#[test]
fn codes_may_be_written_short() {
    assert_eq!(test("raddle test --allow 201 --allow rd0203").explore.allow, ["RD0201", "RD0203"]);
}

#[test]
fn options_may_stand_before_and_behind_the_command() {
    for line in ["raddle --color never test", "raddle test --color never"] {
        assert_eq!(read(line).unwrap().color, ColorChoice::Never);
    }
}

#[test]
fn words_after_the_dashes_of_run_belong_to_the_program() {
    let run = |line: &str| match read(line).unwrap().command {
        Command::Run(command) => *command,
        other => panic!("{other:?}"),
    };
    let program = run("raddle run -- ./a.out --seed 5 -- x");
    assert_eq!(program.words, ["./a.out", "--seed", "5", "--", "x"]);
    assert!(!program.program.names_a_package());
    assert!(run("raddle run --bin a -- x").program.names_a_package());
    assert_eq!(run("raddle run --seed 5").explore.seed, Some(5));
    assert!(read("raddle run ./a.out").is_err());
}
