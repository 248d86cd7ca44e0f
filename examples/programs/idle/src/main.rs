//! Holds many idle connections, first on one thread and then with a thread for each, and prints what a connection costs.
//!
//! `cargo run --release -p idle` takes ten thousand; another number can be given. The clients are this program again, in
//! processes of their own, so that only the server's side is measured. Where the system allows fewer threads or
//! descriptors than that, it says how far it came.

use idle::{events, threads};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::{env, fs, thread};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["client", address, count] => return client(address, number(count)),
        ["events", count] => return measure("one thread", number(count), serve_events),
        ["threads", count] => return measure("a thread each", number(count), serve_threads),
        _ => {}
    }
    let count = arguments.first().map_or(10_000, |count| number(count));
    // A process for each, since memory that a server has had is not always given back.
    for form in ["events", "threads"] {
        let ended = Command::new(env::current_exe()?).args([form, &count.to_string()]).status()?;
        if !ended.success() {
            println!("{form}: {count} connections are more than this system allows ({ended})");
        }
    }
    Ok(())
}

fn number(text: &str) -> usize {
    text.parse().expect("a number of connections")
}

fn serve_events(listener: TcpListener, connections: usize) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async { events::serve(tokio::net::TcpListener::from_std(listener)?, connections).await })
}

fn serve_threads(listener: TcpListener, connections: usize) -> io::Result<()> {
    threads::serve(&listener, connections)
}

/// Serves, and looks at this process before the clients have come and when all of them are there and idle.
fn measure(form: &str, count: usize, serve: fn(TcpListener, usize) -> io::Result<()>) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let before = resident()?;
    thread::scope(|scope| {
        let server = scope.spawn(move || serve(listener, count));
        let (mut clients, mut said) = start_clients(address, count)?;
        // Each connection has been answered once when the client says so, and is idle from then on.
        let mut line = String::new();
        said.read_line(&mut line)?;
        let grown = resident()?.saturating_sub(before);
        println!(
            "{form:>14}: {count} idle connections, {:.1} KiB of memory each",
            grown as f64 / count as f64 / 1024.0
        );
        drop(clients.stdin.take());
        clients.wait()?;
        server.join().expect("the server does not panic")
    })
}

fn start_clients(address: SocketAddr, count: usize) -> io::Result<(Child, BufReader<impl Read>)> {
    let mut clients = Command::new(env::current_exe()?)
        .args(["client", &address.to_string(), &count.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let said = clients.stdout.take().expect("it is piped");
    Ok((clients, BufReader::new(said)))
}

/// Opens the connections, sends a line over each and waits for it; then says so and holds them until its input ends.
fn client(address: &str, count: usize) -> io::Result<()> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        let mut connection = TcpStream::connect(address)?;
        connection.write_all(b"hello\n")?;
        connection.read_exact(&mut [0; 6])?;
        connections.push(connection);
    }
    println!("all there");
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Bytes of this process that are in memory.
fn resident() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.map(|kib| kib * 1024)
        .ok_or_else(|| io::Error::other("the system does not say how much memory this process has"))
}
