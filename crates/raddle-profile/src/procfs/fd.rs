//! What a descriptor refers to, from the target of `/proc/PID/fd/N`, and what an epoll instance watches, from `fdinfo`.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Kind of a descriptor, by what the link says alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// A path that is no terminal: file, directory or device.
    Path(PathBuf),
    /// A terminal.
    Terminal,
    /// A device that never makes anybody wait: `/dev/null` and the like.
    Null,
    /// A pipe or FIFO without a name.
    Pipe(u64),
    /// A socket, by inode.
    Socket(u64),
    /// One of the kernel's own kinds: `eventfd`, `eventpoll`, `timerfd`, `signalfd`, `inotify`, `pidfd`, `io_uring`.
    Anonymous(String),
}

/// Reads the target of the link.
pub fn link(target: &Path) -> Link {
    let text = target.to_string_lossy();
    let inode = |prefix: &str| text.strip_prefix(prefix)?.strip_suffix(']')?.parse().ok();
    if let Some(inode) = inode("pipe:[") {
        return Link::Pipe(inode);
    }
    if let Some(inode) = inode("socket:[") {
        return Link::Socket(inode);
    }
    if let Some(name) = text.strip_prefix("anon_inode:") {
        return Link::Anonymous(name.trim_matches(['[', ']']).to_owned());
    }
    match &*text {
        "/dev/null" | "/dev/zero" | "/dev/urandom" | "/dev/random" | "/dev/full" => Link::Null,
        "/dev/tty" | "/dev/console" | "/dev/ptmx" => Link::Terminal,
        other if other.starts_with("/dev/pts/") || other.starts_with("/dev/tty") => Link::Terminal,
        _ => Link::Path(target.to_path_buf()),
    }
}

/// The descriptors that an epoll instance watches, from its `fdinfo`.
pub fn watched(bytes: &[u8]) -> Vec<i32> {
    let text = String::from_utf8_lossy(bytes);
    let of = |line: &str| line.strip_prefix("tfd:")?.split_ascii_whitespace().next()?.parse().ok();
    text.lines().filter_map(of).collect()
}
