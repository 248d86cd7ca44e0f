//! RD0502: executions that pass have not printed the same.
//!
//! The runtime has compared what each prints with the first one that passed ([`raddle_engine::output`] says what counts), made
//! the one that differs shorter, and looked for two steps that decide.
//!
//! Not seen: results that go to files, sockets or databases; which part of a difference is meant.

use super::{Diagnosis, cause};
use crate::case::Case;
use crate::words;
use raddle_engine::output::steady;
use raddle_protocol::message::Printed;

/// Characters of a line that are shown.
const WIDEST: usize = 100;

/// Describes the difference.
pub fn explain(case: &Case<'_>, printed: &Printed) -> Diagnosis {
    let mut diagnosis = Diagnosis { code: "RD0502", warning: true, ..Diagnosis::default() };
    let [here, there] = [&printed.here, &printed.there].map(|text| text.lines().collect::<Vec<_>>());
    let same = |(one, other): (&&str, &&str)| steady(one) == steady(other);
    let first = here.iter().zip(&there).take_while(|pair| same(*pair)).count();
    let [this, other] =
        [&here, &there].map(|lines| lines.get(first).map_or_else(|| "nothing more".to_owned(), |line| quoted(line)));
    diagnosis.message =
        format!("result depends on the schedule: line {} of the output is {this} or {other}", first + 1);
    let order = if is_reordered(&here, &there) { " They are the same lines in another order." } else { "" };
    diagnosis.reason.push(format!(
        "Every execution passes, but not all print the same.{order} Line {} is the first that differs: {this} in the schedule shown here, {other} in execution {}.",
        first + 1,
        words::thousands(printed.execution),
    ));
    if !cause::explain(case, &mut diagnosis) {
        diagnosis.reason.push("Which pair of steps decides that is not known.".to_owned());
    }
    diagnosis.fix = vec![
        "Put results together in an order that does not come from the threads: join them in the order in which they were started, give each piece of work a place of its own, or sort before printing.".to_owned(),
        "Where any order will do, leave it as it is: this is a warning.".to_owned(),
    ];
    diagnosis
}

fn is_reordered(here: &[&str], there: &[&str]) -> bool {
    let sorted = |lines: &[&str]| {
        let mut lines: Vec<_> = lines.iter().map(|line| steady(line).into_owned()).collect();
        lines.sort_unstable();
        lines
    };
    sorted(here) == sorted(there)
}

fn quoted(line: &str) -> String {
    let mut shown: String = line.trim_end().chars().take(WIDEST).collect();
    if line.trim_end().chars().count() > WIDEST {
        shown.push_str("...");
    }
    format!("`{shown}`")
}
