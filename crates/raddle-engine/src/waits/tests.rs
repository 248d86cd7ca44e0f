//! Judgements that can be checked by hand, and properties over random situations.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

const EX: Mode = Mode::Exclusive;
const SH: Mode = Mode::Shared;

fn event(at: usize, thread: Thread, object: Object, kind: Kind) -> Event {
    Event { at: Some(at), thread, object, kind }
}

fn took(at: usize, thread: Thread, object: Object, mode: Mode) -> Event {
    event(at, thread, object, Kind::Acquired(mode))
}

fn notified(at: usize, thread: Thread, object: Object, woken: &[Thread]) -> Event {
    event(at, thread, object, Kind::Notified { woken: woken.to_vec(), remembered: false })
}

fn lock(object: Object, mode: Mode, since: usize) -> Final {
    Final::Waiting(WaitFor::Lock(object, mode), Some(since))
}

fn notification(object: Object, since: usize) -> Final {
    Final::Waiting(WaitFor::Notification(object), Some(since))
}

fn join(threads: &[Thread], since: usize) -> Final {
    Final::Waiting(WaitFor::Ends(threads.to_vec()), Some(since))
}

fn deadlock(verdict: Verdict) -> Deadlock {
    match verdict {
        Verdict::Deadlock(deadlock) => deadlock,
        other => panic!("expected a deadlock: {other:?}"),
    }
}

fn lost(verdict: Verdict) -> LostWakeup {
    match verdict {
        Verdict::LostWakeup(lost) => lost,
        other => panic!("expected a lost wakeup: {other:?}"),
    }
}

fn own(verdict: Verdict) -> SelfDeadlock {
    match verdict {
        Verdict::SelfDeadlock(own) => own,
        other => panic!("expected a self-deadlock: {other:?}"),
    }
}

fn threads(cycle: &[Link]) -> Vec<Thread> {
    cycle.iter().map(|link| link.thread).collect()
}

#[test]
fn two_locks_in_opposite_orders() {
    let events = [took(0, 1, 10, EX), took(1, 2, 20, EX)];
    let verdict = judge(&events, &[join(&[1], 9), lock(20, EX, 2), lock(10, EX, 3)]);
    assert_eq!(verdict.code(), "RD0201");
    let found = deadlock(verdict);
    // Thread 0 joins a thread of the cycle: a bystander.
    assert_eq!(threads(&found.cycle), [1, 2]);
    assert_eq!(found.cycle[0].because, Because::Holds(Hold { thread: 2, object: 20, mode: EX, at: Some(1) }));
    assert_eq!((found.order, found.against_order), (vec![10, 20], Some(2)));
}

#[test]
fn the_order_taken_more_often_is_the_one_to_keep() {
    // Thread 3 took 20 before 10 and is done: thread 1 is now the odd one.
    let events = [
        took(0, 3, 20, EX),
        took(1, 3, 10, EX),
        event(2, 3, 10, Kind::Released),
        event(3, 3, 20, Kind::Released),
        took(4, 1, 10, EX),
        took(5, 2, 20, EX),
    ];
    let found = deadlock(judge(&events, &[Final::Ended, lock(20, EX, 6), lock(10, EX, 7), Final::Ended]));
    assert_eq!((found.order, found.against_order), (vec![20, 10], Some(1)));
}

#[test]
fn five_philosophers() {
    let events: Vec<Event> = (0..5).map(|i| took(i as usize, i, i, EX)).collect();
    let states: Vec<Final> = (0..5).map(|i| lock((i + 1) % 5, EX, 5 + i as usize)).collect();
    let found = deadlock(judge(&events, &states));
    assert_eq!(threads(&found.cycle), [0, 1, 2, 3, 4]);
    assert_eq!((found.order, found.against_order), (vec![0, 1, 2, 3, 4], Some(4)));
}

#[test]
fn join_of_a_thread_that_needs_the_joiners_lock() {
    let events = [took(0, 0, 10, EX)];
    let found = deadlock(judge(&events, &[join(&[1], 2), lock(10, EX, 1)]));
    assert_eq!(threads(&found.cycle), [0, 1]);
    assert_eq!(found.cycle[0].because, Because::Join);
    assert!(found.order.is_empty());
}

