//! How throughput grows with processors or workers, and what stops it: Amdahl's law (G. Amdahl, 1967) and the Universal
//! Scalability Law (N. Gunther, *A General Theory of Computational Scalability Based on Rational Functions*, 2008).
//!
//! | module | what |
//! |---|---|
//! | [`law`] | the law: throughput of `n` workers |
//! | [`fit`] | its coefficients, by nonlinear least squares |
//! | [`bootstrap`] | how sure they are |
//! | [`run`] | the measurement itself |

pub mod bootstrap;
pub mod fit;
pub mod law;
pub mod run;

#[cfg(test)]
mod tests;

use crate::model::{Coefficient, Fit, Limits, Point, Scaling};
use crate::words::{decimal, percent};
use law::Law;

/// Numbers of workers that the Universal Scalability Law takes at least: it has three coefficients, and one must be left
/// to contradict them.
pub const ENOUGH_FOR_USL: usize = 4;
/// The same for Amdahl's law, which has two.
pub const ENOUGH_FOR_AMDAHL: usize = 3;
/// What is varied when the program is not told how many workers to use.
pub const PROCESSORS: &str = "processors";
/// Share of the processors that other programs may use before scaling is not believed.
pub const NOISE: f64 = 0.1;
/// Resamples of the bootstrap.
const RESAMPLES: usize = 1000;

/// What a measurement of throughput shows. `measured` holds the number of workers and the throughput of each repetition.
/// `busy_elsewhere` is the share of the processors that other programs used meanwhile.
pub fn scaling(varied: &str, metric: &str, measured: &[(f64, Vec<f64>)], busy_elsewhere: Option<f64>) -> Scaling {
    let mut points: Vec<Point> = measured
        .iter()
        .filter(|(_, throughput)| !throughput.is_empty())
        .map(|(workers, throughput)| Point {
            workers: *workers,
            throughput: throughput.clone(),
            median: median(throughput),
            speedup: 1.0,
        })
        .collect();
    points.sort_by(|a, b| a.workers.total_cmp(&b.workers));
    if let Some(first) = points.first().map(|point| point.median) {
        for point in &mut points {
            point.speedup = point.median / first.max(1e-300);
        }
    }
    let data: Vec<(f64, f64)> =
        points.iter().flat_map(|point| point.throughput.iter().map(|x| (point.workers, *x))).collect();
    let mut remarks = Vec::new();
    let distinct = points.len();
    let usable = data.iter().all(|(workers, x)| *workers >= 1.0 && *x > 0.0 && x.is_finite());
    let (mut amdahl, mut usl, mut limits) = (None, None, None);
    if !usable {
        remarks.push("A throughput of 0 or below was measured, which no law describes.".to_owned());
    } else {
        if distinct >= 2 && data.len() >= 3 {
            amdahl = Some(fitted(&data, false));
            if distinct < ENOUGH_FOR_AMDAHL {
                remarks.push(format!(
                    "{distinct} numbers of workers are too few to check Amdahl's law, which passes through any two: take \
                     the serial fraction as a guess."
                ));
            }
        } else {
            remarks.push(format!(
                "{distinct} numbers of workers with {} are too few to say how it scales; try --scale 1,2,4,8.",
                crate::words::counted(data.len() as u64, "measurement")
            ));
        }
        if distinct >= ENOUGH_FOR_USL {
            usl = Some(fitted(&data, true));
        } else if distinct >= 2 {
            remarks.push(format!(
                "The Universal Scalability Law takes {ENOUGH_FOR_USL} numbers of workers; there are {distinct}, so \
                 nothing is said of coherency and of a best number."
            ));
        }
        limits =
            limits_of(amdahl.as_ref(), usl.as_ref(), points.last().map_or(1.0, |point| point.workers), &mut remarks);
    }
    spread(&points, &mut remarks);
    if let Some(busy) = busy_elsewhere.filter(|busy| *busy >= NOISE) {
        remarks.insert(
            0,
            format!(
                "Other programs used {} of the processors during the runs: what looks like a limit of the program may be \
                 theirs. Repeat it on a quiet machine.",
                percent(busy)
            ),
        );
    }
    Scaling {
        varied: varied.to_owned(),
        metric: metric.to_owned(),
        points,
        amdahl,
        usl,
        limits,
        busy_elsewhere,
        remarks,
    }
}

fn fitted(data: &[(f64, f64)], coherency: bool) -> Fit {
    let law = fit::fit(data, coherency);
    let intervals = bootstrap::intervals(data, &law, coherency, RESAMPLES);
    let coefficient =
        |name: &str, value: f64, (low, high): (f64, f64)| Coefficient { name: name.to_owned(), value, low, high };
    let mut coefficients = Vec::new();
    if coherency {
        coefficients.push(coefficient("contention", law.sigma, intervals.sigma));
        coefficients.push(coefficient("coherency", law.kappa, intervals.kappa));
    } else {
        coefficients.push(coefficient("serial fraction", law.sigma, intervals.sigma));
    }
    Fit {
        unit: coefficient("throughput of one", law.lambda, intervals.lambda),
        coefficients,
        residual: fit::residual(data, &law),
    }
}

fn law_of(fit: &Fit) -> Law {
    let value = |index: usize| fit.coefficients.get(index).map_or(0.0, |coefficient| coefficient.value);
    Law { lambda: fit.unit.value, sigma: value(0), kappa: value(1) }
}

fn limits_of(amdahl: Option<&Fit>, usl: Option<&Fit>, largest: f64, remarks: &mut Vec<String>) -> Option<Limits> {
    let serial = amdahl?.coefficients.first()?;
    let speedup_limit = (serial.value > 1e-6).then(|| 1.0 / serial.value);
    let mut limits = Limits { speedup_limit, best_workers: None, best_speedup: None, extrapolated: false };
    let Some(usl) = usl else { return Some(limits) };
    let law = law_of(usl);
    let kappa = &usl.coefficients[1];
    if let Some(best) = law.best() {
        let edge = |sigma: f64, kappa: f64| Law { lambda: 1.0, sigma, kappa }.best().unwrap_or(f64::INFINITY);
        let sigma = &usl.coefficients[0];
        limits.best_workers = Some(Coefficient {
            name: "best number of workers".to_owned(),
            value: best,
            low: edge(sigma.high, kappa.high).min(best),
            high: edge(sigma.low, kappa.low).max(best).min(1e6),
        });
        limits.best_speedup = Some(law.throughput(best) / law.lambda);
        limits.extrapolated = best > largest;
        if limits.extrapolated {
            remarks.push(format!(
                "The best number, {}, lies beyond the largest that was measured, {}: it is a prediction.",
                decimal(best),
                decimal(largest)
            ));
        }
    }
    if kappa.low <= 1e-9 {
        remarks.push(
            "The interval of coherency reaches to 0, so throughput may as well grow on, if ever more slowly."
                .to_owned(),
        );
    }
    Some(limits)
}

fn spread(points: &[Point], remarks: &mut Vec<String>) {
    let widest = points
        .iter()
        .map(|point| {
            let (low, high) = range(&point.throughput);
            (high - low) / point.median.max(1e-300)
        })
        .fold(0.0, f64::max);
    if widest > 0.2 {
        remarks.push(format!(
            "Repetitions with the same number of workers differ by up to {}: repeat more often (--repeat), or on a \
             quieter machine.",
            percent(widest)
        ));
    }
}

fn range(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
}

/// The middle of some numbers.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}
