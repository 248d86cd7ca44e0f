use super::queueing::{Demands, throughput};
use super::*;
use crate::model::{Bottleneck, Choice, Coefficient, Fit, Machine, ThreadLine, WaitLine};
use crate::state::State;
use crate::verdict::verdict;
use proptest::prelude::*;

fn measured(shares: &[(State, f64)]) -> Measurement {
    let mut m = Measurement { wall: 10.0, ..Measurement::default() };
    for (state, share) in shares {
        m.shares[*state] += share * 10.0;
        m.thread_time[*state] += share * 10.0;
    }
    m.sampling.ticks = 1000;
    m.machine = Machine { cores: 4, allowed: 4, capacity: 4.0, ..Machine::default() };
    m.cpu.user = m.thread_time[State::Cpu];
    m.computing = m.shares[State::Cpu];
    m.demand = 1.0;
    m.cores_busy = 1.0;
    m.counts.threads_peak = 1;
    m
}

fn choice(m: &Measurement) -> Option<Choice> {
    advice(m, &verdict(m), None).recommendation.choice
}

#[test]
fn bottlenecks_lead_to_models() {
    assert_eq!(choice(&measured(&[(State::Cpu, 1.0)])), Some(Choice::Sequential));
    assert_eq!(choice(&measured(&[(State::Disk, 0.9), (State::Cpu, 0.1)])), Some(Choice::ThreadPool));
    assert_eq!(choice(&measured(&[(State::Network, 0.9), (State::Cpu, 0.1)])), Some(Choice::ThreadPool));
    assert_eq!(choice(&measured(&[(State::Network, 0.999), (State::Cpu, 0.001)])), Some(Choice::EventLoop));
    assert_eq!(choice(&measured(&[(State::Timer, 1.0)])), None);
    assert_eq!(choice(&measured(&[(State::Other, 0.9), (State::Cpu, 0.1)])), None);
    let mut m = measured(&[(State::Cpu, 1.0)]);
    m.demand = 4.0;
    assert_eq!(choice(&m), Some(Choice::ThreadPool));
}

#[test]
fn an_interpreter_lock_asks_for_processes() {
    let mut m = measured(&[(State::Lock, 0.75), (State::Cpu, 0.25)]);
    m.waits.push(WaitLine {
        state: State::Lock,
        pid: 1,
        process: "python3".into(),
        call: "futex".into(),
        object: "the interpreter lock (GIL)".into(),
        seconds: 7.5,
        seen: 700,
        most_waiters: 3,
        stack: vec![],
        stack_seen: (0, 0),
    });
    let advice = advice(&m, &verdict(&m), None);
    assert_eq!(advice.recommendation.choice, Some(Choice::Processes));
    assert!(advice.recommendation.sentence.contains("4 processes"), "{}", advice.recommendation.sentence);
}

#[test]
fn a_measured_serial_fraction_is_said_plainly() {
    let mut m = measured(&[(State::Cpu, 1.0)]);
    m.counts.threads_peak = 4;
    let coefficient =
        |name: &str, value| Coefficient { name: name.into(), value, low: value - 0.01, high: value + 0.01 };
    let scaling = Scaling {
        varied: "processors".into(),
        metric: "runs per second".into(),
        points: vec![],
        amdahl: Some(Fit {
            unit: coefficient("throughput of one", 1.0),
            coefficients: vec![coefficient("serial fraction", 0.94)],
            residual: 0.01,
        }),
        usl: None,
        limits: None,
        busy_elsewhere: Some(0.01),
        remarks: vec![],
    };
    let advice = advice(&m, &verdict(&m), Some(&scaling));
    assert_eq!(advice.recommendation.choice, Some(Choice::Sequential));
    assert!(
        advice.recommendation.sentence.contains("94 % of the time is one chain of dependent work"),
        "{}",
        advice.recommendation.sentence
    );

    // A single thread is no faster with more processors, whatever it does.
    m.counts.threads_peak = 1;
    let alone = super::advice(&m, &verdict(&m), Some(&scaling));
    assert!(alone.recommendation.sentence.contains("As it stands"), "{}", alone.recommendation.sentence);
    // Nor is it known what other programs have left of them.
    m.counts.threads_peak = 4;
    let busy = Scaling { busy_elsewhere: Some(0.5), ..scaling };
    let advice = super::advice(&m, &verdict(&m), Some(&busy));
    assert_eq!(advice, super::advice(&m, &verdict(&m), None));
}

