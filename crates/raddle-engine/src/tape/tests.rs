//! What is recorded is what was answered; a replay answers the same and tells exactly where the program left the record.

use super::*;
use crate::strategy::{Divergence, RandomWalk, Replay};
use proptest::prelude::{ProptestConfig, Strategy, prop, prop_assert_eq, proptest};
use raddle_protocol::ChoiceKind;

const KINDS: [ChoiceKind; 5] = [
    ChoiceKind::Thread,
    ChoiceKind::WeakFailure,
    ChoiceKind::SpuriousWakeup,
    ChoiceKind::Lateness,
    ChoiceKind::ReadsFrom,
];

/// A question by its kind and number of options.
type Asks = (ChoiceKind, usize);

fn ask(tape: &mut Tape, (kind, options): Asks) -> usize {
    let threads: Vec<u32> = (0..options as u32).collect();
    let threads = if kind == ChoiceKind::Thread { &threads[..] } else { &[] };
    tape.ask(&crate::Question { threads, ..crate::Question::plain(kind, options) })
}

/// A program whose questions depend on all earlier answers, as those of a real one do.
fn program(tape: &mut Tape, length: usize) -> Vec<usize> {
    let mut state = 1u64;
    let mut answers = Vec::new();
    for _ in 0..length {
        let asks = (KINDS[(state % 5) as usize], 2 + (state / 5 % 7) as usize);
        let answer = ask(tape, asks);
        assert!(answer < asks.1);
        answers.push(answer);
        state = mix(state ^ answer as u64);
    }
    answers
}

fn questions() -> impl Strategy<Value = Vec<Asks>> {
    prop::collection::vec((prop::sample::select(&KINDS[..]), 2usize..9), 1..60)
}

/// The record of a random walk over fixed questions.
fn recorded(questions: &[Asks], seed: u64) -> Vec<Choice> {
    let mut tape = Tape::new(Box::new(RandomWalk::new(seed)));
    tape.begin(1);
    for asks in questions {
        ask(&mut tape, *asks);
    }
    tape.record().to_vec()
}

/// Asks `questions` of a replay of `record`. After a divergence every answer is 0.
fn replayed(record: &[Choice], questions: &[Asks]) -> (Vec<usize>, Option<Divergence>) {
    let mut tape = Tape::new(Box::new(Replay::new(record.to_vec())));
    tape.begin(0);
    let answers = questions.iter().map(|asks| ask(&mut tape, *asks)).collect();
    (answers, tape.strategy().divergence())
}

fn answers_until(record: &[Choice], at: usize, length: usize) -> Vec<usize> {
    let known = record[..at].iter().map(|choice| usize::from(choice.taken));
    known.chain(std::iter::repeat(0)).take(length).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        rng_seed: proptest::test_runner::RngSeed::Fixed(0x5eed_0002),
        // By far the cheapest of the generators in an unoptimised build.
        rng_algorithm: proptest::test_runner::RngAlgorithm::XorShift,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_replay_of_any_record_gives_the_same_answers(seed: u64, execution in 0u64..50, length in 0usize..200) {
        let mut tape = Tape::new(Box::new(RandomWalk::new(seed)));
        tape.begin(execution);
        let answers = program(&mut tape, length);
        let mut again = Tape::new(Box::new(Replay::new(tape.record().to_vec())));
        // Twice, since a replay may be performed again too.
        for _ in 0..2 {
            again.begin(0);
            prop_assert_eq!(&program(&mut again, length), &answers);
            prop_assert_eq!(again.strategy().divergence(), None);
            prop_assert_eq!(again.record(), tape.record());
            prop_assert_eq!(again.hash(), tape.hash());
        }
    }

    #[test]
    fn a_record_that_is_too_short_diverges_where_it_ends(questions in questions(), seed: u64, cut: prop::sample::Index) {
        let record = recorded(&questions, seed);
        let at = cut.index(record.len());
        let (answers, divergence) = replayed(&record[..at], &questions);
        prop_assert_eq!(divergence, Some(Divergence { at: at as u64, recorded: None, asked: questions[at] }));
        prop_assert_eq!(answers, answers_until(&record, at, questions.len()));
    }

    #[test]
    fn another_question_diverges_where_it_is_asked(questions in questions(), seed: u64, place: prop::sample::Index,
        kind in 1usize..5, options in 1usize..7, change in 1u8..4) {
        let record = recorded(&questions, seed);
        let at = place.index(record.len());
        let mut now = questions.clone();
        let (was, asks) = (questions[at], &mut now[at]);
        if change & 1 != 0 {
            asks.0 = KINDS[(KINDS.iter().position(|known| *known == was.0).unwrap() + kind) % 5];
        }
        if change & 2 != 0 {
            asks.1 = 2 + (was.1 - 2 + options) % 7;
        }
        let asked = *asks;
        // A second difference, later on, must not displace the first.
        if let Some(last) = now.last_mut() {
            last.1 = if at + 1 == questions.len() { last.1 } else { last.1 + 1 };
        }
        let (answers, divergence) = replayed(&record, &now);
        prop_assert_eq!(divergence, Some(Divergence { at: at as u64, recorded: Some(record[at]), asked }));
        prop_assert_eq!(answers, answers_until(&record, at, now.len()));
    }

    #[test]
    fn a_program_that_ends_before_its_record_does_not_diverge(questions in questions(), seed: u64, cut: prop::sample::Index) {
        let record = recorded(&questions, seed);
        let (answers, divergence) = replayed(&record, &questions[..cut.index(questions.len())]);
        prop_assert_eq!(divergence, None);
        prop_assert_eq!(answers.clone(), answers_until(&record, answers.len(), answers.len()));
    }

    #[test]
    fn the_record_is_what_was_asked_and_answered(questions in questions(), seed: u64) {
        let mut tape = Tape::new(Box::new(RandomWalk::new(seed)));
        tape.begin(1);
        for asks in &questions {
            let taken = ask(&mut tape, *asks);
            let choice = Choice { kind: asks.0, options: asks.1 as u16, taken: taken as u16 };
            prop_assert_eq!(tape.record().last(), Some(&choice));
        }
        prop_assert_eq!(tape.record().len(), questions.len());
    }
}

