//! A future that may be dropped wherever it waits.
//!
//! Each time that the future has returned `Pending`, Raddle is asked whether to drop it there (the name of the question is
//! in `runtime.rs`). Under `cargo raddle test --cancel` it says yes at each of these places in turn, one execution each;
//! otherwise always no. That is how a future is dropped at every place by a time limit, a `select!` or an abort, but
//! without having to wait for the moment at which these would do it.

use crate::runtime;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Awaits a future that the test allows to be dropped wherever it waits: `None` when it has been.
///
/// Under `cargo raddle test --cancel` the future is dropped at each of its `.await` points in turn, one execution each; what
/// the test finds wrong afterwards is reported as RD0304. Without that option, and without Raddle, it is never dropped and
/// the answer is always `Some`.
///
/// ```
/// # use std::sync::atomic::{AtomicU32, Ordering};
/// # static FREE: AtomicU32 = AtomicU32::new(8);
/// # async fn with_connection() {}
/// # fn block_on(future: impl std::future::Future<Output = ()>) {
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     assert!(std::pin::pin!(future).poll(&mut context).is_ready());
/// # }
/// # block_on(async {
/// // Whether or not it comes to its end, no connection may be lost.
/// let done = raddle::cancellable(with_connection()).await;
/// assert_eq!(FREE.load(Ordering::SeqCst), 8);
/// # assert!(done.is_some());
/// # });
/// ```
pub fn cancellable<F: Future>(future: F) -> Cancellable<F> {
    Cancellable { future: Some(Box::pin(future)) }
}

/// The future that [`cancellable`] makes.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Cancellable<F> {
    /// Gone once it has ended or has been dropped. On the heap, since it is dropped before this one is.
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for Cancellable<F> {
    type Output = Option<F::Output>;

    /// # Panics
    ///
    /// When it is polled again after its end.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.future.as_mut().expect("a future is not polled after its end");
        let output = match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending if runtime::drops_here() => None,
            Poll::Pending => return Poll::Pending,
        };
        self.future = None;
        Poll::Ready(output)
    }
}

impl<F> fmt::Debug for Cancellable<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Cancellable").field("ended", &self.future.is_none()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::pin::pin;
    use std::task::Waker;

    /// Is pending so many times.
    struct Later(u32);

    impl Future for Later {
        type Output = &'static str;

        fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
            match self.0.checked_sub(1) {
                Some(left) => {
                    self.0 = left;
                    Poll::Pending
                }
                None => Poll::Ready("done"),
            }
        }
    }

    #[test]
    fn without_raddle_it_awaits_its_future() {
        let mut context = Context::from_waker(Waker::noop());
        let mut future = pin!(cancellable(Later(2)));
        assert_eq!(future.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(future.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(future.as_mut().poll(&mut context), Poll::Ready(Some("done")));
    }

    /// What the future holds is dropped with its end, not only with the wrapper.
    #[test]
    fn the_future_is_dropped_when_it_has_ended() {
        struct Sets<'a>(&'a Cell<bool>);
        impl Drop for Sets<'_> {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let dropped = Cell::new(false);
        let sets = Sets(&dropped);
        let mut future = pin!(cancellable(std::future::poll_fn(move |_| {
            let _holds = &sets;
            Poll::Ready(())
        })));
        assert!(!dropped.get());
        let mut context = Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_ready());
        assert!(dropped.get());
    }
}
