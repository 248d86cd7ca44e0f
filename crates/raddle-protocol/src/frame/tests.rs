//! Frames as a pipe delivers them: whole, in pieces, several at once, and damaged.

use super::*;
use crate::message::{Cause, End, Message, Mode, Module, Printed, RawFinding, Summary};
use crate::trace::{Block, Bound, Crash, Op, Order, Outcome, Stack, StackFrame, State, Step, Thread, Trace, Wait};
use crate::{Choice, ChoiceKind};
use proptest::prelude::*;

/// Messages and what they carry hold no equality of their own: they are equal when they are shown as the same.
fn shown<T: core::fmt::Debug>(value: &T) -> String {
    format!("{value:?}")
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Passed),
        Just(Outcome::Stuck),
        any::<i32>().prop_map(Outcome::Exited),
        any::<u64>().prop_map(|bound| Outcome::NoProgress(Bound::Steps(bound))),
        any::<(u32, i32, u64)>().prop_map(|(thread, signal, address)| Outcome::Crashed {
            thread,
            signal,
            address,
            cause: Crash::StackOverflow
        }),
        any::<(u64, String)>().prop_map(|(at, detail)| Outcome::Diverged { at, detail }),
        any::<String>().prop_map(Outcome::NeedsFork),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        Just(Op::Begin),
        Just(Op::End),
        any::<(u64, u8, u64)>().prop_map(|(address, size, value)| Op::Load {
            address,
            size,
            order: Order::Acquire,
            value
        }),
        any::<(u64, u64, u64, bool)>().prop_map(|(address, old, new, done)| Op::CompareExchange {
            address,
            size: 8,
            order: Order::SeqCst,
            expected: old,
            old,
            new,
            done
        }),
        any::<(u64, u32, Vec<u32>)>().prop_map(|(address, asked, woken)| Op::FutexWake { address, asked, woken }),
        any::<(String, i32, bool)>().prop_map(|(call, descriptor, blocked)| Op::Io { call, descriptor, blocked }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    (any::<(u32, u32, u64)>(), op()).prop_map(|((thread, stack, time_ns), op)| Step { thread, op, stack, time_ns })
}

fn thread() -> impl Strategy<Value = Thread> {
    let state = prop_oneof![
        Just(State::Runnable),
        Just(State::Ended),
        any::<(u64, Option<u32>)>().prop_map(|(at, owner)| State::Waiting(Wait::Mutex(at, owner))),
        any::<i32>().prop_map(|descriptor| State::Waiting(Wait::Descriptor(descriptor))),
    ];
    (any::<(Option<String>, Option<(u32, u32)>, u64, u64, Option<u32>)>(), state).prop_map(
        |((name, spawned, stack_low, stack_high, last), state)| Thread {
            name,
            spawned,
            stack_low,
            stack_high,
            state,
            last,
        },
    )
}

fn trace() -> impl Strategy<Value = Trace> {
    let stack = prop::collection::vec(any::<(u64, u64)>(), 0..4)
        .prop_map(|frames| Stack { frames: frames.into_iter().map(|(pc, cfa)| StackFrame { pc, cfa }).collect() });
    let block = any::<(u64, u64, Option<(u32, u32)>, (u64, u64))>()
        .prop_map(|(address, size, allocated, live)| Block { address, size, allocated, live, freed: allocated });
    (
        prop::collection::vec(thread(), 0..3),
        prop::collection::vec(step(), 0..8),
        prop::collection::vec(stack, 0..3),
        prop::collection::vec(block, 0..3),
        any::<(Vec<u8>, u64, u64, u64, u64)>(),
    )
        .prop_map(|(threads, steps, stacks, blocks, (output, output_cut, steps_cut, steps_before_cut, round))| {
            Trace { threads, steps, stacks, blocks, output, output_cut, steps_cut, steps_before_cut, round }
        })
}