#[test]
fn an_event_loop_that_computes_is_named() {
    let mut m = measured(&[(State::Cpu, 0.6), (State::EventLoop, 0.4)]);
    let time = m.thread_time;
    m.threads.push(ThreadLine { pid: 1, name: "loop".into(), time, voluntary: 100, ..ThreadLine::default() });
    let advice = advice(&m, &verdict(&m), None);
    let step = advice.steps.iter().find(|step| step.rule == "move-the-computing").unwrap();
    assert!(step.text.contains("60.0 ms"), "{}", step.text);
}

#[test]
fn an_event_loop_beside_a_pool_stays_as_it_is() {
    let mut m = measured(&[(State::Cpu, 0.9), (State::EventLoop, 0.1)]);
    let [mut events, mut computing] = [ThreadLine::default(), ThreadLine::default()];
    events.name = "loop".into();
    events.time[State::EventLoop] = 9.5;
    events.time[State::Cpu] = 0.5;
    computing.name = "worker".into();
    computing.time[State::Cpu] = 8.5;
    m.threads = vec![computing, events];
    let kept = advice(&m, &verdict(&m), None);
    assert_eq!(kept.recommendation.choice, Some(Choice::EventLoopWithPool));
    assert!(kept.recommendation.sentence.contains("thread `loop`"), "{}", kept.recommendation.sentence);
    // The loop's own computing is what keeps others waiting.
    m.threads[1].time[State::Cpu] = 8.5;
    assert_eq!(choice(&m), Some(Choice::Sequential));
}

#[test]
fn what_fired_carries_its_numbers() {
    for state in State::ALL {
        let m = measured(&[(state, 0.7), (State::Cpu, 0.3)]);
        let advice = advice(&m, &verdict(&m), None);
        for fired in &advice.fired {
            assert!(fired.because.contains(|c: char| c.is_ascii_digit()), "{fired:?}");
        }
        assert!(advice.recommendation.sentence.contains(|c: char| c.is_ascii_digit()), "{:?}", advice.recommendation);
    }
}

#[test]
fn known_cases_of_the_queueing_model() {
    let demands = Demands { cpu: 1.0, serial: 0.0, wait: 9.0 };
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    // One task alone waits for nobody.
    close(throughput(demands, 1.0, 1.0), 0.1);
    close(throughput(demands, 4.0, 1.0), 0.1);
    // Two tasks, one processor, by hand: R = 1 + Q(1), Q(1) = 0.1.
    close(throughput(demands, 1.0, 2.0), 2.0 / (9.0 + 1.1));
    // Very many tasks: all processors busy.
    assert!((throughput(demands, 4.0, 2000.0) - 4.0).abs() < 0.01);
    // What is done one at a time is the limit, however many processors.
    let locked = Demands { cpu: 0.5, serial: 0.5, wait: 0.0 };
    assert!((throughput(locked, 64.0, 1000.0) - 2.0).abs() < 0.01);
}

proptest! {
    #[test]
    fn more_tasks_never_do_less_and_never_more_than_the_limits(
        cpu in 0.01..2.0f64, serial in 0.0..1.0f64, wait in 0.0..20.0f64, processors in 0.2..16.0f64, tasks in 1.0..200.0f64,
    ) {
        let demands = Demands { cpu, serial, wait };
        let rate = throughput(demands, processors, tasks);
        prop_assert!(throughput(demands, processors, tasks + 1.0) >= rate - 1e-9);
        prop_assert!(rate <= processors / cpu + 1e-9);
        prop_assert!(serial == 0.0 || rate <= 1.0 / serial + 1e-9);
        // No task is ever faster than alone.
        prop_assert!(rate <= tasks / (wait + serial + cpu) * processors.max(1.0 / processors).max(1.0) + 1e-9);
    }

    #[test]
    fn there_is_advice_for_everything(
        amounts in proptest::collection::vec(0.0..1.0f64, crate::state::STATES),
        capacity in 0.1..128.0f64,
        threads in 0u64..6000,
    ) {
        let mut m = measured(&[]);
        m.shares.0.copy_from_slice(&amounts);
        m.thread_time = m.shares.scaled(3.0);
        m.wall = m.shares.total();
        m.machine.capacity = capacity;
        m.counts.threads_peak = threads;
        let verdict = verdict(&m);
        let advice = advice(&m, &verdict, None);
        prop_assert!(!advice.recommendation.sentence.is_empty());
        prop_assert_eq!(advice.what_if.is_none(), matches!(verdict.bottleneck, Bottleneck::Idle | Bottleneck::NotEnough));
        for row in advice.what_if.iter().flat_map(|what_if| &what_if.rows) {
            prop_assert!(row.throughput.is_finite() && row.throughput >= 0.0);
        }
    }
}
