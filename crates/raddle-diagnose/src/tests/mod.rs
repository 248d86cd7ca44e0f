//! A whole diagnosis for each kind of finding, from made-up traces. What is shown is compared as a whole, because a
//! sentence is right only in its place.

mod calls;
mod causes;
mod conflicts;
mod event_loops;
mod findings;
mod locks;
mod memory;
mod passing;
mod resources;
mod rounds;
mod scene;
mod tasks;
mod waits;