fn raw_finding() -> impl Strategy<Value = RawFinding> {
    let choice = any::<(u16, u16)>().prop_map(|(options, taken)| Choice { kind: ChoiceKind::Thread, options, taken });
    (outcome(), any::<u64>(), prop::collection::vec(choice, 0..20), trace(), prop::option::of(outcome())).prop_map(
        |(outcome, execution, choices, trace, differs)| {
            let ignored = vec![execution];
            let cause = (execution % 2 == 0).then(|| Cause {
                tried: execution,
                pairs: vec![(execution, 1)],
                stale: ignored.clone(),
                printed: (execution % 4 == 0).then(|| Printed {
                    here: "a".to_owned(),
                    there: String::new(),
                    execution,
                    choices: choices.clone(),
                }),
                behind: (execution % 4 == 2).then_some((execution, 8)),
                spins: (execution % 4 == 0).then_some((1, execution)),
            });
            RawFinding { choices, trace, differs, ignored, cause, ..RawFinding::new(outcome, execution) }
        },
    )
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        any::<(u32, u32, bool, bool)>().prop_map(|(version, pid, fixed_addresses, sees_raw_syscalls)| {
            Message::Hello { version, pid, fixed_addresses, sees_raw_syscalls }
        }),
        (any::<(String, u64, u64, u64)>(), any::<u64>()).prop_map(|((path, base, start, end), bytes)| Message::Ready {
            modules: vec![Module { path, base, start, end }],
            bytes
        }),
        any::<i32>().prop_map(|status| Message::NeverEntered { status }),
        any::<Option<String>>().prop_map(|why| Message::Mode { mode: Mode::Fork, why }),
        any::<(u64, u64, Option<u64>)>()
            .prop_map(|(schedules, points, estimate)| { Message::Progress { schedules, points, estimate } }),
        raw_finding().prop_map(|finding| Message::Finding(Box::new(finding))),
        raw_finding().prop_map(|finding| Message::Replayed(Box::new(finding))),
        any::<(u64, u64, u32, u64)>().prop_map(|(schedules, distinct, most_threads, digest)| {
            Message::Finished(Box::new(Summary {
                schedules,
                distinct,
                most_threads,
                digest,
                end: End::AlwaysFails,
                ..Summary::default()
            }))
        }),
        any::<String>().prop_map(Message::Fault),
    ]
}

