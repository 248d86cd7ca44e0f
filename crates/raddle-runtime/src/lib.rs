//! The library inside the program under test.
//!
//! It answers the hooks of the instrumented code, puts itself in front of the C library's threads, waits, clocks,
//! allocator and exits, runs the program's threads as fibers under the engine's decisions, and performs one execution
//! after the other. See ARCHITECTURE.md for the rules that code in here keeps; the most important ones:
//!
//! Invariant: one operating-system thread. Invariant: memory of the runtime is never the program's, and is not rewound.
//! Invariant: without a plan the library is inert, and every function it stands in front of is the C library's.

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
compile_error!("raddle-runtime is for x86-64 Linux with glibc; see docs/internals/port.md for what a port needs");

mod arch;
mod arena;
mod beside;
mod cancel;
mod cause;
mod classes;
mod crash;
mod effects;
mod entry;
mod explore;
mod fault;
mod found;
mod frames;
mod heap;
mod hooks;
mod interpose;
mod lapse;
mod leaks;
mod letter;
mod locks;
mod lockstep;
mod mappings;
mod modules;
mod order;
mod patience;
mod printed;
mod record;
mod report;
mod reuse;
mod rounds;
mod sched;
mod search;
mod shadow;
mod shrink;
mod sites;
mod snapshot;
mod sought;
mod spurious;
mod stacks;
mod stalled;
mod start;
mod state;
mod stopwatch;
mod sys;
mod thread;
mod tls;
mod unhooked;
mod vdso;
mod view;
mod watch;
mod weak;

#[global_allocator]
static ARENA: arena::Arena = arena::Arena;
