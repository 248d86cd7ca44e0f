//! What delays reach, measured on toy programs.

use super::super::toy::{op, perform, share, writes};
use super::*;
use crate::access::AccessKind::{Read, Write};
use crate::strategy::RandomWalk;
use crate::tape::Tape;

const EXECUTIONS: u64 = 5_000;

/// Thread 0 changes object 1 and then reads object 2; in between thread 1 performs `between` reads of object 1 and then
/// changes object 2.
fn overtaken(between: usize) -> Vec<Vec<Access>> {
    vec![vec![op(Write, 1), op(Read, 2)], [vec![op(Read, 1); between], vec![op(Write, 2)]].concat()]
}

/// All of thread 1 between the two steps of thread 0. How much that is does not matter to a thread that stands still;
/// where each step draws anew it soon comes to be out of reach.
#[test]
fn a_delay_outlasts_however_much_the_others_do() {
    let all_between = |order: &[ThreadId]| order.first() == Some(&0) && order.last() == Some(&0);
    for between in [4, 40, 400] {
        let found = share(&overtaken(between), Box::new(Lag::new(1)), EXECUTIONS, all_between);
        assert!(found > 0.15, "{between} steps: {found}");
    }
    let found = share(&overtaken(400), Box::new(RandomWalk::new(1)), EXECUTIONS, all_between);
    assert!(found < 0.01, "a random walk: {found}");
}

/// What only one thread changes is no place to stand still at: however much of it there is, the one change that matters
/// is met as often.
#[test]
fn bookkeeping_costs_nothing() {
    let toy = |padding: usize| {
        let first = [writes(7, padding), vec![op(Write, 1)], writes(7, padding), vec![op(Read, 2)]].concat();
        vec![first, vec![op(Read, 1), op(Write, 2)]]
    };
    let between = |padding: usize| {
        let met = move |order: &[ThreadId]| {
            let first = order.iter().position(|thread| *thread == 1).unwrap_or(0);
            let before = order[..first].iter().filter(|thread| **thread == 0).count();
            before > padding && before < 2 * padding + 2
        };
        share(&toy(padding), Box::new(Lag::new(2)), EXECUTIONS, met)
    };
    let (few, many) = (between(1), between(100));
    assert!(few > 0.1 && many > few / 2.0, "{few} and {many}");
}

/// A thread that goes on and stands still again is the next to go on, if ranks decide. Where they drop, another may have
/// overtaken it: so does one that reports a stolen job to a sleeper late, and has not left that one's memory when somebody
/// else has woken it.
#[test]
fn a_thread_may_fall_behind_once_it_has_gone_on() {
    let question = Question { options: 2, threads: &[0, 1], ..Question::plain(ChoiceKind::Thread, 2) };
    let overtaken = |order: Order| {
        let mut lag = Lag::new(7);
        let mut times = 0;
        for execution in 1..=1000 {
            lag.begin(execution);
            lag.still = vec![0, 1];
            let first = lag.release(&question, order, None);
            lag.still.push(question.thread(first));
            times += usize::from(lag.release(&question, order, None) != first);
        }
        times
    };
    assert_eq!(overtaken(Order::Rank), 0);
    assert!((200..300).contains(&overtaken(Order::Drop)), "{}", overtaken(Order::Drop));
}

/// Every second one that goes on stands still again as soon as it has changed something, and then all others come first. So
/// does one that sets a flag others wait for, and has yet to leave the memory that the flag lies in.
#[test]
fn who_has_told_something_stands_still_again_behind_all_others() {
    let question = Question { options: 2, threads: &[0, 1], ..Question::plain(ChoiceKind::Thread, 2) };
    let mut lag = Lag::new(8);
    let mut stepped = 0;
    for execution in 1..=1000 {
        lag.begin(execution);
        lag.still = vec![1, 0];
        assert_eq!(lag.release(&question, Order::LastCome, None), 0);
        stepped += usize::from(lag.stepping == Some(0));
        lag.step_back(0, op(Read, 1));
        assert_eq!(lag.still, [1], "others can tell nothing");
        lag.step_back(0, op(Write, 1));
        assert_eq!(lag.still, [1, 0]);
        assert_eq!(lag.release(&question, Order::LastCome, None), 1, "although the other has come last");
    }
    assert!((450..550).contains(&stepped), "{stepped}");
}

/// Without anything to change there is no preemption at all.
#[test]
fn readers_run_through() {
    let toy = vec![vec![op(Read, 1); 5], vec![op(Read, 1); 5]];
    let whole = share(&toy, Box::new(Lag::new(3)), 200, |order| order.windows(2).filter(|w| w[0] != w[1]).count() == 1);
    assert!((whole - 1.0).abs() < 1e-9, "{whole}");
}

/// The same seed gives the same executions.
#[test]
fn a_seed_settles_everything() {
    let orders = |seed| {
        let mut tape = Tape::new(Box::new(Lag::new(seed)));
        (0..200).map(|execution| perform(&overtaken(5), &mut tape, execution)).collect::<Vec<_>>()
    };
    assert_eq!(orders(4), orders(4));
    assert_ne!(orders(4), orders(5));
}

/// However long the others go on changing things, whoever stands still longest goes on in the end.
#[test]
fn nobody_stands_still_for_ever() {
    const LONG: usize = 60_000;
    let toy = vec![writes(1, 4), writes(1, LONG), writes(1, LONG)];
    let mut tape = Tape::new(Box::new(Lag::new(6)));
    for execution in 0..12 {
        let order = perform(&toy, &mut tape, execution);
        let done = order.iter().rposition(|thread| *thread == 0).unwrap_or(0);
        // Four writes, before and after each of which it may stand still; others add a slice to each wait.
        assert!(done < 8 * (PATIENCE[1] + 4_000), "execution {execution}: {done}");
    }
}
