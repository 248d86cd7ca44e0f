//! Whose connection is whose: the kernel's tables of sockets, read again when an unknown one turns up.

use crate::classify::Descriptor;
use crate::procfs::file;
use crate::procfs::net::{Socket, Sockets};

/// The tables, as they were read last. One network namespace is looked at: that of the program's first process.
#[derive(Debug, Default)]
pub struct Tables {
    sockets: Sockets,
    read: Option<f64>,
    /// Connections of the last reading.
    too_long: bool,
}

/// A table is not read again within so many seconds.
const REST: f64 = 0.2;
/// Longest table that is read, bytes: about 40,000 connections.
const LONGEST: u64 = 6_000_000;

impl Tables {
    /// What a socket is.
    pub fn descriptor(&mut self, pid: i32, inode: u64, at: f64) -> Descriptor {
        if !self.sockets.0.contains_key(&inode) {
            self.refresh(pid, at);
        }
        match self.sockets.0.get(&inode) {
            Some(Socket::Listening(local)) => Descriptor::Listening(*local),
            Some(Socket::Stream { peer, inbound, .. }) => Descriptor::Stream { peer: *peer, inbound: *inbound },
            Some(Socket::Datagram(peer)) => Descriptor::Datagram(*peer),
            Some(Socket::Local { name, listening }) => Descriptor::Local { name: name.clone(), listening: *listening },
            None => Descriptor::Socket,
        }
    }

    /// Whether a table was too long to be read.
    pub fn too_long(&self) -> bool {
        self.too_long
    }

    fn refresh(&mut self, pid: i32, at: f64) {
        if self.read.is_some_and(|read| at - read < REST) {
            return;
        }
        self.read = Some(at);
        let mut sockets = Sockets::default();
        let mut table = |name: &str| {
            let bytes = file::up_to(&format!("/proc/{pid}/net/{name}"), LONGEST).unwrap_or_default();
            self.too_long |= bytes.len() as u64 == LONGEST;
            String::from_utf8_lossy(&bytes).into_owned()
        };
        for name in ["tcp", "tcp6"] {
            sockets.add_tcp(&table(name));
        }
        for name in ["udp", "udp6"] {
            sockets.add_udp(&table(name));
        }
        sockets.add_unix(&table("unix"));
        sockets.mark_inbound();
        self.sockets = sockets;
    }
}
