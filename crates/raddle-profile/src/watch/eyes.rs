//! Looks up in a process what the classification of a wait asks for.

use super::process::Process;
use super::sockets::Tables;
use crate::classify::futex::Role;
use crate::classify::{Descriptor, Look};
use crate::stacks::Stacks;
use rustix::time::{ClockId, clock_gettime};

/// Everything that a look may need to know about one process.
pub struct Eyes<'a> {
    /// The process.
    pub process: &'a mut Process,
    /// Connections.
    pub tables: &'a mut Tables,
    /// Stacks.
    pub stacks: &'a mut Stacks,
    /// Now.
    pub at: f64,
}

impl Look for Eyes<'_> {
    fn descriptor(&mut self, number: i32) -> Descriptor {
        let Eyes { process, tables, at, .. } = self;
        let pid = process.pid;
        process.descriptor(number, *at, &mut |inode| tables.descriptor(pid, inode, *at))
    }

    fn watched(&mut self, epoll: i32) -> Vec<i32> {
        self.process.watched(epoll, self.at)
    }

    fn listens(&mut self) -> bool {
        let Eyes { process, tables, at, .. } = self;
        let pid = process.pid;
        process.listens(*at, &mut |inode| tables.descriptor(pid, inode, *at))
    }

    fn memory(&mut self, address: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        (crate::stacks::memory::read(self.process.pid, address, &mut bytes) == length).then_some(bytes)
    }

    fn is_thread(&mut self, number: u32) -> bool {
        // A thread that has just been born may not have been met yet.
        i32::try_from(number).is_ok_and(|number| {
            self.process.threads.contains(&number)
                || (number > 0 && std::path::Path::new(&format!("/proc/{}/task/{number}", self.process.pid)).exists())
        })
    }

    fn is_python(&mut self) -> bool {
        self.process.python
    }

    fn clocks(&mut self) -> (u64, u64) {
        let read = |clock| {
            let time = clock_gettime(clock);
            time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
        };
        (read(ClockId::Monotonic), read(ClockId::Realtime))
    }

    fn futex_role(&mut self, address: u64, sp: u64, pc: u64) -> Option<Role> {
        self.stacks.futex_role(self.process.pid, address, sp, pc)
    }
}
