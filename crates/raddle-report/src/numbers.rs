//! Numbers as people read them.

pub(crate) use raddle_profile::words::count as thousands;

/// `1,234 schedules`, `1 schedule`.
pub(crate) fn counted(number: u64, singular: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {singular}{plural}", thousands(number))
}

/// Seconds with two decimals, minutes from two minutes on: `0.52s`, `3m 07s`.
pub(crate) fn duration(milliseconds: u64) -> String {
    // Rounded once, to hundredths, so that 119.996 s is not shown as `120.00s`.
    let hundredths = milliseconds.saturating_add(5) / 10;
    if hundredths < 12_000 {
        format!("{}.{:02}s", hundredths / 100, hundredths % 100)
    } else {
        let seconds = milliseconds.saturating_add(500) / 1000;
        format!("{}m {:02}s", seconds / 60, seconds % 60)
    }
}

/// An estimate: its first two digits, or from a thousand million on the power of ten below it.
pub(crate) fn about(number: u64) -> String {
    let digits = number.max(1).ilog10();
    if digits >= 9 {
        return format!("10^{digits}");
    }
    let unit = 10u64.pow(digits.saturating_sub(1));
    thousands(number / unit * unit)
}

/// A length of time in words, of which nobody knows it better: `20 seconds`, `3 hours`.
pub(crate) fn roughly(seconds: f64) -> String {
    const UNITS: [(f64, &str); 4] = [(86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute"), (1.0, "second")];
    if seconds.is_nan() || seconds > 365.0 * 86_400.0 {
        return "more than a year".into();
    }
    let (unit, name) = UNITS.into_iter().find(|(unit, _)| seconds >= 2.0 * unit).unwrap_or(UNITS[3]);
    counted((seconds / unit).round().max(1.0) as u64, name)
}

/// A probability as per cent, rounded up: it is shown as an upper bound. `None` unless it lies within 0 and 1.
pub(crate) fn percent_at_most(probability: f64) -> Option<String> {
    if !(0.0..=1.0).contains(&probability) {
        return None;
    }
    let percent = probability * 100.0;
    // Products such as 0.29 * 100 lie a hair above the decimal they mean; that hair is not worth a whole digit.
    // Adding zero turns the minus zero that this makes of 0 into zero.
    let up = |scale: f64| ((percent * scale - 1e-9).ceil() / scale).clamp(0.0, 100.0) + 0.0;
    Some(if percent >= 10.0 {
        format!("{:.0}%", up(1.0))
    } else if percent >= 1.0 {
        format!("{:.1}%", up(10.0))
    } else {
        format!("{:.2}%", up(100.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped_from_the_right() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (12_345, "12,345"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
        assert_eq!(counted(1, "test"), "1 test");
        assert_eq!(counted(0, "test"), "0 tests");
    }

    #[test]
    fn durations_change_unit_at_two_minutes() {
        for (ms, text) in [(0, "0.00s"), (520, "0.52s"), (119_990, "119.99s"), (119_996, "2m 00s"), (187_000, "3m 07s")]
        {
            assert_eq!(duration(ms), text);
        }
    }

    #[test]
    fn estimates_have_two_digits() {
        for (number, text) in [(0, "0"), (7, "7"), (96, "96"), (1_299, "1,200"), (999_999_999, "990,000,000")] {
            assert_eq!(about(number), text);
        }
        assert_eq!((about(2_000_000_000), about(u64::MAX)), ("10^9".into(), "10^19".into()));
    }

    #[test]
    fn rough_times_have_one_unit() {
        let known = [(0.01, "1 second"), (1.4, "1 second"), (90.0, "90 seconds"), (125.0, "2 minutes")];
        for (seconds, text) in
            known.into_iter().chain([(7_300.0, "2 hours"), (1e6, "12 days"), (1e9, "more than a year")])
        {
            assert_eq!(roughly(seconds), text);
        }
    }

    #[test]
    fn bounds_are_rounded_up_and_nonsense_is_dropped() {
        assert_eq!(percent_at_most(0.00001).as_deref(), Some("0.01%"));
        assert_eq!(percent_at_most(0.0).as_deref(), Some("0.00%"));
        assert_eq!(percent_at_most(0.0123).as_deref(), Some("1.3%"));
        assert_eq!(percent_at_most(0.29).as_deref(), Some("29%"));
        assert_eq!(percent_at_most(1.0).as_deref(), Some("100%"));
        assert_eq!(percent_at_most(f64::NAN), None);
        assert_eq!(percent_at_most(1.5), None);
    }
}
