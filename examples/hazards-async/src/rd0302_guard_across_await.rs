//! Lock guard held across await: a task is suspended while it holds a lock whose waiting blocks the thread.
//!
//! With two tasks all goes well as long as the price is there when it is asked for. When it is not, the first is suspended
//! with the lock held, and the second stops the thread on which the first should go on. With one task nothing comes of it
//! yet.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;

/// Where a price comes from: a thread that has usually found it out by the time it is needed.
fn price() -> oneshot::Receiver<u32> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || sender.send(7));
    thread::sleep(Duration::from_millis(20));
    receiver
}

/// Holds the lock while it waits for the price.
#[allow(clippy::await_holding_lock)]
async fn add_locked(total: &Mutex<u32>, price: oneshot::Receiver<u32>) {
    let mut total = total.lock().unwrap();
    *total += price.await.unwrap();
}

/// Waits first.
async fn add(total: &Mutex<u32>, price: oneshot::Receiver<u32>) {
    let price = price.await.unwrap();
    *total.lock().unwrap() += price;
}

/// Two tasks of one thread want the lock.
mod two_tasks {
    use super::*;

    #[tokio::test]
    async fn wrong() {
        let total = Mutex::new(0);
        let (one, two) = (price(), price());
        tokio::join!(add_locked(&total, one), add_locked(&total, two));
        assert_eq!(*total.lock().unwrap(), 14);
    }

    #[tokio::test]
    async fn fixed() {
        let total = Mutex::new(0);
        let (one, two) = (price(), price());
        tokio::join!(add(&total, one), add(&total, two));
        assert_eq!(*total.lock().unwrap(), 14);
    }
}

/// One task, and a price that is not there yet.
mod one_task {
    use super::*;

    fn price_to_come() -> oneshot::Receiver<u32> {
        let (sender, receiver) = oneshot::channel();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            sender.send(7)
        });
        receiver
    }

    #[tokio::test]
    async fn wrong() {
        let total = Mutex::new(0);
        add_locked(&total, price_to_come()).await;
        assert_eq!(*total.lock().unwrap(), 7);
    }

    #[tokio::test]
    async fn fixed() {
        let total = Mutex::new(0);
        add(&total, price_to_come()).await;
        assert_eq!(*total.lock().unwrap(), 7);
    }
}
