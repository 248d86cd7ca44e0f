//! [`Schedule`] against its naive twin over random histories, the laws of time and waiting stated outright, and
//! situations that can be checked by hand.

mod lateness;
mod naive;

use super::*;
use crate::strategy::Strategy as Answers;
use naive::{Doing, Naive};
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;

/// A question as it was put: the threads in the order of the answers, and the hint.
type Asked = (Vec<ThreadId>, Hint);

/// Gives one answer, set from outside, to every question, and keeps the questions.
#[derive(Default)]
struct Desk {
    answer: usize,
    asked: Vec<Asked>,
}

struct Clerk(Rc<RefCell<Desk>>);

impl Answers for Clerk {
    fn begin(&mut self, _: u64) {}

    fn choose(&mut self, question: &Question<'_>) -> usize {
        assert_eq!(question.kind, ChoiceKind::Thread);
        assert_eq!(question.threads.len(), question.options);
        let mut desk = self.0.borrow_mut();
        desk.asked.push(((0..question.options).map(|answer| question.thread(answer)).collect(), question.hint));
        desk.answer % question.options
    }
}

/// Both books, the tape, and a state of both to go back to.
struct Twins {
    schedule: Schedule,
    naive: Naive,
    saved: (Schedule, Naive),
    tape: Tape,
    desk: Rc<RefCell<Desk>>,
    /// Steps that have been performed.
    steps: u64,
}

#[derive(Clone, Debug)]
enum Act {
    Spawn,
    Wait { wait: Wait, deadline: Deadline, mask: u32 },
    End,
    Wake(usize),
    WakeMasked { most: usize, wait: Option<Wait>, mask: u32 },
    WakeMatching { most: usize, wait: Wait },
    Requeue { most: usize, from: Wait, to: Wait },
    Next { answer: usize, hint: Hint },
    NextUnasked,
    ReadClock(usize),
    Save,
    Restore,
    ResetMostAlive,
}

#[derive(Clone, Copy, Debug)]
enum Deadline {
    Never,
    In(u64),
    Ago(u64),
    /// The end of time, which is never reached.
    Last,
}

impl Twins {
    fn new() -> Self {
        let desk = Rc::default();
        let (schedule, naive) = (Schedule::new(), Naive::new());
        let tape = Tape::new(Box::new(Clerk(Rc::clone(&desk))));
        Twins { saved: (schedule.clone(), naive.clone()), schedule, naive, tape, desk, steps: 0 }
    }

    fn act(&mut self, act: &Act) {
        let runs = self.naive.able(self.naive.current);
        match *act {
            Act::Spawn => assert_eq!(self.schedule.spawn(), self.naive.spawn()),
            // Only a thread that runs can begin to wait or end: otherwise somebody else must run first.
            Act::Wait { .. } | Act::End if !runs => self.next(0, Hint::None),
            Act::Wait { wait, deadline, mask } => {
                let deadline = match deadline {
                    Deadline::Never => None,
                    Deadline::In(ns) => Some(self.naive.now.saturating_add(ns)),
                    Deadline::Ago(ns) => Some(self.naive.now.saturating_sub(ns)),
                    Deadline::Last => Some(u64::MAX),
                };
                self.schedule.wait(wait, deadline, mask);
                self.naive.wait(wait, deadline, mask);
            }
            Act::End => {
                self.schedule.end_current();
                self.naive.end();
            }
            Act::Wake(any) => {
                let id = (any % self.naive.doing.len()) as ThreadId;
                self.schedule.wake(id);
                self.naive.wake(id);
            }
            Act::WakeMasked { most, wait, mask } => {
                let asked = |at: Wait| wait.is_none_or(|wait| wait == at);
                let woken = self.schedule.wake_masked(most, mask, &mut |at| asked(*at));
                assert_eq!(woken, self.naive.wake_masked(most, mask, asked));
            }
            Act::WakeMatching { most, wait } => {
                let woken = self.schedule.wake_matching(most, |at| *at == wait);
                assert_eq!(woken, self.naive.wake_masked(most, !0, |at| at == wait));
            }
            Act::Requeue { most, from, to } => {
                assert_eq!(self.schedule.requeue(most, from, to), self.naive.requeue(most, from, to));
            }
            Act::Next { answer, hint } => self.next(answer, hint),
            Act::NextUnasked => self.next_unasked(),
            Act::ReadClock(times) => {
                for _ in 0..times {
                    self.steps += times as u64 - 1;
                    assert_eq!(self.schedule.read_clock(self.steps), self.naive.read_clock(self.steps));
                }
            }
            Act::Save => self.saved = (self.schedule.clone(), self.naive.clone()),
            Act::Restore => {
                self.schedule.restore(&self.saved.0);
                self.naive = self.saved.1.clone();
                // Nothing observable or hidden may be left of what was before.
                assert_eq!(format!("{:?}", self.schedule), format!("{:?}", self.saved.0.clone()));
            }
            Act::ResetMostAlive => {
                self.schedule.reset_most_alive();
                self.naive.most_alive = self.naive.alive();
            }
        }
        self.compare();
    }