#[test]
fn a_reader_waits_for_the_writer_that_queues_before_it() {
    // 1 reads 10 and waits for 20; 3 holds 20 and wants to read 10; 2 queues to write 10.
    let events = [took(0, 1, 10, SH), took(1, 3, 20, EX)];
    let states = [join(&[1], 9), lock(20, EX, 4), lock(10, EX, 2), lock(10, SH, 3)];
    let found = deadlock(judge(&events, &states));
    assert_eq!(threads(&found.cycle), [1, 3, 2]);
    assert_eq!(found.cycle[1].because, Because::Queued { object: 10, since: Some(2) });
    assert!(found.order.is_empty());
}

#[test]
fn a_writer_waits_for_every_reader() {
    let events = [took(0, 2, 10, SH), took(1, 3, 10, SH), took(2, 1, 20, EX)];
    let states = [Final::Ended, lock(10, EX, 3), notification(7, 4), lock(20, EX, 5)];
    assert_eq!(threads(&deadlock(judge(&events, &states)).cycle), [1, 3]);
}

#[test]
fn locking_twice() {
    let found = own(judge(&[took(0, 0, 10, EX)], &[lock(10, EX, 1)]));
    assert_eq!((found.thread, found.held.at, found.wanted, found.writer), (0, Some(0), EX, None));
}

#[test]
fn write_under_own_read_and_read_under_own_write() {
    assert_eq!(own(judge(&[took(0, 0, 10, SH)], &[lock(10, EX, 1)])).held.mode, SH);
    assert_eq!(own(judge(&[took(0, 0, 10, EX)], &[lock(10, SH, 1)])).wanted, SH);
}

#[test]
fn a_second_read_behind_a_queued_writer() {
    let found = own(judge(&[took(0, 1, 10, SH)], &[join(&[1], 9), lock(10, SH, 2), lock(10, EX, 1)]));
    assert_eq!((found.thread, found.writer), (1, Some((2, Some(1)))));
}

#[test]
fn a_lock_given_back_is_no_longer_held() {
    let events = [took(0, 0, 10, EX), event(1, 0, 10, Kind::Released)];
    assert_eq!(lost(judge(&events, &[lock(10, EX, 2)])).fate, Fate::OwnerUnknown);
}

#[test]
fn a_recursive_lock_is_held_until_the_last_release() {
    let events = [took(0, 0, 10, EX), took(1, 0, 10, EX), event(2, 0, 10, Kind::Released), took(3, 1, 20, EX)];
    assert_eq!(threads(&deadlock(judge(&events, &[lock(20, EX, 4), lock(10, EX, 5)])).cycle), [0, 1]);
}

#[test]
fn the_holder_has_ended() {
    let verdict = judge(&[took(0, 1, 10, EX)], &[lock(10, EX, 1), Final::Ended]);
    assert_eq!(verdict.code(), "RD0204");
    assert!(matches!(lost(verdict).fate, Fate::OwnerEnded(Hold { thread: 1, .. })));
}

#[test]
fn notified_too_early() {
    let events = [notified(3, 1, 7, &[]), event(4, 0, 7, Kind::WaitBegun)];
    let found = lost(judge(&events, &[notification(7, 4), Final::Ended]));
    assert_eq!((found.thread, found.fate), (0, Fate::SentEarly { by: 1, at: Some(3) }));
}

#[test]
fn a_notification_before_an_earlier_wait_is_not_what_a_later_one_has_missed() {
    // 1 notifies 0 on its way to sleep, which goes on and waits again.
    let events = [notified(3, 1, 7, &[]), event(4, 0, 7, Kind::WaitEnded), event(9, 0, 7, Kind::WaitBegun)];
    let found = lost(judge(&events, &[notification(7, 9), Final::Ended]));
    assert_eq!(found.fate, Fate::NeverSent);
}

