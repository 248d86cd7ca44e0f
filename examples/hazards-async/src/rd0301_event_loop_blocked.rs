//! Event loop blocked: a task puts its thread to sleep, and with it every other task of that thread.

use std::thread;
use std::time::Duration;

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
