//! Stretching: a password becomes a key by very many rounds, so that whoever guesses passwords has to work as long for each.
//!
//! Each round begins with what the round before it has made. So there is one chain of work, and it is as long as it is,
//! however many threads take turns at it.

use std::sync::Mutex;
use std::thread;

/// Rounds that a thread makes before others have their turn.
const TURN: u64 = 10_000;

/// One round.
fn round(key: u64) -> u64 {
    let mixed = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The key after so many rounds, made by the thread that asks.
pub fn alone(password: u64, rounds: u64) -> u64 {
    (0..rounds).fold(password, |key, _| round(key))
}

/// The same key, made by several threads: whoever comes to the key next makes the next rounds of it.
pub fn in_turns(password: u64, rounds: u64, threads: usize) -> u64 {
    let chain = Mutex::new((password, rounds));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let mut chain = chain.lock().unwrap();
                    let (key, left) = *chain;
                    if left == 0 {
                        return;
                    }
                    let now = left.min(TURN);
                    *chain = (alone(key, now), left - now);
                }
            });
        }
    });
    chain.into_inner().unwrap().0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_make_the_same_key() {
        assert_eq!(in_turns(7, 2 * TURN + 1, 2), alone(7, 2 * TURN + 1));
    }
}
