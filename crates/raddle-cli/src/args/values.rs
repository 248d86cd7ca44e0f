//! Values of options that need more than a number or a word to be read.

use raddle_protocol::MemoryModel;
use std::num::NonZeroUsize;
use std::time::Duration;

/// A length of time, or none: `10s`, `1m 30s`, `500ms`, `0s`; a bare number is seconds.
pub fn delay(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    match text.parse::<u64>() {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_duration(text)
            .map_err(|error| format!("{error} (write `10s`, `500ms` or `1m 30s`; a bare number is seconds)")),
    }
}

/// A length of time as [`delay`] reads it, but more than none.
pub fn duration(text: &str) -> Result<Duration, String> {
    let read = delay(text)?;
    if read.is_zero() { Err("must be longer than nothing".into()) } else { Ok(read) }
}

/// The search strategies that the runtime knows.
const STRATEGIES: [&str; 10] = ["auto", "random", "pct", "pos", "surw", "lag", "rff", "branch", "pctwm", "exhaustive"];

/// A search strategy.
pub fn strategy(text: &str) -> Result<String, String> {
    if STRATEGIES.contains(&text) {
        return Ok(text.to_owned());
    }
    let [others @ .., last] = STRATEGIES;
    Err(format!("there are `{}` and `{last}`", others.join("`, `")))
}

/// A memory model.
pub fn memory(text: &str) -> Result<MemoryModel, String> {
    match text {
        "sc" => Ok(MemoryModel::Sc),
        "rc11" => Ok(MemoryModel::Rc11),
        _ => Err("there are `rc11` and `sc`".into()),
    }
}

/// A code of the hazard catalogue.
pub fn code(text: &str) -> Result<String, String> {
    let known = raddle_report::explain::hazard(text).map(|hazard| hazard.code.to_owned());
    known.ok_or_else(|| "there is no such code; `raddle explain` lists them all".into())
}

/// A count of processors, such as a program can be told it has.
pub fn processors(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(count @ 1..=1024) => Ok(count),
        _ => Err("must be a number from 1 to 1024".into()),
    }
}

/// A size of memory: `512M`, `4G`; a bare number is bytes. Not less than what a test harness needs to start.
pub fn size(text: &str) -> Result<u64, String> {
    const LEAST: u64 = 16 << 20;
    let text = text.trim();
    let (number, shift) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 10),
        Some((at, 'm' | 'M')) => (&text[..at], 20),
        Some((at, 'g' | 'G')) => (&text[..at], 30),
        _ => (text, 0),
    };
    match number.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift)) {
        Some(bytes) if bytes >= LEAST => Ok(bytes),
        Some(_) => Err("must be at least 16M".into()),
        None => Err("write a number of bytes, or `512M`, `4G`".into()),
    }
}

/// How many processes.
pub fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    let number = usize::try_from(positive(text)?).map_err(|_| "is more than any machine has")?;
    NonZeroUsize::new(number).ok_or_else(|| "must be at least 1".into())
}

/// A number that is not 0.
pub fn positive(text: &str) -> Result<u64, String> {
    match text.replace(['_', ','], "").parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(number) => Ok(number),
        Err(_) => Err("must be a whole number".into()),
    }
}
