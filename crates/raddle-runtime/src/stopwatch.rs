//! The machine's time, for what asks at each execution. The kernel is asked once in a while; in between the processor's counter
//! tells how much has passed, which takes a tenth of the time.

use crate::{arch, sys};

/// Ticks after which the kernel is asked again, and over which the counter's rate is measured at the least: a millisecond or
/// less.
const LONG: u64 = 1 << 21;

/// Bits behind the point of a rate.
const FRACTION: u32 = 24;

/// A counter whose rate is known. Never goes back.
pub struct Stopwatch {
    /// Ticks and nanoseconds when the kernel was asked first, and last.
    first: (u64, u64),
    last: (u64, u64),
    /// Nanoseconds for a tick; 0 as long as that is not known.
    rate: u64,
    told_ns: u64,
}

impl Stopwatch {
    /// Begins to measure.
    pub fn new() -> Self {
        let first = (arch::ticks(), sys::real_time_ns());
        Stopwatch { first, last: first, rate: 0, told_ns: first.1 }
    }

    /// As [`sys::real_time_ns`], to within some microseconds.
    pub fn now_ns(&mut self) -> u64 {
        let ticks = arch::ticks();
        let since = ticks.wrapping_sub(self.last.0);
        if self.rate == 0 || since > LONG {
            self.ask(ticks);
            return self.told_ns;
        }
        self.told_ns = self.told_ns.max(self.last.1 + ((since * self.rate) >> FRACTION));
        self.told_ns
    }

    #[cold]
    fn ask(&mut self, ticks: u64) {
        let now_ns = sys::real_time_ns();
        self.last = (ticks, now_ns);
        self.told_ns = self.told_ns.max(now_ns);
        let (passed, passed_ns) = (ticks.wrapping_sub(self.first.0), now_ns - self.first.1);
        if passed >= LONG {
            self.rate = (u128::from(passed_ns) << FRACTION).div_euclid(u128::from(passed)) as u64;
        }
    }
}
