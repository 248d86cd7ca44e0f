//! What a sleeping thread waits for: from its system call, the arguments, and the kind of descriptor.
//!
//! A pure judgement: whatever must be looked up in the process comes through [`Look`]. Without the right to read system
//! calls, the kernel function in which the thread sleeps has to do ([`wchan`]), which knows no arguments.
//!
//! What cannot be seen: goroutines, green threads and tasks that wait inside a process (their threads look like an idle
//! event loop or a condition wait), locks that spin, and work that `io_uring` does in the kernel.

pub mod futex;
mod poll;
mod syscalls;
pub mod wchan;

pub use syscalls::{Family, family, name};

use crate::procfs::syscall::Syscall;
use crate::state::State;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What a descriptor is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Descriptor {
    File(PathBuf),
    Terminal,
    Null,
    Pipe,
    /// A TCP socket that waits for connections.
    Listening(SocketAddr),
    /// A TCP connection.
    Stream {
        peer: SocketAddr,
        inbound: bool,
    },
    /// A UDP socket.
    Datagram(Option<SocketAddr>),
    /// A Unix socket.
    Local {
        name: Option<String>,
        listening: bool,
    },
    /// A socket that none of the kernel's tables names: not connected yet, or of another network namespace.
    Socket,
    EventFd,
    Epoll,
    TimerFd,
    SignalFd,
    Inotify,
    PidFd,
    IoUring,
    Unknown,
}

impl Descriptor {
    /// What a thread waits for that reads from it, or polls it for reading.
    pub fn when_read(&self) -> State {
        match self {
            Descriptor::File(_) => State::Disk,
            Descriptor::Terminal => State::Terminal,
            Descriptor::Pipe => State::Pipe,
            Descriptor::Listening(_) | Descriptor::Stream { inbound: true, .. } | Descriptor::Datagram(None) => {
                State::Requests
            }
            Descriptor::Stream { .. } | Descriptor::Datagram(Some(_)) | Descriptor::Socket => State::Network,
            Descriptor::Local { listening: true, .. } => State::Requests,
            Descriptor::Local { .. } => State::Pipe,
            Descriptor::EventFd => State::Condition,
            Descriptor::TimerFd => State::Timer,
            Descriptor::SignalFd => State::Signal,
            Descriptor::Epoll | Descriptor::Inotify | Descriptor::IoUring => State::EventLoop,
            Descriptor::PidFd => State::Child,
            Descriptor::Null | Descriptor::Unknown => State::Other,
        }
    }

    /// What a thread waits for that writes to it.
    pub fn when_written(&self) -> State {
        match self {
            Descriptor::Stream { .. } | Descriptor::Datagram(_) => State::Network,
            other => other.when_read(),
        }
    }
}

impl fmt::Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Descriptor::File(path) => write!(f, "file {}", path.display()),
            Descriptor::Terminal => f.write_str("terminal"),
            Descriptor::Null => f.write_str("null device"),
            Descriptor::Pipe => f.write_str("pipe"),
            Descriptor::Listening(local) => write!(f, "listening socket {local}"),
            Descriptor::Stream { peer, inbound: true } => write!(f, "connection from {peer}"),
            Descriptor::Stream { peer, inbound: false } => write!(f, "connection to {peer}"),
            Descriptor::Datagram(Some(peer)) => write!(f, "datagram socket to {peer}"),
            Descriptor::Datagram(None) => f.write_str("datagram socket"),
            Descriptor::Local { name: Some(name), .. } => write!(f, "local socket {name}"),
            Descriptor::Local { name: None, .. } => f.write_str("local socket"),
            Descriptor::Socket => f.write_str("socket"),
            Descriptor::EventFd => f.write_str("eventfd"),
            Descriptor::Epoll => f.write_str("epoll"),
            Descriptor::TimerFd => f.write_str("timerfd"),
            Descriptor::SignalFd => f.write_str("signalfd"),
            Descriptor::Inotify => f.write_str("inotify"),
            Descriptor::PidFd => f.write_str("pidfd"),
            Descriptor::IoUring => f.write_str("io_uring"),
            Descriptor::Unknown => f.write_str("unknown descriptor"),
        }
    }
}

