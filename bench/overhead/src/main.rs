//! What it costs a program to be watched by `raddle profile`: its throughput with and without, by turns in one run, as
//! ratios of medians; beside `perf record` where that can run.
//!
//! The watched program is this one, as `overhead subject THREADS SECONDS`: each thread computes for a little and sleeps
//! for a little, so that all processors are in use and every thread wakes often. Throughput is pieces of work per second
//! of *its own processor time and of the wall clock*: the second is what a user feels, the first does not depend on what
//! else the machine does.
//!
//! Usage: `overhead [--raddle PATH] [--rounds N] [--seconds S]`

#![forbid(unsafe_code)]

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Numbers of threads.
const THREADS: [usize; 3] = [1, 100, 1000];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "subject") {
        let number = |index: usize| words.get(index).and_then(|word| word.parse().ok()).expect("a number");
        return subject(number(1) as usize, number(2));
    }
    let option = |name: &str| words.iter().position(|word| word == name).and_then(|index| words.get(index + 1));
    let raddle = option("--raddle").map_or("../target/release/raddle", String::as_str);
    let rounds: usize = option("--rounds").map_or(7, |word| word.parse().expect("--rounds takes a number"));
    let seconds: f64 = option("--seconds").map_or(3.0, |word| word.parse().expect("--seconds takes a number"));
    let me = std::env::current_exe().expect("this program has a path");
    let me = me.to_str().expect("its path is text");

    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, |count| count.get());
    println!("Throughput of a program that is watched, relative to the same program alone");
    println!("{cores} cores, load average at the start {}", load.split(' ').next().unwrap_or("?"));
    println!("medians of {rounds} rounds of {seconds} s each, by turns\n");
    println!(
        "| threads | watched by                      | by wall clock (min to max) | by own processor time (min to max) | tool: CPU of one core | tool: memory |"
    );
    println!(
        "|---------|---------------------------------|----------------------------|------------------------------------|-----------------------|--------------|"
    );
    for threads in THREADS {
        let watchers: Vec<(&str, Vec<String>)> = vec![
            ("raddle profile", words_of(&[raddle, "profile", "--message-format", "json", "--exit-code", "own", "--"])),
            (
                "raddle profile --stacks blocked",
                words_of(&[raddle, "profile", "--stacks", "blocked", "--message-format", "json", "--"]),
            ),
            ("perf record -F 100", words_of(&["perf", "record", "-F", "100", "-g", "-o", "/dev/null", "--"])),
        ];
        let mut alone = Vec::new();
        let mut watched: Vec<Vec<Sample>> = vec![Vec::new(); watchers.len()];
        for _ in 0..rounds {
            alone.extend(run(&[], me, threads, seconds));
            for (index, (_, prefix)) in watchers.iter().enumerate() {
                watched[index].extend(run(prefix, me, threads, seconds));
            }
        }
        for ((name, _), samples) in watchers.iter().zip(watched) {
            if samples.is_empty() {
                println!(
                    "| {threads:>7} | {name:31} | {:>26} | {:>34} | {:>21} | {:>12} |",
                    "cannot run here", "-", "-", "-"
                );
                continue;
            }
            let wall = ratio(&samples, &alone, |sample| sample.rate);
            let cpu = ratio(&samples, &alone, |sample| sample.per_cpu);
            let own = median(samples.iter().filter_map(|sample| sample.own).map(|own| own.0));
            let memory = median(samples.iter().filter_map(|sample| sample.own).map(|own| own.1));
            let (own, memory) = if name.starts_with("raddle") {
                (format!("{:.2} %", own * 100.0), format!("{:.1} MiB", memory / 1048576.0))
            } else {
                ("-".to_owned(), "-".to_owned())
            };
            println!("| {threads:>7} | {name:31} | {wall:>26} | {cpu:>34} | {own:>21} | {memory:>12} |");
        }
    }
}

fn words_of(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// What one run has shown.
#[derive(Clone, Copy, Debug)]
struct Sample {
    rate: f64,
    per_cpu: f64,
    /// The tool's processor time over wall time, and its memory.
    own: Option<(f64, f64)>,
}

fn run(prefix: &[String], me: &str, threads: usize, seconds: f64) -> Option<Sample> {
    let mut words = prefix.to_vec();
    words.extend([me.to_owned(), "subject".to_owned(), threads.to_string(), seconds.to_string()]);
    let output = Command::new(&words[0]).args(&words[1..]).stdin(Stdio::null()).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let value = |key: &str| -> Option<f64> {
        let rest = &text[text.find(key)? + key.len()..];
        rest[..rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-' || c == 'e')).unwrap_or(rest.len())]
            .parse()
            .ok()
    };
    let own = match (value("\"own_cpu\":"), value("\"own_memory\":"), value("\"wall\":")) {
        (Some(cpu), Some(memory), Some(wall)) => Some((cpu / wall, memory)),
        _ => None,
    };
    Some(Sample { rate: value("subject rate ")?, per_cpu: value("subject per-cpu ")?, own })
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Ratio of medians, and the range of the ratios of neighbours.
fn ratio(watched: &[Sample], alone: &[Sample], pick: impl Fn(&Sample) -> f64) -> String {
    let middle = median(watched.iter().map(&pick)) / median(alone.iter().map(&pick));
    let pairs: Vec<f64> = watched.iter().zip(alone).map(|(a, b)| pick(a) / pick(b)).collect();
    let low = pairs.iter().copied().fold(f64::INFINITY, f64::min);
    let high = pairs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{middle:.3} ({low:.2} to {high:.2})")
}

/// The watched program.
fn subject(threads: usize, seconds: f64) {
    let done = Arc::new(AtomicU64::new(0));
    let over = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let (done, over) = (Arc::clone(&done), Arc::clone(&over));
            std::thread::Builder::new()
                .stack_size(128 << 10)
                .spawn(move || {
                    let mut x = 1u64;
                    while !over.load(Ordering::Relaxed) {
                        for _ in 0..200_000 {
                            x = std::hint::black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
                        }
                        done.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(Duration::from_micros(200));
                    }
                })
                .expect("the system has room for the threads")
        })
        .collect();
    // Begun when all are there.
    std::thread::sleep(Duration::from_millis(200));
    let (began, before, cpu_before) = (Instant::now(), done.load(Ordering::Relaxed), cpu());
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let (work, elapsed) = ((done.load(Ordering::Relaxed) - before) as f64, began.elapsed().as_secs_f64());
    let used = cpu() - cpu_before;
    over.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.join().expect("workers do not panic");
    }
    println!("subject rate {:.3}\nsubject per-cpu {:.3}", work / elapsed, work / used.max(1e-9));
}

/// Processor time of this process, in hundredths of a second.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or("").split_ascii_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
