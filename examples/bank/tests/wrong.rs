//! Two customers at once, at the bank that cannot take it.

use bank::wrong::{Account, transfer};
use std::sync::Arc;
use std::thread;

#[test]
fn transfers_in_opposite_directions() {
    let (current, savings) = (Arc::new(Account::new(100)), Arc::new(Account::new(100)));
    let rent = {
        let (current, savings) = (Arc::clone(&current), Arc::clone(&savings));
        thread::spawn(move || transfer(&current, &savings, 30))
    };
    transfer(&savings, &current, 50).unwrap();
    rent.join().unwrap().unwrap();
    assert_eq!((current.balance(), savings.balance()), (120, 80));
}

#[test]
fn two_withdrawals_of_all_there_is() {
    let account = Account::new(100);
    let paid = thread::scope(|scope| {
        let other = scope.spawn(|| account.withdraw(100).is_ok());
        let mine = account.withdraw(100).is_ok();
        usize::from(mine) + usize::from(other.join().unwrap())
    });
    assert_eq!(paid, 1, "the account held enough for one withdrawal");
    assert_eq!(account.balance(), 0);
}