#[test]
fn a_servant_has_missed_only_what_came_between_its_look_and_its_wait() {
    let fate = |events: &[Event]| {
        let states = [notification(8, 2), notification(7, 9)];
        let found = lost(judge_with(events, &states, &BTreeSet::from([1])));
        (found.thread, found.fate)
    };
    let gives_back = event(9, 1, 10, Kind::Released);
    // It holds the lock under which it looks.
    let between = [took(3, 1, 10, EX), notified(4, 0, 7, &[]), gives_back.clone()];
    assert_eq!(fate(&between), (1, Fate::SentEarly { by: 0, at: Some(4) }));
    // It takes the lock, and looks, after the notification; another wait is the cause then.
    let before = [notified(2, 0, 7, &[]), took(3, 1, 10, EX), gives_back.clone()];
    assert_eq!(fate(&before), (0, Fate::NeverSent));
    let again =
        [took(1, 1, 10, EX), notified(2, 0, 7, &[]), event(3, 1, 10, Kind::Released), took(4, 1, 10, EX), gives_back];
    assert_eq!(fate(&again), (0, Fate::NeverSent));
}

#[test]
fn a_servant_that_others_wait_for_is_the_cause() {
    let states = [join(&[2], 9), notification(8, 4), notification(7, 5)];
    let of = |servant: Thread| lost(judge_with(&[], &states, &BTreeSet::from([servant]))).thread;
    assert_eq!((of(1), of(2)), (2, 2));
    let states = [notification(8, 4), notification(7, 5)];
    let of = |servant: Thread| lost(judge_with(&[], &states, &BTreeSet::from([servant]))).thread;
    assert_eq!((of(0), of(1)), (1, 0));
}

#[test]
fn notified_another() {
    let events = [event(0, 0, 7, Kind::WaitBegun), event(1, 1, 7, Kind::WaitBegun), notified(2, 2, 7, &[1])];
    let found = lost(judge(&events, &[notification(7, 0), Final::Ended, Final::Ended]));
    assert_eq!(found.fate, Fate::WokeAnother { by: 2, at: Some(2), woken: 1 });
}

#[test]
fn a_notification_that_woke_another_servant_was_for_that_one() {
    let events = [event(0, 0, 7, Kind::WaitBegun), event(1, 1, 7, Kind::WaitBegun), notified(2, 2, 7, &[1])];
    let states = [notification(7, 0), notification(7, 3), notification(8, 4)];
    let found = lost(judge_with(&events, &states, &BTreeSet::from([0, 1])));
    assert_eq!((found.thread, found.fate), (2, Fate::NeverSent));
}

#[test]
fn a_message_that_was_kept_is_not_lost() {
    let sent = Kind::Notified { woken: vec![], remembered: true };
    let found = lost(judge(&[event(0, 1, 7, sent)], &[notification(7, 1), Final::Ended]));
    assert_eq!(found.fate, Fate::NeverSent);
}

