//! Findings as the diagnosis would make them, built by hand from small sources, so that lines and columns are true.

#![allow(dead_code)]

use raddle_protocol::finding::{Code, Finding, RootCause, Schedule, Severity, Span, StepView, ThreadView};
use raddle_report::Sources;

/// File name and text of every sample source.
const FILES: [(&str, &str); 7] = [
    ("src/bank.rs", include_str!("bank.rs.txt")),
    ("src/stats.rs", include_str!("stats.rs.txt")),
    ("src/cache.rs", include_str!("cache.rs.txt")),
    ("src/mailbox.rs", include_str!("mailbox.rs.txt")),
    ("src/ring.rs", include_str!("ring.rs.txt")),
    ("src/table.rs", include_str!("table.rs.txt")),
    ("tests/pool.rs", include_str!("pool.rs.txt")),
];

const ROOT: &str = "/home/ada/shop/";

/// The sample sources, read by absolute path.
pub struct Samples;

impl Sources for Samples {
    fn source(&self, path: &str) -> Option<String> {
        let file = path.strip_prefix(ROOT)?;
        FILES.iter().find(|(name, _)| *name == file).map(|(_, text)| (*text).to_owned())
    }
}

/// Line and column of the `nth` (from 1) place at which `code` stands in a sample.
fn place(file: &str, code: &str, nth: usize) -> (u32, u32) {
    let text = FILES.iter().find(|(name, _)| *name == file).expect("a sample").1;
    let hits = text.lines().enumerate().flat_map(|(line, t)| t.match_indices(code).map(move |(c, _)| (line, c)));
    let (line, column) = hits.into_iter().nth(nth - 1).expect("code that stands in the sample");
    (line as u32 + 1, column as u32 + 1)
}

/// The same place with another label.
pub fn labelled(span: &Span, label: &str) -> Span {
    Span { label: label.into(), ..span.clone() }
}

/// A thread without a place of its own.
pub fn thread(id: u32, name: &str, state: &str) -> ThreadView {
    ThreadView { id, name: name.into(), state: state.into(), spawned_at: None }
}

/// A finding under construction, all in one file.
struct Build {
    finding: Finding,
    file: &'static str,
}

impl Build {
    fn new(code: &str, test: &str, message: &str, file: &'static str) -> Self {
        let finding = Finding {
            code: Code(code.into()),
            severity: Severity::Error,
            test: test.into(),
            message: message.into(),
            spans: Vec::new(),
            threads: Vec::new(),
            steps: Vec::new(),
            stacks: Vec::new(),
            reason: Vec::new(),
            fix: Vec::new(),
            notes: Vec::new(),
            output: String::new(),
            replay: "shop-7f3a-12".into(),
            schedule: Schedule {
                seed: 20_231_124,
                execution: 12,
                preemptions: 2,
                choices: "t0/2*4 t1/2".into(),
                kept: None,
            },
            root_cause: None,
            pattern: None,
        };
        Build { finding, file }
    }

    fn span(mut self, code: &str, nth: usize, label: &str, primary: bool) -> Self {
        let (line, column) = place(self.file, code, nth);
        let path = format!("{ROOT}{}", self.file);
        self.finding.spans.push(Span { file: self.file.into(), path, line, column, label: label.into(), primary });
        self
    }

    fn thread(mut self, id: u32, name: &str, spawned: Option<(&str, usize)>, state: &str) -> Self {
        let spawned_at = spawned.map(|(code, nth)| format!("{}:{}", self.file, place(self.file, code, nth).0));
        self.finding.threads.push(ThreadView { id, name: name.into(), state: state.into(), spawned_at });
        self
    }

    fn step(mut self, thread: u32, action: &str, code: &str, nth: usize) -> Self {
        let (line, _) = place(self.file, code, nth);
        self.finding.steps.push(StepView {
            thread,
            action: action.into(),
            file: self.file.into(),
            line,
            function: String::new(),
            times: 1,
            key: false,
            interrupted: false,
            left_out: 0,
        });
        self
    }

    fn key(mut self) -> Self {
        self.finding.steps.last_mut().expect("a step").key = true;
        self
    }

    fn times(mut self, times: u32) -> Self {
        self.finding.steps.last_mut().expect("a step").times = times;
        self
    }

    fn text(mut self, reason: &[&str], fix: &[&str], notes: &[&str]) -> Self {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        (self.finding.reason, self.finding.fix, self.finding.notes) = (own(reason), own(fix), own(notes));
        self
    }

