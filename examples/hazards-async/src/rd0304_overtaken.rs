//! Cancellation leaves damage: what a future waits for comes late, and something else comes first that cuts it off.
//!
//! Whoever cuts it off does so after ten seconds, when all has long been done, so these tests pass however they are
//! scheduled. `cargo raddle test --cancel` lets each thread be late in turn for as long as it takes.

use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};

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

/// Loses patience after ten seconds.
fn patience(lost: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        thread::sleep(Duration::from_secs(10));
        lost();
    })
}

/// The other branch of a `select!` is done first.
mod branch {
    use super::*;

    #[tokio::test]
    async fn wrong() {
        let connections = Arc::new(Semaphore::new(1));
        let (stop, stopped) = oneshot::channel();
        let patience = patience(move || _ = stop.send(()));
        tokio::select! {
            () = ask_counted(Arc::clone(&connections)) => {}
            _ = stopped => {}
        }
        assert_eq!(connections.available_permits(), 1);
        patience.join().unwrap();
    }

    #[tokio::test]
    async fn fixed() {
        let connections = Arc::new(Semaphore::new(1));
        let (stop, stopped) = oneshot::channel();
        let patience = patience(move || _ = stop.send(()));
        tokio::select! {
            () = ask(Arc::clone(&connections)) => {}
            _ = stopped => {}
        }
        assert_eq!(connections.available_permits(), 1);
        patience.join().unwrap();
    }
}

/// The task is aborted.
mod task {
    use super::*;

    #[tokio::test]
    async fn wrong() {
        let connections = Arc::new(Semaphore::new(1));
        let ask = tokio::spawn(ask_counted(Arc::clone(&connections)));
        let handle = ask.abort_handle();
        let patience = patience(move || handle.abort());
        let _ = ask.await;
        assert_eq!(connections.available_permits(), 1);
        patience.join().unwrap();
    }

    #[tokio::test]
    async fn fixed() {
        let connections = Arc::new(Semaphore::new(1));
        let ask = tokio::spawn(ask(Arc::clone(&connections)));
        let handle = ask.abort_handle();
        let patience = patience(move || handle.abort());
        let _ = ask.await;
        assert_eq!(connections.available_permits(), 1);
        patience.join().unwrap();
    }
}

/// Two messages belong together, and the second comes late.
mod message {
    use super::*;

    /// The first is gone where this is dropped at the second `.await`.
    async fn pair(messages: &mut mpsc::Receiver<u32>) -> u32 {
        let first = messages.recv().await.unwrap();
        let second = messages.recv().await.unwrap();
        first + second
    }

    /// What has been received outlives this.
    async fn pair_kept(messages: &mut mpsc::Receiver<u32>, kept: &mut Vec<u32>) {
        while kept.len() < 2 {
            kept.push(messages.recv().await.unwrap());
        }
    }

    /// One message is there, and a thread sends another.
    async fn source() -> (mpsc::Receiver<u32>, thread::JoinHandle<()>) {
        let (sender, messages) = mpsc::channel(2);
        sender.send(1).await.unwrap();
        (messages, thread::spawn(move || sender.blocking_send(2).unwrap()))
    }

    /// The sum of what is still in the channel.
    fn rest(messages: &mut mpsc::Receiver<u32>) -> u32 {
        std::iter::from_fn(|| messages.try_recv().ok()).sum()
    }

    #[tokio::test]
    async fn wrong() {
        let (mut messages, source) = source().await;
        let (stop, stopped) = oneshot::channel();
        let patience = patience(move || _ = stop.send(()));
        let sum = tokio::select! {
            sum = pair(&mut messages) => sum,
            _ = stopped => 0,
        };
        source.join().unwrap();
        assert_eq!(sum + rest(&mut messages), 3);
        patience.join().unwrap();
    }

    #[tokio::test]
    async fn fixed() {
        let (mut messages, source) = source().await;
        let (stop, stopped) = oneshot::channel();
        let patience = patience(move || _ = stop.send(()));
        let mut kept = Vec::new();
        tokio::select! {
            () = pair_kept(&mut messages, &mut kept) => {}
            _ = stopped => {}
        }
        source.join().unwrap();
        assert_eq!(kept.iter().sum::<u32>() + rest(&mut messages), 3);
        patience.join().unwrap();
    }
}
