//! Check-then-act across await: a task looks, is suspended, and acts on what it saw before.
//!
//! Two threads, with an event loop each, serve a withdrawal each. Usually the first is done when the second begins. When it
//! comes while the first waits for the bank, both have seen a balance that is high enough for one.

use async_executor::LocalExecutor;
use futures_lite::future::{block_on, yield_now};
use std::sync::Mutex;
use std::thread;

/// Asks the bank; others have their turn meanwhile.
async fn ask_the_bank() {
    yield_now().await;
}

/// Looks, asks, and takes.
async fn withdraw_looked(balance: &Mutex<i64>, amount: i64) -> bool {
    if *balance.lock().unwrap() < amount {
        return false;
    }
    ask_the_bank().await;
    *balance.lock().unwrap() -= amount;
    true
}

/// Takes what there is, and then asks.
async fn withdraw(balance: &Mutex<i64>, amount: i64) -> bool {
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

/// Runs a task to its end.
fn serve<'a>(task: impl Future<Output = bool> + 'a) -> bool {
    let executor = LocalExecutor::new();
    block_on(executor.run(executor.spawn(task)))
}

#[test]
fn wrong() {
    let balance = Mutex::new(100);
    thread::scope(|scope| {
        scope.spawn(|| serve(withdraw_looked(&balance, 80)));
        scope.spawn(|| serve(withdraw_looked(&balance, 80)));
    });
    assert_eq!(*balance.lock().unwrap(), 20);
}

#[test]
fn fixed() {
    let balance = Mutex::new(100);
    thread::scope(|scope| {
        scope.spawn(|| serve(withdraw(&balance, 80)));
        scope.spawn(|| serve(withdraw(&balance, 80)));
    });
    assert_eq!(*balance.lock().unwrap(), 20);
}