    fn decided(mut self, first: usize, second: usize, because: &str) -> Self {
        self.finding.root_cause = Some(RootCause { first, second, because: because.into() });
        self
    }

    fn output(mut self, output: &str) -> Self {
        self.finding.output = output.into();
        self
    }
}

/// Two threads, two locks, opposite orders.
pub fn deadlock() -> Finding {
    Build::new(
        "RD0201",
        "bank::tests::transfers_in_both_directions",
        "`left` waits for `savings`, which `right` holds while it waits for `checking`",
        "src/bank.rs",
    )
    .span("lock()", 2, "`left` waits here for `savings`", true)
    .span("lock()", 4, "`right` waits here for `checking`", true)
    .span("lock()", 1, "`left` takes `checking` and keeps it", false)
    .span("lock()", 3, "`right` takes `savings` and keeps it", false)
    .thread(0, "main", None, "waits for `left` to end (bank.rs:35)")
    .thread(1, "left", Some(("spawn_scoped", 1)), "waits for lock `savings`, held by `right`")
    .thread(2, "right", Some(("spawn_scoped", 2)), "waits for lock `checking`, held by `left`")
    .step(0, "starts `left`", "spawn_scoped", 1)
    .step(0, "starts `right`", "spawn_scoped", 2)
    .step(1, "locks `checking`", "lock()", 1)
    .key()
    .step(2, "locks `savings`", "lock()", 3)
    .key()
    .step(2, "asks for `checking` and waits", "lock()", 4)
    .key()
    .step(1, "asks for `savings` and waits", "lock()", 2)
    .key()
    .step(0, "waits for `left` to end", "spawn_scoped", 1)
    .text(
        &[
            "Each of the two threads holds the lock that the other one needs next, so neither can ever go on. Nobody \
             else can help: a lock is only given back by the thread that holds it.",
            "It takes four things together, and all four hold here: only one thread at a time may hold each lock; \
             each thread keeps its lock while it waits for the next; no lock is taken away from its holder; and the \
             waiting goes round in a circle, `left` -> `right` -> `left`.",
        ],
        &["Take the two locks in the same order everywhere, for example `checking` before `savings`: in \
           `Bank::to_checking` (bank.rs:19) lock `checking` first."],
        &["`main` is not part of the circle; it only waits for the others."],
    )
    .finding
}

/// Two threads read a counter before either writes it.
pub fn lost_update() -> Finding {
    Build::new(
        "RD0501",
        "stats::tests::every_request_is_counted",
        "`stats.served()` was 1 where the test expects 2; one of two updates of `Stats::served` is lost",
        "src/stats.rs",
    )
    .span("assert_eq!", 1, "fails in this schedule, and passes in others", true)
    .span("store(", 1, "thread 2 writes 1 here, though thread 1 has already written 1", false)
    .span("load(", 1, "both threads read 0 here", false)
    .thread(0, "main", None, "panicked at stats.rs:38")
    .thread(1, "spawned at stats.rs:33, 1st", Some(("thread::spawn", 1)), "has ended")
    .thread(2, "spawned at stats.rs:33, 2nd", Some(("thread::spawn", 1)), "has ended")
    .step(0, "starts two threads", "thread::spawn", 1)
    .step(1, "reads `served`: 0", "load(", 1)
    .key()
    .step(2, "reads `served`: 0", "load(", 1)
    .key()
    .step(1, "writes `served`: 0 -> 1", "store(", 1)
    .step(2, "writes `served`: 1 -> 1, computed from the 0 it read in step 3", "store(", 1)
    .key()
    .step(0, "reads `served`: 1", "load(", 2)
    .step(0, "panics: assertion `left == right` failed: a request was not counted", "assert_eq!", 1)
    .key()
    .decided(
        2,
        3,
        "thread 2 reads `served` before thread 1 has written it, so what it writes later does not include \
         thread 1's update.",
    )
    .text(
        &["Reading a value and writing it back are two operations, and another thread can run between them. Here \
           it did: both threads read 0, both wrote 1, and one increment is gone."],
        &["Do the read and the write as one operation that nothing can come between: \
           `self.served.fetch_add(1, Ordering::SeqCst)`."],
        &[],
    )
    .output(
        "thread 'stats::tests::every_request_is_counted' panicked at src/stats.rs:38:9:\n\
         assertion `left == right` failed: a request was not counted\n  left: 1\n right: 2\n",
    )
    .finding
}

