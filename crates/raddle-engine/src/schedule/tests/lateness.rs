//! Deadlines that pass while others are kept waiting: what is offered, what it costs, and where it ends.

use super::*;

/// Answers questions about lateness as told, those about threads with the wanted thread, and keeps what was offered.
#[derive(Default)]
struct Clock {
    lateness: Vec<usize>,
    wanted: ThreadId,
    offered: Vec<Vec<ThreadId>>,
}

struct Told(Rc<RefCell<Clock>>);

impl Answers for Told {
    fn begin(&mut self, _: u64) {}

    fn choose(&mut self, question: &Question<'_>) -> usize {
        let mut clock = self.0.borrow_mut();
        if question.kind == ChoiceKind::Lateness {
            return clock.lateness.remove(0);
        }
        let offered: Vec<ThreadId> = (0..question.options).map(|answer| question.thread(answer)).collect();
        let wanted = offered.iter().position(|thread| *thread == clock.wanted);
        clock.offered.push(offered);
        wanted.expect("the wanted thread is offered")
    }
}

const MS: u64 = 1_000_000;

struct Scene {
    schedule: Schedule,
    tape: Tape,
    clock: Rc<RefCell<Clock>>,
}

impl Scene {
    /// As many threads, a delay of 50 ms, and these answers to questions about lateness.
    fn new(threads: u32, lateness: &[usize]) -> Self {
        let clock = Rc::new(RefCell::new(Clock { lateness: lateness.to_vec(), ..Clock::default() }));
        let mut schedule = Schedule::new();
        (1..threads).for_each(|id| assert_eq!(schedule.spawn(), id));
        schedule.allow_delay(50 * MS);
        Scene { schedule, tape: Tape::new(Box::new(Told(Rc::clone(&clock)))), clock }
    }

    /// Lets this thread run; returns the threads that were offered, in ascending order.
    fn run(&mut self, id: ThreadId) -> Vec<ThreadId> {
        self.clock.borrow_mut().wanted = id;
        assert_eq!(self.schedule.next(&mut self.tape, Hint::None), Next::Run(id));
        let mut offered = self.clock.borrow_mut().offered.pop().unwrap_or_default();
        offered.sort_unstable();
        offered
    }

    /// Lets this thread run, and sleep.
    fn sleeps(&mut self, id: ThreadId, ms: u64) {
        self.run(id);
        self.schedule.wait(Wait::Sleep, Some(self.schedule.now_ns() + ms * MS), !0);
    }

    fn all_answered(&self) -> bool {
        self.clock.borrow().lateness.is_empty()
    }
}

#[test]
fn a_sleeper_may_rise_before_a_thread_that_could_run_all_the_time() {
    let mut scene = Scene::new(3, &[1]);
    scene.sleeps(1, 20);
    assert_eq!(scene.run(0), [0, 1, 2]);
    assert_eq!(scene.schedule.now_ns(), 0, "time stands still until the sleeper is chosen");
    assert_eq!(scene.run(1), [0, 1, 2]);
    assert_eq!(scene.schedule.now_ns(), 20 * MS);
    assert!(scene.schedule.timed_out() && scene.all_answered());
}

#[test]
fn an_execution_that_is_on_time_is_asked_once_and_has_no_delays() {
    let mut scene = Scene::new(3, &[0]);
    scene.sleeps(1, 20);
    for _ in 0..3 {
        assert_eq!(scene.run(2), [0, 2]);
        assert!(!scene.schedule.deadline_near());
    }
    assert!(scene.all_answered());
}

#[test]
fn delays_come_to_no_more_than_is_allowed() {
    let mut scene = Scene::new(3, &[1]);
    scene.sleeps(1, 30);
    scene.run(1);
    scene.sleeps(1, 30);
    // 20 ms are left.
    assert_eq!(scene.run(0), [0, 2]);
    scene.sleeps(1 - 1, 10);
    assert_eq!(scene.run(0), [0, 2]);
    assert_eq!(scene.schedule.now_ns(), 40 * MS);
}

