//! Call stacks in the words of the source: who performed an operation, on whose behalf, and what it means.
//!
//! An operation is performed by some library function deep below the line that the user wrote. Read from the innermost
//! frame outwards, a stack passes the primitive (`Mutex::lock`), perhaps an interface built on it (`Barrier::wait`), and
//! arrives at the first frame of user code. The first role met is what the operation *does*; the last is what the user
//! *asked for*.

use crate::function;
use raddle_instrument::roles;
use raddle_instrument::symbols::{Origin, SourceFrame, Symbols};
use raddle_protocol::Role;
use raddle_protocol::trace::{Stack, StackId, Trace};
use std::sync::Arc;

/// A resolved stack.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// All frames, inlined ones included, innermost first.
    pub frames: Vec<SourceFrame>,
    /// For each of them, the canonical frame address of the activation that it is part of.
    pub activations: Vec<u64>,
    /// The innermost frame of user code.
    pub user: Option<usize>,
    /// That frame, or in a thread that a crate has started the innermost one of a dependency that uses what others provide.
    pub asks: Option<usize>,
    /// Roles with a meaning, innermost first, up to the frame that asks for them; without repetition.
    pub roles: Vec<Role>,
    /// What the operation is when `roles` is empty.
    pub plain: Plain,
    /// Whether the operation itself has the innermost role. It has not when it only looks (a spinning load), or when a
    /// helper below (a parking lot, a queue) works on memory of its own.
    pub direct: bool,
    /// Whether it is part of the beginning of a panic in user code: the hook, the message, the backtrace.
    pub panics: bool,
    /// Whether a dependency's function performs it for a purpose of its own, below all user code.
    pub is_of_library: bool,
    /// The call in the code that asks.
    pub call: CallKey,
}

/// An operation without a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plain {
    /// The user's own atomic operation.
    Atomic,
    /// A reference count.
    ReferenceCount,
    /// Inside a dependency's function that the user called.
    Library,
    /// Inside the standard library, or nothing is known.
    #[default]
    Internal,
}

/// Tells calls apart: the activation of the user's function and the place in it. Two calls in turn from one place have
/// the same key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallKey {
    cfa: u64,
    function: Option<Arc<str>>,
    line: u32,
    column: u32,
}

impl CallKey {
    /// Whether both are calls of one function from one place of the stack.
    pub fn is_of_same_activation(&self, other: &CallKey) -> bool {
        (self.cfa, &self.function) == (other.cfa, &other.function)
    }
}

