//! Waits for several descriptors at once: is it an event loop with nothing to do, or one connection in the middle of
//! work that is polled so as to have a time limit?
//!
//! One descriptor: as if it were read. No descriptor: a timer. Several, none of which waits for connections, and a
//! connection that the process has opened among them: it waits for the other side. Everything else: an idle event loop.
//!
//! What this mistakes: a client that keeps unused connections open looks as if it waited for them.

use super::{Descriptor, Look, Object, Wait};
use crate::state::State;

/// Descriptors of a set that are looked at; a larger set is judged by its first ones.
const LOOKED_AT: usize = 32;
/// Bit of `events` in a `pollfd`: room to write.
const POLLOUT: u16 = 4;

/// `poll`, `ppoll`.
pub(super) fn poll(call: &'static str, args: [u64; 6], look: &mut dyn Look) -> Wait {
    let count = usize::try_from(args[1]).unwrap_or(usize::MAX);
    if count == 0 {
        return Wait { state: State::Timer, call, object: Object::None };
    }
    let Some(bytes) = look.memory(args[0], 8 * count.min(LOOKED_AT)) else {
        return Wait { state: State::EventLoop, call, object: Object::None };
    };
    let set: Vec<(i32, bool)> = bytes
        .as_chunks::<8>()
        .0
        .iter()
        .map(|entry| {
            let fd = i32::from_ne_bytes([entry[0], entry[1], entry[2], entry[3]]);
            let events = u16::from_ne_bytes([entry[4], entry[5]]);
            (fd, events & POLLOUT != 0)
        })
        .filter(|(fd, _)| *fd >= 0)
        .collect();
    judge(call, &set, count, false, look)
}

/// `select`, `pselect6`: three sets of bits.
pub(super) fn select(call: &'static str, args: [u64; 6], look: &mut dyn Look) -> Wait {
    let count = args[0].min(1024) as usize;
    let mut set = Vec::new();
    for (address, writing) in [(args[1], false), (args[2], true)] {
        let bytes = if address == 0 || count == 0 { None } else { look.memory(address, count.div_ceil(8)) };
        let bytes = bytes.unwrap_or_default();
        let bits = (0..count).filter(|bit| bytes.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1));
        set.extend(bits.map(|bit| (bit as i32, writing)));
    }
    let total = set.len();
    if total == 0 {
        return Wait { state: State::Timer, call, object: Object::None };
    }
    set.truncate(LOOKED_AT);
    judge(call, &set, total, false, look)
}

/// `epoll_wait` and its kin.
pub(super) fn epoll(call: &'static str, fd: i32, look: &mut dyn Look) -> Wait {
    let mut watched = look.watched(fd);
    let total = watched.len();
    watched.truncate(LOOKED_AT);
    let set: Vec<(i32, bool)> = watched.into_iter().map(|fd| (fd, false)).collect();
    judge(call, &set, total, true, look)
}

fn judge(call: &'static str, set: &[(i32, bool)], total: usize, registered: bool, look: &mut dyn Look) -> Wait {
    let descriptors: Vec<(Descriptor, bool)> =
        set.iter().map(|(fd, writing)| (look.descriptor(*fd), *writing)).collect();
    if let ([(one, writing)], 1, false) = (&descriptors[..], total, registered) {
        let state = if *writing { one.when_written() } else { one.when_read() };
        return Wait { state, call, object: Object::Descriptor(one.clone()) };
    }
    let outgoing = descriptors.iter().find(|(descriptor, writing)| {
        matches!(
            descriptor,
            Descriptor::Stream { inbound: false, .. } | Descriptor::Datagram(Some(_)) | Descriptor::Socket
        ) || (*writing && matches!(descriptor, Descriptor::Stream { .. }))
    });
    match outgoing {
        Some((descriptor, _)) if !look.listens() => {
            Wait { state: State::Network, call, object: Object::Descriptor(descriptor.clone()) }
        }
        _ => Wait { state: State::EventLoop, call, object: Object::Descriptors(total) },
    }
}
