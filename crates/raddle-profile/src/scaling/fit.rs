//! Coefficients by nonlinear least squares: Levenberg-Marquardt on the logarithms of throughput, since measured times
//! err by a share of themselves. Contention is kept within 0 and 1, coherency above 0.

use super::law::Law;

const STEPS: usize = 60;

/// Fits the law to numbers of workers and throughputs; without `coherency`, Amdahl's. Throughputs must be positive.
pub fn fit(data: &[(f64, f64)], coherency: bool) -> Law {
    // Several starts: where a bound holds, a single descent can stop short.
    let starts = [(0.02, 0.0), (0.3, 0.001), (0.9, 0.0), (0.05, 0.05)];
    let fits =
        starts.into_iter().map(|(sigma, kappa)| descend(data, coherency, sigma, if coherency { kappa } else { 0.0 }));
    fits.min_by(|a, b| squares(data, a).total_cmp(&squares(data, b))).expect("there are several starts")
}

/// Fits the law from one start, for data that are known to lie near it.
pub fn fit_near(data: &[(f64, f64)], coherency: bool, start: &Law) -> Law {
    descend(data, coherency, start.sigma, start.kappa)
}

fn descend(data: &[(f64, f64)], coherency: bool, sigma: f64, kappa: f64) -> Law {
    let mut law = Law { lambda: 1.0, sigma, kappa };
    law.lambda = best_lambda(data, &law);
    let mut error = squares(data, &law);
    let mut damping = 1e-3;
    for _ in 0..STEPS {
        let Some(next) = step(data, &law, coherency, damping) else { break };
        let next_error = squares(data, &next);
        if next_error < error {
            let gain = error - next_error;
            (law, error) = (next, next_error);
            damping = (damping / 3.0).max(1e-12);
            if gain <= 1e-14 * (1.0 + error) {
                break;
            }
        } else {
            damping *= 4.0;
            if damping > 1e12 {
                break;
            }
        }
    }
    law
}

/// The unit that fits best when the shape is given: the geometric mean of what each point says.
fn best_lambda(data: &[(f64, f64)], law: &Law) -> f64 {
    let shape = Law { lambda: 1.0, ..*law };
    let sum: f64 = data.iter().map(|(n, x)| (x / shape.throughput(*n)).ln()).sum();
    (sum / data.len().max(1) as f64).exp()
}

/// One step of the two coefficients of the shape; the unit follows.
fn step(data: &[(f64, f64)], law: &Law, coherency: bool, damping: f64) -> Option<Law> {
    // Derivatives of the logarithm, each less its mean, which the unit takes up.
    let rows: Vec<(f64, f64, f64)> = data
        .iter()
        .map(|(n, x)| {
            let below = 1.0 + law.sigma * (n - 1.0) + law.kappa * n * (n - 1.0);
            ((x / law.throughput(*n)).ln(), -(n - 1.0) / below, -n * (n - 1.0) / below)
        })
        .collect();
    let count = rows.len() as f64;
    let mean = |pick: &dyn Fn(&(f64, f64, f64)) -> f64| rows.iter().map(pick).sum::<f64>() / count;
    let (mr, ms, mk) = (mean(&|row| row.0), mean(&|row| row.1), mean(&|row| row.2));
    let (mut ss, mut sk, mut kk, mut rs, mut rk) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (r, s, k) in &rows {
        let (r, s, k) = (r - mr, s - ms, k - mk);
        ss += s * s;
        sk += s * k;
        kk += k * k;
        rs += r * s;
        rk += r * k;
    }
    let free_sigma = !(law.sigma <= 0.0 && rs < 0.0 || law.sigma >= 1.0 && rs > 0.0);
    let free_kappa = coherency && !(law.kappa <= 0.0 && rk < 0.0);
    let (ss, kk) = (ss * (1.0 + damping) + 1e-300, kk * (1.0 + damping) + 1e-300);
    let (ds, dk) = match (free_sigma, free_kappa) {
        (true, true) => {
            let det = ss * kk - sk * sk;
            if det.abs() < 1e-300 {
                return None;
            }
            ((rs * kk - rk * sk) / det, (rk * ss - rs * sk) / det)
        }
        (true, false) => (rs / ss, 0.0),
        (false, true) => (0.0, rk / kk),
        (false, false) => return None,
    };
    let mut next = Law {
        lambda: law.lambda,
        sigma: (law.sigma + ds).clamp(0.0, 1.0),
        kappa: if coherency { (law.kappa + dk).max(0.0) } else { 0.0 },
    };
    next.lambda = best_lambda(data, &next);
    Some(next)
}

fn squares(data: &[(f64, f64)], law: &Law) -> f64 {
    data.iter().map(|(n, x)| (x / law.throughput(*n)).ln().powi(2)).sum()
}

/// Root of the mean squared relative residual.
pub fn residual(data: &[(f64, f64)], law: &Law) -> f64 {
    (squares(data, law) / data.len().max(1) as f64).sqrt()
}
