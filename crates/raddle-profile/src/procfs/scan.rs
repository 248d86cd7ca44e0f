//! Which processes and threads there are.

use super::stat::{self, Stat};

/// The numbered entries of a directory of `/proc`.
fn numbers(directory: &str) -> Option<Vec<i32>> {
    let entries = std::fs::read_dir(directory).ok()?;
    Some(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

/// All processes that this user can see: with `hidepid`, only his own.
pub fn processes() -> Vec<i32> {
    numbers("/proc").unwrap_or_default()
}

/// All threads of a process; `None` when it has ended.
pub fn threads(pid: i32) -> Option<Vec<i32>> {
    numbers(&format!("/proc/{pid}/task")).filter(|threads| !threads.is_empty())
}

/// The children that a thread has started; none where the kernel does not list them.
pub fn children(pid: i32, tid: i32) -> Vec<i32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{tid}/children")).unwrap_or_default();
    text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// `stat` of a process; `None` when it has ended and been collected.
pub fn stat(pid: i32) -> Option<Stat> {
    stat::stat(&std::fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Number of open descriptors.
pub fn descriptors(pid: i32) -> Option<usize> {
    Some(std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
}
