use super::bins::{Bins, WIDTH};
use super::intervals::{Counters, Seen, Watch};
use super::split::split;
use crate::state::{ByState, Standing, State};
use proptest::prelude::*;

fn times(list: &[(State, f64)]) -> ByState {
    let mut times = ByState::default();
    for (state, seconds) in list {
        times[*state] += seconds;
    }
    times
}

#[track_caller]
fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-9, "{a} is not {b}");
}

#[test]
fn one_thread_speaks_for_itself() {
    let piece = split(&times(&[(State::Cpu, 0.3), (State::Timer, 0.7)]), 1.0, 2.0);
    close(piece.shares[State::Cpu], 0.3);
    close(piece.shares[State::Timer], 0.7);
}

#[test]
fn idle_threads_do_not_speak_while_one_works() {
    let piece = split(&times(&[(State::Cpu, 1.0), (State::Condition, 7.0), (State::Join, 1.0)]), 1.0, 2.0);
    close(piece.shares[State::Cpu], 1.0);
    close(piece.shares[State::Condition], 0.0);
}

#[test]
fn waiting_for_a_child_is_the_last_thing_that_counts() {
    let piece = split(&times(&[(State::Child, 1.0), (State::Timer, 1.0)]), 1.0, 2.0);
    close(piece.shares[State::Timer], 1.0);
    let piece = split(&times(&[(State::Child, 1.0)]), 1.0, 2.0);
    close(piece.shares[State::Child], 1.0);
}

#[test]
fn a_convoy_is_mostly_lock() {
    let piece = split(&times(&[(State::Cpu, 1.0), (State::Lock, 3.0)]), 1.0, 2.0);
    close(piece.shares[State::Cpu], 0.25);
    close(piece.shares[State::Lock], 0.75);
}

#[test]
fn a_pipe_counts_when_nobody_works() {
    let piece = split(&times(&[(State::Cpu, 0.4), (State::Pipe, 1.6), (State::Child, 1.0)]), 1.0, 2.0);
    close(piece.shares[State::Cpu], 0.4);
    close(piece.shares[State::Pipe], 0.6);
}

#[test]
fn queueing_is_ones_own_doing_only_beyond_the_capacity() {
    // Four threads that spin on two processors.
    let piece = split(&times(&[(State::Cpu, 2.0), (State::RunQueue, 2.0)]), 1.0, 2.0);
    close(piece.own_queue, 2.0);
    close(piece.taken, 0.0);
    // One thread that spins, on a machine that somebody else keeps busy.
    let piece = split(&times(&[(State::Cpu, 0.5), (State::RunQueue, 0.5)]), 1.0, 2.0);
    close(piece.own_queue, 0.0);
    close(piece.taken, 0.5);
    close(piece.shares[State::Cpu], 0.5);
    // Four threads that spin, and others take one of the two processors.
    let piece = split(&times(&[(State::Cpu, 1.0), (State::RunQueue, 3.0)]), 1.0, 2.0);
    close(piece.own_queue, 2.0);
    close(piece.taken, 0.25);
}

#[test]
fn a_trace_from_the_edge_does_not_speak_for_all() {
    let piece = split(&times(&[(State::Pipe, 0.01), (State::Timer, 0.99)]), 1.0, 2.0);
    close(piece.shares[State::Timer], 1.0);
}

