//! The engine's litmus programs as Rust source, through the whole tool: unmodified atomics of the standard library, and
//! every outcome that the memory model allows is seen, and no other.
//!
//! The programs and their outcomes are those of `raddle-engine/tests/memory/litmus`; the source of a package is generated
//! from them, one test for each. A test appends what it has seen to a file, and never fails. Executions are therefore
//! performed in forked processes.
//!
//! What is left out, and why, is in [`left_out`].

#[allow(dead_code)]
#[path = "../../../raddle-engine/tests/memory/notation.rs"]
mod notation;
mod source;
#[allow(dead_code)]
#[path = "../support/mod.rs"]
mod support;

/// A program of the collection: its name, itself, what is looked at, and what may be seen.
#[derive(Clone, Copy)]
struct Litmus {
    name: &'static str,
    program: &'static str,
    looks: &'static str,
    allowed: &'static str,
}

/// The engine's lists are written for a macro of this name.
macro_rules! litmus {
    ($($(#[$attribute:meta])* $name:ident: $program:literal, $looks:literal => $allowed:literal;)*) => {
        pub const ALL: &[crate::Litmus] = &[$(crate::Litmus {
            name: stringify!($name), program: $program, looks: $looks, allowed: $allowed,
        },)*];
    };
}
use litmus;

#[allow(unused_imports)]
#[path = "../../../raddle-engine/tests/memory/litmus/buffering.rs"]
mod buffering;
#[allow(unused_imports)]
#[path = "../../../raddle-engine/tests/memory/litmus/coherence.rs"]
mod coherence;
#[allow(unused_imports)]
#[path = "../../../raddle-engine/tests/memory/litmus/fences.rs"]
mod fences;
#[allow(unused_imports)]
#[path = "../../../raddle-engine/tests/memory/litmus/passing.rs"]
mod passing;
#[allow(unused_imports)]
#[path = "../../../raddle-engine/tests/memory/litmus/sequences.rs"]
mod sequences;
#[allow(unused_imports)]
#[path = "../../../raddle-engine/tests/memory/litmus/total_order.rs"]
mod total_order;

use notation::{Program, Statement};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Why a program cannot be shown.
fn left_out(program: &Program) -> Option<&'static str> {
    let any = |wanted: fn(&Statement) -> bool| program.threads.iter().flatten().any(wanted);
    if any(|statement| matches!(statement, Statement::CompareExchange { weak: true, .. })) {
        return Some("the hook of a weak compare-exchange cannot make it fail without a reason");
    }
    None
}

fn all() -> impl Iterator<Item = Litmus> {
    [buffering::ALL, coherence::ALL, fences::ALL, passing::ALL, sequences::ALL, total_order::ALL]
        .into_iter()
        .flatten()
        .copied()
        .filter(|litmus| left_out(&Program::parse(litmus.program)).is_none())
}

/// Generates a package of these programs in a directory of this name, explores it, and compares. Programs with an outcome
/// that has not been seen yet get ten times as many schedules.
fn check(directory: &str, programs: &[Litmus], schedules: u32) {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(directory);
    // Beside the package: what executions do to files within it, none but they themselves can see.
    let seen_in = place.with_file_name(format!("{directory}-seen"));
    let _ = fs::remove_dir_all(&seen_in);
    fs::create_dir_all(place.join("src")).unwrap();
    fs::create_dir_all(&seen_in).unwrap();
    fs::write(place.join("Cargo.toml"), source::manifest()).unwrap();
    fs::write(place.join("src/lib.rs"), source::library(programs, &seen_in)).unwrap();
    explore(&place, schedules, &[]);
    let late: Vec<&str> = differing(programs, &seen_in).iter().map(|(litmus, _)| litmus.name).collect();
    if !late.is_empty() {
        explore(&place, 10 * schedules, &late);
    }
    let wrong = differing(programs, &seen_in);
    let words = wrong.iter().map(|(litmus, seen)| {
        format!("{}: {}\n  seen    {seen}\n  allowed {}", litmus.name, litmus.program, litmus.allowed)
    });
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), programs.len(), words.collect::<Vec<_>>().join("\n"));
}

/// Explores the tests of these names, or all.
fn explore(package: &Path, schedules: u32, names: &[&str]) {
    // Nobody else sees what executions do in the directory for temporary files, and this may be a part of that.
    let temporary = package.join("temporary");
    fs::create_dir_all(&temporary).unwrap();
    let output = support::raddle(package, &package.join("target"))
        .env("TMPDIR", temporary)
        .args(["test", "--offline", "--fork", "--seed", "1", "--time", "1h", "--schedules", &schedules.to_string()])
        .args(names)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Programs of which something else was seen than is allowed, and what was.
fn differing(programs: &[Litmus], seen_in: &Path) -> Vec<(Litmus, String)> {
    let seen = |litmus: &Litmus| {
        let text = fs::read_to_string(seen_in.join(litmus.name)).unwrap_or_default();
        text.lines().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
    };
    let all = programs.iter().map(|litmus| (*litmus, seen(litmus)));
    all.filter(|(litmus, seen)| seen != litmus.allowed).collect()
}

#[test]
fn a_selection_of_programs_has_exactly_the_outcomes_that_the_model_allows() {
    let names = [
        "sb_relaxed",
        "sb_seq_cst",
        "sb_fences",
        "r_seq_cst",
        "two_plus_two_w_relaxed",
        "lb_relaxed",
        "join_is_strong",
    ];
    let selection: Vec<Litmus> = all().filter(|litmus| names.contains(&litmus.name)).collect();
    assert_eq!(selection.len(), names.len());
    check("litmus-selection", &selection, 200);
}

#[test]
#[ignore = "takes minutes"]
fn all_programs_have_exactly_the_outcomes_that_the_model_allows() {
    let programs: Vec<Litmus> = all().collect();
    assert!(programs.len() >= 140, "{} programs", programs.len());
    check("litmus-all", &programs, 300);
}