/// Reads all frames that `bytes` holds whole.
fn all(bytes: &mut Vec<u8>) -> Vec<String> {
    std::iter::from_fn(|| decode::<Message>(bytes).expect("well-formed").map(|message| shown(&message))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        rng_seed: proptest::test_runner::RngSeed::Fixed(0x5eed_0004),
        // By far the cheapest of the generators in an unoptimised build.
        rng_algorithm: proptest::test_runner::RngAlgorithm::XorShift,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn messages_arrive_in_order_however_the_pipe_cuts_them(messages in prop::collection::vec(message(), 0..5),
        pieces in prop::collection::vec(1usize..200, 1..20)) {
        let stream: Vec<u8> = messages.iter().flat_map(encode).collect();
        let (mut buffer, mut arrived) = (Vec::new(), Vec::new());
        let (mut rest, mut piece) = (&stream[..], pieces.iter().cycle());
        while !rest.is_empty() {
            let (now, later) = rest.split_at((*piece.next().unwrap()).min(rest.len()));
            buffer.extend_from_slice(now);
            arrived.extend(all(&mut buffer));
            rest = later;
        }
        prop_assert_eq!(arrived, messages.iter().map(shown).collect::<Vec<_>>());
        prop_assert!(buffer.is_empty());
    }

    #[test]
    fn part_of_a_frame_is_waited_for_and_left_where_it_is(message in message()) {
        let frame = encode(&message);
        for cut in 0..frame.len() {
            let mut bytes = frame[..cut].to_vec();
            prop_assert!(matches!(decode::<Message>(&mut bytes), Ok(None)), "{} of {} bytes", cut, frame.len());
            prop_assert_eq!(&bytes, &frame[..cut]);
        }
    }

    #[test]
    fn a_frame_is_its_length_and_its_body(message in message()) {
        let frame = encode(&message);
        let (length, body) = frame.split_first_chunk::<4>().unwrap();
        prop_assert_eq!(u32::from_le_bytes(*length) as usize, body.len());
        prop_assert_eq!(body, postcard::to_allocvec(&message).unwrap());
    }

    #[test]
    fn a_body_that_is_too_short_or_too_long_is_malformed(message in message(), cut: prop::sample::Index, surplus in 1usize..9) {
        let frame = encode(&message);
        let framed = |body: &[u8]| [&(body.len() as u32).to_le_bytes(), body].concat();
        let short = &frame[4..4 + cut.index(frame.len() - 4)];
        prop_assert_eq!(decode::<Message>(&mut framed(short)).map(|value| shown(&value)), Err(Malformed));
        let long = [&frame[4..], &vec![0; surplus]].concat();
        prop_assert_eq!(decode::<Message>(&mut framed(&long)).map(|value| shown(&value)), Err(Malformed));
    }

    #[test]
    fn any_bytes_are_read_refused_or_waited_for(mut bytes: Vec<u8>, whole: bool) {
        if whole && bytes.len() >= 4 {
            let length = (bytes.len() - 4) as u32;
            bytes[..4].copy_from_slice(&length.to_le_bytes());
        }
        let before = bytes.clone();
        match decode::<Message>(&mut bytes) {
            Ok(Some(_)) => prop_assert!(before.ends_with(&bytes) && bytes.len() < before.len()),
            Ok(None) | Err(Malformed) => prop_assert_eq!(bytes, before),
        }
    }

    #[test]
    fn a_changed_byte_does_no_harm(message in message(), place: prop::sample::Index, change in 1u8..) {
        let mut bytes = encode(&message);
        let place = 4 + place.index(bytes.len() - 4);
        bytes[place] ^= change;
        // It may well be another message now; then that takes up the whole frame.
        if let Ok(Some(_)) = decode::<Message>(&mut bytes) {
            prop_assert!(bytes.is_empty());
        }
    }
}

#[test]
fn what_follows_a_malformed_frame_is_not_touched() {
    let mut bytes = [&[1, 0, 0, 0, 0xff][..], &encode(&Message::Fault("next".into()))].concat();
    let before = bytes.clone();
    for _ in 0..2 {
        assert_eq!(decode::<Message>(&mut bytes).map(|value| shown(&value)), Err(Malformed));
        assert_eq!(bytes, before);
    }
    assert_eq!(Malformed.to_string(), "bytes that are not in this version's format");
}

#[test]
fn a_claim_of_more_elements_than_there_are_bytes_is_malformed() {
    // A byte string that claims 2^62 bytes.
    let body = [[0x80; 8].as_slice(), &[0x40]].concat();
    let mut bytes = [&(body.len() as u32).to_le_bytes()[..], &body].concat();
    assert_eq!(decode::<Vec<u64>>(&mut bytes), Err(Malformed));
}

#[test]
fn frames_of_plain_values_are_as_described() {
    assert_eq!(encode(&()), [0, 0, 0, 0]);
    assert_eq!(encode(&"ab"), [3, 0, 0, 0, 2, b'a', b'b']);
    let mut bytes = vec![1, 0, 0, 0, 7, 1, 0, 0, 0, 8, 9];
    assert_eq!((decode::<u8>(&mut bytes), decode::<u8>(&mut bytes)), (Ok(Some(7)), Ok(Some(8))));
    assert_eq!((decode::<u8>(&mut bytes), bytes), (Ok(None), vec![9]));
}

#[test]
fn frames_without_a_value_are_passed_over() {
    let mut bytes = [&ALIVE[..], &ALIVE, &encode(&7u64), &ALIVE].concat();
    skip_alive(&mut bytes);
    assert_eq!(decode::<u64>(&mut bytes), Ok(Some(7)));
    skip_alive(&mut bytes);
    assert!(bytes.is_empty());
}
