//! From what a user types to a hazard, or to the ones that may have been meant.

use super::registry::{Hazard, hazards};
use crate::style::{Ink, Style};
use crate::text;

/// The hazard with this code, however it is written: `RD0201`, `rd0201`, `0201`, `201`.
pub fn hazard(code: &str) -> Option<&'static Hazard> {
    let number = number(code)?;
    hazards().iter().find(|hazard| hazard.number() == number)
}

fn number(code: &str) -> Option<u32> {
    let code = code.trim();
    let digits = match code.get(..2) {
        Some(front) if front.eq_ignore_ascii_case("rd") => &code[2..],
        _ => code,
    };
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// The hazards that may have been meant, likeliest first, at most three: by name (`lost wake-up`), or by a code that
/// takes few strokes to get right.
pub fn nearest(asked: &str) -> Vec<&'static Hazard> {
    let asked = asked.trim().to_lowercase();
    let mut ranked: Vec<(u32, &Hazard)> = hazards().iter().map(|hazard| (distance(&asked, hazard), hazard)).collect();
    ranked.sort_by_key(|(distance, hazard)| (*distance, hazard.code));
    let best = ranked.first().map_or(0, |(distance, _)| *distance);
    ranked.into_iter().take_while(|(distance, _)| *distance <= best + 250).take(3).map(|(_, hazard)| hazard).collect()
}

/// Thousandths; 0 is the same. Only the order of distances means anything.
fn distance(asked: &str, hazard: &Hazard) -> u32 {
    let code = hazard.code.to_lowercase();
    let by_code = if asked.bytes().any(|b| b.is_ascii_digit()) {
        let digits: String = asked.chars().filter(char::is_ascii_digit).collect();
        let strokes = strsim::damerau_levenshtein(&format!("{digits:0>4}"), &code[2..]) as u32 * 250;
        // Among codes equally many strokes away, the numerically nearest.
        let apart = digits.parse::<u32>().unwrap_or(u32::MAX).abs_diff(hazard.number()).min(99);
        strokes + apart
    } else {
        u32::MAX
    };
    let by_name = if asked.len() >= 3 && hazard.name.contains(asked) {
        0
    } else {
        ((1.0 - strsim::jaro_winkler(asked, hazard.name)) * 1500.0) as u32
    };
    by_code.min(by_name)
}

/// That there is no such code, and which ones come near.
#[derive(Clone, Debug)]
pub struct Unknown {
    /// What was asked for.
    pub asked: String,
}

impl Unknown {
    /// A sentence and the nearest codes, for a terminal.
    pub fn render(&self, style: &Style) -> String {
        let asked = text::clean(&self.asked, style);
        let mut out = format!("there is no hazard code `{}`; did you mean one of these?\n", text::cut(&asked, 40));
        for hazard in nearest(&self.asked) {
            out.push_str(&format!("  {}  {}\n", style.ink(Ink::Strong, hazard.code), hazard.name));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(asked: &str) -> Vec<&'static str> {
        nearest(asked).into_iter().map(|hazard| hazard.code).collect()
    }

    #[test]
    fn a_code_is_found_however_it_is_written() {
        for code in ["RD0201", "rd0201", "Rd201", "0201", "201", " 201 "] {
            assert_eq!(hazard(code).map(|hazard| hazard.code), Some("RD0201"), "{code:?}");
        }
        for code in ["", "RD", "RD0200", "2 01", "RD00201", "+201", "deadlock", "é1", "rdé"] {
            assert!(hazard(code).is_none(), "{code:?}");
        }
    }

    #[test]
    fn suggestions_come_from_codes_and_from_names() {
        assert_eq!(codes("RD0299").first(), Some(&"RD0207"));
        assert_eq!(codes("RD0210").first(), Some(&"RD0201"));
        assert_eq!(codes("RD2001").first(), Some(&"RD0201"));
        assert_eq!(codes("deadlok").first(), Some(&"RD0201"));
        assert_eq!(codes("wakeup").first(), Some(&"RD0204"));
        assert_eq!(codes("E0201").first(), Some(&"RD0201"));
        assert!((1..=3).contains(&codes("").len()));
        assert!((1..=3).contains(&codes("99999999999999").len()));
    }
}
