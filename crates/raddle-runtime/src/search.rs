//! The search for findings: a head, and then blocks, which the command deals to as many processes as it has for this test.
//!
//! [`raddle_engine::strategy::blocks`] says what a block is. Whatever a block leaves behind that later executions could
//! tell is put back to what it was after the head: the strategy, what has been found, races that are left alone, and whether
//! read-modify-writes are fences.
//!
//! A race that has been found is left alone, and so is what fails by the letter only ([`crate::letter`]): the search goes on
//! as if it had passed, for what else is wrong with the program is often worse, and easier to mend.

use crate::explore::{Explorer, send, take_strategy};
use crate::found::Found;
use crate::state::rt;
use crate::{cancel, sites};
use raddle_engine::strategy::blocks::{Blocks, is_head};
use raddle_protocol::message::End;
use raddle_protocol::{Choice, Job, Message, Mode, Part};
use std::ops::Range;

/// Executions tried for one that passes, when the very first has failed.
const TRIES_FOR_A_PASS: u64 = 200;
/// Nanoseconds between two reports of progress.
const REPORT_EVERY_NS: u64 = 100_000_000;

/// Why a head or a block is over.
enum Over {
    /// The search is, too.
    Search(End),
    /// What it was to perform has been.
    Part,
}

impl Explorer {
    /// Performs executions until the budget is used up or the search has come to its end. `kept` is a stream to be tried
    /// right after the first execution, and how many are to be searched where it does not fit any more.
    pub fn explore(&mut self, kept: Option<(Vec<Choice>, u64)>) {
        take_strategy();
        self.classes.list(!self.silent);
        let most = kept.as_ref().map_or(rt().plan.budget.schedules, |(_, search)| *search);
        // Of so few executions as are searched for a kept one, none says that the test always fails.
        let regresses = kept.is_some();
        let mut found = Found::default();
        let mut clock = Clock(0);
        let (over, head) = self.head(kept, most, &mut found, &mut clock);
        let end = match over {
            // What is odd about executions beside the search is of interest only if the search finds nothing, which it has
            // had time for.
            Over::Part if self.report_failure_beside(&mut found) => End::Finding,
            Over::Part => return self.blocks(head, most, &found, &mut clock),
            Over::Search(end) => end,
        };
        self.summary.end = end;
        if let (Some((outcome, choices)), false) = (found.first_failure.take(), regresses || end == End::Finding) {
            self.summary.end = End::AlwaysFails;
            self.report(outcome, 0, choices, &mut found.known);
        } else if self.report_failure_beside(&mut found) {
            self.summary.end = End::Finding;
        }
    }

    /// Performs the head, and tells how many executions it has.
    fn head(
        &mut self,
        mut kept: Option<(Vec<Choice>, u64)>,
        most: u64,
        found: &mut Found,
        clock: &mut Clock,
    ) -> (Over, u64) {
        let runtime = rt();
        let mut execution = 0;
        let regresses = kept.is_some();
        let over = |end| Over::Search(end);
        while execution < most {
            if let Some(end) = self.perform_next(execution, found) {
                return (over(end), execution);
            }
            if execution == 0 && self.summary.passed == 1 && !regresses && runtime.plan.world.cancel {
                cancel::explore(self, self.begun_ns + runtime.plan.budget.time_ms / 2 * 1_000_000);
            }
            if execution == 0 && self.summary.passed == 1 && !regresses {
                self.let_happen(found);
                self.in_step(found);
            }
            if execution == 0
                && most > 1
                && let Some(end) = self.compare_with_no_slices(found)
            {
                return (over(end), 1);
            }
            execution += 1;
            if let Some((choices, _)) = kept.take()
                && let Some(end) = self.regress(choices, found)
            {
                return (over(end), execution);
            }
            let search = runtime.tape.strategy().search();
            if search.is_some_and(|search| search.finished && search.obstacle.is_none()) {
                // What has been left alone is not among them.
                return (over(if found.left_alone { End::Finding } else { End::Exhausted }), execution);
            }
            if let (Some(most), Some(bounded)) = (runtime.plan.preemptions, runtime.tape.strategy().bounded())
                && (bounded.everything || bounded.completed >= Some(most))
            {
                return (over(End::Budget), execution);
            }
            let nothing_to_choose = execution == 1 && runtime.tape.record().is_empty();
            if nothing_to_choose || (found.first_failure.is_some() && execution >= TRIES_FOR_A_PASS) {
                // What other processes do is not among what can be chosen.
                let alone = runtime.mode != Mode::Fork || self.summary.most_threads <= 1;
                let end = match found.first_failure {
                    Some(_) => End::AlwaysFails,
                    None if alone => End::Exhausted,
                    None => End::Budget,
                };
                return (over(end), execution);
            }
            if clock.is_over(self) {
                break;
            }
            // As long as there is something left of it, one process goes on with a systematic search. What is counted of all
            // executions together is not divided.
            let is_head = !runtime.plan.world.leaks && is_head(execution, runtime.earlier_points);
            if is_head && runtime.tape.strategy().opening().is_some() {
                return (Over::Part, execution);
            }
        }
        (over(End::Budget), execution)
    }

