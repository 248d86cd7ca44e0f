//! An ordinary package whose ordinary tests run the measured asynchronous bodies with tokio itself.
//!
//! It knows nothing of Raddle. The program of this package runs the same bodies in a loop, as a test that is repeated by
//! hand would.

use tokio as library;

#[path = "../../async_bodies.rs"]
pub mod bodies;
pub mod world;

use std::future::Future;
use tokio::runtime::{Builder, Runtime};

/// A runtime as `#[tokio::test(flavor = "multi_thread", worker_threads = 2)]` makes one.
///
/// # Panics
/// When it cannot be made.
pub fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs a body on a runtime of its own.
pub fn run(body: impl Future<Output = ()>) {
    runtime().block_on(body);
}

#[cfg(test)]
mod tests {
    use super::{bodies, run, world};

    #[test]
    fn mpsc_ping_pong() {
        run(bodies::mpsc_ping_pong());
    }

    #[test]
    fn oneshot_replies() {
        run(bodies::oneshot_replies());
    }

    #[test]
    fn notify_turns() {
        run(bodies::notify_turns());
    }

    #[test]
    fn semaphore_permits() {
        run(bodies::semaphore_permits());
    }

    #[test]
    fn timeout_race() {
        run(world::timeout_race());
    }

    #[test]
    fn http_request() {
        run(world::http_request());
    }
}
