//! What an address means in the source. The interface that reports are written against; [`crate::dwarf`] implements it.

use crate::roles::sites::{self, Tells};
use raddle_protocol::{Answer, Noticed, Role, Site};
use std::sync::Arc;

/// One function activation at an address; a physical frame yields several when calls were inlined. What is long in it is
/// shared among copies: thousands of stacks have the same frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFrame {
    /// Demangled path of the function without its hash, such as `std::sync::poison::mutex::Mutex<T>::lock`.
    pub function: Arc<str>,
    /// Source file as the compiler recorded it, made absolute where the compilation directory is known.
    pub file: Option<Arc<str>>,
    /// Line, from 1; 0 when unknown.
    pub line: u32,
    /// Column, from 1; 0 when unknown.
    pub column: u32,
    /// Whose code it is.
    pub origin: Origin,
}

/// Whose code a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The package or workspace under test.
    User,
    /// A dependency (registry, git checkout, or a path outside the workspace).
    Dependency,
    /// core, alloc, std, test.
    Standard,
    /// No debug information, or C.
    Unknown,
}

/// A variable in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name in the source; for a static with its path.
    pub name: String,
    /// Its type's name, if known.
    pub type_name: Option<String>,
    /// The field (path, such as `left.state`) in which the address lies, if known and if the variable is a struct.
    pub field: Option<String>,
    /// Where it is declared.
    pub file: Option<String>,
    /// Line of the declaration; 0 when unknown.
    pub line: u32,
    /// Address of the variable's first byte.
    pub address: u64,
}

/// Answers questions about addresses of one process.
pub trait Symbols {
    /// The activations at a code address, innermost first; empty when nothing is known. `pc` is a return address, so the
    /// instruction meant is the one before it.
    fn frames(&self, pc: u64) -> Vec<SourceFrame>;

    /// The static variable that holds this address.
    fn static_at(&self, address: u64) -> Option<Variable>;

    /// The name of the library's file in whose memory this address lies, if it is not the executable's.
    fn library_at(&self, _address: u64) -> Option<String> {
        None
    }

    /// The local variable that holds this address, in the physical frame whose return address is `pc` and whose canonical
    /// frame address is `cfa`.
    fn local_at(&self, pc: u64, cfa: u64, address: u64) -> Option<Variable>;

    /// The role of an operation performed by the call that returns to `pc`, as far as that one physical frame tells.
    /// In code compiled without optimization it seldom does: there all compare-exchanges of a width are performed by one
    /// shared function. Prefer [`Symbols::role_of_stack`].
    fn role(&self, pc: u64) -> Role;

    /// The role of an operation with this call stack: return addresses, innermost first.
    fn role_of_stack(&self, pcs: &[u64]) -> Role {
        let frames: Vec<SourceFrame> = pcs.iter().flat_map(|pc| self.frames(*pc)).collect();
        crate::roles::role(&frames)
    }

    /// What the runtime is to know of an operation with this call stack: return addresses, innermost first, of which there
    /// are more unless `whole`. It depends on the stack and the loaded files alone.
    fn site(&self, pcs: &[u64], whole: bool) -> Answer {
        let frames: Vec<SourceFrame> = pcs.iter().flat_map(|pc| self.frames(*pc)).collect();
        match sites::answer(&frames, whole, self.tells()) {
            Answer::Site(site) if !site.step && sites::may_fail(&frames) => {
                Answer::Site(Site { weak: pcs.first().and_then(|pc| self.noticed(*pc)), ..site })
            }
            answer => answer,
        }
    }

    /// How code notices that a compare-exchange has failed whose hook returns to `pc`, if that can be told.
    fn noticed(&self, _pc: u64) -> Option<Noticed> {
        None
    }

    /// What the program can tell.
    fn tells(&self) -> Tells {
        Tells { counts: true, tries: true }
    }
}
