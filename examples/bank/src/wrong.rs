//! An account whose operations are each right when nobody else is about.

use crate::InsufficientFunds;
use std::sync::Mutex;

/// An account.
#[derive(Debug)]
pub struct Account {
    balance: Mutex<i64>,
}

impl Account {
    /// An account that holds `balance`.
    pub fn new(balance: i64) -> Self {
        Self { balance: Mutex::new(balance) }
    }

    /// What it holds.
    pub fn balance(&self) -> i64 {
        *self.balance.lock().unwrap()
    }

    /// Takes `amount` out, if it is there.
    ///
    /// The balance is tested under one lock and changed under another. Two threads can both pass the test before
    /// either takes the money.
    pub fn withdraw(&self, amount: i64) -> Result<(), InsufficientFunds> {
        if self.balance() < amount {
            return Err(InsufficientFunds);
        }
        *self.balance.lock().unwrap() -= amount;
        Ok(())
    }
}

/// Moves `amount` from one account to another.
///
/// The account that pays is locked first, then the one that receives. When two threads move money in opposite
/// directions, each can hold the lock that the other waits for; then neither ever goes on.
pub fn transfer(from: &Account, to: &Account, amount: i64) -> Result<(), InsufficientFunds> {
    let mut source = from.balance.lock().unwrap();
    let mut target = to.balance.lock().unwrap();
    if *source < amount {
        return Err(InsufficientFunds);
    }
    *source -= amount;
    *target += amount;
    Ok(())
}
