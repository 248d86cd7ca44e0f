//! The formats as they stand in this version: what two processes, or a process and a disk, must agree on.
//!
//! The bytes below are the contract. Whoever changes a format on purpose raises [`raddle_protocol::VERSION`], once a
//! version with the old format has been released, and puts the new bytes here; a failing test prints them.

use raddle_protocol::choice::to_text;
use raddle_protocol::message::{Bounded, Cause, End, Leaks, Module, Obstacle, Regressed, Search};
use raddle_protocol::trace::{Bound, Crash, Order, Stack, StackFrame, State, Thread, Wait};
use raddle_protocol::{
    Budget, Choice, ChoiceKind, Code, Counted, Deal, Effect, Entry, Isolation, Job, MemoryModel, Message, Mode, Op,
    Operand, Outcome, Part, Plan, Printed, RawFinding, Step, Summary, Trace, Unhooked, World, frame,
};

/// The body of a value's frame, in hexadecimal.
fn body<T: serde::Serialize>(value: &T) -> String {
    frame::encode(value)[4..].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_version_and_the_names_are_those_that_others_rely_on() {
    assert_eq!(raddle_protocol::VERSION, 14);
    assert_eq!((raddle_protocol::ENV_PLAN, raddle_protocol::ENV_REPORT), ("RADDLE_PLAN_FD", "RADDLE_REPORT_FD"));
    assert_eq!(raddle_protocol::RUNTIME_LIBRARY, "libraddle_runtime.so");
}

#[test]
fn words_of_the_contract() {
    assert_eq!((Mode::Rewind.as_str(), Mode::Fork.as_str()), ("rewind", "fork"));
    assert_eq!(Code("RD0201".into()).to_string(), "RD0201");
}

/// One choice of each kind.
fn choices() -> Vec<Choice> {
    let kinds = [
        ChoiceKind::Thread,
        ChoiceKind::WeakFailure,
        ChoiceKind::SpuriousWakeup,
        ChoiceKind::Lateness,
        ChoiceKind::ReadsFrom,
        ChoiceKind::ModificationOrder,
        ChoiceKind::Readiness,
        ChoiceKind::Shortfall,
        ChoiceKind::Stall,
    ];
    kinds.map(|kind| Choice { kind, options: 300, taken: 2 }).to_vec()
}

#[test]
fn choices_of_version_7() {
    assert_eq!(body(&choices()), "0900ac020201ac020202ac020203ac020204ac020205ac020206ac020207ac020208ac0202");
    assert_eq!(to_text(&choices()), "t2/300 w2/300 s2/300 l2/300 r2/300 m2/300 i2/300 f2/300 c2/300");
}

fn plan(job: Job) -> Plan {
    let operand =
        Operand { base: Some(0x61), index: Some((0x62, 0x63)), displacement: 0x64, in_file: true, size: 0x65 };
    let effect = Effect::Update;
    let unhooked = Unhooked { address: 0x66, length: 0x67, distance_at: Some(0x68), operand: Some(operand), effect };
    Plan {
        version: 0x11,
        entry: Entry::Code(vec![0x21, 0x22]),
        job,
        seed: 0x31,
        strategy: "random".into(),
        preemptions: Some(0x32),
        memory: MemoryModel::Rc11,
        budget: Budget { schedules: 0x41, time_ms: 0x42, steps: 0x43, stall_ms: 0x44 },
        isolation: Isolation::Fork,
        epoch_ns: 0x51,
        processors: 0x52,
        heap_limit: 0x53,
        keep_going: true,
        unhooked: vec![unhooked],
        world: World {
            delay_ns: 0x61,
            io_faults: true,
            network: false,
            real_time: true,
            cancel: true,
            leaks: true,
            poll_budget: 0x62,
        },
        trees: vec!["t".into()],
    }
}

/// What the runtime is told. The version comes first, so that any version can be told from any other.
#[test]
fn plans_of_version_7() {
    let (before, after) =
        ("1101022122", "310672616e646f6d01320141424344015152530101666701680101610162636401650161010001010162010174");
    assert_eq!(body(&plan(Job::Explore)), format!("{before}00{after}"));
    assert_eq!(body(&plan(Job::Verify)), format!("{before}02{after}"));
    let replay = Job::Replay { choices: choices(), accesses: Some((16, 8)), ignored: vec![9], live_output: true };
    assert_eq!(body(&plan(replay)), format!("{before}01{}011008010901{after}", body(&choices())));
    let regress = Job::Regress { choices: choices(), search: 10 };
    assert_eq!(body(&plan(regress)), format!("{before}03{}0a{after}", body(&choices())));
    assert_eq!(body(&plan(Job::Help)), format!("{before}04{after}"));
    let main = Plan { entry: Entry::Main, isolation: Isolation::Auto, keep_going: false, ..plan(Job::Explore) };
    assert_eq!(
        body(&main),
        "110000310672616e646f6d01320141424344005152530001666701680101610162636401650161010001010162010174"
    );
}

/// What the runtime tells.
#[test]
fn messages_of_version_7() {
    let hello = Message::Hello { version: 0x11, pid: 0x12, fixed_addresses: true, sees_raw_syscalls: false };
    assert_eq!(body(&hello), "0011120100");
    let module = Module { path: "a".into(), base: 0x21, start: 0x22, end: 0x23 };
    assert_eq!(body(&Message::Ready { modules: vec![module], bytes: 0x24 }), "0101016121222324");
    assert_eq!(body(&Message::NeverEntered { status: -1 }), "0201");
    assert_eq!(body(&Message::Mode { mode: Mode::Fork, why: Some("b".into()) }), "0301010162");
    assert_eq!(body(&Message::Progress { schedules: 0x31, points: 0x32, estimate: Some(0x33) }), "0431320133");
    assert_eq!(body(&Message::Fault("c".into())), "080163");
    let regressed = [Regressed::Fails, Regressed::Passes, Regressed::DoesNotFit];
    assert_eq!(regressed.map(|how| body(&Message::Regressed(how))), ["0a00", "0a01", "0a02"]);
    assert_eq!(body(&Message::Counted(vec![Counted { class: 0x51, drawn: true }])), "0b015101");
    assert_eq!(body(&Message::Draw { head: 0x52 }), "0d52");
    assert_eq!([Deal(Some(0x53)), Deal(None)].map(|deal| body(&deal)), ["0153", "00"]);
    let summary = Summary {
        schedules: 0x41,
        passed: 0x42,
        failed: 0x43,
        distinct: 0x44,
        new_lately: 0x4b,
        unseen: None,
        pct: None,
        points: 0x45,
        most_threads: 0x46,
        choices: 0x47,
        execution_ns: 0x48,
        isolation_ns: 0x49,
        digest: 0x4a,
        end: End::AlwaysFails,
        cancelled: 0x6f,
        leaks: Some(Leaks { executions: 0x71, of: 0x72, least: (0x73, 0x74), most: (0x75, 0x76) }),
        bounded: Some(Bounded {
            executions: 0x70,
            completed: Some(0x71),
            within: 0x72,
            everything: true,
            obstacle: None,
        }),
        left_early: 0x4b,
        search: Some(Search {
            executions: 0x4c,
            redundant: 0x4d,
            finished: true,
            obstacle: Some(Obstacle::Time),
            estimate: 0.0,
        }),
    };
    let summary_body = "414243444b000045464748494a034b014c4d01010400000000000000006f0171727374757601700171720100";
    assert_eq!(body(&Message::Finished(Box::new(summary.clone()))), format!("07{summary_body}"));
    let part = Part { number: 0x61, summary, shown: vec![0x62], divisible: true };
    assert_eq!(body(&Message::Part(Box::new(part))), format!("0c61{summary_body}016201"));
}

#[test]
fn findings_of_version_7() {
    let thread = Thread {
        name: Some("d".into()),
        spawned: Some((0x11, 0x12)),
        stack_low: 0x13,
        stack_high: 0x14,
        state: State::Waiting(Wait::Mutex(0x15, Some(0x16))),
        last: None,
    };
    let op = Op::Store { address: 0x22, size: 4, order: Order::Release, value: 0x23 };
    let trace = Trace {
        threads: vec![thread],
        steps: vec![Step { thread: 0x21, op, stack: 0x24, time_ns: 0x25 }],
        stacks: vec![Stack { frames: vec![StackFrame { pc: 0x31, cfa: 0x32 }] }],
        blocks: Vec::new(),
        output: b"e".to_vec(),
        output_cut: 0x41,
        steps_cut: 0x42,
        steps_before_cut: 0x43,
        round: 0x44,
    };
    // One thread, one step, one stack of one frame, no block, the output and what is missing.
    let trace_body =
        ["0101016401111213140201150116", "00", "012103220402232425", "01013132", "00", "016541424344"].concat();
    assert_eq!(body(&trace), trace_body);
    let printed = Printed { here: "h".into(), there: "i".into(), execution: 0x75, choices: choices() };
    let finding = |outcome| RawFinding {
        choices: choices(),
        trace: trace.clone(),
        cause: Some(Cause {
            tried: 0x71,
            pairs: vec![(0x72, 0x73)],
            stale: vec![0x74],
            printed: Some(printed.clone()),
            behind: Some((0x76, 0x77)),
            spins: Some((0x78, 0x79)),
        }),
        memory: MemoryModel::Fenced,
        by_the_letter: true,
        ..RawFinding::new(outcome, 0x51)
    };
    let rest = format!(
        "51{}{trace_body}00000171017273{}",
        body(&choices()),
        format!("01740101680169{}", "75") + &body(&choices()) + "0176770178790201"
    );
    let stuck = Box::new(finding(Outcome::Stuck));
    assert_eq!(body(&Message::Finding(stuck.clone())), format!("0502{rest}"));
    assert_eq!(body(&Message::Replayed(stuck)), format!("0602{rest}"));
    let crash = Outcome::Crashed { thread: 0x61, signal: 11, address: 0x62, cause: Crash::StackOverflow };
    for (outcome, bytes) in [
        (Outcome::Passed, "00"),
        (Outcome::Exited(101), "01ca01"),
        (crash, "0361166201"),
        (Outcome::NoProgress(Bound::Stall(0x63)), "040163"),
        (Outcome::NoProgress(Bound::Round(0x63)), "040263"),
        (Outcome::NoProgress(Bound::Time(0x63)), "040363"),
        (Outcome::Diverged { at: 0x64, detail: "f".into() }, "05640166"),
        (Outcome::NeedsFork("g".into()), "060167"),
    ] {
        assert_eq!(body(&finding(outcome)), format!("{bytes}{rest}"));
    }
}
