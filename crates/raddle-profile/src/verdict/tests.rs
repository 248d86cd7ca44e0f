use super::confidence::normal;
use super::*;
use crate::model::{Machine, Place};
use crate::state::ByState;
use proptest::prelude::*;

/// A measurement of ten seconds in which the program's time went to these states.
fn measured(shares: &[(State, f64)]) -> Measurement {
    let mut m = Measurement { wall: 10.0, ..Measurement::default() };
    for (state, share) in shares {
        m.shares[*state] += share * 10.0;
        m.thread_time[*state] += share * 10.0;
    }
    m.sampling.ticks = 1000;
    m.machine = Machine { cores: 2, allowed: 2, capacity: 2.0, ..Machine::default() };
    m.cpu.user = m.thread_time[State::Cpu];
    m.computing = m.shares[State::Cpu];
    m.demand = 1.0;
    m
}

fn bottleneck(m: &Measurement) -> Bottleneck {
    verdict(m).bottleneck
}

#[test]
fn one_thing_dominates() {
    for (state, expected) in [
        (State::Cpu, Bottleneck::CpuSerial),
        (State::Disk, Bottleneck::Disk),
        (State::Network, Bottleneck::Network),
        (State::Pipe, Bottleneck::Pipe),
        (State::Lock, Bottleneck::Lock),
        (State::Timer, Bottleneck::Idle),
        (State::EventLoop, Bottleneck::Idle),
        (State::Child, Bottleneck::Idle),
        (State::PageFault, Bottleneck::Memory),
    ] {
        assert_eq!(bottleneck(&measured(&[(state, 1.0)])), expected);
    }
}

#[test]
fn demand_tells_serial_parallel_and_too_much() {
    let mut m = measured(&[(State::Cpu, 1.0)]);
    m.demand = 2.0;
    assert_eq!(bottleneck(&m), Bottleneck::CpuParallel);
    m.demand = 4.0;
    m.own_queue = 20.0;
    m.thread_time[State::Cpu] = 20.0;
    assert_eq!(bottleneck(&m), Bottleneck::CpuOversubscribed);
    m.own_queue = 0.0;
    assert_eq!(bottleneck(&m), Bottleneck::CpuParallel, "others were the reason");
}

#[test]
fn what_others_took_is_left_out() {
    let mut m = measured(&[(State::Cpu, 0.15), (State::Disk, 0.35)]);
    m.taken_by_others = 5.0;
    let Bottleneck::Mixed(told) = bottleneck(&m) else { panic!("{:?}", bottleneck(&m)) };
    assert_eq!(told[0].0, State::Disk);
    assert!((told[0].1 - 0.7).abs() < 1e-9 && (told[1].1 - 0.3).abs() < 1e-9, "{told:?}");
}

#[test]
fn page_faults_are_told_from_other_computing() {
    let mut m = measured(&[(State::Cpu, 1.0)]);
    (m.cpu.user, m.cpu.system) = (1.0, 9.0);
    m.counts.minor_faults = 2_000_000;
    assert_eq!(bottleneck(&m), Bottleneck::Memory);
    m.counts.minor_faults = 1000;
    assert_eq!(bottleneck(&m), Bottleneck::CpuSerial);
}

#[test]
fn a_turn_that_is_handed_over_all_the_time() {
    let mut m = measured(&[(State::Cpu, 0.5), (State::Condition, 0.5)]);
    m.thread_time[State::Condition] = 15.0;
    m.counts.voluntary_switches = 500_000;
    assert_eq!(bottleneck(&m), Bottleneck::Scheduler);
    m.counts.voluntary_switches = 5000;
    assert!(matches!(bottleneck(&m), Bottleneck::Mixed(_)));
    m.counts.voluntary_switches = 500_000;
    m.thread_time[State::Timer] = 16.0;
    assert!(matches!(bottleneck(&m), Bottleneck::Mixed(_)), "a program that sleeps often is not handing over");
}

#[test]
fn spinning_is_waiting() {
    let mut m = measured(&[(State::Cpu, 1.0)]);
    m.demand = 2.0;
    let place = |name: &str, seen| Place { pid: 1, process: "x".into(), stack: vec![name.into()], seen, of: 100 };
    m.running = vec![place("spin_lock (a.c:1)", 70), place("main (a.c:9)", 30)];
    assert_eq!(bottleneck(&m), Bottleneck::Lock);
    m.running = vec![place("multiply (a.c:1)", 100)];
    assert_eq!(bottleneck(&m), Bottleneck::CpuParallel);
}

#[test]
fn too_little_is_said_to_be_too_little() {
    let mut m = measured(&[(State::Cpu, 1.0)]);
    m.sampling.ticks = 3;
    let verdict = verdict(&m);
    assert_eq!(verdict.bottleneck, Bottleneck::NotEnough);
    assert_eq!(verdict.confidence, None);
    assert!(verdict.reasons.iter().any(|reason| reason.text.contains("seq 200")));
}

#[test]
fn confidence_grows_with_distance_and_looks() {
    let at = |share, looks| super::confidence::confidence(share, 0.75, looks).probability;
    assert!(at(0.99, 1000) > 0.999);
    assert!((at(0.75, 1000) - 0.5).abs() < 1e-6);
    assert!(at(0.78, 100) < at(0.78, 10_000));
    for (x, expected) in [(0.0, 0.5), (1.0, 0.841_344_7), (1.96, 0.975_002_1), (-1.0, 0.158_655_3)] {
        assert!((normal(x) - expected).abs() < 1e-6);
    }
}

#[test]
fn every_reason_has_numbers() {
    for state in State::ALL {
        for second in State::ALL {
            let m = measured(&[(state, 0.6), (second, 0.4)]);
            let verdict = verdict(&m);
            assert!(!verdict.reasons.is_empty(), "{state:?} {second:?}");
            for reason in &verdict.reasons {
                assert!(reason.text.contains(|c: char| c.is_ascii_digit()), "{reason:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_measurement_is_judged(
        amounts in proptest::collection::vec(0.0..1.0f64, crate::state::STATES),
        taken in 0.0..20.0f64,
        demand in 0.0..50.0f64,
        switches in 0u64..10_000_000,
    ) {
        let mut shares = ByState::default();
        shares.0.copy_from_slice(&amounts);
        let mut m = measured(&[]);
        m.wall = shares.total() + taken;
        m.shares = shares;
        m.thread_time = shares.scaled(demand);
        m.taken_by_others = taken;
        m.demand = demand;
        m.counts.voluntary_switches = switches;
        let verdict = verdict(&m);
        if let Some(confidence) = verdict.confidence {
            prop_assert!((0.0..=1.0).contains(&confidence.probability));
        }
        if let Bottleneck::Mixed(told) = &verdict.bottleneck {
            prop_assert!(told.is_sorted_by(|a, b| a.1 >= b.1));
            prop_assert!(told.iter().all(|(state, share)| *state != State::Cpu || *share < DOMINANT));
        }
    }
}
