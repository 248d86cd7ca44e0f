//! Input and output inside one process: pipes, event counters, timers, socket pairs, and sockets on loopback.
//!
//! The kernel's own objects do the work. What the runtime adds: a thread that would block waits as a fiber; each call that
//! others can tell of is a schedule point; timers go by virtual time; port numbers are the same in every execution; and
//! where the kernel could answer in more than one way, the engine chooses.
//!
//! What this cannot see: whether bytes that were written have arrived is the kernel's doing. On loopback, in pipes and
//! socket pairs they have, when the write returns, as far as there is room. That they arrive later is explored only as far as
//! threads and deadlines make it so.

pub mod endings;
pub mod epoll;
pub mod faults;
pub mod file_locks;
pub mod file_times;
pub mod held_ports;
pub mod hosts;
pub mod in_flight;
pub mod lookup;
pub mod nodelay;
mod options;
pub mod part_locks;
pub mod polling;
pub mod ports;
pub mod receiving;
pub mod select;
pub mod sending;
pub mod sockets;
pub mod timers;

use crate::{interpose::rest, order, sched};
use raddle_engine::Access;

/// The schedule point of a call that others can tell of at their ends of a descriptor; it passes on what went before.
pub fn announce() {
    sched::point(Access::input_output());
    rest::wait();
    order::released(order::INPUT_OUTPUT);
}

/// What an execution's descriptors are about, beyond what the kernel knows.
#[derive(Clone, Default)]
pub struct Io {
    /// Interest that epoll sets have in descriptors.
    pub interest: epoll::Interest,
    /// Timers that are descriptors.
    pub timers: timers::Timers,
    /// Which sockets are to send at once, as the program has it.
    pub nodelay: nodelay::Asked,
    /// Port numbers as the program sees them.
    pub ports: ports::Ports,
    /// Connections that are being made.
    pub connecting: in_flight::Connecting,
    /// Files that are locked.
    pub file_locks: file_locks::FileLocks,
    /// When files were changed.
    pub file_times: file_times::FileTimes,
    /// Connections one end of which is closed.
    pub ended: endings::Ended,
    /// Ports that nobody else is to get.
    pub held: held_ports::Held,
}

/// A descriptor is about to be closed.
pub fn closing(descriptor: i32) {
    endings::closing(descriptor);
    let io = &mut crate::state::rt().execution.io;
    io.interest.closed(descriptor);
    io.timers.closed(descriptor);
    io.nodelay.closed(descriptor);
    io.connecting.closed(descriptor);
    io.file_times.closed(descriptor);
    file_locks::closing(descriptor);
}