/// What is waited for, beside the state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Object {
    /// Nothing that has a name.
    #[default]
    None,
    /// A word in memory.
    Futex(u64),
    /// The lock around Python's interpreter.
    InterpreterLock,
    /// The kernel's lock around a process's memory map.
    MemoryMap,
    /// A descriptor.
    Descriptor(Descriptor),
    /// Several descriptors at once.
    Descriptors(usize),
}

/// A wait, as it is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wait {
    /// What it counts as.
    pub state: State,
    /// Name of the system call; empty outside of one.
    pub call: &'static str,
    /// For what.
    pub object: Object,
}

/// What can be looked up in the process that the thread belongs to.
pub trait Look {
    /// What a descriptor is.
    fn descriptor(&mut self, number: i32) -> Descriptor;
    /// What an epoll instance watches.
    fn watched(&mut self, epoll: i32) -> Vec<i32>;
    /// Whether somebody in the process waits for connections.
    fn listens(&mut self) -> bool;
    /// Bytes of its memory.
    fn memory(&mut self, address: u64, length: usize) -> Option<Vec<u8>>;
    /// Whether this is the number of one of its threads.
    fn is_thread(&mut self, number: u32) -> bool;
    /// Whether it runs a Python interpreter.
    fn is_python(&mut self) -> bool;
    /// The monotonic and the real clock, in nanoseconds.
    fn clocks(&mut self) -> (u64, u64);
    /// What the call stack says about a futex wait, if it can be known.
    fn futex_role(&mut self, address: u64, sp: u64, pc: u64) -> Option<futex::Role>;
}

/// Judges what the `syscall` file says of a thread that does not run. `before` is what it waited for when it was seen
/// last: a system call that the kernel restarts forgets its arguments.
pub fn wait(syscall: &Syscall, before: Option<&Wait>, look: &mut dyn Look) -> Option<Wait> {
    let (number, args, sp, pc) = match *syscall {
        Syscall::Running => return None,
        Syscall::Outside { .. } => return Some(plain(State::PageFault, "")),
        Syscall::Blocked { number, args, sp, pc } => (number, args, sp, pc),
    };
    let (call, family) = family(number);
    let fd = args[0] as i32;
    Some(match family {
        Family::Read => {
            let descriptor = look.descriptor(fd);
            Wait { state: descriptor.when_read(), call, object: Object::Descriptor(descriptor) }
        }
        Family::Write => {
            let descriptor = look.descriptor(fd);
            Wait { state: descriptor.when_written(), call, object: Object::Descriptor(descriptor) }
        }
        Family::Connect => {
            let state = match look.descriptor(fd) {
                Descriptor::Local { .. } => State::Pipe,
                _ => State::Network,
            };
            Wait { state, call, object: Object::Descriptor(look.descriptor(fd)) }
        }
        Family::Accept => Wait { state: State::Requests, call, object: Object::Descriptor(look.descriptor(fd)) },
        Family::FileSystem => plain(State::Disk, call),
        Family::Sync => {
            let descriptor = look.descriptor(fd);
            let object =
                if matches!(descriptor, Descriptor::File(_)) { Object::Descriptor(descriptor) } else { Object::None };
            Wait { state: State::Disk, call, object }
        }
        Family::Poll => poll::poll(call, args, look),
        Family::Select => poll::select(call, args, look),
        Family::Epoll => poll::epoll(call, fd, look),
        Family::Futex => futex::wait(call, args, sp, pc, look),
        Family::Sleep => plain(State::Timer, call),
        Family::Child => plain(State::Child, call),
        Family::Signal => plain(State::Signal, call),
        Family::FileLock => Wait { state: State::Lock, call, object: Object::Descriptor(look.descriptor(fd)) },
        Family::Semaphore => plain(State::Condition, call),
        Family::Queue => plain(State::Pipe, call),
        Family::MemoryMap => Wait { state: State::Lock, call, object: Object::MemoryMap },
        Family::IoUring => Wait { state: State::EventLoop, call, object: Object::Descriptor(Descriptor::IoUring) },
        Family::Restart => before.cloned().unwrap_or_else(|| plain(State::Timer, call)),
        Family::Other => plain(State::Other, call),
    })
}

fn plain(state: State, call: &'static str) -> Wait {
    Wait { state, call, object: Object::None }
}

#[cfg(test)]
mod tests;