proptest! {
    #[test]
    fn a_piece_is_divided_without_rest(
        amounts in proptest::collection::vec(0.0..5.0f64, crate::state::STATES),
        length in 0.001..2.0f64,
        capacity in 0.1..8.0f64,
    ) {
        let mut threads = ByState::default();
        threads.0.copy_from_slice(&amounts);
        let piece = split(&threads, length, capacity);
        prop_assert!((piece.shares.total() + piece.taken - length).abs() < 1e-9);
        prop_assert!(piece.taken >= 0.0 && State::ALL.iter().all(|state| piece.shares[*state] >= 0.0));
        prop_assert!(piece.own_queue <= threads[State::RunQueue] + 1e-12);
    }

    #[test]
    fn more_work_never_makes_a_program_idler(
        amounts in proptest::collection::vec(0.0..2.0f64, crate::state::STATES),
        more in 0.0..2.0f64,
    ) {
        let mut threads = ByState::default();
        threads.0.copy_from_slice(&amounts);
        let idle = |threads: &ByState| split(threads, 1.0, 2.0).shares.of(Standing::Idle);
        let before = idle(&threads);
        threads[State::Cpu] += more;
        prop_assert!(idle(&threads) <= before + 1e-9);
    }

    #[test]
    fn nothing_is_lost_in_bins(
        lays in proptest::collection::vec((0usize..crate::state::STATES, 0.0..0.5f64, 0.0..6.0f64, 0.0..1.5f64), 1..60),
    ) {
        let mut bins = Bins::new(2.0);
        let mut expected = ByState::default();
        let mut end: f64 = 0.1;
        for (state, amount, from, length) in lays {
            bins.lay(State::ALL[state], amount, from, from + length);
            expected[State::ALL[state]] += amount;
            end = end.max(from + length);
        }
        let (closed, total, _) = bins.finish(end);
        let length: f64 = closed.iter().map(|closed| closed.piece.length).sum();
        prop_assert!((length - end).abs() < 1e-6, "{} is not {}", length, end);
        for state in State::ALL {
            prop_assert!((total.threads[state] - expected[state]).abs() < 1e-6);
        }
    }

    /// A thread whose true times are known is looked at now and then, with counters as late as the kernel's: everything
    /// that it did is found again.
    #[test]
    fn what_a_thread_did_is_found_from_looks(
        phases in proptest::collection::vec((0u8..3, 0.001..0.08f64), 5..80),
        looks in proptest::collection::vec(0.004..0.03f64, 40..200),
    ) {
        let truth = Truth::new(&phases);
        let mut watch = Watch::new(0.0, Counters::default());
        let (mut cpu, mut queued, mut asleep, mut at) = (0.0, 0.0, 0.0, 0.0);
        for gap in looks {
            if at + gap > truth.end {
                break;
            }
            at += gap;
            let (counters, seen) = truth.look(at);
            let amounts = watch.look(at, counters, seen);
            cpu += amounts.cpu;
            queued += amounts.queued;
            asleep += amounts.asleep.iter().flatten().map(|(_, seconds)| seconds).sum::<f64>();
        }
        let open = watch.end();
        prop_assert!((cpu + queued + asleep + open - at).abs() < 1e-6);
        let (true_cpu, true_queued, true_asleep) = truth.until(at);
        // What is still open, and sleeps between two looks that both found the thread ready.
        // Unless it was never seen asleep, for which more is left open; but then nothing of it was ever counted.
        let slack = 0.105 + open;
        prop_assert!((cpu - true_cpu).abs() < slack, "cpu {} is not {}", cpu, true_cpu);
        prop_assert!((queued - true_queued).abs() < slack + 0.05, "queued {} is not {}", queued, true_queued);
        prop_assert!((asleep - true_asleep).abs() < slack + 0.05, "asleep {} is not {}", asleep, true_asleep);
    }
}

proptest! {
    /// Time passes between the look at the counters and the look at what a thread does.
    #[test]
    fn counters_that_are_read_too_early_are_made_up_for(
        phases in proptest::collection::vec((0u8..3, 0.001..0.04f64), 40..120),
        looks in proptest::collection::vec((0.006..0.014f64, 0.0..0.001f64), 100..400),
    ) {
        let truth = Truth::new(&phases);
        let mut watch = Watch::new(0.0, Counters::default());
        let (mut cpu, mut queued, mut at) = (0.0, 0.0, 0.0);
        let mut count = |watch: &mut Watch, at: f64, counters: Counters, seen: Seen| {
            let amounts = watch.look(at, counters, seen);
            cpu += amounts.cpu;
            queued += amounts.queued;
        };
        let mut read: f64 = 0.0;
        for (gap, early) in looks {
            at += gap;
            if at > truth.end {
                break;
            }
            read = read.max(at - early);
            count(&mut watch, at, truth.look(read).0, truth.look(at).1);
        }
        // In the end it sleeps for long, so that all is settled.
        let (true_cpu, true_queued, _) = truth.until(truth.end);
        let slices = watch.counters().slices + 1;
        let settled = Counters { run: true_cpu, queued: true_queued, slices };
        count(&mut watch, truth.end + 5.0, settled, Seen::Asleep(State::Timer));
        prop_assert!((cpu - true_cpu).abs() < 0.001, "cpu {} is not {}", cpu, true_cpu);
        // What was foretold when it was last seen in the queue may be counted twice, but nothing is lost.
        prop_assert!(queued > true_queued - 0.001, "queued {} is not {}", queued, true_queued);
    }
}

