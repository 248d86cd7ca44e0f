//! A process that speaks the protocol without a runtime: this test executable itself, started with the name of the
//! ignored test below.

use super::*;
use raddle_protocol::{Budget, Entry, Isolation, Job, MemoryModel};
use std::fs::OpenOptions;

const BEHAVIOUR: &str = "FAKE_TARGET_BEHAVIOUR";
const PLACE: &str = "FAKE_TARGET_PLACE";

fn hello(version: u32) -> Vec<u8> {
    frame::encode(&Message::Hello { version, pid: std::process::id(), fixed_addresses: true, sees_raw_syscalls: false })
}

fn finished(schedules: u64) -> Vec<u8> {
    frame::encode(&Message::Finished(Box::new(Summary { schedules, ..Summary::default() })))
}

#[test]
#[ignore = "is the process under test of the others"]
fn target() {
    let Ok(behaviour) = std::env::var(BEHAVIOUR) else { return };
    let number = |name: &str| std::env::var(name).unwrap().parse::<u32>().unwrap();
    let descriptor = |name: &str| format!("/proc/self/fd/{}", number(name));
    let mut plan = std::fs::read(descriptor(ENV_PLAN)).unwrap();
    let plan: Plan = frame::decode(&mut plan).unwrap().expect("a whole plan");
    let mut report = OpenOptions::new().write(true).open(descriptor(ENV_REPORT)).unwrap();
    let mut send = |bytes: &[u8]| report.write_all(bytes).unwrap();
    match behaviour.as_str() {
        "well" => {
            send(&hello(VERSION));
            send(&frame::encode(&Message::Progress { schedules: 5, points: 50, estimate: None }));
            send(&finished(plan.seed));
            std::thread::sleep(Duration::from_secs(600));
        }
        "asks" => {
            send(&hello(VERSION));
            let mut answers = std::fs::File::open(descriptor(ENV_ANSWERS)).unwrap();
            for stack in [vec![7], vec![7, 8]] {
                send(&frame::encode(&Message::Ask { stack: stack.clone(), whole: false }));
                let mut bytes = Vec::new();
                let known: Vec<Known> = loop {
                    if let Some(known) = frame::decode(&mut bytes).unwrap() {
                        break known;
                    }
                    let mut byte = [0];
                    std::io::Read::read_exact(&mut answers, &mut byte).unwrap();
                    bytes.extend(byte);
                };
                assert_eq!(known[0].stack, stack);
            }
            send(&finished(2));
        }
        "in pieces" => {
            for byte in hello(VERSION).into_iter().chain(finished(1)) {
                send(&[byte]);
            }
        }
        "dies early" => {
            eprintln!("last words");
            std::process::exit(3);
        }
        "dies late" => {
            send(&hello(VERSION));
            println!("{}", "x".repeat(1 << 20));
            eprintln!("last words");
            let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::TERM);
        }
        "says nothing" => std::thread::sleep(Duration::from_secs(600)),
        "other version" => {
            send(&hello(VERSION + 1));
            std::thread::sleep(Duration::from_secs(600));
        }
        "nonsense" => send(&[3, 0, 0, 0, 0xff, 0xff, 0xff]),
        "fault" => send(&frame::encode(&Message::Fault("no memory".into()))),
        "leaves a child" => {
            #[expect(clippy::zombie_processes, reason = "that it is left is the point")]
            let child = Command::new("sleep").arg("600").spawn().unwrap();
            std::fs::write(std::env::var(PLACE).unwrap(), child.id().to_string()).unwrap();
            send(&finished(1));
        }
        other => panic!("{other}"),
    }
}

fn plan() -> Plan {
    Plan {
        version: VERSION,
        entry: Entry::Main,
        job: Job::Explore,
        seed: 42,
        strategy: "random".into(),
        preemptions: None,
        memory: MemoryModel::Rc11,
        budget: Budget { schedules: 1, time_ms: 1000, steps: 1000, stall_ms: 1000 },
        isolation: Isolation::Auto,
        epoch_ns: 0,
        processors: 2,
        heap_limit: 1 << 30,
        keep_going: false,
        unhooked: Vec::new(),
        world: raddle_protocol::World::default(),
        trees: Vec::new(),
    }
}

fn invocation(behaviour: &str, place: &Path) -> Invocation {
    Invocation {
        program: std::env::current_exe().unwrap(),
        arguments: ["process::tests::target", "--exact", "--include-ignored", "--nocapture"].map(OsString::from).into(),
        directory: std::env::temp_dir(),
        environment: vec![(BEHAVIOUR.into(), behaviour.into()), (PLACE.into(), place.into())],
    }
}

/// Keeps a message, and answers it if it is a question.
fn answered(heard: &mut Vec<Message>, message: Message) -> Reply {
    let answer = match &message {
        Message::Ask { stack, whole } => {
            Reply::Known(vec![Known { stack: stack.clone(), whole: *whole, answer: raddle_protocol::Answer::Deeper }])
        }
        _ => Reply::Nothing,
    };
    heard.push(message);
    answer
}

