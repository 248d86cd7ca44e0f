//! Executions per second, with everything that happens once left out.
//!
//! A tool is run twice, for few and for many schedules, and the rate is the difference in schedules over the difference
//! in time: what both runs have in common (starting the process, loading it, saving its memory, the first execution with
//! cold caches) falls away, for every tool in the same way. Tools take turns, so that a machine that slows down slows all
//! of them, and the ratio is that of the medians of all rounds.
//!
//! Beside wall-clock time stands processor time (of the process and all it has started). On a machine that does other
//! work at the same time it is the steadier of the two.

use crate::error::{Error, Result};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use std::time::Duration;

/// The share of the schedules of a long run that its short counterpart has.
const SHORT: u64 = 10;

/// Time that is enough to foretell the length of a run.
const ENOUGH: Duration = Duration::from_millis(100);

/// What one run of a tool took.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Wall-clock time as the tool itself measures it.
    pub wall: Duration,
    /// Processor time of all its processes.
    pub processor: Duration,
    /// Schedule points in an execution, on average.
    pub points: Option<f64>,
    /// Of these: with more than one answer.
    pub choices: Option<f64>,
}

/// Executions per second.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// By wall-clock time.
    pub wall: f64,
    /// By processor time.
    pub processor: f64,
}

/// Runs a tool for so many schedules with this seed.
pub type Tool<'a> = &'a dyn Fn(u64, u64) -> Result<Sample>;

/// What was measured of one tool.
#[derive(Debug, Default)]
pub struct Series {
    /// A rate of each round.
    pub rates: Vec<Rate>,
    /// See [`Sample`].
    pub points: Option<f64>,
    /// See [`Sample`].
    pub choices: Option<f64>,
}

/// Measures several tools by turns.
///
/// # Errors
/// When a tool fails.
pub fn alternate<const N: usize>(tools: [Tool<'_>; N], rounds: usize, seconds: f64) -> Result<[Series; N]> {
    let mut lengths = [0; N];
    for (length, tool) in lengths.iter_mut().zip(tools) {
        *length = calibrate(tool, seconds)?;
    }
    let mut all: [Series; N] = std::array::from_fn(|_| Series::default());
    for round in 1..=rounds as u64 {
        for ((series, tool), length) in all.iter_mut().zip(tools).zip(lengths) {
            let short = tool(length / SHORT, round)?;
            let long = tool(length, round)?;
            let schedules = (length - length / SHORT) as f64;
            let per_second = |long: Duration, short: Duration| schedules / (long.as_secs_f64() - short.as_secs_f64());
            let rate = Rate {
                wall: per_second(long.wall, short.wall),
                processor: per_second(long.processor, short.processor),
            };
            series.rates.push(rate);
            (series.points, series.choices) = (long.points, long.choices);
        }
    }
    Ok(all)
}

/// Number of schedules that take about so many seconds.
fn calibrate(tool: Tool<'_>, seconds: f64) -> Result<u64> {
    const FIRST: u64 = 100;
    let start = tool(FIRST, 0)?.wall;
    let mut schedules = FIRST;
    loop {
        schedules *= 4;
        let more = tool(schedules, 0)?.wall.saturating_sub(start);
        if more > ENOUGH {
            let rate = (schedules - FIRST) as f64 / more.as_secs_f64();
            return Ok(((rate * seconds) as u64).max(SHORT));
        }
    }
}

impl Series {
    /// Median rate by `by`.
    pub fn median(&self, by: fn(&Rate) -> f64) -> f64 {
        median(self.rates.iter().map(by).collect())
    }
}

/// One tool's rates over another's: the ratio of the medians, then the least and the greatest ratio of a round.
pub fn ratio(ours: &Series, theirs: &Series, by: fn(&Rate) -> f64) -> (f64, f64, f64) {
    let rounds = ours.rates.iter().zip(&theirs.rates).map(|(ours, theirs)| by(ours) / by(theirs));
    let (least, greatest) = span(rounds);
    (ours.median(by) / theirs.median(by), least, greatest)
}

/// The middle value, or the mean of the two.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] }
}

/// The least and the greatest.
pub fn span(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, greatest), value| (least.min(value), greatest.max(value)))
}

/// Does `work` and tells how much processor time the processes took that it has started and waited for.
///
/// # Errors
/// Those of `work`, and when the system does not tell.
pub fn processor_time<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let before = children()?;
    let value = work()?;
    Ok((value, children()?.saturating_sub(before)))
}

fn children() -> Result<Duration> {
    let usage: Usage = getrusage(UsageWho::RUSAGE_CHILDREN)
        .map_err(|error| Error::System { doing: "read processor times".into(), source: error.into() })?;
    let of = |time: nix::sys::time::TimeVal| {
        Duration::from_secs(time.tv_sec().unsigned_abs()) + Duration::from_micros(time.tv_usec().unsigned_abs())
    };
    Ok(of(usage.user_time()) + of(usage.system_time()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tool that starts in a second and then takes a millisecond for a schedule.
    fn slow_start(schedules: u64, _seed: u64) -> Result<Sample> {
        let wall = Duration::from_secs(1) + Duration::from_millis(schedules);
        Ok(Sample { wall, processor: wall * 2, points: Some(3.0), choices: None })
    }

    #[test]
    fn what_happens_once_is_left_out() {
        let [series] = alternate([&slow_start], 3, 4.0).unwrap();
        assert_eq!(series.rates.len(), 3);
        assert!((series.median(|rate| rate.wall) - 1000.0).abs() < 1e-6, "{series:?}");
        assert!((series.median(|rate| rate.processor) - 500.0).abs() < 1e-6, "{series:?}");
        assert_eq!((series.points, series.choices), (Some(3.0), None));
    }

    #[test]
    fn medians_of_odd_and_even_numbers_of_values() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }
}