#[test]
fn the_thread_for_which_the_others_wait_is_the_cause() {
    // 1 holds a lock and waits for a notification; 2 waits for the lock; 0 joins both; 3 waits for something else.
    let events = [took(0, 1, 10, EX)];
    let states = [join(&[1, 2], 9), notification(7, 1), lock(10, EX, 2), notification(8, 0)];
    let found = lost(judge(&events, &states));
    assert_eq!(found.thread, 1);
    assert_eq!(found.behind.iter().map(|(thread, _)| *thread).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(found.others, [(3, WaitFor::Notification(8))]);
    assert_eq!(found.holds.len(), 1);
}

#[test]
fn a_notifier_behind_the_waiters_lock_closes_a_cycle() {
    // 2 notified 7 before, so it is the one to do it again; it waits for the lock under which 1 waits.
    let events = [notified(0, 2, 7, &[1]), took(1, 1, 10, EX)];
    let found = deadlock(judge(&events, &[Final::Ended, notification(7, 2), lock(10, EX, 3)]));
    assert_eq!(threads(&found.cycle), [1, 2]);
    assert_eq!(found.cycle[0].because, Because::Notifies { object: 7, at: Some(0) });
}

#[test]
fn nothing_waits() {
    assert_eq!(judge(&[], &[Final::Runnable, Final::Ended]), Verdict::Unexplained);
}

/// Whether there is a cycle, by removing nodes without successors until none is left or none can be removed.
fn naive_has_cycle(edges: &[Vec<usize>]) -> bool {
    let mut left: Vec<bool> = vec![true; edges.len()];
    loop {
        let free = (0..edges.len()).find(|&n| left[n] && !edges[n].iter().any(|&next| left[next]));
        match free {
            Some(node) => left[node] = false,
            None => return left.contains(&true),
        }
    }
}

/// The length of a shortest cycle, by walking every simple path.
fn naive_shortest(edges: &[Vec<usize>]) -> Option<usize> {
    fn walk(edges: &[Vec<usize>], path: &mut Vec<usize>, best: &mut Option<usize>) {
        for &next in &edges[path[path.len() - 1]] {
            if next == path[0] {
                *best = Some(best.map_or(path.len(), |best| best.min(path.len())));
            } else if !path.contains(&next) {
                path.push(next);
                walk(edges, path, best);
                path.pop();
            }
        }
    }
    let mut best = None;
    for start in 0..edges.len() {
        walk(edges, &mut vec![start], &mut best);
    }
    best
}

fn graphs() -> impl Strategy<Value = Vec<Vec<usize>>> {
    (1usize..7).prop_flat_map(|n| prop::collection::vec(prop::collection::vec(0..n, 0..3), n))
}

proptest! {
    #[test]
    fn a_cycle_is_found_where_the_naive_search_finds_one(edges in graphs()) {
        let found = shortest_cycle(&edges);
        prop_assert_eq!(found.is_some(), naive_has_cycle(&edges));
        prop_assert_eq!(found.as_ref().map(Vec::len), naive_shortest(&edges));
        if let Some(cycle) = found {
            for (place, node) in cycle.iter().enumerate() {
                prop_assert!(edges[*node].contains(&cycle[(place + 1) % cycle.len()]));
                prop_assert!(cycle[0] <= *node);
            }
        }
    }

    /// Each thread holds its own locks alone and waits for any lock: the graph is known without the judge.
    #[test]
    fn random_lock_waits_are_judged_as_the_graph_says(
        (owners, wants) in (1usize..6).prop_flat_map(|n| (
            prop::collection::vec(0..n, 1..8),
            prop::collection::vec(prop::option::of(any::<prop::sample::Index>()), n),
        ))
    ) {
        let events: Vec<Event> =
            owners.iter().enumerate().map(|(object, owner)| took(object, *owner as Thread, object as Object, EX)).collect();
        let wanted: Vec<Option<usize>> = wants.iter().map(|w| w.map(|w| w.index(owners.len()))).collect();
        let states: Vec<Final> =
            wanted.iter().map(|w| w.map_or(Final::Ended, |object| lock(object as Object, EX, 100))).collect();
        let edges: Vec<Vec<usize>> = wanted.iter().map(|w| w.map(|object| owners[object]).into_iter().collect()).collect();
        let itself = edges.iter().enumerate().any(|(node, next)| next.contains(&node));
        match judge(&events, &states) {
            Verdict::SelfDeadlock(own) => {
                prop_assert!(edges[own.thread as usize].contains(&(own.thread as usize)));
            }
            Verdict::Deadlock(found) => {
                prop_assert!(!itself);
                prop_assert_eq!(Some(found.cycle.len()), naive_shortest(&edges));
                // Every thread of the cycle but one keeps the order.
                let rank = |object: usize| found.order.iter().position(|o| *o as usize == object);
                let breaks = found.cycle.iter().enumerate().filter(|(place, link)| {
                    let previous = &found.cycle[(place + found.cycle.len() - 1) % found.cycle.len()];
                    let held = wanted[previous.thread as usize].unwrap_or_default();
                    rank(held) > rank(wanted[link.thread as usize].unwrap_or_default())
                }).count();
                prop_assert_eq!(breaks, 1);
            }
            Verdict::LostWakeup(lost) => {
                prop_assert!(!naive_has_cycle(&edges));
                prop_assert!(matches!(lost.fate, Fate::OwnerEnded(_)));
            }
            Verdict::Unexplained => prop_assert!(wanted.iter().all(Option::is_none)),
        }
    }
}
