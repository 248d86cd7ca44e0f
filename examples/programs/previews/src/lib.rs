//! A server on an event loop of one thread that answers two kinds of request, a line each: `ping`, which takes no time, and
//! `preview N`, for which it has to compute.
//!
//! Where the preview is made decides how long a `ping` takes: [`on_the_loop`] makes everybody wait for it, [`beside_it`]
//! hands it to a thread that may be busy.

use std::io;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task;

/// How large a preview is: rounds of computation for each.
#[derive(Clone, Copy, Debug)]
pub struct Size(pub u64);

/// Makes the preview of picture `number`: a checksum stands for it.
pub fn preview(number: u64, size: Size) -> u64 {
    let mut sum = number;
    for round in 0..size.0 {
        sum = (sum ^ round).rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    sum
}

/// Computes where it is asked: nobody else is answered meanwhile.
pub async fn on_the_loop(number: u64, size: Size) -> u64 {
    preview(number, size)
}

/// Hands the computation to a thread of the runtime's pool for what blocks, and awaits its end.
pub async fn beside_it(number: u64, size: Size) -> u64 {
    task::spawn_blocking(move || preview(number, size)).await.expect("a preview does not panic")
}

/// Answers so many connections, each until its client has closed it, and makes previews as `make` does.
pub async fn serve<M>(listener: TcpListener, connections: usize, make: fn(u64, Size) -> M, size: Size) -> io::Result<()>
where
    M: Future<Output = u64> + Send + 'static,
{
    let mut clients = task::JoinSet::new();
    for _ in 0..connections {
        let (stream, _) = listener.accept().await?;
        clients.spawn(answer(stream, make, size));
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    Ok(())
}

async fn answer<M: Future<Output = u64>>(stream: TcpStream, make: fn(u64, Size) -> M, size: Size) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let answer = match line.trim_end().strip_prefix("preview ").map(str::parse) {
            Some(Ok(number)) => format!("{:016x}\n", make(number, size).await),
            Some(Err(_)) => "no such picture\n".to_owned(),
            None => "pong\n".to_owned(),
        };
        stream.write_all(answer.as_bytes()).await?;
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;
    use tokio::io::AsyncReadExt;

    const SMALL: Size = Size(50_000);

    /// Connects, and sends these lines.
    async fn sent(address: SocketAddr, lines: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(lines.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        stream
    }

    /// What comes until the server closes.
    async fn answer(mut stream: TcpStream) -> String {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Asks for a preview and pings, both before the server begins.
    async fn both_are_answered<M>(make: fn(u64, Size) -> M)
    where
        M: Future<Output = u64> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let picture = sent(address, "preview 1\n").await;
        let ping = sent(address, "ping\n").await;
        let server = tokio::spawn(serve(listener, 2, make, SMALL));
        assert_eq!(answer(ping).await, "pong\n");
        assert_eq!(answer(picture).await, format!("{:016x}\n", preview(1, SMALL)));
        server.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn previews_on_the_loop() {
        both_are_answered(on_the_loop).await;
    }

    #[tokio::test]
    async fn previews_beside_it() {
        both_are_answered(beside_it).await;
    }
}