fn run_with(behaviour: &str, interrupt: &Interrupt, place: &Path) -> (Ended, Vec<Message>) {
    let mut heard = Vec::new();
    let invocation = invocation(behaviour, place);
    let ended =
        run(&invocation, Path::new(""), &plan(), Output::Kept, interrupt, |message| answered(&mut heard, message))
            .unwrap();
    (ended, heard)
}

fn perform(behaviour: &str) -> (Ended, Vec<Message>) {
    run_with(behaviour, &Interrupt::deaf(), Path::new(""))
}

#[test]
fn a_process_that_works_is_heard_to_its_end_and_not_waited_for() {
    let begun = Instant::now();
    let (ended, heard) = perform("well");
    assert!(matches!(&ended.ending, Ending::Finished(summary) if summary.schedules == 42), "{:?}", ended.ending);
    assert!(matches!(heard[..], [Message::Hello { .. }, Message::Progress { schedules: 5, .. }]), "{heard:?}");
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn questions_are_answered() {
    let (ended, heard) = perform("asks");
    assert!(matches!(&ended.ending, Ending::Finished(summary) if summary.schedules == 2), "{:?}", ended.ending);
    assert!(matches!(&heard[2], Message::Ask { stack, whole: false } if *stack == [7, 8]), "{heard:?}");
}

#[test]
fn reports_may_come_in_pieces() {
    let (ended, heard) = perform("in pieces");
    assert!(matches!(&ended.ending, Ending::Finished(summary) if summary.schedules == 1), "{:?}", ended.ending);
    assert_eq!(heard.len(), 1);
}

#[test]
fn a_process_that_dies_is_known_by_its_status_and_last_words() {
    let (ended, _) = perform("dies early");
    assert!(matches!(ended.ending, Ending::Died(status, false) if status.code() == Some(3)), "{:?}", ended.ending);
    assert!(String::from_utf8_lossy(&ended.output).ends_with("last words\n"));

    let (ended, _) = perform("dies late");
    assert!(matches!(ended.ending, Ending::Died(status, true) if status.signal() == Some(15)), "{:?}", ended.ending);
    assert_eq!(ended.output.len(), KEPT_OUTPUT);
    assert!(ended.output.ends_with(b"last words\n"));
}

#[test]
fn other_versions_nonsense_and_faults_are_faults() {
    for behaviour in ["other version", "nonsense", "fault"] {
        let (ended, _) = perform(behaviour);
        assert!(matches!(ended.ending, Ending::Fault(_)), "{behaviour}: {:?}", ended.ending);
    }
}

#[test]
fn silence_ends() {
    let mut process =
        Process::start(&invocation("says nothing", Path::new("")), Path::new(""), &plan(), Output::Kept).unwrap();
    let heard = process.listen(Duration::from_millis(300), &Interrupt::deaf(), &mut |_| Reply::Nothing);
    assert!(matches!(heard, Heard::Nothing));
    assert_eq!(process.end().unwrap().signal(), Some(9));
}

#[test]
fn children_do_not_stay_behind() {
    let place = tempfile::NamedTempFile::new().unwrap();
    let (ended, _) = run_with("leaves a child", &Interrupt::deaf(), place.path());
    assert!(matches!(ended.ending, Ending::Finished(_)), "{:?}", ended.ending);
    let child: i32 = std::fs::read_to_string(place.path()).unwrap().parse().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while is_running(child) {
        assert!(Instant::now() < deadline, "process {child} still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether there is such a process, and not only what is left of it until its parent asks.
fn is_running(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn the_users_wish_to_stop_is_heard() {
    let interrupt = Interrupt::deaf();
    std::thread::scope(|scope| {
        let process = scope.spawn(|| run_with("says nothing", &interrupt, Path::new("")));
        std::thread::sleep(Duration::from_millis(200));
        interrupt.raise();
        assert!(matches!(process.join().unwrap().0.ending, Ending::Interrupted));
    });
}

#[test]
fn many_at_once_do_not_hold_each_others_pipes() {
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..6)
            .map(|number| scope.spawn(move || perform(if number % 2 == 0 { "dies early" } else { "in pieces" })))
            .collect();
        for one in all {
            assert!(!matches!(one.join().unwrap().0.ending, Ending::Silent(_)));
        }
    });
}

#[test]
fn a_program_that_cannot_be_started_is_an_error() {
    let nowhere = Invocation { program: "/nowhere/program".into(), ..invocation("well", Path::new("")) };
    let error =
        run(&nowhere, Path::new(""), &plan(), Output::Kept, &Interrupt::deaf(), |_| Reply::Nothing).unwrap_err();
    assert!(error.to_string().contains("/nowhere/program"), "{error}");
}

#[test]
fn deaths_have_words() {
    assert_eq!(death(ExitStatus::from_raw(6)), "was ended by signal 6 (SIGABRT)");
    assert_eq!(death(ExitStatus::from_raw(7 << 8)), "ended with exit status 7");
}
