//! Memory that is given out again at once, as allocators do: the same address with another meaning.
//!
//! Freed blocks are kept from use ([`crate::heap`]), so that accesses to them are found out. But then no address comes back,
//! and a thread is never deceived that takes an address for a sign that nothing has changed: the ABA problem (IBM System/370
//! Extended Architecture, Principles of Operation, 1983; Michael, *Hazard Pointers*, 2004). So where it can matter it is a
//! choice ([`ChoiceKind::Reuse`]): whether an allocation gets the block of its size class that was freed last.
//!
//! It can matter where a thread has read an address inside the block from an atomic variable before it was freed, and other
//! threads are there. The last [`MOST`] such addresses are remembered.
//!
//! Cannot see: addresses that threads tell each other by other means, such as a lock.

use crate::heap;
use crate::state::rt;
use crate::watch::watching;
use raddle_engine::Question;
use raddle_protocol::ChoiceKind;

/// Addresses remembered, and blocks kept to be given out again, at the most.
const MOST: usize = 32;

/// What may be given out again in an execution.
#[derive(Clone, Default)]
pub struct Reuse {
    /// Addresses that have been read from atomic variables, the latest last.
    read: Vec<u64>,
    /// Blocks that were freed after that, the latest last: size class and address.
    freed: Vec<(usize, u64)>,
}

/// The running thread has read this from an atomic variable.
#[inline(always)]
pub fn read(value: u64) {
    if heap::owns(value) {
        remember(value);
    }
}

#[inline(never)]
fn remember(address: u64) {
    let read = &mut rt().execution.reuse.read;
    if read.last() == Some(&address) {
        return;
    }
    if let Some(known) = read.iter().position(|known| *known == address) {
        read.remove(known);
    } else if read.len() == MOST {
        read.remove(0);
    }
    read.push(address);
}

/// Takes a block that is freed, if it may be given out again. Returns one that is not any more, if there are too many.
pub fn takes(class: usize, payload: u64, size: u64) -> Result<Option<u64>, ()> {
    let Reuse { read, freed } = &mut rt().execution.reuse;
    let inside = payload..payload + size.max(1);
    if !read.iter().any(|address| inside.contains(address)) {
        return Err(());
    }
    read.retain(|address| !inside.contains(address));
    freed.push((class, payload));
    Ok((freed.len() > MOST).then(|| freed.remove(0).1))
}

/// The block that an allocation of this class gets again.
#[inline(always)]
pub fn again(class: usize) -> Option<u64> {
    if watching() && !rt().execution.reuse.freed.is_empty() { asked(class) } else { None }
}

#[inline(never)]
fn asked(class: usize) -> Option<u64> {
    let runtime = rt();
    let at = runtime.execution.reuse.freed.iter().rposition(|(of, _)| *of == class)?;
    let alone = runtime.execution.schedule.alive().0 <= runtime.execution.harness + 1;
    if runtime.epilogue || alone || runtime.tape.ask(&Question::plain(ChoiceKind::Reuse, 2)) == 0 {
        return None;
    }
    Some(runtime.execution.reuse.freed.remove(at).1)
}
