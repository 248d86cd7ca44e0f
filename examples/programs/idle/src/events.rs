//! All connections on one thread: a task for each, which costs as much memory as it has to remember.

use std::io;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Bytes of buffer for a connection: lines are short.
const BUFFER: usize = 64;

/// Serves so many connections until the last of them is closed.
pub async fn serve(listener: TcpListener, connections: usize) -> io::Result<()> {
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (connection, _) = listener.accept().await?;
        tasks.spawn(echo(connection));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn echo(connection: TcpStream) -> io::Result<()> {
    let mut connection = BufReader::with_capacity(BUFFER, connection);
    let mut line = String::new();
    while connection.read_line(&mut line).await? > 0 {
        connection.get_mut().write_all(line.as_bytes()).await?;
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_connection_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, 3));
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(BufReader::new(TcpStream::connect(address).await.unwrap()));
        }
        // The last first: nobody waits for anybody else.
        for (number, client) in clients.iter_mut().enumerate().rev() {
            client.get_mut().write_all(format!("{number}\n").as_bytes()).await.unwrap();
            let mut line = String::new();
            client.read_line(&mut line).await.unwrap();
            assert_eq!(line, format!("{number}\n"));
        }
        drop(clients);
        server.await.unwrap().unwrap();
    }
}
