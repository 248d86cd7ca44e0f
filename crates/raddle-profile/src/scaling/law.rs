//! Throughput of `n` workers: `lambda n / (1 + sigma (n - 1) + kappa n (n - 1))`. With `kappa` of 0 this is Amdahl's law.

/// The law with its coefficients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Law {
    /// Throughput of one worker.
    pub lambda: f64,
    /// Contention: the share of work that is done one at a time.
    pub sigma: f64,
    /// Coherency: what each pair of workers costs.
    pub kappa: f64,
}

impl Law {
    /// Throughput of `n` workers.
    pub fn throughput(&self, n: f64) -> f64 {
        self.lambda * n / (1.0 + self.sigma * (n - 1.0) + self.kappa * n * (n - 1.0))
    }

    /// The number of workers with the highest throughput, if it does not grow without end.
    pub fn best(&self) -> Option<f64> {
        (self.kappa > 1e-9).then(|| ((1.0 - self.sigma).max(0.0) / self.kappa).sqrt().max(1.0))
    }
}
