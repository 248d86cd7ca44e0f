//! The asynchronous bodies that are measured beside shuttle's stand-in for tokio.
//!
//! This one text is compiled twice, as a module of a crate that names a `library`: `in-tokio` says `use tokio as library`,
//! `in-shuttle-tokio` says `use shuttle_tokio as library`. Each body is right under every schedule.

use super::library::spawn;
use super::library::sync::{Notify, Semaphore, mpsc, oneshot};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What is done over and over, it is done so many times.
const ROUNDS: usize = 5;

/// A body, begun.
pub type Begun = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Begins a body.
pub type Begin = fn() -> Begun;

/// All bodies by name, in the order of the tables. The tests in `in-tokio` have the same names.
pub const ALL: [(&str, Begin); 4] = [
    ("mpsc_ping_pong", || Box::pin(mpsc_ping_pong())),
    ("oneshot_replies", || Box::pin(oneshot_replies())),
    ("notify_turns", || Box::pin(notify_turns())),
    ("semaphore_permits", || Box::pin(semaphore_permits())),
];

/// Two tasks send a number to and fro.
pub async fn mpsc_ping_pong() {
    let (ping, mut pinged) = mpsc::channel(1);
    let (pong, mut ponged) = mpsc::channel(1);
    let other = spawn(async move {
        while let Some(number) = pinged.recv().await {
            pong.send(number + 1).await.unwrap();
        }
    });
    let mut number = 0;
    for _ in 0..ROUNDS {
        ping.send(number).await.unwrap();
        number = ponged.recv().await.unwrap();
    }
    drop(ping);
    other.await.unwrap();
    assert_eq!(number, ROUNDS);
}

/// Tasks each answer once.
pub async fn oneshot_replies() {
    let mut answers = Vec::new();
    for number in 0..ROUNDS {
        let (sender, receiver) = oneshot::channel();
        spawn(async move { sender.send(number).unwrap() });
        answers.push(receiver);
    }
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.await.unwrap(), number);
    }
}

/// Two tasks wake each other in turn.
pub async fn notify_turns() {
    let (one, two) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (first, second) = (Arc::clone(&one), Arc::clone(&two));
    let other = spawn(async move {
        for _ in 0..ROUNDS {
            first.notified().await;
            second.notify_one();
        }
    });
    for _ in 0..ROUNDS {
        one.notify_one();
        two.notified().await;
    }
    other.await.unwrap();
}

/// Three tasks share two permits.
pub async fn semaphore_permits() {
    let permits = Arc::new(Semaphore::new(2));
    let mut tasks = Vec::new();
    for _ in 0..3 {
        let permits = Arc::clone(&permits);
        tasks.push(spawn(async move {
            for _ in 0..ROUNDS {
                let _permit = permits.acquire().await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(permits.available_permits(), 2);
}
