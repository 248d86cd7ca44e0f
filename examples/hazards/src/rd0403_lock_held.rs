//! Lock held during input, output or sleep: a slow call is made under a lock, and whoever needs the lock waits for the call.
//!
//! Nothing fails, it only takes longer: all threads queue up behind the slowest call. The slow part belongs before or after
//! the lock.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

/// Stands for a question to another machine.
fn ask(name: &str) -> usize {
    thread::sleep(Duration::from_millis(20));
    name.len()
}

fn two_ask(learn: impl Fn(&Mutex<Vec<usize>>, &str) + Sync) {
    let known = Mutex::new(Vec::new());
    thread::scope(|scope| {
        scope.spawn(|| learn(&known, "red"));
        scope.spawn(|| learn(&known, "green"));
    });
    let mut known = known.into_inner().unwrap();
    known.sort_unstable();
    assert_eq!(known, [3, 5]);
}

#[test]
fn wrong() {
    two_ask(|known, name| {
        let mut known = known.lock().unwrap();
        known.push(ask(name));
    });
}

#[test]
fn fixed() {
    two_ask(|known, name| {
        let answer = ask(name);
        known.lock().unwrap().push(answer);
    });
}