impl Site {
    /// Resolves a stack.
    ///
    /// `exact`: the innermost address is that of an instruction rather than a return address.
    pub fn resolve(stack: &Stack, symbols: &dyn Symbols, exact: bool) -> Self {
        let mut frames = Vec::new();
        let mut physical = Vec::new();
        for (index, frame) in stack.frames.iter().enumerate() {
            let pc = if exact && index == 0 { frame.pc.saturating_add(1) } else { frame.pc };
            for mut source in symbols.frames(pc) {
                if source.line == 0 && source.origin == Origin::User {
                    source = with_line(symbols, pc, source);
                }
                frames.push(source);
                physical.push(index);
            }
        }
        let user = frames.iter().position(|frame| frame.origin == Origin::User);
        let performs = roles::role(&frames);
        let means = |role: Role| !matches!(role, Role::Atomic | Role::Internal | Role::ReferenceCount);
        // Below user code, a dependency's function that uses what others provide.
        let uses = |at: &usize| frames[*at].origin == Origin::Dependency && !means(roles::role(&frames[*at..]));
        let library_uses = (0..user.unwrap_or(frames.len())).find(uses);
        let is_of_library = library_uses.is_some();
        // In a thread that a crate has started, the crate takes the user's place.
        let asks = user.or(library_uses);
        let last = asks.map(|at| physical[at]).or(stack.frames.len().checked_sub(1));
        let mut chain: Vec<Role> = Vec::new();
        if performs != Role::ReferenceCount {
            // Asked about in turn, each function on the way says what a call from it would mean.
            let callers = (0..asks.unwrap_or(frames.len())).filter(|at| !is_atomic(&frames[*at].function));
            for role in core::iter::once(performs).chain(callers.map(|at| roles::role(&frames[at..]))) {
                if means(role) && chain.last() != Some(&role) {
                    chain.push(role);
                }
            }
        }
        let library = &frames[..user.unwrap_or(frames.len())];
        let direct = chain.first() == Some(&performs);
        let plain = match performs {
            Role::ReferenceCount => Plain::ReferenceCount,
            _ if user.is_some() && library.iter().all(|frame| is_atomic(&frame.function)) => Plain::Atomic,
            _ if user.is_some() && library.iter().any(|frame| frame.origin == Origin::Dependency) => Plain::Library,
            _ => Plain::Internal,
        };
        let roles = chain;
        let activations = physical.iter().map(|index| stack.frames[*index].cfa).collect();
        let call = match (asks, last) {
            (Some(at), Some(last)) => CallKey {
                cfa: stack.frames[last].cfa,
                function: Some(frames[at].function.clone()),
                line: frames[at].line,
                column: frames[at].column,
            },
            _ => CallKey { cfa: stack.frames.first().map_or(0, |frame| frame.cfa), ..CallKey::default() },
        };
        let panics = user.is_some() && library.iter().any(|frame| begins_panic(&frame.function));
        Self { frames, activations, user, asks, roles, plain, direct, panics, is_of_library, call }
    }

    /// The innermost frame of user code.
    pub fn user_frame(&self) -> Option<&SourceFrame> {
        self.user.map(|at| &self.frames[at])
    }

    /// The function that asks for what is done.
    pub fn asking(&self) -> Option<&SourceFrame> {
        self.asks.map(|at| &self.frames[at])
    }

    /// The innermost frame that a reader can look at: user code, else a dependency, else anything with a file.
    pub fn best_frame(&self) -> Option<&SourceFrame> {
        let file = |frame: &&SourceFrame| {
            frame.file.is_some() && frame.line > 0 && function::krate(&frame.function) != "raddle_runtime"
        };
        let user = self.frames.iter().find(|frame| frame.origin == Origin::User && file(frame));
        user.or_else(|| self.frames.iter().find(|frame| frame.origin == Origin::Dependency && file(frame)))
            .or_else(|| self.frames.iter().find(file))
    }

    /// The function that uses the atomic operation: the innermost one that is none of the atomic types' own.
    pub fn uses_atomic(&self) -> Option<&SourceFrame> {
        self.frames.iter().find(|frame| !is_atomic(&frame.function))
    }

    /// The library functions between the operation and the user's frame, innermost first.
    pub fn library(&self) -> &[SourceFrame] {
        &self.frames[..self.user.unwrap_or(self.frames.len())]
    }

    /// The library function that the user's code called.
    pub fn entry(&self) -> Option<&SourceFrame> {
        self.user.and_then(|at| at.checked_sub(1)).map(|at| &self.frames[at])
    }

    /// The function of a dependency that the user's code called, or that the standard library called for it; in a thread that a
    /// crate has started the one that asks for what is done.
    pub fn dependency(&self) -> Option<&SourceFrame> {
        if self.user.is_none() {
            return self.asking();
        }
        self.library().iter().rev().find(|frame| frame.origin == Origin::Dependency)
    }

    /// The innermost function that is not the standard library's, if it is a dependency's: its code performs the operation.
    pub fn performed_by(&self) -> Option<&SourceFrame> {
        let inner = self.frames.iter().find(|frame| frame.origin != Origin::Standard)?;
        (inner.origin == Origin::Dependency).then_some(inner)
    }

    /// The crate of that function.
    pub fn performing_crate(&self) -> Option<String> {
        self.performed_by().map(|frame| function::krate(&frame.function))
    }

