//! Runs one of the measured asynchronous bodies so many times, each on a runtime of its own, and prints what it took, as
//! JSON: `in-tokio BODY TIMES`.

use in_tokio::{bodies, run, world};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [body, times] = &words[..] else { return usage() };
    let Ok(times) = times.parse::<u64>() else { return usage() };
    let once: &dyn Fn() = match body.as_str() {
        "timeout_race" => &|| run(world::timeout_race()),
        "http_request" => &|| run(world::http_request()),
        name => match bodies::ALL.iter().find(|(known, _)| *known == name) {
            Some((_, body)) => &move || run(body()),
            None => return usage(),
        },
    };
    let begun = Instant::now();
    (0..times).for_each(|_| once());
    println!(r#"{{"schedules":{times},"elapsed_ns":{}}}"#, begun.elapsed().as_nanos());
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("in-tokio BODY TIMES");
    ExitCode::from(2)
}
