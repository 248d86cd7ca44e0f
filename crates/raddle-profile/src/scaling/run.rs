//! Runs a command with different numbers of processors or workers, by turns, so that what changes on the machine
//! meanwhile falls on all alike.

use crate::error::Error;
use crate::watch::session::start;
use regex_lite::Regex;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What is varied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Varied {
    /// Processors that the program may use.
    Processors,
    /// An argument, with the number in place of `{}`.
    Argument(String),
    /// A variable of the environment.
    Variable(String),
}

impl Varied {
    /// For readers.
    pub fn words(&self) -> String {
        match self {
            Varied::Processors => super::PROCESSORS.to_owned(),
            Varied::Argument(text) => format!("workers ({text})"),
            Varied::Variable(name) => format!("workers ({name})"),
        }
    }
}

/// How throughput is measured.
#[derive(Clone, Debug)]
pub enum Metric {
    /// Runs a second.
    Time,
    /// The number that this finds in the output, in its first group if it has one.
    Output(Regex),
}

/// A plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Numbers of processors or workers.
    pub numbers: Vec<usize>,
    /// Repetitions.
    pub repeat: usize,
    /// What is varied.
    pub varied: Varied,
    /// What is measured.
    pub metric: Metric,
}

/// What was measured.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Each number, and the throughput of each repetition.
    pub throughput: Vec<(f64, Vec<f64>)>,
    /// Share of the machine's processors that other programs used meanwhile.
    pub busy_elsewhere: Option<f64>,
}

/// Runs the plan. `command` makes the command anew; `stop` is asked before each run; `progress` hears what is run next.
///
/// # Errors
/// When the command cannot be run, ends with an error, or prints nothing that the metric finds.
pub fn run(
    plan: &Plan,
    command: &dyn Fn() -> Command,
    stop: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(usize, usize, usize),
) -> Result<Measured, Error> {
    let mut throughput: Vec<(f64, Vec<f64>)> = plan.numbers.iter().map(|number| (*number as f64, Vec::new())).collect();
    let before = Usage::now();
    'runs: for repetition in 0..plan.repeat {
        for (index, number) in plan.numbers.iter().enumerate() {
            if stop() {
                break 'runs;
            }
            progress(*number, repetition + 1, plan.repeat);
            throughput[index].1.push(once(plan, command(), *number)?);
        }
    }
    let busy_elsewhere = before.and_then(|before| before.elsewhere(Usage::now()?));
    Ok(Measured { throughput, busy_elsewhere })
}

/// Processor time of the whole machine, and of this process and those that it has waited for; seconds.
#[derive(Clone, Copy, Debug)]
struct Usage {
    busy: f64,
    all: f64,
    own: f64,
}

impl Usage {
    fn now() -> Option<Self> {
        use nix::sys::resource::{UsageWho, getrusage};
        use nix::sys::time::TimeValLike;
        let tick = 1.0 / rustix::param::clock_ticks_per_second().max(1) as f64;
        let (busy, all) = crate::procfs::stat::busy(&std::fs::read("/proc/stat").ok()?)?;
        let mut own = 0.0;
        for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
            let usage = getrusage(who).ok()?;
            own += (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6;
        }
        Some(Self { busy: busy as f64 * tick, all: all as f64 * tick, own })
    }

    fn elsewhere(self, after: Self) -> Option<f64> {
        let all = after.all - self.all;
        (all > 0.1).then(|| ((after.busy - self.busy - (after.own - self.own)) / all).clamp(0.0, 1.0))
    }
}

fn once(plan: &Plan, mut command: Command, number: usize) -> Result<f64, Error> {
    let mut cores = None;
    match &plan.varied {
        Varied::Processors => cores = Some(number),
        Varied::Argument(text) => {
            command.arg(text.replace("{}", &number.to_string()));
        }
        Varied::Variable(name) => {
            command.env(name, number.to_string());
        }
    }
    let reading = matches!(plan.metric, Metric::Output(_));
    command.stdin(Stdio::null());
    command.stdout(if reading { Stdio::piped() } else { Stdio::null() });
    command.stderr(if reading { Stdio::piped() } else { Stdio::null() });
    let name = command.get_program().to_string_lossy().into_owned();
    let began = Instant::now();
    let mut child = start(command, cores)?;
    let mut output = Vec::new();
    if reading {
        let mut errors = child.stderr.take();
        let more = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            // What cannot be read is not searched.
            let _ = errors.as_mut().map(|errors| errors.read_to_end(&mut bytes));
            bytes
        });
        let _ = child.stdout.take().map(|mut stdout| stdout.read_to_end(&mut output));
        output.extend(more.join().unwrap_or_default());
    }
    let status = child.wait().map_err(|reason| Error::System { doing: "wait for the program", reason })?;
    let elapsed = began.elapsed().as_secs_f64();
    if !status.success() {
        return Err(Error::Usage(format!(
            "`{name}` failed with {} {number}: {status}; scaling is measured on runs that succeed",
            plan.varied.words()
        )));
    }
    match &plan.metric {
        Metric::Time => Ok(1.0 / elapsed.max(1e-9)),
        Metric::Output(pattern) => read_metric(pattern, &String::from_utf8_lossy(&output))
            .ok_or_else(|| Error::Usage(format!("`{name}` printed no number that --metric '{pattern}' finds"))),
    }
}

/// The last match: programs tend to sum up at the end.
fn read_metric(pattern: &Regex, output: &str) -> Option<f64> {
    let captures = pattern.captures_iter(output).last()?;
    let text = captures.get(1).or_else(|| captures.get(0))?.as_str();
    text.trim().replace([',', '_'], "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_read_from_the_output() {
        let pattern = Regex::new(r"rate: ([0-9.,]+)").unwrap();
        assert_eq!(read_metric(&pattern, "rate: 1\nrate: 1,234.5 per second\n"), Some(1234.5));
        assert_eq!(read_metric(&pattern, "nothing"), None);
        assert_eq!(read_metric(&Regex::new("[0-9]+").unwrap(), "a 17 b"), Some(17.0));
    }
}
