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

/// A timer runs out while the thread sleeps.
mod timer {
    use super::*;

    /// Says that it is alive, once.
    async fn heartbeat() -> u32 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        7
    }

    async fn work_on_the_loop() {
        thread::sleep(Duration::from_millis(200));
    }

    async fn work() {
        tokio::task::spawn_blocking(|| thread::sleep(Duration::from_millis(200))).await.unwrap();
    }

    #[tokio::test]
    async fn wrong() {
        let beat = tokio::spawn(heartbeat());
        let work = tokio::spawn(work_on_the_loop());
        work.await.unwrap();
        assert_eq!(beat.await.unwrap(), 7);
    }

    #[tokio::test]
    async fn fixed() {
        let beat = tokio::spawn(heartbeat());
        let work = tokio::spawn(work());
        work.await.unwrap();
        assert_eq!(beat.await.unwrap(), 7);
    }
}

/// The thread waits for input on a socket that blocks.
mod input {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use tokio::io::AsyncReadExt;

    /// A socket on which an answer will come.
    fn answer() -> UnixStream {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        thread::spawn(move || theirs.write_all(&[7]).unwrap());
        ours
    }

    async fn read_on_the_loop(mut from: UnixStream) -> u8 {
        let mut byte = [0];
        from.read_exact(&mut byte).unwrap();
        byte[0]
    }

    async fn read(from: UnixStream) -> u8 {
        from.set_nonblocking(true).unwrap();
        tokio::net::UnixStream::from_std(from).unwrap().read_u8().await.unwrap()
    }

    #[tokio::test]
    async fn wrong() {
        let read = tokio::spawn(read_on_the_loop(answer()));
        let other = tokio::spawn(async { 7 });
        assert_eq!(other.await.unwrap(), 7);
        assert_eq!(read.await.unwrap(), 7);
    }

    #[tokio::test]
    async fn fixed() {
        let read = tokio::spawn(read(answer()));
        let other = tokio::spawn(async { 7 });
        assert_eq!(other.await.unwrap(), 7);
        assert_eq!(read.await.unwrap(), 7);
    }
}

/// The thread looks up the name of a host.
mod name {
    use std::net::{SocketAddr, ToSocketAddrs};

    async fn look_up_on_the_loop() -> SocketAddr {
        "localhost:80".to_socket_addrs().unwrap().next().unwrap()
    }

    async fn look_up() -> SocketAddr {
        tokio::net::lookup_host("localhost:80").await.unwrap().next().unwrap()
    }

    #[tokio::test]
    async fn wrong() {
        let address = tokio::spawn(look_up_on_the_loop());
        let other = tokio::spawn(async { 7 });
        assert_eq!(other.await.unwrap(), 7);
        assert!(address.await.unwrap().ip().is_loopback());
    }

    #[tokio::test]
    async fn fixed() {
        let address = tokio::spawn(look_up());
        let other = tokio::spawn(async { 7 });
        assert_eq!(other.await.unwrap(), 7);
        assert!(address.await.unwrap().ip().is_loopback());
    }
}

/// A function that is not async waits for a future.
mod block_on {
    use super::*;

    /// What a thread finds out.
    async fn answer() -> u32 {
        let (sender, answer) = oneshot::channel();
        thread::spawn(move || sender.send(7));
        answer.await.unwrap()
    }

    async fn ask_on_the_loop() -> u32 {
        futures_lite::future::block_on(answer())
    }

    async fn ask() -> u32 {
        answer().await
    }

    #[tokio::test]
    async fn wrong() {
        let ask = tokio::spawn(ask_on_the_loop());
        let other = tokio::spawn(async { 7 });
        assert_eq!(other.await.unwrap(), 7);
        assert_eq!(ask.await.unwrap(), 7);
    }

    #[tokio::test]
    async fn fixed() {
        let ask = tokio::spawn(ask());
        let other = tokio::spawn(async { 7 });
        assert_eq!(other.await.unwrap(), 7);
        assert_eq!(ask.await.unwrap(), 7);
    }
}

/// The executor is the one of smol.
mod on_async_executor {
    use super::*;
    use async_executor::LocalExecutor;
    use futures_lite::future::block_on;

    async fn pause_the_thread() {
        thread::sleep(Duration::from_millis(200));
    }

    async fn pause() {
        let (sender, over) = oneshot::channel();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(200));
            sender.send(())
        });
        over.await.unwrap();
    }

    #[test]
    fn wrong() {
        let executor = LocalExecutor::new();
        let retry = executor.spawn(pause_the_thread());
        let answer = executor.spawn(async { 7 });
        block_on(executor.run(async {
            assert_eq!(answer.await, 7);
            retry.await;
        }));
    }

    #[test]
    fn fixed() {
        let executor = LocalExecutor::new();
        let retry = executor.spawn(pause());
        let answer = executor.spawn(async { 7 });
        block_on(executor.run(async {
            assert_eq!(answer.await, 7);
            retry.await;
        }));
    }
}