#[test]
fn a_new_execution_forgets_the_divergence_and_the_record() {
    let record = vec![Choice { kind: ChoiceKind::Thread, options: 3, taken: 2 }];
    let mut tape = Tape::new(Box::new(Replay::new(record)));
    tape.begin(0);
    let empty = tape.hash();
    assert_eq!(ask(&mut tape, (ChoiceKind::Thread, 4)), 0);
    assert!(tape.strategy().divergence().is_some());
    tape.begin(1);
    assert_eq!((tape.record(), tape.hash()), (&[][..], empty));
    assert_eq!(tape.strategy().divergence(), None);
    assert_eq!(ask(&mut tape, (ChoiceKind::Thread, 3)), 2);
    assert_eq!(tape.strategy().divergence(), None);
}

/// Answers what it was made with, whatever the question.
struct Always(usize);

impl crate::Strategy for Always {
    fn begin(&mut self, _: u64) {}

    fn choose(&mut self, _: &Question<'_>) -> usize {
        self.0
    }
}

#[test]
fn an_answer_beyond_the_options_is_taken_as_the_last() {
    let mut tape = Tape::new(Box::new(Always(9)));
    tape.begin(0);
    assert_eq!(ask(&mut tape, (ChoiceKind::ReadsFrom, 4)), 3);
    assert_eq!(tape.record(), [Choice { kind: ChoiceKind::ReadsFrom, options: 4, taken: 3 }]);
}

#[test]
fn only_a_replay_diverges() {
    let mut tape = Tape::new(Box::new(RandomWalk::new(1)));
    tape.begin(1);
    program(&mut tape, 50);
    assert_eq!(tape.strategy().divergence(), None);
}

/// Every record of up to five choices from a small stock has a hash of its own, whichever tape it is on.
#[test]
fn different_records_have_different_hashes() {
    let stock: Vec<Choice> = [(ChoiceKind::Thread, 2), (ChoiceKind::Thread, 3), (ChoiceKind::WeakFailure, 2)]
        .into_iter()
        .flat_map(|(kind, options)| (0..options).map(move |taken| Choice { kind, options, taken }))
        .collect();
    let mut records: Vec<Vec<Choice>> = vec![Vec::new()];
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..=5 {
        let mut longer = Vec::new();
        for record in records {
            let mut tape = Tape::new(Box::new(Replay::new(record.clone())));
            tape.begin(7);
            for choice in &record {
                ask(&mut tape, (choice.kind, usize::from(choice.options)));
            }
            assert_eq!(tape.record(), record);
            longer.extend(stock.iter().map(|choice| [&record[..], &[*choice]].concat()));
            let same = seen.insert(tape.hash(), record.clone());
            assert_eq!(same, None, "the hash of {record:?}");
        }
        records = longer;
    }
    assert_eq!(seen.len(), (0..=5).map(|n| 7usize.pow(n)).sum::<usize>());
}
