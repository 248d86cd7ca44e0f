//! Handle leak: an operation that is cut off leaves a connection open for good.
//!
//! Nothing is ever too slow here, so these tests pass however they are scheduled. `cargo raddle test --cancel` lets their
//! time limits run out all the same.

use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The connections on which somebody waits for an answer.
static PENDING: LazyLock<Mutex<HashMap<u32, UnixStream>>> = LazyLock::new(Mutex::default);

/// The answer of a thread.
async fn answer() -> u32 {
    let (sender, answer) = oneshot::channel();
    thread::spawn(move || sender.send(7));
    answer.await.unwrap()
}

fn connect() -> UnixStream {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    ours
}

/// Takes its connection out of the table when the answer has come, and only then.
async fn ask_and_remove(request: u32) -> u32 {
    PENDING.lock().unwrap().insert(request, connect());
    let answer = answer().await;
    PENDING.lock().unwrap().remove(&request);
    answer
}

/// An entry of the table, which goes with its owner.
struct Entry(u32);

impl Entry {
    fn new(request: u32) -> Self {
        PENDING.lock().unwrap().insert(request, connect());
        Entry(request)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        PENDING.lock().unwrap().remove(&self.0);
    }
}

/// The connection leaves the table on every way out.
async fn ask(request: u32) -> u32 {
    let _entry = Entry::new(request);
    answer().await
}

#[tokio::test]
async fn wrong() {
    let _ = timeout(Duration::from_secs(5), ask_and_remove(1)).await;
}

#[tokio::test]
async fn fixed() {
    let _ = timeout(Duration::from_secs(5), ask(2)).await;
}