    fn next(&mut self, answer: usize, hint: Hint) {
        let before = self.naive.clone();
        *self.desk.borrow_mut() = Desk { answer, asked: Vec::new() };
        let recorded = self.tape.record().len();
        let next = self.schedule.next(&mut self.tape, hint);
        let asked = std::mem::take(&mut self.desk.borrow_mut().asked);
        match self.naive.offer() {
            None => {
                assert_eq!((next, asked.len()), (Next::Stuck, 0));
            }
            Some(offered) if offered.len() == 1 => {
                assert_eq!((next, asked.len()), (Next::Run(offered[0]), 0), "a single answer is not asked for");
                self.naive.current = offered[0];
            }
            Some(offered) => {
                self.naive.current = offered[answer % offered.len()];
                assert_eq!(next, Next::Run(self.naive.current));
                assert_eq!(asked, [(offered, hint)]);
            }
        }
        assert_eq!(self.tape.record().len(), recorded + asked.len());
        self.laws(&before, next);
    }

    fn next_unasked(&mut self) {
        let before = self.naive.clone();
        let recorded = self.tape.record().len();
        let next = self.schedule.next_unasked();
        match self.naive.offer() {
            None => assert_eq!(next, Next::Stuck),
            Some(offered) => {
                self.naive.current = *offered.iter().min().unwrap();
                assert_eq!(next, Next::Run(self.naive.current));
            }
        }
        assert_eq!(self.tape.record().len(), recorded, "nobody is asked");
        self.laws(&before, next);
    }

    /// What must hold of every decision, read off the schedule itself and the situation before.
    fn laws(&self, before: &Naive, next: Next) {
        let (nobody, deadline) = (before.ready().is_empty(), before.earliest_deadline());
        assert_eq!(
            next == Next::Stuck,
            nobody && deadline.is_none(),
            "stuck iff nobody can run and nothing lies ahead"
        );
        if let Next::Run(id) = next {
            assert_eq!(*self.schedule.state(id), State::Runnable, "a thread that waits never runs");
            assert_eq!(self.schedule.current(), id);
        }
        if !nobody {
            assert_eq!(self.schedule.now_ns(), before.now, "time stands still while anybody can run");
        }
        assert!(self.schedule.now_ns() >= before.now, "time never runs backwards");
        for id in before.ids() {
            let waits = matches!(self.schedule.state(id), State::Waiting(_));
            match before.doing[id as usize] {
                Doing::Waiting { deadline: Some(deadline), .. } => {
                    assert_eq!(
                        waits,
                        deadline > self.schedule.now_ns(),
                        "a deadline passes when it is due, not before"
                    );
                }
                Doing::Waiting { deadline: None, .. } => assert!(waits, "only a wake-up ends a wait without deadline"),
                _ => assert!(!waits, "a decision makes nobody wait"),
            }
        }
    }

