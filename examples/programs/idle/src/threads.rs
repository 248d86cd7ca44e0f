//! A thread for each connection, which costs a stack, and what the system keeps of a thread.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Bytes of buffer for a connection: lines are short.
const BUFFER: usize = 64;

/// Serves so many connections until the last of them is closed.
pub fn serve(listener: &TcpListener, connections: usize) -> io::Result<()> {
    thread::scope(|scope| {
        let mut threads = Vec::with_capacity(connections);
        for _ in 0..connections {
            let (connection, _) = listener.accept()?;
            threads.push(thread::Builder::new().spawn_scoped(scope, || echo(connection))?);
        }
        threads.into_iter().try_for_each(|thread| thread.join().expect("an echo does not panic"))
    })
}

fn echo(connection: TcpStream) -> io::Result<()> {
    let mut connection = BufReader::with_capacity(BUFFER, connection);
    let mut line = String::new();
    while connection.read_line(&mut line)? > 0 {
        connection.get_mut().write_all(line.as_bytes())?;
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::scope(|scope| {
            let server = scope.spawn(|| serve(&listener, 3));
            let connect = |_| BufReader::new(TcpStream::connect(address).unwrap());
            let mut clients: Vec<_> = (0..3).map(connect).collect();
            for (number, client) in clients.iter_mut().enumerate().rev() {
                client.get_mut().write_all(format!("{number}\n").as_bytes()).unwrap();
                let mut line = String::new();
                client.read_line(&mut line).unwrap();
                assert_eq!(line, format!("{number}\n"));
            }
            drop(clients);
            server.join().unwrap().unwrap();
        });
    }
}
