//! Cancellation leaves damage: a future is dropped where it waits, and what was to come after that never happens.
//!
//! Nothing is ever too slow here, so these tests pass however they are scheduled. `cargo raddle test --cancel` lets their
//! time limits run out all the same.

use std::thread;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{sleep, timeout};

/// Asks a thread, which answers.
async fn query() -> u32 {
    let (sender, answer) = oneshot::channel();
    thread::spawn(move || sender.send(7));
    answer.await.unwrap()
}

/// A connection is counted by hand.
mod permit {
    use super::*;

    /// Gives the permit back when the query is done, and only then.
    async fn ask_counted(connections: &Semaphore) -> u32 {
        connections.acquire().await.unwrap().forget();
        let answer = query().await;
        connections.add_permits(1);
        answer
    }

    /// The permit goes back when it is dropped, on every way out.
    async fn ask(connections: &Semaphore) -> u32 {
        let _connection = connections.acquire().await.unwrap();
        query().await
    }

    #[tokio::test]
    async fn wrong() {
        let connections = Semaphore::new(1);
        let _ = timeout(Duration::from_secs(5), ask_counted(&connections)).await;
        assert_eq!(connections.available_permits(), 1);
    }

    #[tokio::test]
    async fn fixed() {
        let connections = Semaphore::new(1);
        let _ = timeout(Duration::from_secs(5), ask(&connections)).await;
        assert_eq!(connections.available_permits(), 1);
    }
}

/// Messages that belong together are received one by one, and now and then it is time for something else.
mod message {
    use super::*;

    /// Sends four numbers.
    fn numbers() -> mpsc::Receiver<u32> {
        let (sender, receiver) = mpsc::channel(1);
        thread::spawn(move || (1..=4).for_each(|number| sender.blocking_send(number).unwrap()));
        receiver
    }

    /// The next two, added up.
    async fn pair(numbers: &mut mpsc::Receiver<u32>) -> Option<u32> {
        let first = numbers.recv().await?;
        Some(first + numbers.recv().await?)
    }

    /// The number that is still without its second lies where the next attempt finds it.
    async fn pair_kept(numbers: &mut mpsc::Receiver<u32>, first: &mut Option<u32>) -> Option<u32> {
        if first.is_none() {
            *first = Some(numbers.recv().await?);
        }
        let second = numbers.recv().await?;
        first.take().map(|first| first + second)
    }

    #[tokio::test]
    async fn wrong() {
        let mut numbers = numbers();
        let mut total = 0;
        loop {
            tokio::select! {
                sum = pair(&mut numbers) => match sum {
                    Some(sum) => total += sum,
                    None => break,
                },
                () = sleep(Duration::from_secs(1)) => {}
            }
        }
        assert_eq!(total, 10);
    }

    #[tokio::test]
    async fn fixed() {
        let mut numbers = numbers();
        let mut first = None;
        let mut total = 0;
        loop {
            tokio::select! {
                sum = pair_kept(&mut numbers, &mut first) => match sum {
                    Some(sum) => total += sum,
                    None => break,
                },
                () = sleep(Duration::from_secs(1)) => {}
            }
        }
        assert_eq!(total, 10);
    }
}
