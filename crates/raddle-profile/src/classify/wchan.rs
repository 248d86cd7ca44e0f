//! A poorer answer: the kernel function in which a thread sleeps (`/proc/PID/task/TID/wchan`). Its names change from
//! one kernel to the next; they are matched by parts that have lasted.

use super::{Object, Wait};
use crate::state::State;

/// Parts of names, and what waiting there means. The first match counts.
const PARTS: &[(&str, State)] = &[
    ("futex", State::Condition),
    ("nanosleep", State::Timer),
    ("ep_poll", State::EventLoop),
    ("do_poll", State::EventLoop),
    ("poll_schedule", State::EventLoop),
    ("do_select", State::EventLoop),
    ("core_sys_select", State::EventLoop),
    ("inet_csk_accept", State::Requests),
    ("unix_accept", State::Requests),
    ("skb_wait_for_more_packets", State::Network),
    ("sk_wait_data", State::Network),
    ("sk_stream_wait", State::Network),
    ("tcp_", State::Network),
    ("inet_", State::Network),
    ("unix_", State::Pipe),
    ("pipe_", State::Pipe),
    ("wait_for_partner", State::Pipe),
    ("do_wait", State::Child),
    ("kernel_wait4", State::Child),
    ("n_tty", State::Terminal),
    ("sigtimedwait", State::Signal),
    ("sigsuspend", State::Signal),
    ("sys_pause", State::Signal),
    ("eventfd_read", State::Condition),
    ("timerfd_read", State::Timer),
    ("io_schedule", State::Disk),
    ("folio_wait", State::Disk),
    ("wait_on_page", State::Disk),
    ("jbd2", State::Disk),
    ("blk", State::Disk),
    ("submit_bio", State::Disk),
    ("xfs", State::Disk),
    ("btrfs", State::Disk),
    ("nfs", State::Disk),
    ("rwsem", State::Lock),
    ("flock", State::Lock),
    ("ptrace_stop", State::Stopped),
    ("do_signal_stop", State::Stopped),
];

/// Judges by the function's name and the state letter.
pub fn wait(function: &str, letter: char) -> Wait {
    let found = PARTS.iter().find(|(part, _)| function.contains(part)).map(|(_, state)| *state);
    let state = found.unwrap_or(match letter {
        'D' => State::Disk,
        'T' | 't' => State::Stopped,
        _ => State::Other,
    });
    Wait { state, call: "", object: Object::None }
}
