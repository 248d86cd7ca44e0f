//! Programs whose bottleneck is known (`fixtures/profile-truth`), watched as a user would watch them: the verdict must be
//! right and the shares within five points, on a machine that does other work at the same time.
//!
//! A few that are quick and clear run always. All of them, ten times over, run when asked for:
//! `cargo test -p raddle-profile --release --test truth -- --ignored`.

mod support;

use raddle_profile::state::State;
use support::{Case, Expected, check, programs};

/// All programs: how they are called, for how long, and what is true of them.
const CASES: &[Case] = &[
    Case::c("spin", 1.0, Expected::Verdict("cpu-serial"), &[(State::Cpu, 1.0)]),
    Case::c("spin-2", 1.0, Expected::Verdict("cpu-parallel"), &[]),
    Case::c("spin-4", 1.0, Expected::Verdict("cpu-oversubscribed"), &[]),
    Case::c("sleep", 1.0, Expected::Verdict("idle"), &[(State::Timer, 1.0)]),
    Case::c("convoy", 2.0, Expected::Verdict("lock"), &[]),
    Case::c("spin-lock", 2.0, Expected::Verdict("lock"), &[]),
    Case::c("turns", 2.0, Expected::Verdict("scheduler"), &[]),
    Case::c("idle-pool", 1.0, Expected::Verdict("cpu-serial"), &[]),
    Case::c("mix-30-70", 3.0, Expected::Verdict("mixed"), &[(State::Cpu, 0.3), (State::Timer, 0.7)]),
    Case::c("mix-70-30", 3.0, Expected::Verdict("mixed"), &[(State::Cpu, 0.7), (State::Timer, 0.3)]),
    Case::c("fsync", 4.0, Expected::Printed, &[]),
    Case::c("mix-disk", 4.0, Expected::Printed, &[]),
    Case::c("cached-read", 1.0, Expected::Verdict("cpu-serial"), &[(State::Cpu, 1.0)]),
    Case::c("cold-read", 4.0, Expected::Printed, &[]),
    Case::c("page-faults", 2.0, Expected::Verdict("memory"), &[(State::Cpu, 1.0)]),
    Case::c("fork-storm", 3.0, Expected::Verdict("cpu-serial"), &[]),
    Case::c("pipe-pair", 2.0, Expected::Verdict("pipe"), &[]),
    Case::c("pipe-reader", 2.0, Expected::Verdict("pipe"), &[]),
    Case::c("loop-idle", 1.0, Expected::Verdict("idle"), &[(State::EventLoop, 1.0)]),
    Case::c("loop-compute", 3.0, Expected::Printed, &[]),
    Case::rust("parallel", 2.0, Expected::Verdict("cpu-parallel"), &[(State::Cpu, 1.0)]),
    Case::rust("convoy", 2.0, Expected::Verdict("lock"), &[]),
    Case::rust("read-write-convoy", 2.0, Expected::Verdict("lock"), &[]),
    Case::rust("channel-turns", 2.0, Expected::Verdict("scheduler"), &[]),
    Case::rust("idle-pool", 1.0, Expected::Verdict("idle"), &[]),
    Case::rust("tcp-client", 2.0, Expected::Verdict("network"), &[(State::Network, 1.0)]),
    Case::rust("sleepy-lock", 2.0, Expected::Verdict("lock"), &[(State::Lock, 1.0)]),
    Case::python("spin", 3.0, Expected::Verdict("cpu-serial"), &[]),
    Case::python("gil", 3.0, Expected::Verdict("lock"), &[]),
    Case::python("processes", 2.0, Expected::Verdict("cpu-parallel"), &[]),
    Case::python("http-client", 4.0, Expected::Verdict("network"), &[]),
    Case::python("loop-idle", 4.0, Expected::Verdict("idle"), &[]),
    Case::python("loop-compute", 3.0, Expected::Printed, &[]),
    Case::python("sleep", 4.0, Expected::Verdict("idle"), &[]),
];

/// Those that run always: about a second each, and nothing about them that a busy machine could blur.
const ALWAYS: &[&str] =
    &["c/spin", "c/sleep", "c/idle-pool", "c/mix-30-70", "c/loop-idle", "c/convoy", "rust/sleepy-lock"];

#[test]
fn the_clearest_programs_are_judged_right() {
    let programs = programs();
    let wrong: Vec<String> = CASES
        .iter()
        .filter(|case| ALWAYS.contains(&case.name().as_str()))
        .filter_map(|case| check(case, &programs).err())
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
#[ignore = "takes about fifteen minutes"]
fn all_programs_are_judged_right_ten_times_out_of_ten() {
    let programs = programs();
    let runs: usize = std::env::var("RADDLE_TRUTH_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(10);
    let only = std::env::var("RADDLE_TRUTH_ONLY").unwrap_or_default();
    let mut wrong = Vec::new();
    for case in CASES.iter().filter(|case| case.name().contains(&only)) {
        let failures: Vec<String> = (0..runs).filter_map(|_| check(case, &programs).err()).collect();
        println!("{:24} right {} times of {runs}", case.name(), runs - failures.len());
        failures.iter().for_each(|failure| println!("    {failure}"));
        wrong.extend(failures);
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
