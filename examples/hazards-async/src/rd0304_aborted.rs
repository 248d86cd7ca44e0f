//! Cancellation leaves damage: a task is aborted where it waits, and what was to come after that never happens.
//!
//! Usually the task is long done when it is aborted. How far it has come by then is a matter of the schedule, so this is
//! found without `--cancel`.

use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// Asks a thread, which answers.
async fn query() -> u32 {
    let (sender, answer) = oneshot::channel();
    thread::spawn(move || sender.send(7));
    answer.await.unwrap()
}

/// Gives the permit back when the query is done, and only then.
async fn ask_counted(connections: Arc<Semaphore>) {
    connections.acquire().await.unwrap().forget();
    query().await;
    connections.add_permits(1);
}

/// The permit goes back when it is dropped, on every way out.
async fn ask(connections: Arc<Semaphore>) {
    let _connection = connections.acquire().await.unwrap();
    query().await;
}

/// Somebody has had enough, after a while.
fn enough() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        sender.send(())
    });
    receiver
}

#[tokio::test]
async fn wrong() {
    let connections = Arc::new(Semaphore::new(1));
    let ask = tokio::spawn(ask_counted(Arc::clone(&connections)));
    enough().await.unwrap();
    ask.abort();
    let _ = ask.await;
    assert_eq!(connections.available_permits(), 1);
}

#[tokio::test]
async fn fixed() {
    let connections = Arc::new(Semaphore::new(1));
    let ask = tokio::spawn(ask(Arc::clone(&connections)));
    enough().await.unwrap();
    ask.abort();
    let _ = ask.await;
    assert_eq!(connections.available_permits(), 1);
}
