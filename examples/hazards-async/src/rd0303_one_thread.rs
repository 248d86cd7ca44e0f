//! Check-then-act across await, though one thread runs both tasks.
//!
//! A task that has to wait for the bank gives its turn to the other. When the bank answers at once, it has not: then one
//! withdrawal comes after the other, and all is well.

use std::sync::{Arc, Mutex};
use std::thread;
use tokio::sync::oneshot;

/// Asks the bank, which may answer at once.
async fn ask_the_bank() {
    let (sender, answer) = oneshot::channel();
    thread::spawn(move || sender.send(()));
    answer.await.unwrap();
}

/// Looks, asks, and takes.
async fn withdraw_looked(balance: Arc<Mutex<i64>>, amount: i64) -> bool {
    if *balance.lock().unwrap() < amount {
        return false;
    }
    ask_the_bank().await;
    *balance.lock().unwrap() -= amount;
    true
}

/// Takes what there is, and then asks.
async fn withdraw(balance: Arc<Mutex<i64>>, amount: i64) -> bool {
    {
        let mut balance = balance.lock().unwrap();
        if *balance < amount {
            return false;
        }
        *balance -= amount;
    }
    ask_the_bank().await;
    true
}

#[tokio::test]
async fn wrong() {
    let balance = Arc::new(Mutex::new(100));
    let first = tokio::spawn(withdraw_looked(Arc::clone(&balance), 80));
    let second = tokio::spawn(withdraw_looked(Arc::clone(&balance), 80));
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert!(first != second, "{} left", balance.lock().unwrap());
}

#[tokio::test]
async fn fixed() {
    let balance = Arc::new(Mutex::new(100));
    let first = tokio::spawn(withdraw(Arc::clone(&balance), 80));
    let second = tokio::spawn(withdraw(Arc::clone(&balance), 80));
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert!(first != second, "{} left", balance.lock().unwrap());
}
