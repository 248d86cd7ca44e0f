//! Streams as text: there and back, folded, and everything refused that is not of the form.

use super::*;
use proptest::prelude::*;

fn kind() -> impl Strategy<Value = ChoiceKind> {
    prop::sample::select(ChoiceKind::ALL.map(|(kind, _)| kind).to_vec())
}

fn choice() -> impl Strategy<Value = Choice> {
    let options = prop_oneof![4 => 2u16..6, 1 => 2u16..=u16::MAX];
    (kind(), options, any::<prop::sample::Index>()).prop_map(|(kind, options, taken)| {
        let taken = taken.index(usize::from(options)) as u16;
        Choice { kind, options, taken }
    })
}

/// Runs of the same choice, as loops leave them.
fn stream() -> impl Strategy<Value = Vec<Choice>> {
    prop::collection::vec((choice(), prop_oneof![3 => Just(1usize), 1 => 2usize..200]), 0..30)
        .prop_map(|runs| runs.into_iter().flat_map(|(choice, run)| std::iter::repeat_n(choice, run)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: proptest::test_runner::RngSeed::Fixed(0x5eed_0003),
        // By far the cheapest of the generators in an unoptimised build.
        rng_algorithm: proptest::test_runner::RngAlgorithm::XorShift,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_stream_survives_being_written_and_read(choices in stream()) {
        let text = to_text(&choices);
        prop_assert_eq!(from_text(&text), Some(choices));
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{}", text);
    }

    #[test]
    fn runs_are_folded_as_far_as_they_go(choices in stream()) {
        let text = to_text(&choices);
        let words: Vec<_> = text.split(' ').map(|word| word.split('*').next().unwrap()).collect();
        prop_assert!(words.windows(2).all(|pair| pair[0] != pair[1]), "{}", text);
    }

    #[test]
    fn what_is_read_is_written_as_the_same_stream(text in "[twslrmx]?[0-9+]{1,3}/[0-9+]{1,3}([*][0-9+]{1,3})?( [twslrm][0-3]/[2-4])?") {
        if let Some(choices) = from_text(&text) {
            prop_assert!(choices.iter().all(|choice| choice.options >= 2 && choice.taken < choice.options));
            prop_assert_eq!(from_text(&to_text(&choices)), Some(choices));
            prop_assert!(!text.contains(['+', 'x']), "{}", text);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        if let Some(choices) = from_text(&text) {
            prop_assert_eq!(from_text(&to_text(&choices)), Some(choices));
        }
    }

    /// A record that was damaged is refused or read as another one, and never as the same.
    #[test]
    fn a_damaged_text_is_not_taken_for_the_whole_one(choices in stream(), cut: prop::sample::Index) {
        let text = to_text(&choices);
        let cut = &text[..cut.index(text.len() + 1)];
        if cut.trim_end() != text {
            prop_assert_ne!(from_text(cut), Some(choices));
        }
    }
}

#[test]
fn the_text_reads_as_it_is_described() {
    let thread = |taken, options| Choice { kind: ChoiceKind::Thread, options, taken };
    let stream = [
        thread(0, 2),
        thread(0, 2),
        thread(0, 2),
        thread(1, 2),
        thread(1, 3),
        Choice { kind: ChoiceKind::WeakFailure, options: 2, taken: 1 },
        Choice { kind: ChoiceKind::SpuriousWakeup, options: 2, taken: 0 },
        Choice { kind: ChoiceKind::SpuriousWakeup, options: 2, taken: 0 },
        Choice { kind: ChoiceKind::Lateness, options: 4, taken: 3 },
        Choice { kind: ChoiceKind::ReadsFrom, options: u16::MAX, taken: u16::MAX - 1 },
        Choice { kind: ChoiceKind::ModificationOrder, options: 3, taken: 2 },
        thread(0, 2),
    ];
    let text = "t0/2*3 t1/2 t1/3 w1/2 s0/2*2 l3/4 r65534/65535 m2/3 t0/2";
    assert_eq!(to_text(&stream), text);
    assert_eq!(from_text(text).as_deref(), Some(&stream[..]));
    assert_eq!((to_text(&[]), from_text(""), from_text(" \n")), (String::new(), Some(vec![]), Some(vec![])));
}

#[test]
fn every_kind_has_a_letter_of_its_own() {
    let kinds = [
        (ChoiceKind::Thread, 't'),
        (ChoiceKind::WeakFailure, 'w'),
        (ChoiceKind::SpuriousWakeup, 's'),
        (ChoiceKind::Lateness, 'l'),
        (ChoiceKind::ReadsFrom, 'r'),
        (ChoiceKind::ModificationOrder, 'm'),
        (ChoiceKind::Readiness, 'i'),
        (ChoiceKind::Shortfall, 'f'),
        (ChoiceKind::Stall, 'c'),
        (ChoiceKind::Receiver, 'g'),
        (ChoiceKind::Reuse, 'a'),
    ];
    assert_eq!(ChoiceKind::ALL, kinds, "letters are on disks: they are added to, never changed");
    for (kind, letter) in kinds {
        assert_eq!((kind.letter(), ChoiceKind::from_letter(letter)), (letter, Some(kind)));
    }
    assert_eq!((ChoiceKind::from_letter('?'), ChoiceKind::from_letter('T')), (None, None));
}

#[test]
fn text_of_another_form_is_refused() {
    let refused = [
        "t",
        "t0",
        "t0/",
        "t/2",
        "0/2",
        "x0/2",
        "T0/2",
        "t2/2",
        "t0/0",
        "t0/1",
        "t-1/2",
        "t0/65536",
        "t65536/65536",
        "t 0/2",
        "t0/2*",
        "t0/2*0",
        "t0/2*1",
        "t0/2*-1",
        "t0/2*2*2",
        "t0/2*268435457",
        "t0/2*99999999999999999999",
        "t+0/2",
        "t0/+2",
        "t0/2*+2",
        "t0/2,t0/2",
        "t0/2 t",
        "ť0/2",
        "t0/2é",
        "é",
        "t0//2",
        "t0/2/3",
        "t0x/2",
        "t0.0/2",
    ];
    for text in refused {
        assert_eq!(from_text(text), None, "{text:?}");
    }
}

#[test]
fn blanks_and_breaks_between_choices_do_not_matter() {
    assert_eq!(from_text("  t0/2\n\tt0/2  "), from_text("t0/2*2"));
}