#[test]
fn a_deadline_that_is_far_away_is_never_early() {
    let mut scene = Scene::new(2, &[]);
    scene.sleeps(1, 10_000);
    for _ in 0..3 {
        assert_eq!(scene.run(0), []);
    }
    assert!(scene.tape.record().iter().all(|choice| choice.kind == ChoiceKind::Thread), "nobody is asked about it");
}

#[test]
fn of_two_sleepers_the_later_may_rise_first_when_the_earlier_is_kept_waiting() {
    let mut scene = Scene::new(2, &[1]);
    scene.sleeps(1, 30);
    scene.sleeps(0, 1000);
    // What passes before the first could run delays nobody.
    scene.run(1);
    scene.sleeps(1, 1010);
    assert_eq!(scene.schedule.now_ns(), 30 * MS);
    assert_eq!(scene.run(1), [0, 1]);
    assert_eq!(scene.schedule.now_ns(), 1040 * MS);
    // 10 ms are left.
    scene.sleeps(1, 11);
    assert_eq!(scene.run(0), [], "it is the only one that could");
}

#[test]
fn equal_deadlines_are_no_delay_and_no_question_of_lateness() {
    let mut scene = Scene::new(2, &[]);
    scene.schedule.allow_delay(0);
    scene.sleeps(1, 30);
    scene.sleeps(0, 30);
    scene.schedule.allow_delay(50 * MS);
    assert_eq!(scene.run(1), [0, 1]);
    assert_eq!(scene.run(0), [0, 1]);
}

#[test]
fn input_and_a_deadline_compete_for_one_thread() {
    for (answer, arrival, now) in [(0, Arrival::InTime, 0), (1, Arrival::TooLate, 20), (2, Arrival::Both, 20)] {
        let mut scene = Scene::new(1, &[1, answer]);
        assert_eq!(scene.schedule.arrival(&mut scene.tape, 20 * MS), arrival);
        assert_eq!(scene.schedule.now_ns(), now * MS);
        assert!(scene.all_answered());
    }
    let mut scene = Scene::new(1, &[0]);
    assert_eq!(scene.schedule.arrival(&mut scene.tape, 20 * MS), Arrival::InTime);
    assert_eq!(scene.schedule.arrival(&mut scene.tape, 20 * MS), Arrival::InTime, "not asked again");
    let mut scene = Scene::new(1, &[]);
    assert_eq!(scene.schedule.arrival(&mut scene.tape, 51 * MS), Arrival::InTime, "too far away");
}

#[test]
fn a_look_at_a_clock_may_come_late_a_few_times() {
    let mut scene = Scene::new(2, &[1, 1, 0, 1, 1, 1, 1]);
    let late = |scene: &mut Scene| scene.schedule.slow_look(&mut scene.tape);
    let looks: Vec<bool> = (0..8).map(|_| late(&mut scene)).collect();
    // One answer says that there are delays at all. After five nobody is asked any more.
    assert_eq!(looks, [true, false, true, true, true, true, false, false]);
    assert_eq!(scene.schedule.now_ns(), 5 * MS);
    assert!(scene.all_answered());
}

#[test]
fn a_late_look_lets_deadlines_pass_that_lie_before_it() {
    let mut scene = Scene::new(2, &[1, 1]);
    scene.run(1);
    scene.schedule.wait(Wait::Sleep, Some(MS / 2), !0);
    scene.schedule.allow_delay(50 * MS);
    scene.clock.borrow_mut().lateness = vec![1, 1];
    scene.run(0);
    assert!(scene.schedule.slow_look(&mut scene.tape));
    assert_eq!(*scene.schedule.state(1), State::Runnable);
}

#[test]
fn without_delays_no_look_is_late() {
    let mut scene = Scene::new(2, &[0]);
    assert!(!scene.schedule.slow_look(&mut scene.tape));
    assert!(!scene.schedule.slow_look(&mut scene.tape), "not asked again");
    scene.schedule.allow_delay(0);
    assert!(!scene.schedule.slow_look(&mut scene.tape));
    assert!(scene.all_answered());
}
