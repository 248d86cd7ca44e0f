//! One request: as much of HTTP/1.0 as it takes.

use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Why there is no page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// The connection could not be made, or was lost.
    Connection(io::ErrorKind),
    /// It ended before the page did.
    CutOff,
    /// The server said so.
    Status(u16),
    /// What came is no answer.
    Nonsense,
    /// It took longer than was allowed.
    TooSlow,
}

impl FetchError {
    /// Whether the next attempt may have more luck.
    pub fn may_pass(&self) -> bool {
        !matches!(self, FetchError::Status(status) if *status < 500)
    }
}

impl From<io::Error> for FetchError {
    fn from(error: io::Error) -> Self {
        FetchError::Connection(error.kind())
    }
}

/// Fetches a page.
pub async fn fetch(server: SocketAddr, path: &str) -> Result<String, FetchError> {
    let mut connection = TcpStream::connect(server).await?;
    connection.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await?;
    page(&String::from_utf8_lossy(&answer))
}

/// The page in an answer.
fn page(answer: &str) -> Result<String, FetchError> {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return Err(if answer.is_empty() { FetchError::CutOff } else { FetchError::Nonsense });
    };
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.0 ")?.get(..3)?.parse().ok());
    let length = lines.find_map(|line| line.strip_prefix("Content-Length: ")?.parse::<usize>().ok());
    match (status, length) {
        (Some(200), Some(length)) if body.len() == length => Ok(body.to_owned()),
        (Some(200), Some(_)) => Err(FetchError::CutOff),
        (Some(status), _) if status != 200 => Err(FetchError::Status(status)),
        _ => Err(FetchError::Nonsense),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        assert_eq!(page("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"), Ok("hi".to_owned()));
        assert_eq!(page("HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nhi"), Err(FetchError::CutOff));
        assert_eq!(page("HTTP/1.0 404 Not Found\r\n\r\n"), Err(FetchError::Status(404)));
        assert_eq!(page("so sorry\r\n\r\n"), Err(FetchError::Nonsense));
        assert_eq!(page(""), Err(FetchError::CutOff));
    }
}