    /// Performs blocks, as long as there are some to be performed.
    fn blocks(&mut self, head: u64, most: u64, after_head: &Found, clock: &mut Clock) {
        let runtime = rt();
        let blocks = Blocks::behind(head, runtime.earlier_points);
        let digest = self.summary.digest;
        let learned = runtime.tape.strategy().opening();
        let (ignored, looked_at) = (runtime.ignored.clone(), self.looked_at);
        let fence = runtime.memory.exchanges_fence();
        let is_told = self.told.is_told;
        self.end_part(0, End::Budget);
        (self.silent, self.shown) = (false, Vec::new());
        self.classes.list(true);
        while let Some(number) = sites::draw(digest) {
            let executions = blocks.executions(number);
            if executions.start >= most {
                break;
            }
            let Some(opening) = learned.as_ref().and_then(|learned| learned.opening()) else { break };
            runtime.tape.exchange(opening);
            runtime.ignored.clone_from(&ignored);
            runtime.memory.let_exchanges_fence(fence);
            self.looked_at = looked_at;
            self.told.is_told = is_told;
            self.classes.begin_block();
            let over = self.block(executions, most, &mut after_head.clone(), clock);
            let end = match over {
                Over::Search(end) => end,
                Over::Part => End::Budget,
            };
            self.end_part(number, end);
            if let Over::Search(_) = over {
                break;
            }
        }
    }

    fn block(&mut self, executions: Range<u64>, most: u64, found: &mut Found, clock: &mut Clock) -> Over {
        for execution in executions.start..executions.end.min(most) {
            if let Some(end) = self.perform_next(execution, found) {
                return Over::Search(end);
            }
            if clock.is_over(self) {
                return Over::Search(End::Budget);
            }
        }
        Over::Part
    }

    /// Performs an execution of the search. Returns how the search ends, if it does: enough has been found, or time is up.
    fn perform_next(&mut self, execution: u64, found: &mut Found) -> Option<End> {
        let Some(outcome) = self.perform_in_time(execution) else {
            return Some(End::Budget);
        };
        self.count(&outcome);
        self.weigh(outcome, execution, found).then_some(End::Finding)
    }

    /// Tells what came of a part.
    fn end_part(&mut self, number: u64, end: End) {
        self.summary.end = end;
        let summary = self.take_summary();
        let shown = core::mem::take(&mut self.shown);
        if self.silent {
            return;
        }
        self.classes.tell();
        let runtime = rt();
        let is_search = matches!(runtime.plan.job, Job::Explore) && !runtime.plan.world.cancel;
        let divisible = is_search && runtime.mode == Mode::Rewind && !runtime.is_known_by_name;
        send(&Message::Part(Box::new(Part { number, summary, shown, divisible })));
    }
}

/// When progress was last told of, in nanoseconds since the search began.
struct Clock(u64);

impl Clock {
    /// Whether the time is used up. Tells of progress now and then.
    fn is_over(&mut self, explorer: &mut Explorer) -> bool {
        let (spent_ns, is_over) = explorer.spent();
        if spent_ns.saturating_sub(self.0) > REPORT_EVERY_NS {
            self.0 = spent_ns;
            let runtime = rt();
            let search = runtime.tape.strategy().search().filter(|search| search.is_going_on());
            let estimate = search.map(|search| search.estimate as u64);
            let schedules = explorer.summary.schedules;
            send(&Message::Progress { schedules, points: runtime.earlier_points, estimate });
        }
        is_over
    }
}
