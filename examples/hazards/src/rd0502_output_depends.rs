//! Result depends on the schedule: the words come in the order in which threads happen to get the lock.
//!
//! Nothing fails: each word is there, and the vector is whole. But what is printed is not the same from run to run, and
//! whoever compares it with what was printed yesterday finds a difference that means nothing.

use std::sync::Mutex;
use std::thread;

#[test]
fn wrong() {
    let loud = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for word in ["hello", "world"] {
            let loud = &loud;
            scope.spawn(move || loud.lock().unwrap().push(word.to_uppercase()));
        }
    });
    println!("{}", loud.into_inner().unwrap().join(" "));
}

#[test]
fn fixed() {
    let loud: Vec<String> = thread::scope(|scope| {
        let start = |word: &'static str| scope.spawn(move || word.to_uppercase());
        let started = ["hello", "world"].map(start);
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    println!("{}", loud.join(" "));
}
