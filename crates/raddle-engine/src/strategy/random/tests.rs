//! The walk as a source of chance: the same again for the same seed, even where it should be even, and never blind to
//! an option. Seeds are fixed, so that every run of these tests sees the same numbers.

use super::*;
use crate::strategy::{NAMES, by_name};
use raddle_protocol::trace::ThreadId;
use std::collections::BTreeSet;

const KINDS: [ChoiceKind; 5] = [
    ChoiceKind::Thread,
    ChoiceKind::WeakFailure,
    ChoiceKind::SpuriousWakeup,
    ChoiceKind::Lateness,
    ChoiceKind::ReadsFrom,
];

const THREADS: [ThreadId; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

fn ask(walk: &mut dyn Strategy, kind: ChoiceKind, options: usize, hint: Hint) -> usize {
    let threads = if kind == ChoiceKind::Thread { &THREADS[..options] } else { &[] };
    let answer = walk.choose(&Question {
        kind,
        options,
        threads,
        pending: &[],
        steps: &[],
        current: 0,
        first: 1 % options,
        hint,
    });
    assert!(answer < options);
    answer
}

/// How often each answer comes in `draws` questions of one execution.
fn counts(execution: u64, kind: ChoiceKind, options: usize, hint: Hint, draws: usize) -> Vec<usize> {
    let mut walk = RandomWalk::new(0xfeed);
    walk.begin(execution);
    let mut counts = vec![0; options];
    (0..draws).for_each(|_| counts[ask(&mut walk, kind, options, hint)] += 1);
    counts
}

/// Pearson's chi-square statistic against `expected` probabilities, compared with a bound that a true sample passes
/// less than once in 100,000: mean and standard deviation of the distribution are `k - 1` and `sqrt(2 (k - 1))`.
fn fits(counts: &[usize], expected: &[f64]) -> bool {
    let draws = counts.iter().sum::<usize>() as f64;
    let terms = counts.iter().zip(expected).map(|(n, p)| (*n as f64 - draws * p).powi(2) / (draws * p));
    let freedom = counts.len() as f64 - 1.0;
    assert!((expected.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    terms.sum::<f64>() < freedom + 6.0 * (2.0 * freedom).sqrt() + 12.0
}

fn even(options: usize) -> Vec<f64> {
    vec![1.0 / options as f64; options]
}

/// `first` for answer 0, and what is left in equal parts for the others.
fn uneven(first: f64, options: usize) -> Vec<f64> {
    let mut expected = vec![(1.0 - first) / (options - 1) as f64; options];
    expected[0] = first;
    expected
}

#[test]
fn the_bound_tells_an_even_sample_from_a_skewed_one() {
    assert!(fits(&[10_000, 10_100, 9_900], &even(3)));
    assert!(!fits(&[10_000, 10_600, 9_400], &even(3)));
    assert!(!fits(&[15_000, 15_000, 0], &even(3)));
}

/// A mixture of all kinds of question.
fn answers(walk: &mut dyn Strategy, questions: usize) -> Vec<usize> {
    let hints = [Hint::None, Hint::None, Hint::Spins, Hint::Yields];
    (0..questions).map(|n| ask(walk, KINDS[n % 5], 2 + n % 7, hints[n % 4])).collect()
}

#[test]
fn the_same_seed_and_execution_give_the_same_answers_whatever_came_before() {
    let mut orderly = RandomWalk::new(11);
    let first: Vec<Vec<usize>> = (0..20)
        .map(|execution| {
            orderly.begin(execution);
            answers(&mut orderly, 100)
        })
        .collect();
    let mut muddled = RandomWalk::new(11);
    for execution in (0..20).rev().chain([7, 7, 0, 3]) {
        muddled.begin(execution);
        // Ended early, in another place each time.
        answers(&mut muddled, execution as usize * 3);
        muddled.begin(execution);
        assert_eq!(answers(&mut muddled, 100), first[execution as usize], "execution {execution}");
    }
}

#[test]
fn other_seeds_and_executions_give_other_answers() {
    let mut seen = BTreeSet::new();
    for seed in [0, 1, 2, u64::MAX] {
        let mut walk = RandomWalk::new(seed);
        for execution in 1..200 {
            walk.begin(execution);
            assert!(seen.insert(answers(&mut walk, 100)), "seed {seed}, execution {execution}");
        }
    }
}

#[test]
fn threads_are_equally_likely() {
    for options in 2..=12 {
        let counts = counts(1, ChoiceKind::Thread, options, Hint::None, 20_000 * options);
        assert!(fits(&counts, &even(options)), "{options} options: {counts:?}");
    }
}

/// Each execution has numbers of its own: over many executions, answers at one place are even too, and the answers of
/// neighbouring executions have nothing to do with each other.
#[test]
fn threads_are_equally_likely_from_execution_to_execution() {
    const EXECUTIONS: u64 = 60_000;
    for place in [0, 1, 5] {
        let mut walk = RandomWalk::new(3);
        let answers: Vec<usize> = (1..=EXECUTIONS)
            .map(|execution| {
                walk.begin(execution);
                (0..=place).map(|_| ask(&mut walk, ChoiceKind::Thread, 3, Hint::None)).last().unwrap()
            })
            .collect();
        let mut pairs = [0; 9];
        answers.windows(2).for_each(|pair| pairs[pair[0] * 3 + pair[1]] += 1);
        assert!(fits(&pairs, &even(9)), "answer {place}: {pairs:?}");
    }
}

#[test]
fn answers_in_a_row_have_nothing_to_do_with_each_other() {
    let mut walk = RandomWalk::new(4);
    walk.begin(1);
    let mut triples = [0; 27];
    for _ in 0..50_000 {
        let triple = (0..3).fold(0, |sum, _| sum * 3 + ask(&mut walk, ChoiceKind::Thread, 3, Hint::None));
        triples[triple] += 1;
    }
    assert!(fits(&triples, &even(27)), "{triples:?}");
}

#[test]
fn loads_and_ready_descriptors_are_decided_evenly() {
    for kind in [ChoiceKind::ReadsFrom, ChoiceKind::Readiness] {
        for options in 2..=5 {
            let counts = counts(2, kind, options, Hint::None, 20_000 * options);
            assert!(fits(&counts, &even(options)), "{kind:?}, {options} options: {counts:?}");
        }
    }
}

#[test]
fn a_deadline_passes_others_and_memory_comes_back_one_time_in_four() {
    for (kind, options) in [(ChoiceKind::Lateness, 2), (ChoiceKind::Lateness, 3), (ChoiceKind::Reuse, 2)] {
        let counts = counts(2, kind, options, Hint::None, 40_000);
        assert!(fits(&counts, &uneven(1.0 - 1.0 / LATE as f64, options)), "{kind:?}, {options} options: {counts:?}");
    }
}

#[test]
fn what_is_unusual_happens_once_in_sixteen() {
    let kinds =
        [ChoiceKind::WeakFailure, ChoiceKind::SpuriousWakeup, ChoiceKind::ModificationOrder, ChoiceKind::Shortfall];
    for kind in kinds {
        for hint in [Hint::None, Hint::Spins, Hint::Yields] {
            for options in 2..=4 {
                let counts = counts(3, kind, options, hint, 80_000);
                assert!(fits(&counts, &uneven(1.0 - 1.0 / UNUSUAL as f64, options)), "{kind:?}, {hint:?}: {counts:?}");
            }
        }
    }
}

/// Each execution interrupts spinning at one of the rates in [`SPIN`], as often as that stands there, and in favour of
/// everybody alike.
#[test]
fn a_spinning_thread_is_interrupted_at_the_rate_of_the_execution() {
    let mut rates = SPIN.to_vec();
    rates.sort_unstable();
    rates.dedup();
    let shares: Vec<f64> =
        rates.iter().map(|rate| SPIN.iter().filter(|spin| *spin == rate).count() as f64 / SPIN.len() as f64).collect();
    let mut tally = vec![0; rates.len()];
    for execution in 1..=200 {
        let options = 2 + execution as usize % 5;
        let counts = counts(execution, ChoiceKind::Thread, options, Hint::Spins, 8_000);
        let goes_on = |rate: usize| 1.0 - (1.0 / rate as f64) * (1.0 - 1.0 / options as f64);
        let fitting: Vec<usize> =
            (0..rates.len()).filter(|at| fits(&counts, &uneven(goes_on(rates[*at]), options))).collect();
        assert_eq!(fitting.len(), 1, "execution {execution}, {options} options: {counts:?}");
        tally[fitting[0]] += 1;
    }
    assert!(fits(&tally, &shares), "{tally:?}");
}

#[test]
fn a_yielding_thread_mostly_gets_its_wish() {
    for options in [2, 3, 6] {
        let counts = counts(5, ChoiceKind::Thread, options, Hint::Yields, 100_000);
        let goes_on = 1.0 / UNUSUAL as f64 / options as f64;
        assert!(fits(&counts, &uneven(goes_on, options)), "{options} options: {counts:?}");
    }
}

/// A hint changes how likely answers are, never which ones there are.
#[test]
fn no_option_is_ever_excluded() {
    for kind in KINDS {
        for hint in [Hint::None, Hint::Spins, Hint::Yields] {
            for options in 2..=12 {
                let counts = counts(6, kind, options, hint, 40_000);
                assert!(counts.iter().all(|n| *n > 0), "{kind:?}, {hint:?}: {counts:?}");
            }
        }
    }
}

/// But for slices and yields, execution 0 takes the first option throughout; every later one does not.
#[test]
fn execution_0_is_without_preemption() {
    let stays = |execution| {
        let mut walk = RandomWalk::new(8);
        walk.begin(execution);
        let draws = super::super::first::SLICE - 1;
        (0..draws).filter(|n| ask(&mut walk, KINDS[n % 5], 2 + n % 3, Hint::None) == 0).count() == draws
    };
    assert!(stays(0));
    assert!((1..50).all(|execution| !stays(execution)));
}

#[test]
fn execution_0_answers_as_the_strategy_without_preemption_does() {
    let (mut walk, mut first) = (RandomWalk::new(9), First::default());
    for _ in 0..2 {
        walk.begin(0);
        first.begin(0);
        assert_eq!(answers(&mut walk, 30_000), answers(&mut first, 30_000));
        walk.begin(1);
    }
}

#[test]
fn every_name_has_its_strategy_and_no_other_has() {
    for name in NAMES {
        let (mut one, mut two) = (by_name(name, 5).expect(name), by_name(name, 5).expect(name));
        for execution in 0..3 {
            one.begin(execution);
            two.begin(execution);
            assert_eq!(answers(&mut *one, 500), answers(&mut *two, 500), "{name}");
        }
    }
    assert!(by_name("", 5).is_none());
    assert!(by_name("Random", 5).is_none());
}
