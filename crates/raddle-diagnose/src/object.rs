//! The things that threads act on, apart from their addresses.
//!
//! An address is one thing only as long as the memory is: when a heap block is freed and another one takes its place, the
//! lock that is there then is another lock.

use crate::blocks::Blocks;
use raddle_engine::waits;
use raddle_protocol::trace::Trace;
use std::collections::BTreeMap;

/// What kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum ObjectKind {
    Mutex,
    RwLock,
    Once,
    Condvar,
    Barrier,
    /// A channel, as that from which messages come.
    Channel,
    /// A channel, as that into which messages go while it has room.
    ChannelRoom,
    /// The token that `unpark` gives to a thread.
    ParkToken,
    Semaphore,
    /// A futex word, or something else that is waited on in an unknown way.
    Futex,
    Descriptor,
    /// A lock on a whole file.
    FileLock,
    Atomic,
    /// Bytes that are accessed plainly.
    Memory,
}

impl ObjectKind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            ObjectKind::Mutex => "mutex",
            ObjectKind::RwLock => "read-write lock",
            ObjectKind::Once => "once cell",
            ObjectKind::Condvar => "condition variable",
            ObjectKind::Barrier => "barrier",
            ObjectKind::Channel | ObjectKind::ChannelRoom => "channel",
            ObjectKind::ParkToken => "park token",
            ObjectKind::Semaphore => "semaphore",
            ObjectKind::Futex => "futex",
            ObjectKind::Descriptor => "descriptor",
            ObjectKind::FileLock => "file lock",
            ObjectKind::Atomic => "atomic variable",
            ObjectKind::Memory => "memory",
        }
    }
}

/// One thing.
#[derive(Clone, Debug)]
pub struct Object {
    /// Address of the word by which it is known.
    pub address: u64,
    /// Heap block that holds it.
    pub block: Option<usize>,
    /// Its kind.
    pub kind: ObjectKind,
    /// First step that acts on it; `None` when only a final state mentions it.
    pub first: Option<usize>,
}

/// All things of an execution, numbered in the order in which they are met.
#[derive(Debug, Default)]
pub struct Objects {
    all: Vec<Object>,
    by_place: BTreeMap<(u64, Option<usize>), Vec<waits::Object>>,
    blocks: Blocks,
    /// First address of each block.
    addresses: Vec<u64>,
}

impl Objects {
    /// None yet, in the memory of `trace`.
    pub fn new(trace: &Trace) -> Self {
        let addresses = trace.blocks.iter().map(|block| block.address).collect();
        Self { blocks: Blocks::new(trace), addresses, ..Self::default() }
    }

    /// The heap block that holds `address` at step `at`.
    pub fn block_at(&self, address: u64, at: usize) -> Option<usize> {
        self.blocks.at(address, at)
    }

    /// The object of this kind at `address` when step `at` happened, added if it is new. Channels are known by their heap
    /// block: sender and receiver work on different words of it.
    pub fn at(&mut self, address: u64, kind: ObjectKind, at: usize) -> waits::Object {
        let block = match kind {
            // What is used after it was freed is known by the block that it was.
            ObjectKind::Memory => self.block_at(address, at).or_else(|| self.blocks.last_at(address, at)),
            _ => self.block_at(address, at),
        };
        let address = match (kind, block) {
            (ObjectKind::Channel | ObjectKind::ChannelRoom, Some(block)) => self.addresses[block],
            _ => address,
        };
        if let Some(known) = self.find(address, block, kind) {
            return known;
        }
        self.add(Object { address, block, kind, first: Some(at) })
    }

    /// The known object at this place.
    pub fn find(&self, address: u64, block: Option<usize>, kind: ObjectKind) -> Option<waits::Object> {
        let here = self.by_place.get(&(address, block))?;
        here.iter().copied().find(|id| self.get(*id).kind == kind)
    }

    /// Adds an object.
    pub fn add(&mut self, object: Object) -> waits::Object {
        let id = self.all.len() as waits::Object;
        self.by_place.entry((object.address, object.block)).or_default().push(id);
        self.all.push(object);
        id
    }

    /// The object with this number.
    pub fn get(&self, id: waits::Object) -> &Object {
        &self.all[id as usize]
    }

    /// All of them, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (waits::Object, &Object)> {
        self.all.iter().enumerate().map(|(id, object)| (id as waits::Object, object))
    }
}
