//! Whom the program may talk to: other hosts only where the user allows it.
//!
//! Another host cannot be rewound, and its answers are not the program's doing; no more are those of another program on
//! this machine, such as a database. Hosts are refused unless they are allowed, and so is a name server, which knows of
//! hosts. With a program on this machine each execution is a process of its own, and the reason says what that means. A
//! port belongs to the program if an execution has chosen it or been shown it, and to nobody if a connection to it is
//! refused.
//!
//! Not seen: sockets that are files; a program that has bound the port on one of the machine's addresses only, not that
//! to which the datagram goes.

use super::{options, ports};
use crate::arch::syscall;
use crate::effects::irreversible;
use crate::interpose::children;
use crate::interpose::output::tell;
use crate::state::rt;

/// The port of the domain name system.
const NAME_SERVER: u16 = 53;

/// Why the program may not talk to this address, as an error number of the kernel; prepares for it if it may.
pub fn refusal(descriptor: i32, address: &ports::Address) -> Option<i64> {
    let is_local = address.is_local();
    if is_local
        && (children::any() || rt().execution.io.ports.is_known(address.port()) || !is_taken(descriptor, address))
    {
        return None;
    }
    let is_name_server = address.port() == NAME_SERVER;
    if rt().plan.world.network || (is_local && !is_name_server) {
        irreversible(match is_local {
            true => "it talks to a program that it has not started, so that no schedule can be repeated for certain",
            false => "it talks to another host, so that no schedule can be repeated for certain",
        });
        children::started_to_talk();
        return None;
    }
    let (whom, answer, error) = if is_local {
        ("the name server of this machine".to_owned(), "nobody listens", libc::ECONNREFUSED)
    } else {
        let purpose = if is_name_server { " (to look up a name)" } else { "" };
        let whom = format!("{}{purpose}, which is another host", address.host());
        (whom, "the network is unreachable", libc::ENETUNREACH)
    };
    tell(&format!(
        "raddle: the program wants to talk to {whom}; it is told that {answer}. `--allow-network` lets it, but then no \
         schedule can be repeated for certain.\n"
    ));
    Some(-i64::from(error))
}

/// Whether somebody has this port of the machine, for sockets of the kind that `descriptor` is.
fn is_taken(descriptor: i32, address: &ports::Address) -> bool {
    let raw = address.raw();
    let kind = options::get(descriptor, libc::SOL_SOCKET, libc::SO_TYPE).filter(|_| address.port() != 0);
    let Some(kind) = kind else { return false };
    // SAFETY: an address that the kernel can read, and a socket of its own.
    unsafe {
        let kinds = (kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) as u64;
        let probe = syscall(libc::SYS_socket, [address.family(), kinds, 0, 0, 0, 0]);
        if probe < 0 {
            return false;
        }
        let ask = |number| syscall(number, [probe as u64, raw.0, raw.1, 0, 0, 0]);
        let taken = match kind {
            libc::SOCK_STREAM => matches!(-ask(libc::SYS_connect) as i32, 0 | libc::EINPROGRESS | libc::EAGAIN),
            libc::SOCK_DGRAM => ask(libc::SYS_bind) == -i64::from(libc::EADDRINUSE),
            _ => false,
        };
        syscall(libc::SYS_close, [probe as u64, 0, 0, 0, 0, 0]);
        taken
    }
}
