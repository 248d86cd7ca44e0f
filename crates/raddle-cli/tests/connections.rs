//! Connections of executions that have ended: the kernel keeps no port for them.

#[allow(dead_code)]
mod small_package;
#[allow(dead_code)]
mod support;

use small_package::SmallPackage;

const TESTS: &str = r#"
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

#[test]
fn questions_and_answers() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        for _ in 0..4 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = String::new();
            stream.read_to_string(&mut question).unwrap();
            assert_eq!(question, "how much?");
        }
    });
    for _ in 0..4 {
        TcpStream::connect(address).unwrap().write_all(b"how much?").unwrap();
    }
    server.join().unwrap();
}
"#;

/// Connections of which the kernel keeps a note for a minute, of all processes together (`TIME_WAIT`).
fn kept() -> i64 {
    let text = std::fs::read_to_string("/proc/net/sockstat").expect("the kernel tells how many sockets there are");
    let words: Vec<&str> =
        text.lines().filter(|line| line.starts_with("TCP:")).flat_map(str::split_whitespace).collect();
    let at = words.iter().position(|word| *word == "tw").expect("it tells of those in this state");
    words[at + 1].parse().expect("a number")
}

#[test]
fn connections_that_end_leave_the_kernel_nothing() {
    let package = SmallPackage::new("connections", TESTS);
    let before = kept();
    let events = package.explore("--schedules 500");
    let after = kept();
    assert!(events.iter().all(|event| event["type"] != "finding"), "{events:#?}");
    // Without a reset it is one for each of 2,000 connections; other programs on this machine have some too.
    assert!(after - before < 1000, "{before} connections were kept before, {after} after");
}
