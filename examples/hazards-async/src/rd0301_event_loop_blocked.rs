//! Event loop blocked: a task stops its thread, and with it every other task of that thread.

use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;

/// The thread is put to sleep.
mod sleep {
    use super::*;

    /// Waits before the next attempt, and keeps everybody else waiting too.
    async fn pause_the_thread() {
        thread::sleep(Duration::from_millis(200));
    }

    /// Waits before the next attempt.
    async fn pause() {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    #[tokio::test]
    async fn wrong() {
        let retry = tokio::spawn(pause_the_thread());
        let answer = tokio::spawn(async { 7 });
        assert_eq!(answer.await.unwrap(), 7);
        retry.await.unwrap();
    }

    #[tokio::test]
    async fn fixed() {
        let retry = tokio::spawn(pause());
        let answer = tokio::spawn(async { 7 });
        assert_eq!(answer.await.unwrap(), 7);
        retry.await.unwrap();
    }
}

/// The thread waits for another one, which works for a while.
mod join {
    use super::*;

    fn work() -> u32 {
        thread::sleep(Duration::from_millis(200));
        7
    }

    /// Waits for the other thread with its own.
    async fn sum_joined() -> u32 {
        thread::spawn(work).join().unwrap()
    }

    /// Awaits the other thread's word.
    async fn sum() -> u32 {
        let (sender, result) = oneshot::channel();
        let worker = thread::spawn(move || sender.send(work()));
        let sum = result.await.unwrap();
        worker.join().unwrap().unwrap();
        sum
    }

    #[tokio::test]
    async fn wrong() {
        let sum = tokio::spawn(sum_joined());
        let answer = tokio::spawn(async { 7 });
        assert_eq!(answer.await.unwrap(), 7);
        assert_eq!(sum.await.unwrap(), 7);
    }

    #[tokio::test]
    async fn fixed() {
        let sum = tokio::spawn(sum());
        let answer = tokio::spawn(async { 7 });
        assert_eq!(answer.await.unwrap(), 7);
        assert_eq!(sum.await.unwrap(), 7);
    }
}
