//! The same account, right whoever else is about.

use crate::InsufficientFunds;
use std::sync::Mutex;

/// An account.
#[derive(Debug)]
pub struct Account {
    number: u32,
    balance: Mutex<i64>,
}

impl Account {
    /// The account with this number, which no other account has, and that holds `balance`.
    pub fn new(number: u32, balance: i64) -> Self {
        Self { number, balance: Mutex::new(balance) }
    }

    /// What it holds.
    pub fn balance(&self) -> i64 {
        *self.balance.lock().unwrap()
    }

    /// Takes `amount` out, if it is there. Test and change happen under the same lock.
    pub fn withdraw(&self, amount: i64) -> Result<(), InsufficientFunds> {
        let mut balance = self.balance.lock().unwrap();
        if *balance < amount {
            return Err(InsufficientFunds);
        }
        *balance -= amount;
        Ok(())
    }
}

/// Moves `amount` from one account to another, which must not be the same.
///
/// Whichever way the money goes, the account with the smaller number is locked first. Whoever holds the second lock of
/// a pair holds the first too, so nobody ever waits for a thread that waits in turn.
pub fn transfer(from: &Account, to: &Account, amount: i64) -> Result<(), InsufficientFunds> {
    let (mut source, mut target);
    if from.number < to.number {
        source = from.balance.lock().unwrap();
        target = to.balance.lock().unwrap();
    } else {
        target = to.balance.lock().unwrap();
        source = from.balance.lock().unwrap();
    }
    if *source < amount {
        return Err(InsufficientFunds);
    }
    *source -= amount;
    *target += amount;
    Ok(())
}
