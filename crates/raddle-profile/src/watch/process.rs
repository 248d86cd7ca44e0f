//! What is kept of a process.

use crate::classify::Descriptor;
use crate::procfs::stat::{Io, Stat};
use crate::procfs::{file, scan, stat};
use crate::stacks::python::is_interpreter;
use std::collections::{HashMap, HashSet};

/// A process of the program.
#[derive(Debug)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// Its parent when it was met.
    pub parent: i32,
    /// Its name.
    pub name: String,
    /// Its living threads.
    pub threads: HashSet<i32>,
    /// Threads of it that have ended since it was last visited.
    pub ended: u64,
    /// What `stat` said when it was met; zeros when it was born under watch.
    pub base: Stat,
    /// What `stat` says now.
    pub stat: Stat,
    /// When it was last visited.
    pub visited: f64,
    /// Processor time of its threads that was seen, seconds.
    pub seen_cpu: f64,
    /// Processor time counted for threads that nobody saw.
    pub unseen_threads: f64,
    /// Processor time of children that were seen and have ended: it will appear in this process's books as well.
    pub credit: f64,
    /// Processor time counted for children that nobody saw.
    pub unseen_children: f64,
    /// Bytes moved before and now.
    pub io_base: Io,
    /// Bytes moved, as of the last visit.
    pub io: Io,
    /// The file that it executes.
    pub exe: std::path::PathBuf,
    /// Whether a Python interpreter runs in it.
    pub python: bool,
    /// What its descriptors are, and until when that is believed.
    descriptors: HashMap<i32, (Descriptor, f64)>,
    /// What its epoll instances watch, and until when that is believed.
    watched: HashMap<i32, (Vec<i32>, f64)>,
    /// Whether it listens, and until when that is believed.
    listens: Option<(bool, f64)>,
}

/// For how long a descriptor is believed to be what it was.
const BELIEVED: f64 = 0.1;
/// The same for what an epoll instance watches, and for whether anybody listens.
const BELIEVED_LONGER: f64 = 0.5;

impl Process {
    /// A process that has been met.
    pub fn new(pid: i32, stat: Stat, older: bool, at: f64) -> Self {
        let io = read_io(pid).unwrap_or_default();
        let mut process = Self {
            pid,
            parent: stat.parent,
            name: stat.name.clone(),
            threads: HashSet::new(),
            ended: 0,
            base: if older { stat.clone() } else { Stat::default() },
            stat,
            visited: at,
            seen_cpu: 0.0,
            unseen_threads: 0.0,
            credit: 0.0,
            unseen_children: 0.0,
            io_base: if older { io } else { Io::default() },
            io,
            exe: std::path::PathBuf::new(),
            python: false,
            descriptors: HashMap::new(),
            watched: HashMap::new(),
            listens: None,
        };
        process.recognize();
        process
    }

    /// Finds out what kind of program it runs. Returns whether that is another one than before.
    pub fn recognize(&mut self) -> bool {
        let exe = std::fs::read_link(format!("/proc/{}/exe", self.pid)).unwrap_or_default();
        if exe == self.exe {
            return false;
        }
        let name = exe.file_name().unwrap_or_default().to_string_lossy();
        self.python = is_interpreter(&name) || name.starts_with("uwsgi");
        self.exe = exe;
        true
    }

    /// Ticks of processor time since it has been watched.
    pub fn ticks(&self) -> u64 {
        (self.stat.user + self.stat.system).saturating_sub(self.base.user + self.base.system)
    }

    /// Bytes moved since it has been watched.
    pub fn moved(&self) -> Io {
        Io {
            read: self.io.read.saturating_sub(self.io_base.read),
            written: self.io.written.saturating_sub(self.io_base.written),
            storage_read: self.io.storage_read.saturating_sub(self.io_base.storage_read),
            storage_written: self.io.storage_written.saturating_sub(self.io_base.storage_written),
        }
    }

    /// Reads `io` again.
    pub fn read_io(&mut self) {
        if let Some(io) = read_io(self.pid) {
            self.io = io;
        }
    }

    /// What one of its descriptors is; `socket` looks sockets up.
    pub fn descriptor(&mut self, number: i32, at: f64, socket: &mut dyn FnMut(u64) -> Descriptor) -> Descriptor {
        if let Some((known, until)) = self.descriptors.get(&number)
            && at < *until
        {
            return known.clone();
        }
        use crate::procfs::fd::{Link, link};
        let found = match std::fs::read_link(format!("/proc/{}/fd/{number}", self.pid)) {
            Err(_) => Descriptor::Unknown,
            Ok(target) => match link(&target) {
                Link::Path(path) => Descriptor::File(path),
                Link::Terminal => Descriptor::Terminal,
                Link::Null => Descriptor::Null,
                Link::Pipe(_) => Descriptor::Pipe,
                Link::Socket(inode) => socket(inode),
                Link::Anonymous(kind) => match kind.as_str() {
                    "eventfd" => Descriptor::EventFd,
                    "eventpoll" => Descriptor::Epoll,
                    "timerfd" => Descriptor::TimerFd,
                    "signalfd" => Descriptor::SignalFd,
                    "inotify" | "fanotify" => Descriptor::Inotify,
                    "pidfd" => Descriptor::PidFd,
                    "io_uring" => Descriptor::IoUring,
                    _ => Descriptor::Unknown,
                },
            },
        };
        self.descriptors.insert(number, (found.clone(), at + BELIEVED));
        found
    }

    /// What one of its epoll instances watches.
    pub fn watched(&mut self, epoll: i32, at: f64) -> Vec<i32> {
        if let Some((known, until)) = self.watched.get(&epoll)
            && at < *until
        {
            return known.clone();
        }
        let bytes = file::up_to(&format!("/proc/{}/fdinfo/{epoll}", self.pid), 1 << 16).unwrap_or_default();
        let found = crate::procfs::fd::watched(&bytes);
        self.watched.insert(epoll, (found.clone(), at + BELIEVED_LONGER));
        found
    }

    /// Whether it has a socket that waits for connections.
    pub fn listens(&mut self, at: f64, socket: &mut dyn FnMut(u64) -> Descriptor) -> bool {
        if let Some((known, until)) = self.listens
            && at < until
        {
            return known;
        }
        let mut found = false;
        if let Ok(entries) = std::fs::read_dir(format!("/proc/{}/fd", self.pid)) {
            for number in entries.flatten().take(512).filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
                found |= match self.descriptor(number, at, socket) {
                    Descriptor::Listening(_) => true,
                    Descriptor::Local { listening, .. } => listening,
                    _ => false,
                };
                if found {
                    break;
                }
            }
        }
        self.listens = Some((found, at + BELIEVED_LONGER));
        found
    }
}

fn read_io(pid: i32) -> Option<Io> {
    Some(stat::io(&std::fs::read(format!("/proc/{pid}/io")).ok()?))
}

/// Descriptors of a process, and how many of them are connections, by their links. Costs a system call for each.
pub fn open_descriptors(pid: i32) -> Option<(u64, u64)> {
    let all = scan::descriptors(pid)? as u64;
    if all > 2048 {
        return Some((all, 0));
    }
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let targets = links.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    Some((all, targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count() as u64))
}