/// One thread, one lock, twice; the source is indented with tabs.
pub fn self_deadlock() -> Finding {
    Build::new(
        "RD0203",
        "cache_fills_itself",
        "`main` waits for the lock `Cache::entries`, which it holds itself",
        "src/cache.rs",
    )
    .span("lock()", 2, "waits here for a lock that the same thread holds", true)
    .span("lock()", 1, "taken here, and held until `entries` goes out of scope on line 16", false)
    .span("load(key)", 1, "called while the lock is held", false)
    .thread(0, "main", None, "waits for lock `Cache::entries`, held by itself")
    .step(0, "locks `Cache::entries`", "lock()", 1)
    .key()
    .step(0, "asks for `Cache::entries` and waits", "lock()", 2)
    .key()
    .text(
        &["A `std::sync::Mutex` does not know its owner: a second `lock()` waits for the first guard to be dropped, \
               and here the thread that would drop it is the one that waits."],
        &["Drop the guard before calling `load`, or hand `load` the guard instead of letting it lock again."],
        &[],
    )
    .finding
}

/// The notification comes between the test and the wait.
pub fn lost_wakeup() -> Finding {
    Build::new(
        "RD0204",
        "mailbox::tests::a_letter_arrives",
        "`reader` waits for a notification of `Mailbox::arrived` that was sent before it began to wait",
        "src/mailbox.rs",
    )
    .span("wait(", 1, "`reader` waits here, and nobody is left who would notify it", true)
    .span("notify_one", 1, "the only notification, sent while nobody was waiting", false)
    .span("is_empty", 1, "`reader` looks into the mailbox here and finds it empty", false)
    .thread(0, "main", None, "waits for `reader` to end")
    .thread(1, "reader", None, "waits for a notification of `arrived`")
    .step(1, "locks `letters`", "lock()", 2)
    .step(1, "unlocks `letters`; it was empty", "lock()", 2)
    .key()
    .step(0, "locks `letters`", "lock()", 1)
    .step(0, "unlocks `letters`", "lock()", 1)
    .step(0, "notifies `arrived`; nobody is waiting", "notify_one", 1)
    .key()
    .step(0, "waits for `reader` to end", "put(", 1)
    .step(1, "locks `letters`", "lock()", 3)
    .step(1, "gives back `letters` and waits for `arrived`", "wait(", 1)
    .key()
    .decided(4, 7, "a condition variable keeps no memory of notifications; one that nobody waits for is gone.")
    .text(
        &["`reader` finds the mailbox empty and gives the lock back before it begins to wait. In between, `main` puts \
           a letter in and notifies. Then `reader` waits for something that has already happened."],
        &["Test and wait under one and the same lock, and test again after waking: \
           `let mut letters = self.arrived.wait_while(self.letters.lock().unwrap(), |l| l.is_empty()).unwrap();`"],
        &[],
    )
    .finding
}

/// A segmentation fault; the program prints escape sequences, and a library's source is not at hand.
pub fn crash() -> Finding {
    let mut finding = Build::new(
        "RD0504",
        "ring::tests::one_producer_one_consumer",
        "the program died of signal 11 (SIGSEGV): it read from address 0x0",
        "src/ring.rs",
    )
    .span("*item", 1, "reads through a null pointer", true)
    .span("self.tail.store", 1, "says that the slot is filled", false)
    .span("*self.slots[tail", 1, "fills the slot, too late", false)
    .thread(1, "producer", None, "could run")
    .thread(2, "consumer", None, "died of SIGSEGV")
    .step(1, "reads `tail`: 0", "self.tail.load", 1)
    .step(1, "writes `tail`: 0 -> 1", "self.tail.store", 1)
    .key()
    .step(2, "reads `head`: 0", "self.head.load", 1)
    .step(2, "reads `tail`: 1", "self.tail.load", 2)
    .key()
    .step(2, "writes `head`: 0 -> 1", "self.head.store", 1)
    .step(2, "dies of SIGSEGV", "*item", 1)
    .key()
    .text(
        &["The consumer trusts `tail`, which already counts the new item, but the slot itself is filled only afterwards."],
        &["Fill the slot first, then publish it: swap the two lines in `Ring::push`."],
        &["The crash ends the process, so destructors and later tests in the same process did not run."],
    )
    .output("\u{1b}[32mrunning\u{1b}[0m\u{1b}]0;pwned\u{7} 1 test\r\nring: caf\u{e9} \u{fffd}\u{7}\n")
    .finding;
    finding.spans.push(Span {
        file: "crossbeam-utils-0.8.21/src/thread.rs".into(),
        path: "/home/ada/.cargo/registry/src/crossbeam-utils-0.8.21/src/thread.rs".into(),
        line: 480,
        column: 21,
        label: "`consumer` was started here".into(),
        primary: false,
    });
    finding
}

