//! Numbers as sentences have them.

/// A share as per cent: `31 %`; below one per cent with a digit more.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if p.is_nan() => "? %".to_owned(),
        p if p > 0.0 && p < 0.05 => "under 0.1 %".to_owned(),
        p if p > 0.0 && p < 0.95 => format!("{p:.1} %"),
        // Not `-0 %` for what rounding has left below zero.
        p => format!("{:.0} %", p.max(0.0)),
    }
}

/// A length of time, with as many digits as make sense.
pub fn seconds(seconds: f64) -> String {
    match seconds {
        s if s >= 100.0 => format!("{s:.0} s"),
        s if s >= 10.0 => format!("{s:.1} s"),
        s if s >= 0.1 => format!("{s:.2} s"),
        s if s >= 0.001 => format!("{:.1} ms", s * 1e3),
        s if s > 0.0 => format!("{:.1} us", s * 1e6),
        _ => "0 s".to_owned(),
    }
}

/// An amount of memory.
pub fn bytes(bytes: u64) -> String {
    let amount = bytes as f64;
    match amount {
        b if b >= 1024.0 * 1024.0 * 1024.0 => format!("{:.1} GiB", b / (1024.0 * 1024.0 * 1024.0)),
        b if b >= 10.0 * 1024.0 * 1024.0 => format!("{:.0} MiB", b / (1024.0 * 1024.0)),
        b if b >= 1024.0 * 1024.0 => format!("{:.1} MiB", b / (1024.0 * 1024.0)),
        b if b >= 1024.0 => format!("{:.0} KiB", b / 1024.0),
        b => format!("{b:.0} bytes"),
    }
}

/// `1234567` as `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 thread`, `2 threads`, `2 processes`.
pub fn counted(number: u64, singular: &str) -> String {
    let ending = match number {
        1 => "",
        _ if singular.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {singular}{ending}", count(number))
}

/// A number with one digit behind the point, and none when it is large.
pub fn decimal(number: f64) -> String {
    if number.abs() >= 100.0 { count(number.round().max(0.0) as u64) } else { format!("{number:.1}") }
}

/// The words of a list: `a, b and c`.
pub fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_matter() {
        assert_eq!(percent(0.314), "31 %");
        assert_eq!(percent(0.004), "0.4 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(0.0001), "under 0.1 %");
        assert_eq!(percent(-1e-17), "0 %");
        assert_eq!(seconds(123.4), "123 s");
        assert_eq!(seconds(0.0123), "12.3 ms");
        assert_eq!(seconds(0.000_012), "12.0 us");
        assert_eq!(bytes(8 * 1024 * 1024), "8.0 MiB");
        assert_eq!(bytes(900), "900 bytes");
        assert_eq!(counted(1, "thread"), "1 thread");
        assert_eq!(counted(1200, "thread"), "1,200 threads");
        assert_eq!(counted(1, "process"), "1 process");
        assert_eq!(counted(2, "process"), "2 processes");
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
