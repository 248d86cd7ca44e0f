//! The server, and clients that measure how it answers.
//!
//! `cargo run --release -p previews -- serve loop` makes previews on the event loop, `-- serve pool` beside it. Meanwhile, in
//! another terminal, `-- ask` asks for previews, pings, and prints how long a ping took; then the server ends too.

use previews::{Size, beside_it, on_the_loop, serve};
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, thread};
use tokio::net::TcpListener;

const ADDRESS: &str = "127.0.0.1:7171";
/// About 20 ms of computation.
const SIZE: Size = Size(10_000_000);
const PREVIEWS: u64 = 200;
/// The client that asks for previews, and the one that pings.
const CLIENTS: usize = 2;

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", "loop"] => answer(false)?,
        ["serve", "pool"] => answer(true)?,
        ["ask"] => ask_and_ping()?,
        _ => {
            eprintln!("say `serve loop`, `serve pool` or `ask`");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[tokio::main(flavor = "current_thread")]
async fn answer(in_pool: bool) -> io::Result<()> {
    let listener = TcpListener::bind(ADDRESS).await?;
    if in_pool {
        serve(listener, CLIENTS, beside_it, SIZE).await
    } else {
        serve(listener, CLIENTS, on_the_loop, SIZE).await
    }
}

fn ask_and_ping() -> io::Result<()> {
    let pictures = thread::spawn(ask_for_previews);
    let mut pings = ping(|| !pictures.is_finished())?;
    let all = pictures.join().expect("the client does not panic")?;
    pings.sort_unstable();
    let [median, worst] = [pings[pings.len() / 2], pings[pings.len() - 1]].map(|time| time.as_secs_f64() * 1e3);
    println!("{PREVIEWS} previews in {:.1} s", all.as_secs_f64());
    println!("a ping took {median:.2} ms (median), {worst:.2} ms at the worst");
    Ok(())
}

/// Asks for one preview after the other. How long all of them took.
fn ask_for_previews() -> io::Result<Duration> {
    let mut server = BufReader::new(TcpStream::connect(ADDRESS)?);
    let begun = Instant::now();
    for number in 0..PREVIEWS {
        send(&mut server, &format!("preview {number}\n"))?;
    }
    Ok(begun.elapsed())
}

/// Pings every few milliseconds for as long as that is wanted. How long each took.
fn ping(wanted: impl Fn() -> bool) -> io::Result<Vec<Duration>> {
    let mut server = BufReader::new(TcpStream::connect(ADDRESS)?);
    let mut times = Vec::new();
    while wanted() || times.is_empty() {
        let begun = Instant::now();
        send(&mut server, "ping\n")?;
        times.push(begun.elapsed());
        thread::sleep(Duration::from_millis(3));
    }
    Ok(times)
}

/// Sends a line, and waits for the answer.
fn send(server: &mut BufReader<TcpStream>, line: &str) -> io::Result<()> {
    server.get_mut().write_all(line.as_bytes())?;
    server.read_line(&mut String::new()).map(drop)
}
