//! Explores one of the small bodies with loom and prints what it took, as JSON.
//!
//! `in-loom BODY` explores; `in-loom names` prints the names of the bodies, one a line. The time is that of the exploration
//! alone, taken inside the process. Loom with its default features, and without a bound on preemptions, as it is by
//! default. It prints nothing by itself when nothing fails.

use loom as library;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

#[path = "../../small.rs"]
mod small;

#[path = "../../larger.rs"]
mod larger;

fn main() -> ExitCode {
    let word = std::env::args().nth(1).unwrap_or_default();
    let mut bodies = small::ALL.iter().chain(&larger::ALL);
    if word == "names" {
        for (name, _) in bodies {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    }
    let Some((_, body)) = bodies.find(|(name, _)| *name == word) else {
        eprintln!("in-loom BODY\nin-loom names");
        return ExitCode::from(2);
    };
    // Of the standard library, since loom's types are of one execution.
    let executions = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&executions);
    let begun = Instant::now();
    loom::model(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        body();
    });
    let (executions, elapsed) = (executions.load(Ordering::Relaxed), begun.elapsed().as_nanos());
    println!(r#"{{"executions":{executions},"elapsed_ns":{elapsed}}}"#);
    ExitCode::SUCCESS
}