    fn compare(&self) {
        let (schedule, naive, ready) = (&self.schedule, &self.naive, self.naive.ready());
        assert_eq!(schedule.current(), naive.current);
        assert_eq!(schedule.runnable(), ready.len());
        assert_eq!((schedule.len(), schedule.is_empty()), (naive.doing.len(), false));
        assert_eq!(schedule.alive(), (naive.alive() as u32, naive.most_alive as u32));
        assert_eq!(schedule.now_ns(), naive.now);
        assert_eq!(schedule.earliest_deadline(), naive.earliest_deadline());
        assert_eq!(schedule.timed_out(), naive.timed_out[naive.current as usize]);
        for (id, doing) in naive.ids().zip(&naive.doing) {
            let expected = match doing {
                Doing::Able => State::Runnable,
                Doing::Ended => State::Ended,
                Doing::Waiting { wait, .. } => State::Waiting(*wait),
            };
            assert_eq!(*schedule.state(id), expected, "thread {id}");
            let others = ready.iter().any(|ready| *ready <= id && *ready != naive.current);
            assert_eq!(schedule.any_ready_up_to(id, naive.current), others);
        }
        let descriptor = |doing: &Doing| matches!(doing, Doing::Waiting { wait: Wait::Descriptor(_), .. });
        assert_eq!(schedule.waits_for_descriptor(), naive.doing.iter().any(descriptor));
    }
}

/// Few enough that waits meet.
fn a_wait() -> impl Strategy<Value = Wait> {
    prop::sample::select(vec![
        Wait::Futex(8),
        Wait::Futex(16),
        Wait::Mutex(8, None),
        Wait::Condvar(24),
        Wait::Join(0),
        Wait::Sleep,
        Wait::Descriptor(3),
    ])
}

fn a_mask() -> impl Strategy<Value = u32> {
    prop_oneof![4 => Just(!0u32), 3 => 1u32..8, 1 => Just(0)]
}

fn a_deadline() -> impl Strategy<Value = Deadline> {
    prop_oneof![
        4 => Just(Deadline::Never),
        // Coarse, so that deadlines coincide with each other and with readings of the clock.
        5 => (0u64..8).prop_map(|n| Deadline::In(n * CLOCK_READ_NS)),
        1 => (0u64..200).prop_map(Deadline::Ago),
        1 => Just(Deadline::Last),
        // Rarely: a sleep to just before the end of time.
        1 => prop_oneof![30 => Just(Deadline::Never), 1 => (1u64..100).prop_map(|n| Deadline::In(u64::MAX - n))],
    ]
}

fn a_hint() -> impl Strategy<Value = Hint> {
    prop::sample::select(vec![Hint::None, Hint::Spins, Hint::Yields])
}