/// Four philosophers.
pub fn four_threads() -> Finding {
    let names = ["Aristotle", "Hypatia", "Confucius", "Simone"];
    let mut build = Build::new(
        "RD0201",
        "everybody_eats",
        "four threads wait for each other in a circle, each for a lock of `Table::forks`",
        "src/table.rs",
    )
    .span("lock()", 2, "each of the four threads waits here for the lock that the next one holds", true)
    .span("lock()", 1, "each has taken its first lock here and keeps it", false);
    for (id, name) in (1..).zip(names) {
        let next = names[id as usize % 4];
        let state = format!("waits for lock `forks[{}]`, held by `{next}`", id % 4);
        build = build.thread(id, name, Some(("spawn_scoped", 1)), &state);
    }
    for id in 1..=4 {
        build = build.step(id, &format!("locks `forks[{}]`", id - 1), "lock()", 1).key();
    }
    for id in [2, 4, 1, 3] {
        build = build.step(id, &format!("asks for `forks[{}]` and waits", id % 4), "lock()", 2).key();
    }
    build
        .text(
            &["Every thread has its left fork and waits for its right one, which is its neighbour's left."],
            &["Give the locks one order: let each thread take the fork with the lower number first, \
               `let (first, second) = (seat.min(next), seat.max(next));`."],
            &[],
        )
        .finding
}

/// A spin loop and two counting loops: folded steps, a long middle, much output.
pub fn long_loop() -> Finding {
    let mut build = Build::new(
        "RD0501",
        "workers_finish_in_time",
        "assertion failed: `left == right` (left: 199, right: 200)",
        "tests/pool.rs",
    )
    .span("assert_eq!", 1, "fails in this schedule, and passes in others", true)
    .span("DONE.store", 1, "the worker overwrites an update here", false)
    .thread(0, "main", None, "panicked at pool.rs:25")
    .thread(1, "worker", Some(("thread::spawn", 1)), "has ended")
    .step(0, "starts `worker`", "thread::spawn", 1)
    .step(1, "reads `READY`: false", "READY.load", 1)
    .times(1_204)
    .step(0, "writes `READY`: false -> true", "READY.store", 1)
    .step(1, "reads `READY`: true", "READY.load", 1);
    for n in 0..40 {
        build = build.step(1, &format!("reads `DONE`: {n}"), "DONE.load", 1);
        build = build.step(1, &format!("writes `DONE`: {n} -> {}", n + 1), "DONE.store", 1);
    }
    build = build
        .step(1, "reads `DONE`: 40", "DONE.load", 1)
        .key()
        .step(0, "reads `DONE`: 40", "DONE.load", 2)
        .step(0, "writes `DONE`: 40 -> 41", "DONE.store", 2)
        .key()
        .step(1, "writes `DONE`: 41 -> 41, computed from the 40 it read before", "DONE.store", 1)
        .key();
    for n in 41..90 {
        build = build.step(n % 2, &format!("adds to `DONE`: {n} -> {}", n + 1), "DONE.store", 2 - (n as usize % 2));
    }
    build = build
        .step(0, "waits for `worker` to end", "worker.join", 1)
        .step(0, "reads `DONE`: 199", "DONE.load", 3)
        .step(0, "panics", "assert_eq!", 1)
        .key();
    let output: String = (1..=134).map(|n| format!("worker: finished item {n}\n")).collect();
    build
        .decided(
            84,
            86,
            "the worker reads `DONE` before `main` writes it, so the worker's next write takes that update back.",
        )
        .text(
            &["Reading a value and writing it back are two operations, and another thread can run between them."],
            &["Use one operation: `DONE.fetch_add(1, Ordering::Relaxed)`."],
            &["Repeated steps of one thread at one place are shown once, with their number."],
        )
        .output(&output)
        .finding
}
