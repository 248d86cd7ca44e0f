//! Small pieces of language: lists, numbers, durations, signals, values.

use crate::function;
use crate::site::Site;
use raddle_protocol::trace::Access;

/// `a`, `a and b`, `a, b and c`.
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// `text` with its first letter in upper case.
pub fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// `1 thread`, `2 threads`.
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("{number} {noun}") } else { format!("{} {noun}s", thousands(number)) }
}

/// `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The indefinite article before a name.
pub fn article(name: &str) -> &'static str {
    if name.starts_with(['A', 'E', 'I', 'O', 'a', 'e', 'i', 'o']) { "an" } else { "a" }
}

/// A span of virtual time, in the largest unit that gives a whole number.
pub fn duration(ns: u64) -> String {
    for (unit, name) in [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")] {
        if ns >= unit && ns.is_multiple_of(unit) {
            return format!("{} {name}", ns / unit);
        }
    }
    format!("{ns} ns")
}

/// About so long: the largest unit of which there is one.
pub fn about(ns: u64) -> String {
    let units = [(3_600_000_000_000, "h"), (60_000_000_000, "min"), (1_000_000_000, "s"), (1_000_000, "ms")];
    match units.into_iter().find(|(unit, _)| ns >= *unit) {
        Some((unit, name)) => format!("{} {name}", ns / unit),
        None => "less than 1 ms".to_owned(),
    }
}

/// What an access does to a variable, as a step tells it.
pub fn does(access: Access) -> &'static str {
    match access {
        Access::Read => "reads",
        Access::Write => "writes",
        Access::AtomicRead => "atomically reads",
        Access::AtomicWrite => "atomically writes",
        Access::Free => "frees",
    }
}

/// As [`does`], of something that is over.
pub fn did(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::Write => "wrote",
        Access::AtomicRead => "atomically read",
        Access::AtomicWrite => "atomically wrote",
        Access::Free => "freed",
    }
}

/// Name and meaning of a signal (`signal(7)`).
pub fn signal(number: i32) -> (&'static str, &'static str) {
    match number {
        1 => ("SIGHUP", "the end of a terminal"),
        2 => ("SIGINT", "an interruption from the keyboard"),
        3 => ("SIGQUIT", "a quit from the keyboard"),
        4 => ("SIGILL", "an illegal instruction"),
        5 => ("SIGTRAP", "a trap"),
        6 => ("SIGABRT", "an abort"),
        7 => ("SIGBUS", "an access to memory that is not there"),
        8 => ("SIGFPE", "a faulty calculation, such as a division by zero"),
        9 => ("SIGKILL", "a kill"),
        10 => ("SIGUSR1", "a signal whose meaning programs choose"),
        11 => ("SIGSEGV", "an access to memory that is not mapped or not allowed"),
        12 => ("SIGUSR2", "a signal whose meaning programs choose"),
        13 => ("SIGPIPE", "a write to a pipe that nobody reads"),
        14 => ("SIGALRM", "a timer that has run out"),
        15 => ("SIGTERM", "a request to end"),
        24 => ("SIGXCPU", "too much processor time"),
        25 => ("SIGXFSZ", "a file that grows too large"),
        26 => ("SIGVTALRM", "a timer that has run out"),
        27 => ("SIGPROF", "a timer that has run out"),
        31 => ("SIGSYS", "a forbidden system call"),
        _ => ("a signal", "a signal"),
    }
}

/// How the values of an atomic are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `true` and `false`.
    Boolean,
    /// Two's complement.
    Signed,
    /// As it is; the largest value by its name.
    Unsigned(&'static str),
    /// An address: never shown.
    Pointer,
    /// Not known; large values may be addresses and are not shown.
    Unknown,
}

impl Type {
    /// From the atomic method that performs an operation: `AtomicBool::store`, `Atomic<bool>::store`.
    pub fn at(site: &Site) -> Self {
        site.library().iter().find_map(|frame| Self::named(&frame.function)).unwrap_or(Type::Unknown)
    }

    fn named(function: &str) -> Option<Self> {
        let after = &function[function.find("Atomic")? + "Atomic".len()..];
        let after = after.trim_start_matches("::").trim_start_matches('<').to_ascii_lowercase();
        Some(match after.as_str() {
            a if a.starts_with("bool") => Type::Boolean,
            a if a.starts_with("ptr") || a.starts_with('*') => Type::Pointer,
            a if a.starts_with('i') => Type::Signed,
            a if a.starts_with('u') => {
                Type::Unsigned(["u8", "u16", "u32", "u64", "usize"].into_iter().find(|name| a.starts_with(name))?)
            }
            _ => return None,
        })
    }

    /// A value of `size` bytes; `None` when it must not be shown.
    pub fn value(self, value: u64, size: u8) -> Option<String> {
        let bits = u32::from(size.clamp(1, 8)) * 8;
        match self {
            Type::Boolean => Some(if value & 1 == 1 { "true" } else { "false" }.to_owned()),
            Type::Signed => Some((((value << (64 - bits)) as i64) >> (64 - bits)).to_string()),
            Type::Unsigned(name) if value == u64::MAX >> (64 - bits) => Some(format!("{name}::MAX")),
            Type::Unsigned(_) => Some(value.to_string()),
            Type::Pointer => Some(if value == 0 { "null" } else { "a pointer" }.to_owned()),
            // Nothing is mapped in the first 64 KiB (the kernel's `mmap_min_addr`): such a value is a number.
            Type::Unknown => (value < 1 << 16 || size < 8).then(|| value.to_string()),
        }
    }
}

/// The method of an atomic type by which the user performs an operation, such as `fetch_add`.
pub fn atomic_method(site: &Site) -> String {
    site.entry().map_or_else(String::new, |frame| function::method(&frame.function))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_their_type() {
        assert_eq!(Type::named("core::sync::atomic::AtomicI32::load"), Some(Type::Signed));
        assert_eq!(Type::named("core::sync::atomic::Atomic<bool>::load"), Some(Type::Boolean));
        assert_eq!(Type::named("<core::sync::atomic::AtomicPtr<T>>::load"), Some(Type::Pointer));
        assert_eq!(Type::named("core::sync::atomic::atomic_load"), None);
        assert_eq!(Type::Signed.value(0xffff_ffff, 4).as_deref(), Some("-1"));
        let usize = Type::named("core::sync::atomic::AtomicUsize::load").unwrap();
        assert_eq!(usize.value(u64::MAX, 8).as_deref(), Some("usize::MAX"));
        assert_eq!(usize.value(1 << 40, 8).as_deref(), Some("1099511627776"));
        assert_eq!(Type::Pointer.value(0x7fff_0000, 8).as_deref(), Some("a pointer"));
        assert_eq!(Type::Unknown.value(0x7fff_0000_1234, 8), None);
    }

    #[test]
    fn durations_and_lists() {
        assert_eq!(duration(10_000_000), "10 ms");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(duration(1_500), "1500 ns");
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