fn an_act() -> impl Strategy<Value = Act> {
    let most = || prop_oneof![3 => 0usize..4, 1 => Just(usize::MAX)];
    prop_oneof![
        5 => Just(Act::Spawn),
        10 => (a_wait(), a_deadline(), a_mask()).prop_map(|(wait, deadline, mask)| Act::Wait { wait, deadline, mask }),
        1 => Just(Act::End),
        2 => any::<usize>().prop_map(Act::Wake),
        3 => (most(), prop::option::weighted(0.9, a_wait()), a_mask())
            .prop_map(|(most, wait, mask)| Act::WakeMasked { most, wait, mask }),
        2 => (most(), a_wait()).prop_map(|(most, wait)| Act::WakeMatching { most, wait }),
        2 => (most(), a_wait(), a_wait()).prop_map(|(most, from, to)| Act::Requeue { most, from, to }),
        10 => (0usize..12, a_hint()).prop_map(|(answer, hint)| Act::Next { answer, hint }),
        1 => Just(Act::NextUnasked),
        2 => (1usize..6).prop_map(Act::ReadClock),
        1 => Just(Act::ReadClock(1500)),
        1 => Just(Act::Save),
        1 => Just(Act::Restore),
        1 => Just(Act::ResetMostAlive),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        rng_seed: proptest::test_runner::RngSeed::Fixed(0x5eed_0001),
        // By far the cheapest of the generators in an unoptimised build.
        rng_algorithm: proptest::test_runner::RngAlgorithm::XorShift,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_history_goes_as_in_the_naive_book(acts in prop::collection::vec(an_act(), 1..120)) {
        let mut twins = Twins::new();
        acts.iter().for_each(|act| twins.act(act));
        // In the end everybody is woken, which shows the whole order of arrival.
        twins.act(&Act::WakeMasked { most: usize::MAX, wait: None, mask: !0 });
    }

    #[test]
    fn wake_ups_go_to_the_longest_waiting_first(order in Just((1u32..9).collect::<Vec<_>>()).prop_shuffle(),
        mosts in prop::collection::vec(1usize..4, 8)) {
        let (mut schedule, mut tape) = crowd(9);
        for id in &order {
            run(&mut schedule, &mut tape, *id);
            schedule.wait(Wait::Condvar(1), None, !0);
        }
        prop_assert_eq!(schedule.next(&mut tape, Hint::None), Next::Run(0));
        let mut woken = Vec::new();
        for most in mosts {
            let now = schedule.wake_matching(most, |wait| *wait == Wait::Condvar(1));
            prop_assert!(now.len() <= most);
            woken.extend(now);
        }
        prop_assert_eq!(woken, order);
    }

    #[test]
    fn sleepers_rise_in_the_order_of_their_deadlines(naps in prop::collection::vec(0u64..40, 1..9)) {
        let (mut schedule, mut tape) = crowd(naps.len() as u32);
        for (id, nap) in (0..).zip(&naps) {
            run(&mut schedule, &mut tape, id);
            schedule.wait(Wait::Sleep, Some(nap * 100), !0);
        }
        let mut risen = Vec::new();
        while let Next::Run(id) = schedule.next(&mut tape, Hint::None) {
            prop_assert!(schedule.timed_out());
            prop_assert_eq!(schedule.now_ns(), naps[id as usize] * 100, "neither early nor late");
            risen.push(naps[id as usize]);
            schedule.end_current();
        }
        prop_assert_eq!(risen.len(), naps.len());
        prop_assert!(risen.is_sorted(), "{:?}", risen);
    }
}

/// Chooses the thread with a given number among those offered.
struct Usher(Rc<RefCell<ThreadId>>);

impl Answers for Usher {
    fn begin(&mut self, _: u64) {}

    fn choose(&mut self, question: &Question<'_>) -> usize {
        let wanted = *self.0.borrow();
        (0..question.options).find(|answer| question.thread(*answer) == wanted).unwrap_or(0)
    }
}

/// A tape that lets the wanted thread run.
struct Wanted {
    tape: Tape,
    wanted: Rc<RefCell<ThreadId>>,
}

impl std::ops::Deref for Wanted {
    type Target = Tape;

    fn deref(&self) -> &Tape {
        &self.tape
    }
}

impl std::ops::DerefMut for Wanted {
    fn deref_mut(&mut self) -> &mut Tape {
        &mut self.tape
    }
}

fn crowd(threads: u32) -> (Schedule, Wanted) {
    let mut schedule = Schedule::new();
    (1..threads).for_each(|id| assert_eq!(schedule.spawn(), id));
    let wanted = Rc::new(RefCell::new(0));
    (schedule, Wanted { tape: Tape::new(Box::new(Usher(Rc::clone(&wanted)))), wanted })
}

fn run(schedule: &mut Schedule, tape: &mut Wanted, id: ThreadId) {
    *tape.wanted.borrow_mut() = id;
    assert_eq!(schedule.next(tape, Hint::None), Next::Run(id));
}

#[test]
fn one_thread_alone_runs_and_is_never_asked_about() {
    let (mut schedule, mut tape) = crowd(1);
    for _ in 0..3 {
        assert_eq!(schedule.next(&mut tape, Hint::Yields), Next::Run(0));
    }
    assert_eq!(schedule.now_ns(), 0);
    schedule.end_current();
    assert_eq!(schedule.next(&mut tape, Hint::None), Next::Stuck);
    assert_eq!(schedule.next_unasked(), Next::Stuck);
    assert_eq!((tape.record().len(), schedule.alive()), (0, (0, 1)));
}

#[test]
fn looking_at_the_clock_brings_a_deadline_about_while_another_runs() {
    let (mut schedule, mut tape) = crowd(2);
    run(&mut schedule, &mut tape, 1);
    schedule.wait(Wait::Sleep, Some(2 * CLOCK_READ_NS), !0);
    run(&mut schedule, &mut tape, 0);
    assert_eq!(schedule.read_clock(0), CLOCK_READ_NS);
    assert_eq!(schedule.next(&mut tape, Hint::None), Next::Run(0));
    assert_eq!(schedule.runnable(), 1, "not yet");
    assert_eq!(schedule.read_clock(0), 2 * CLOCK_READ_NS);
    run(&mut schedule, &mut tape, 1);
    assert!(schedule.timed_out());
    assert_eq!(schedule.runnable(), 2);
}

#[test]
fn a_wake_up_in_time_is_no_timeout_and_takes_the_deadline_away() {
    let (mut schedule, mut tape) = crowd(2);
    run(&mut schedule, &mut tape, 1);
    schedule.wait(Wait::Futex(8), Some(500), !0);
    run(&mut schedule, &mut tape, 0);
    assert_eq!(schedule.wake_matching(1, |wait| *wait == Wait::Futex(8)), [1]);
    assert_eq!(schedule.earliest_deadline(), None);
    run(&mut schedule, &mut tape, 1);
    assert!(!schedule.timed_out());
    assert_eq!(schedule.now_ns(), 0);
    // A second wait that does run out is told apart from the first.
    schedule.wait(Wait::Futex(8), Some(500), !0);
    run(&mut schedule, &mut tape, 0);
    schedule.end_current();
    run(&mut schedule, &mut tape, 1);
    assert!(schedule.timed_out());
    assert_eq!(schedule.now_ns(), 500);
}

#[test]
fn bit_sets_part_the_waiters_of_one_futex() {
    let (mut schedule, mut tape) = crowd(4);
    for (id, mask) in [(1, 0b01), (2, 0b10), (3, 0b11)] {
        run(&mut schedule, &mut tape, id);
        schedule.wait(Wait::Futex(8), None, mask);
    }
    let mut wake = |most, mask| schedule.wake_masked(most, mask, &mut |wait| *wait == Wait::Futex(8));
    assert_eq!(wake(usize::MAX, 0b100), []);
    assert_eq!(wake(0, !0), []);
    assert_eq!(wake(1, 0b10), [2]);
    assert_eq!(wake(usize::MAX, 0b01), [1, 3]);
}

#[test]
fn a_requeued_waiter_answers_to_the_new_address_alone_and_keeps_its_deadline() {
    let (mut schedule, mut tape) = crowd(4);
    for id in 1..4 {
        run(&mut schedule, &mut tape, id);
        schedule.wait(Wait::Futex(8), (id == 2).then_some(900), !0);
    }
    assert_eq!(schedule.requeue(2, Wait::Futex(8), Wait::Futex(16)), 2);
    assert_eq!(schedule.wake_matching(usize::MAX, |wait| *wait == Wait::Futex(8)), [3]);
    assert_eq!(schedule.earliest_deadline(), Some(900));
    assert_eq!(schedule.wake_matching(usize::MAX, |wait| *wait == Wait::Futex(16)), [1, 2]);
}

#[test]
fn the_running_thread_is_option_0_and_the_others_follow_around_the_end() {
    let desk = Rc::new(RefCell::new(Desk::default()));
    let mut tape = Tape::new(Box::new(Clerk(Rc::clone(&desk))));
    let mut schedule = Schedule::new();
    (1..5).for_each(|id| assert_eq!(schedule.spawn(), id));
    let mut offered = |schedule: &mut Schedule, answer| {
        *desk.borrow_mut() = Desk { answer, asked: Vec::new() };
        schedule.next(&mut tape, Hint::None);
        desk.borrow().asked[0].0.clone()
    };
    assert_eq!(offered(&mut schedule, 3), [0, 1, 2, 3, 4]);
    assert_eq!(offered(&mut schedule, 0), [3, 4, 0, 1, 2]);
    schedule.wait(Wait::Sleep, None, !0);
    assert_eq!(offered(&mut schedule, 0), [4, 0, 1, 2], "thread 3 waits: its successor takes its place");
    schedule.end_current();
    assert_eq!(offered(&mut schedule, 0), [0, 1, 2]);
}

#[test]
fn a_loop_that_waits_for_the_clock_ends_soon() {
    let (mut schedule, mut tape) = crowd(1);
    let (mut looks, mut last) = (0, 0);
    while last < 200_000_000 {
        let now = schedule.read_clock(0);
        assert!(now - last <= CLOCK_READ_NS.max(now / 50), "from {last} to {now}");
        (looks, last) = (looks + 1, now);
    }
    assert!((2_000..3_000).contains(&looks), "{looks}");
    // Whoever does something else in between sees time go by as slowly as ever.
    let mut last = 0;
    for _ in 0..5_000 {
        run(&mut schedule, &mut tape, 0);
        let now = schedule.read_clock(0);
        assert!(last == 0 || now == last + CLOCK_READ_NS);
        last = now;
    }
}

#[test]
fn time_stops_at_its_end_instead_of_running_backwards() {
    let (mut schedule, mut tape) = crowd(1);
    schedule.wait(Wait::Sleep, Some(u64::MAX - 1), !0);
    run(&mut schedule, &mut tape, 0);
    assert!(schedule.timed_out());
    assert_eq!(schedule.read_clock(0), u64::MAX);
    assert_eq!(schedule.read_clock(0), u64::MAX);
}

#[test]
fn a_counter_goes_forward_and_never_evenly() {
    let mut schedule = Schedule::new();
    let (mut before, mut took) = (schedule.read_counter(0), 0);
    let mut lengths = std::collections::BTreeSet::new();
    let mut alike = 0;
    for _ in 0..1000 {
        let now = schedule.read_counter(0);
        assert!(now >= before + CLOCK_READ_NS);
        alike += u32::from(now - before == took);
        (took, before) = (now - before, now);
        lengths.insert(took);
    }
    assert!(lengths.len() > 50, "{lengths:?}");
    assert!(alike < 50, "{alike}");
}

#[test]
fn the_end_of_time_is_no_deadline() {
    let (mut schedule, mut tape) = crowd(2);
    schedule.wait(Wait::Sleep, Some(u64::MAX), !0);
    assert_eq!(schedule.earliest_deadline(), None);
    run(&mut schedule, &mut tape, 1);
    schedule.wait(Wait::Sleep, Some(u64::MAX - 1), !0);
    run(&mut schedule, &mut tape, 1);
    schedule.read_clock(0);
    assert_eq!(schedule.next(&mut tape, Hint::None), Next::Run(1));
    assert_eq!(schedule.runnable(), 1, "thread 0 waits on, also when the clock has reached its end");
    schedule.end_current();
    assert_eq!(schedule.next(&mut tape, Hint::None), Next::Stuck);
}
