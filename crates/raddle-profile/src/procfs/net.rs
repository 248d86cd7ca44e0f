//! `/proc/PID/net/tcp` and its kin: to whom a socket speaks.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What is known of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Socket {
    /// Waits for connections.
    Listening(SocketAddr),
    /// A connection; `inbound` when its own port is one that somebody listens on.
    Stream {
        /// Its own address.
        local: SocketAddr,
        /// The peer's.
        peer: SocketAddr,
        /// Whether the peer has opened it.
        inbound: bool,
    },
    /// A datagram socket, with its peer if it has one.
    Datagram(Option<SocketAddr>),
    /// A local (Unix) socket.
    Local {
        /// Its name in the file system, if any.
        name: Option<String>,
        /// Whether it waits for connections.
        listening: bool,
    },
}

/// Sockets by inode.
#[derive(Clone, Debug, Default)]
pub struct Sockets(pub HashMap<u64, Socket>);

/// State of a listening TCP socket, in the kernel's numbers.
const LISTEN: &str = "0A";
/// State of a datagram socket with a peer.
const CONNECTED: &str = "01";

impl Sockets {
    /// Adds the lines of `tcp` or `tcp6`. Call [`Sockets::mark_inbound`] when all are there.
    pub fn add_tcp(&mut self, text: &str) {
        for (local, peer, state, inode) in rows(text) {
            let socket = match state {
                LISTEN => Socket::Listening(local),
                _ => Socket::Stream { local, peer, inbound: false },
            };
            self.0.insert(inode, socket);
        }
    }

    /// Adds the lines of `udp` or `udp6`.
    pub fn add_udp(&mut self, text: &str) {
        for (_, peer, state, inode) in rows(text) {
            self.0.insert(inode, Socket::Datagram((state == CONNECTED).then_some(peer)));
        }
    }

    /// Adds the lines of `unix`.
    pub fn add_unix(&mut self, text: &str) {
        for line in text.lines().skip(1) {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let Some(inode) = words.get(6).and_then(|word| word.parse().ok()) else { continue };
            // Flag 0x10000: it accepts connections.
            let listening = words.get(3).is_some_and(|flags| *flags == "00010000");
            let name = words.get(7).map(|name| (*name).to_owned());
            self.0.insert(inode, Socket::Local { name, listening });
        }
    }

    /// Tells connections that others have opened: their own port is one that is listened on.
    pub fn mark_inbound(&mut self) {
        let ports: HashSet<u16> = self
            .0
            .values()
            .filter_map(|socket| match socket {
                Socket::Listening(local) => Some(local.port()),
                _ => None,
            })
            .collect();
        for socket in self.0.values_mut() {
            if let Socket::Stream { local, inbound, .. } = socket {
                *inbound = ports.contains(&local.port());
            }
        }
    }
}

fn rows(text: &str) -> impl Iterator<Item = (SocketAddr, SocketAddr, &str, u64)> {
    text.lines().skip(1).filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        Some((address(words.get(1)?)?, address(words.get(2)?)?, *words.get(3)?, words.get(9)?.parse().ok()?))
    })
}

/// `0100007F:1F90` is 127.0.0.1:8080: each group of four bytes is a number in the machine's own byte order.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let group = |index: usize| Some(u32::from_str_radix(ip.get(index * 8..index * 8 + 8)?, 16).ok()?.to_ne_bytes());
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(group(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for index in 0..4 {
                bytes[index * 4..][..4].copy_from_slice(&group(index)?);
            }
            let six = Ipv6Addr::from(bytes);
            six.to_ipv4_mapped().map_or(IpAddr::V6(six), IpAddr::V4)
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}
