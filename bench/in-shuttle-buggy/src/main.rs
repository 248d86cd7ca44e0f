//! Lets shuttle look for the mistake of one of the programs in `buggy`, with one of its schedulers, and prints how many
//! schedules it took, as JSON.
//!
//! `in-shuttle-buggy SCHEDULER PROGRAM SCHEDULES SEED` searches; `in-shuttle-buggy names` prints the names of the programs,
//! one a line. A search ends with the first schedule that fails, which counts, or after so many without one.
//!
//! Shuttle with its default features and configuration; only its warning about memory orders other than SeqCst, which
//! the programs do not use, and its keeping of failing schedules are off. PCT is of depth 3, that of shuttle's own examples.

use shuttle as library;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Schedule, Scheduler, Task, TaskId, UrwRandomScheduler};
use shuttle::{Config, FailurePersistence, Runner};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[path = "../../buggy/src/algorithms.rs"]
mod algorithms;
#[path = "../../buggy/src/checks.rs"]
mod checks;
#[path = "../../buggy/src/deadlocks.rs"]
mod deadlocks;
#[path = "../../buggy/src/lifetimes.rs"]
mod lifetimes;
#[path = "../../buggy/src/orders.rs"]
mod orders;
#[path = "../../buggy/src/parts.rs"]
mod parts;
#[path = "../../buggy/src/structures.rs"]
mod structures;
#[path = "../../buggy/src/waiting.rs"]
mod waiting;

use parts::{Cell, together};

/// Preemptions and one, in executions of PCT.
const DEPTH: usize = 3;

/// A table of programs by their names in `buggy`. One that is left out is never used, of which the compiler warns.
macro_rules! programs {
    ($($module:ident: $($program:ident)*;)*) => {
        &[$($((concat!(stringify!($module), "::", stringify!($program)), $module::$program)),*),*]
    };
}

const ALL: &[(&str, fn())] = programs! {
    algorithms:
        peterson_turn_first flags_raised_too_late bakery_without_choosing ticket_drawn_twice
        unlock_of_somebody_elses_lock readers_and_writer_by_flags sequence_lock_without_second_look;
    checks:
        counter_in_two_steps counter_with_one_careless_thread account_with_too_narrow_a_lock transfer_seen_half_done
        airline wronglock_1 wronglock_4 map_checked_then_filled upgrade_without_a_second_look bitmap_allocates_twice
        statistics_out_of_step;
    deadlocks:
        ring_2 ring_3 ring_5 ring_8 transfers_in_opposite_directions rare_order read_lock_and_mutex join_under_a_lock;
    lifetimes:
        double_checked_flag_too_early checked_once count_of_references_in_two_steps freed_twice upgrade_of_the_dying
        bluetooth sent_after_the_last_sweep restart_loses_the_new_task;
    orders:
        reorder_3 reorder_4 reorder_5 reorder_10 reorder_20 reorder_50 reorder_100 twostage_1 twostage_5 twostage_20
        chain_3 chain_5 chain_8 window_5 window_50 late_writer two_rounds;
    structures:
        aba_stack work_stealing_last_item queue_with_two_producers published_before_written length_below_zero
        list_loses_a_removal ring_overwrites;
    waiting:
        lost_notification flag_set_without_the_lock stolen_wakeup bounded_buffer_one_condition_1_2
        bounded_buffer_one_condition_2_2 one_notification_for_two barrier_used_again_too_early one_poison_pill_for_two
        semaphore_taken_twice;
};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if words == ["names"] {
        ALL.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    let [scheduler, program, schedules, seed] = words[..] else { return usage() };
    let program = ALL.iter().find(|(name, _)| *name == program);
    let (Some((_, program)), Ok(schedules), Ok(seed)) = (program, schedules.parse(), seed.parse()) else {
        return usage();
    };
    let searched = match scheduler {
        "random" => search(RandomScheduler::new_from_seed(seed, schedules), *program),
        "pct" => search(PctScheduler::new_from_seed(seed, DEPTH, schedules), *program),
        "urw" => search(UrwRandomScheduler::new_from_seed(seed, schedules), *program),
        _ => return usage(),
    };
    match searched {
        Some((schedules, failed)) => {
            println!(r#"{{"schedules":{schedules},"failed":{failed}}}"#);
            ExitCode::SUCCESS
        }
        None => ExitCode::FAILURE,
    }
}

fn usage() -> ExitCode {
    eprintln!("in-shuttle-buggy random|pct|urw PROGRAM SCHEDULES SEED\nin-shuttle-buggy names");
    ExitCode::from(2)
}

/// How many schedules were begun, and whether the last of them failed. `None` when a scheduler itself did, which is told.
fn search(scheduler: impl Scheduler + 'static, program: fn()) -> Option<(usize, bool)> {
    let mut config = Config::new();
    config.silence_warnings = true;
    config.failure_persistence = FailurePersistence::None;
    let own = Arc::new(AtomicBool::new(false));
    let is_own = Arc::clone(&own);
    panic::set_hook(Box::new(move |panic| {
        if panic.location().is_some_and(|at| at.file().contains("shuttle-schedulers")) {
            eprintln!("{panic}");
            is_own.store(true, Ordering::Relaxed);
        }
    }));
    let begun = Arc::new(AtomicUsize::new(0));
    let scheduler = Counting { inner: scheduler, begun: Arc::clone(&begun) };
    let runner = Runner::new(scheduler, config);
    let failed = panic::catch_unwind(AssertUnwindSafe(|| runner.run(program))).is_err();
    (!own.load(Ordering::Relaxed)).then(|| (begun.load(Ordering::Relaxed), failed))
}

/// A scheduler that counts the schedules that it begins.
struct Counting<S> {
    inner: S,
    begun: Arc<AtomicUsize>,
}

impl<S: Scheduler> Scheduler for Counting<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        let schedule = self.inner.new_execution();
        self.begun.fetch_add(usize::from(schedule.is_some()), Ordering::Relaxed);
        schedule
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, is_yielding: bool) -> Option<TaskId> {
        self.inner.next_task(runnable, current, is_yielding)
    }

    fn next_u64(&mut self) -> u64 {
        self.inner.next_u64()
    }
}
