//! Servers whose threads disagree: where a thread waits for input for ever is told of as the call that waits, and two
//! steps that decide are found among many reads and writes.

#[allow(dead_code)]
mod small_package;
#[allow(dead_code)]
mod support;

use small_package::{SmallPackage, findings, word};

const TESTS: &str = r#"
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;

/// Connects, says something, and hears the first line of the answer.
fn ask(listener: &TcpListener, text: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(stream.try_clone().unwrap()).read_line(&mut answer).unwrap();
    (stream, answer)
}

/// Gives names to clients. The mistake: a name is looked for under one lock and entered under another.
#[test]
fn a_name_is_given_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let names = Mutex::new(Vec::new());
    let welcome = thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2 {
                let mut stream = listener.accept().unwrap().0;
                let names = &names;
                scope.spawn(move || {
                    let mut name = String::new();
                    BufReader::new(stream.try_clone().unwrap()).read_line(&mut name).unwrap();
                    if names.lock().unwrap().contains(&name) {
                        return stream.write_all(b"taken\n").unwrap();
                    }
                    stream.write_all(b"welcome\n").unwrap();
                    names.lock().unwrap().push(name);
                    stream.write_all(b"goodbye\n").unwrap();
                });
            }
        });
        let clients = [(); 2].map(|()| scope.spawn(|| ask(&listener, "ann\n").1));
        clients.map(|client| client.join().unwrap()).iter().filter(|answer| *answer == "welcome\n").count()
    });
    assert_eq!(welcome, 1);
}

/// A client that is entered after the end has been told waits for more.
#[test]
fn the_end_is_heard() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // Ours stays open until the server's thread has ended.
    let (client, mut ours) = (Mutex::new(None), None);
    thread::scope(|scope| {
        scope.spawn(|| {
            let stream = listener.accept().unwrap().0;
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            lines.next().unwrap().unwrap();
            (&stream).write_all(b"welcome\n").unwrap();
            *client.lock().unwrap() = Some(stream);
            assert!(lines.next().is_none()); // waits for more
        });
        ours = Some(ask(&listener, "ann\n"));
        if let Some(stream) = client.lock().unwrap().take() {
            stream.shutdown(std::net::Shutdown::Both).unwrap();
        }
    });
    drop(ours);
}
"#;

#[test]
fn the_call_that_waits_and_the_steps_that_decide_are_named() {
    let events = SmallPackage::new("server", TESTS).explore("--schedules 500");
    let found = findings(&events);
    let of = |test: &str| {
        let is_of = |event: &&&serde_json::Value| word(event, "test").ends_with(test);
        *found.iter().find(is_of).unwrap_or_else(|| panic!("{events:#?}"))
    };
    let waits = of("the_end_is_heard");
    assert_eq!(word(waits, "code"), "RD0204");
    let line = 1 + TESTS.lines().position(|line| line.contains("// waits for more")).unwrap();
    let spans = waits["spans"].as_array().unwrap();
    let place = spans.iter().find(|span| span["primary"] == true).unwrap();
    assert_eq!(place["line"], line, "{waits:#}");
    let twice = of("a_name_is_given_once");
    assert_eq!(word(twice, "code"), "RD0501");
    let said = twice["reason"].to_string();
    assert!(said.contains("a check-then-act"), "{said}");
}
