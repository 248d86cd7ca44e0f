//! One kind of concurrency mistake a module, each as a pair of tests: `wrong` makes the mistake, `fixed` does not.
//!
//! A `wrong` test passes nearly every time it is run; that is what makes such mistakes hard to find. Where a mistake
//! comes in several forms, each form is a module of its own with its own pair.

#![cfg(test)]

mod rd0101_data_race;
mod rd0102_lost_update;
mod rd0103_check_then_act;
mod rd0104_check_then_use;
mod rd0105_use_after_free;
mod rd0106_lock_too_narrow;
mod rd0107_torn_read;
mod rd0201_deadlock;
mod rd0202_lock_order;
mod rd0203_self_deadlock;
mod rd0204_lost_wakeup;
mod rd0205_livelock;
mod rd0206_starvation;
mod rd0207_spinning;
mod rd0401_outlives_its_scope;
mod rd0402_unbounded_queue;
mod rd0403_lock_held;
mod rd0404_handle_leak;
mod rd0501_fails_sometimes;
mod rd0502_output_depends;
mod rd0503_no_progress;
mod rd0504_crash;
mod rd0505_not_reproducible;