/// A thread's life: phases of running (0), queueing (1) and sleeping (2).
struct Truth {
    phases: Vec<(u8, f64, f64)>,
    end: f64,
}

impl Truth {
    fn new(phases: &[(u8, f64)]) -> Self {
        let mut at = 0.0;
        let mut list: Vec<(u8, f64, f64)> = Vec::new();
        for (kind, length) in phases {
            // A thread cannot go to sleep without running.
            if *kind == 2 && list.last().is_none_or(|(before, ..)| *before == 1) {
                list.push((0, at, at + 0.0002));
                at += 0.0002;
            }
            list.push((*kind, at, at + length));
            at += length;
        }
        Truth { phases: list, end: at }
    }

    fn until(&self, at: f64) -> (f64, f64, f64) {
        let spent = |wanted: u8| {
            let lengths = self.phases.iter().filter(|(kind, from, _)| *kind == wanted && *from < at);
            lengths.map(|(_, from, to)| to.min(at) - from).sum()
        };
        (spent(0), spent(1), spent(2))
    }

    fn look(&self, at: f64) -> (Counters, Seen) {
        let (kind, from, _) = *self.phases.iter().rev().find(|(_, from, _)| *from <= at).unwrap();
        let (mut run, mut queued, _) = self.until(at);
        // The run time of a running thread is as old as the last clock tick; queueing is counted when it ends.
        match kind {
            0 => run -= (at - from).min(at % 0.004),
            1 => {
                let since = self.phases.iter().rev().skip_while(|phase| phase.1 > at).take_while(|phase| phase.0 == 1);
                queued -= at - since.last().unwrap().1;
            }
            _ => {}
        }
        let slices = self
            .phases
            .iter()
            .enumerate()
            .filter(|(index, phase)| phase.0 == 0 && phase.1 <= at && (*index == 0 || self.phases[index - 1].0 != 0))
            .count() as u64;
        (Counters { run, queued, slices }, if kind == 2 { Seen::Asleep(State::Disk) } else { Seen::Ready })
    }
}

#[test]
fn a_queue_that_lasts_for_many_looks_is_counted_once() {
    let mut watch = Watch::new(0.0, Counters::default());
    let mut queued = 0.0;
    for look in 1..=10 {
        queued += watch.look(f64::from(look) * 0.01, Counters::default(), Seen::Ready).queued;
    }
    close(queued, 0.1);
    let amounts = watch.look(0.11, Counters { run: 0.005, queued: 0.105, slices: 1 }, Seen::Ready);
    close(amounts.queued, 0.005);
    close(amounts.cpu, 0.005);
}

#[test]
fn time_in_which_raddle_has_stopped_a_thread_is_not_taken_for_sleep() {
    let mut watch = Watch::new(0.0, Counters::default());
    let counters = |run: f64, slices| Counters { run, queued: 0.0, slices };
    watch.look(0.01, counters(0.01, 1), Seen::Ready);
    watch.was_stopped(0.03);
    let first = watch.look(0.05, counters(0.02, 2), Seen::Ready);
    let last = watch.look(0.06, counters(0.02, 2), Seen::Asleep(State::Timer));
    close(first.queued + last.queued, 0.03);
    close(last.asleep[0].unwrap().1, 0.01);
}

#[test]
fn bins_of_long_measurements_are_joined_but_keep_their_sums() {
    let mut bins = Bins::new(1.0);
    let end = 200.0;
    let mut at = 0.0;
    while at < end {
        bins.lay(State::Cpu, 0.005, at, at + 0.01);
        bins.lay(State::Timer, 0.005, at, at + 0.01);
        bins.count(3, at);
        at += 0.01;
    }
    let (closed, total, peak) = bins.finish(end);
    assert!(closed.len() < 4200, "{}", closed.len());
    assert!((total.shares[State::Cpu] - 100.0).abs() < WIDTH, "{}", total.shares[State::Cpu]);
    close(peak, 3.0);
    close(closed[7].alive, 3.0);
}