    /// The dependency's function that calls the user's code in which this happens, for the user's code in turn: one that takes
    /// a closure.
    pub fn called_back_by(&self) -> Option<&SourceFrame> {
        let outside = &self.frames[self.user?..];
        let at = outside.iter().position(|frame| frame.origin == Origin::Dependency)?;
        let is_called = outside[at..].iter().any(|frame| frame.origin == Origin::User);
        // The standard library stands between where the user's code drops a value of the dependency's.
        let outermost = outside[at..].iter().take_while(|frame| frame.origin != Origin::User);
        outermost.filter(|frame| frame.origin == Origin::Dependency).last().filter(|_| is_called)
    }

    /// The crate of [`Site::dependency`].
    pub fn called_crate(&self) -> Option<String> {
        self.dependency().map(|frame| function::krate(&frame.function))
    }

    /// The crate of the function that performs the operation, core's atomics aside.
    pub fn library_crate(&self) -> String {
        let performs =
            self.library().iter().map(|frame| function::krate(&frame.function)).find(|krate| krate != "core");
        performs.unwrap_or_default()
    }

    /// What the operation does.
    pub fn inner(&self) -> Option<Role> {
        self.roles.first().copied()
    }

    /// What the user asked for.
    pub fn outer(&self) -> Option<Role> {
        self.roles.last().copied()
    }
}

/// Whether a function belongs to what a panic does before the stack is unwound.
fn begins_panic(function: &str) -> bool {
    let function = function::plain(function);
    let begins = [
        "std::panicking::panic_handler",
        "std::panicking::begin_panic",
        "std::panicking::rust_panic_with_hook",
        "std::panicking::panic_with_hook",
    ];
    function.starts_with("core::panicking::") || begins.iter().any(|begin| function.starts_with(begin))
}

/// Instructions that the compiler has added have line 0. The nearest one of the same function that has a line is as near
/// to the truth as can be had.
fn with_line(symbols: &dyn Symbols, pc: u64, frame: SourceFrame) -> SourceFrame {
    /// Bytes to look at in each direction: a few instructions.
    const NEAR: u64 = 48;
    let at = |pc: u64| symbols.frames(pc).into_iter().find(|near| near.function == frame.function && near.line > 0);
    (1..=NEAR).find_map(|away| at(pc.wrapping_sub(away)).or_else(|| at(pc + away))).unwrap_or(frame)
}

/// A method of an atomic type, or one of the functions that it is made of.
fn is_atomic(function: &str) -> bool {
    let plain = function::plain(function);
    plain.starts_with("core::sync::atomic::") || plain.starts_with("std::sync::atomic::")
}

/// The resolved stacks of a trace, by their number.
pub struct Sites(Vec<Site>);

impl Sites {
    /// Resolves every stack of `trace`. `crash`: the stack of a crash, which begins at an instruction.
    pub fn new(trace: &Trace, symbols: &dyn Symbols, crash: Option<StackId>) -> Self {
        let resolve = |(stack, id)| Site::resolve(stack, symbols, crash == Some(id));
        Self(trace.stacks.iter().zip(0..).map(resolve).collect())
    }

    /// Whether there are stacks, but no place in any source is known of them.
    pub fn unresolved(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|site| site.best_frame().is_none())
    }

    /// The stack with this number; a trace that names one it does not hold is given an empty one.
    pub fn get(&self, stack: StackId) -> &Site {
        static EMPTY: Site = Site {
            frames: Vec::new(),
            activations: Vec::new(),
            user: None,
            asks: None,
            roles: Vec::new(),
            plain: Plain::Internal,
            direct: true,
            panics: false,
            is_of_library: false,
            call: CallKey { cfa: 0, function: None, line: 0, column: 0 },
        };
        self.0.get(stack as usize).unwrap_or(&EMPTY)
    }
}
