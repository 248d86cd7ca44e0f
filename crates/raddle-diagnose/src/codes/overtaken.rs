//! RD0304: the branch of a `select!` that another one has come before.
//!
//! A body polls other futures by a library function (`PollFn` of the `select!` macros, `Select` of futures), and goes on
//! while one of them still waits: that one is not polled again, or from an earlier place only. So it shows even where dropping
//! what it waited on is no operation, such as `recv` of a channel.
//!
//! A future that has ended is not polled again either, as in `join!`. That one waits shows by its last poll, in which it
//! leaves its waker with what it waits on.
//!
//! Not seen: a branch that waits on what keeps the waker of an earlier poll and does nothing with the new one; the branch
//! that has been polled last before the body went on.

use super::cancellation::{Found, calls, is_body};
use crate::case::Case;
use crate::site::Site;
use raddle_instrument::symbols::{Origin, SourceFrame};

/// Functions that poll several futures until one of them is done, by parts of their names.
const CHOOSE: [&str; 6] = [
    "future::poll_fn::PollFn<",
    "future::select::Select<",
    "future::select_all::SelectAll<",
    "future::select_ok::SelectOk<",
    "futures_lite::future::Or<",
    "futures_lite::future::Race<",
];

/// Functions that leave a waker, or are called on the way there, by parts of their names.
const LEAVE_WAKER: [&str; 4] = ["::register", "Waker as core::clone::Clone", "::set_rx_task", "::set_task"];

/// A poll of one future among others, as a step shows it.
#[derive(Clone, Copy)]
struct Branch<'a> {
    /// The body that waits.
    body: &'a SourceFrame,
    /// The library function that polls it and others.
    by: &'a SourceFrame,
    /// The body that calls that.
    chooser: &'a SourceFrame,
}

/// The branch that lost after step `stall`, and who polled it and others.
pub fn overtaken<'a>(case: &'a Case<'_>, stall: usize) -> Option<(Found<'a>, &'a SourceFrame)> {
    let mut tried: Vec<Branch<'_>> = Vec::new();
    for at in (0..stall).rev() {
        let Some(branch) = case.site_at(at).and_then(branch) else { continue };
        if !tried.iter().any(|one| one.is(branch)) {
            tried.push(branch);
            if let Some(found) = lost(case, stall, at, branch) {
                return Some((found, branch.chooser));
            }
        }
    }
    None
}

/// Whether a branch that is polled with step `before` loses after `stall`.
fn lost<'a>(case: &'a Case<'_>, stall: usize, before: usize, of: Branch<'_>) -> Option<Found<'a>> {
    let steps = &case.trace().steps;
    let task = case.tasks.of(before);
    let own = |at: &usize| match task {
        Some(task) => case.tasks.of(*at) == Some(task),
        None => case.tasks.of(*at).is_none() && steps[*at].thread == steps[before].thread,
    };
    let goes_on = |at: &usize| own(at) && case.site_at(*at).is_some_and(|site| of.is_left(site));
    let left = (stall..steps.len()).find(goes_on)?;
    // Each step in its polls, and where it was then.
    let polled = |at: usize| case.site_at(at).and_then(branch).filter(|branch| own(&at) && branch.is(of));
    let (last, at_last) = (before..left).rev().find_map(|at| Some((at, polled(at)?)))?;
    let place = at_last.body;
    let is_there = |at: &usize| polled(*at).is_none_or(|branch| branch.body.line == place.line);
    let leaves_waker = |at: usize| {
        polled(at).is_some() && case.site_at(at).is_some_and(|site| LEAVE_WAKER.iter().any(|name| calls(site, name)))
    };
    let waits = (0..=last).rev().take_while(is_there).any(leaves_waker);
    // Whoever was looked at later is done.
    let other = |at: usize| own(&at) && case.site_at(at).is_some_and(|site| of.is_of_another(site));
    let is_overtaken = (last + 1..left).any(other);
    let again = (left..steps.len()).find_map(polled);
    let is_dropped = again.is_none_or(|branch| branch.body.line < place.line);
    (waits && is_overtaken && is_dropped).then_some((last, left, place))
}

/// The innermost body that waits among others.
fn branch(site: &Site) -> Option<Branch<'_>> {
    let at = site.frames.iter().position(|frame| frame.origin == Origin::User)?;
    let by = (at + 1..site.frames.len().saturating_sub(1)).find(|by| {
        let frame = &site.frames[*by];
        frame.origin != Origin::User && CHOOSE.iter().any(|name| frame.function.contains(name))
    })?;
    // What a macro gives the function to call is no body of its own.
    let inside = site.frames[by - 1].origin == Origin::User;
    let body = site.frames[..by - usize::from(inside)].iter().find(|frame| is_body(frame))?;
    let chooser = &site.frames[by + 1];
    is_body(chooser).then_some(Branch { body, by: &site.frames[by], chooser })
}

impl Branch<'_> {
    /// Whether both are of one body in one place.
    fn is(self, other: Branch<'_>) -> bool {
        self.body.function == other.body.function && self.chooses_as(other.by, other.chooser)
    }

    /// Whether that function is called where this one is.
    fn chooses_as(self, by: &SourceFrame, chooser: &SourceFrame) -> bool {
        self.by.function == by.function
            && (&self.chooser.function, self.chooser.line) == (&chooser.function, chooser.line)
    }

    /// Whether an operation is part of polling one of the others.
    fn is_of_another(self, site: &Site) -> bool {
        site.frames.windows(2).any(|pair| self.chooses_as(&pair[0], &pair[1]))
            && site.frames.iter().all(|frame| frame.function != self.body.function)
    }

    /// Whether an operation is of the body that polled these, and not part of doing so.
    fn is_left(self, site: &Site) -> bool {
        site.frames.iter().any(|frame| frame.function == self.chooser.function)
            && !site.frames.windows(2).any(|pair| self.chooses_as(&pair[0], &pair[1]))
    }
}
