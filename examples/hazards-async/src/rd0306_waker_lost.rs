//! Waker lost: a future says "not yet" and does not see to it that anybody wakes its task.
//!
//! All goes well as long as it is ready when it is first polled.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

/// Something that happens once, on another thread.
#[derive(Default)]
struct Event {
    happened: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Event {
    /// It happens: usually it has by the time this returns.
    fn soon(self: &Arc<Self>) {
        let event = Arc::clone(self);
        thread::spawn(move || {
            event.happened.store(true, Ordering::SeqCst);
            if let Some(waker) = event.waker.lock().unwrap().take() {
                waker.wake();
            }
        });
        thread::sleep(Duration::from_millis(20));
    }
}

/// Looks, and leaves it at that.
struct Look<'a>(&'a Event);

impl Future for Look<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0.happened.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[tokio::test]
async fn wrong() {
    let event = Arc::new(Event::default());
    event.soon();
    Look(&event).await;
}

/// Leaves its waker first, and looks then.
#[tokio::test]
async fn fixed() {
    let event = Arc::new(Event::default());
    event.soon();
    poll_fn(|context| {
        *event.waker.lock().unwrap() = Some(context.waker().clone());
        if event.happened.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
