//! One kind of mistake with async tasks a module, each as a pair of tests: `wrong` makes the mistake, `fixed` does not.
//!
//! A `wrong` test passes nearly every time it is run.

#![cfg(test)]

mod rd0301_event_loop_blocked;
mod rd0302_guard_across_await;
mod rd0303_check_across_await;
mod rd0303_one_thread;
mod rd0304_aborted;
mod rd0304_cancellation;
mod rd0304_overtaken;
mod rd0305_failure_lost;
mod rd0306_waker_lost;
mod rd0404_handle_leak;
