//! Ports that a test names and that another process has meanwhile: most likely another test, which is explored at the same
//! time and chooses the same.

#[allow(dead_code)]
mod small_package;
#[allow(dead_code)]
mod support;

use serde_json::Value;
use small_package::SmallPackage;
use std::net::{Ipv4Addr, TcpListener};

const TESTS: &str = r#"
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

const ADDRESS: (&str, u16) = ("127.0.0.1", PORT);

fn served(listener: TcpListener) {
    let client = thread::spawn(move || {
        let mut text = String::new();
        TcpStream::connect(ADDRESS).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "for you");
    });
    let (mut stream, peer) = listener.accept().unwrap();
    assert_eq!((stream.local_addr().unwrap().port(), peer.ip().is_loopback()), (PORT, true));
    stream.write_all(b"for you").unwrap();
    drop(stream);
    client.join().unwrap();
}

#[test]
fn is_bound_twice_one_after_the_other() {
    for _ in 0..2 {
        let listener = TcpListener::bind(ADDRESS).unwrap();
        assert_eq!(listener.local_addr().unwrap().port(), PORT);
        served(listener);
    }
}

#[test]
fn is_had_by_the_test_itself() {
    let listener = TcpListener::bind(ADDRESS).unwrap();
    assert_eq!(TcpListener::bind(ADDRESS).unwrap_err().kind(), ErrorKind::AddrInUse);
    served(listener);
}

#[test]
fn was_found_free() {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert_eq!(listener.local_addr().unwrap().port(), port);
    let client = thread::spawn(move || TcpStream::connect(("127.0.0.1", port)).unwrap().peer_addr().unwrap().port());
    assert_eq!(listener.accept().unwrap().0.local_addr().unwrap().port(), port);
    assert_eq!(client.join().unwrap(), port);
}
"#;

#[test]
fn a_port_that_another_process_has_is_free_for_a_test_and_goes_by_its_number() {
    let elsewhere = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    let package = SmallPackage::new("ports", &format!("const PORT: u16 = {port};\n{TESTS}"));
    let events = package.explore("--schedules 50");
    let finished: Vec<&Value> = events.iter().filter(|event| event["type"] == "test-finished").collect();
    assert_eq!(finished.len(), 3, "{events:#?}");
    assert!(finished.iter().all(|event| event["outcome"] == "passed"), "{events:#?}");
}
