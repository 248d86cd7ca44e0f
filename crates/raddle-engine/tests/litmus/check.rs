//! Compares what schedules reach with what is possible: every strategy and, for programs that end under every schedule,
//! all schedules one after the other, against the naive enumeration and against what is known by hand.

use crate::enumerate;
use crate::machine::{beginning, run};
use crate::program::{Look, Op, Outcome, Program};
use raddle_engine::classes::unseen as estimate;
use raddle_engine::exhaustive::{Bounded, Exhaustive};
use raddle_engine::shrink::{Follow, Note, minimize};
use raddle_engine::strategy::{NAMES, RandomWalk, Replay, by_name};
use raddle_engine::{Hint, Question, Schedule, Seen, Strategy, Tape};
use raddle_protocol::message::Obstacle;
use raddle_protocol::{Choice, ChoiceKind};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Executions of each strategy. Enough for the rarest outcome of the programs here; the seed is fixed.
const EXECUTIONS: u64 = 4000;

/// Executions of the search for programs with loops.
const FEW_EXECUTIONS: u64 = 150;

/// Bound on the schedules of one program.
const SCHEDULES: u64 = 200_000;

/// Whether a strategy is not meant to reach everything.
fn is_partial(strategy: &str) -> bool {
    matches!(strategy, "lag" | "rff" | "branch" | "pctwm")
}

/// A program and what is known of it.
pub struct Litmus {
    program: Program,
    looks: Vec<Look>,
}

/// A program, and what to look at in its outcomes.
pub fn litmus<const N: usize>(threads: [&[Op]; N], looks: &[Look]) -> Litmus {
    Litmus { program: Program::new(threads), looks: looks.to_vec() }
}

impl Litmus {
    /// Checks a program that some schedules keep in a loop for ever.
    pub fn looping(&self, expected: &[&str]) {
        let possible = enumerate::outcomes(&self.program);
        let seen: BTreeSet<String> = possible.iter().map(|outcome| outcome.seen(&self.looks)).collect();
        assert_eq!(seen, expected.iter().map(|text| (*text).to_owned()).collect(), "possible");
        let found = search(&self.program, FEW_EXECUTIONS);
        assert!(found.outcomes.is_subset(&possible), "reached by the search");
        assert!(!found.is_finished || found.outcomes == possible, "reached by the search");
        let names = NAMES.iter().filter(|name| found.is_finished || **name != "exhaustive");
        for name in names {
            let reached = walk(&self.program, name);
            let outcomes: BTreeSet<_> = reached.keys().cloned().collect();
            assert!(outcomes.is_subset(&possible), "reached by {name}");
            assert!(is_partial(name) || outcomes == possible, "reached by {name}: {outcomes:?} of {possible:?}");
            for (outcome, record) in &reached {
                let (again, record_again) = replay(&self.program, record);
                assert_eq!((&again, &record_again), (outcome, record), "replayed");
                shrunk(&self.program, outcome, record);
            }
        }
    }

    /// Checks a program that ends under every schedule.
    pub fn ending(&self, expected: &[&str]) {
        self.looping(expected);
        let mut least = BTreeMap::<u64, u32>::new();
        let mut reached = BTreeSet::new();
        every_schedule(&self.program, |outcome, schedule, preemptions| {
            let least = least.entry(schedule.class()).or_insert(preemptions);
            *least = (*least).min(preemptions);
            reached.insert(outcome);
        });
        let classes: BTreeSet<u64> = least.keys().copied().collect();
        assert_eq!(reached, enumerate::outcomes(&self.program), "reached by all schedules");
        let found = search(&self.program, SCHEDULES);
        assert!(found.is_finished, "the search gives up");
        assert_eq!(found.classes, classes, "classes reached by the search, in {} executions", found.executions);
        self.bounded(&least);
    }

    /// Checks the search by preemptions: with each bound it reaches the classes that a schedule with so few reaches, no more
    /// and no fewer. `least` tells how many each class needs.
    fn bounded(&self, least: &BTreeMap<u64, u32>) {
        let most = least.values().copied().max().unwrap_or_default();
        for bound in 0..=most {
            let (classes, everything) = bounded(&self.program, bound);
            let expected = least.iter().filter(|(_, least)| **least <= bound).map(|(class, _)| *class).collect();
            assert_eq!(classes, expected, "classes reached with {bound} preemptions");
            assert!(!everything || bound == most, "all reached with {bound} preemptions, {most} are needed");
        }
    }

    /// Checks a program in which no thread ever waits: there are as many schedules as orders of its operations.
    pub fn free(&self, expected: &[&str], orders: u64) {
        self.ending(expected);
        assert_eq!(enumerate::interleavings(&self.program), orders, "orders of the operations");
        assert_eq!(exhaust(&self.program).1, orders, "schedules");
    }

    /// Checks how many equivalence classes there are: all schedules reach so many, and every strategy a part of them.
    pub fn classes(&self, expected: usize) {
        let mut all = BTreeSet::new();
        every_schedule(&self.program, |_, schedule, _| {
            all.insert(schedule.class());
        });
        assert_eq!(all.len(), expected, "classes reached by all schedules");
        for name in NAMES {
            let mut reached = BTreeSet::new();
            executions(&self.program, name, |_, _, schedule| {
                reached.insert(schedule.class());
            });
            assert!(reached.is_subset(&all), "classes reached by {name}");
            assert!(is_partial(name) || reached == all, "classes reached by {name}: {reached:?} of {all:?}");
        }
    }

    /// Checks the estimate after few executions against what later ones show: the share of them whose class had not been
    /// seen then.
    pub fn unseen(&self) {
        const FEW: usize = 100;
        for name in NAMES.iter().filter(|name| **name != "exhaustive" && !is_partial(name)) {
            let mut classes = Vec::new();
            executions(&self.program, name, |_, tape, schedule| {
                if tape.strategy().is_sample() {
                    classes.push(schedule.class());
                }
            });
            let mut counts = BTreeMap::<u64, u64>::new();
            classes[..FEW].iter().for_each(|class| *counts.entry(*class).or_default() += 1);
            let singletons = counts.values().filter(|count| **count == 1).count() as u64;
            let later = &classes[FEW..];
            let unseen = later.iter().filter(|class| !counts.contains_key(class)).count() as f64 / later.len() as f64;
            let estimated = estimate(FEW as u64, singletons).expect("there were executions");
            assert!(unseen <= estimated.upper_bound, "{name}: {unseen} unseen, {estimated:?}");
            assert!((unseen - estimated.estimate).abs() < 0.15, "{name}: {unseen} unseen, {estimated:?}");
        }
    }

    /// Checks what the search says after a hundred executions of how many there are.
    pub fn estimated(&self) {
        /// Executions before the last of the first probes has ended.
        const FEW: u64 = 32 + 64;
        let all = search(&self.program, SCHEDULES).executions as f64;
        for seed in 0..4 {
            let mut saved = beginning(&self.program);
            saved.clear_log();
            let mut schedule = Schedule::new();
            let mut tape = Tape::new(Box::new(Exhaustive::with_probes(seed)));
            for execution in 0..FEW {
                schedule.restore(&saved);
                tape.begin(execution);
                run(&self.program, &mut schedule, &mut tape);
                tape.end(&schedule.seen(1, true));
            }
            let told = tape.strategy().search().expect("this is a search").estimate;
            assert!((all / 3.0..all * 3.0).contains(&told), "{told} of {all}, seed {seed}");
        }
    }

    /// The possible outcomes.
    pub fn possible(&self) -> BTreeSet<Outcome> {
        enumerate::outcomes(&self.program)
    }

    /// What execution 0 of a random walk, the one without preemption, sees.
    pub fn unpreempted(&self) -> String {
        let mut tape = Tape::new(Box::new(RandomWalk::new(1)));
        tape.begin(0);
        run(&self.program, &mut beginning(&self.program), &mut tape).seen(&self.looks)
    }

    /// Distinct records and distinct hashes among all executions of the walk, and how many schedules there are.
    pub fn distinct(&self) -> (usize, usize, usize) {
        let (mut records, mut hashes) = (BTreeSet::new(), BTreeSet::new());
        executions(&self.program, "random", |_, tape, _| {
            records.insert(tape.record().iter().map(|choice| choice.taken).collect::<Vec<_>>());
            hashes.insert(tape.hash());
        });
        (records.len(), hashes.len(), exhaust(&self.program).1 as usize)
    }
}

/// Executions of a strategy, each begun by putting the book back as the runtime does.
fn executions(program: &Program, strategy: &str, mut each: impl FnMut(Outcome, &Tape, &mut Schedule)) {
    let mut saved = beginning(program);
    saved.clear_log();
    let mut schedule = Schedule::new();
    let mut tape = Tape::new(by_name(strategy, 0x11_7a05).expect(strategy));
    let mut classes = BTreeSet::new();
    for execution in 0..EXECUTIONS {
        schedule.restore(&saved);
        tape.begin(execution);
        let outcome = run(program, &mut schedule, &mut tape);
        each(outcome, &tape, &mut schedule);
        let (new, choices) = (classes.insert(schedule.class()), tape.record().len() as u64);
        tape.end(&Seen { new, ..schedule.seen(choices, true) });
    }
}

/// What the systematic search comes to.
pub struct Found {
    pub outcomes: BTreeSet<Outcome>,
    pub classes: BTreeSet<u64>,
    pub executions: u64,
    /// The search has come to its end, rather than to a loop without end or to the most executions asked for.
    pub is_finished: bool,
}

/// Performs the systematic search to its end, or so many executions of it.
pub fn search(program: &Program, most: u64) -> Found {
    let mut saved = beginning(program);
    saved.clear_log();
    let mut schedule = Schedule::new();
    let mut tape = Tape::new(Box::new(Exhaustive::new()));
    let mut found = Found { outcomes: BTreeSet::new(), classes: BTreeSet::new(), executions: 0, is_finished: false };
    loop {
        schedule.restore(&saved);
        tape.begin(found.executions);
        found.outcomes.insert(run(program, &mut schedule, &mut tape));
        found.classes.insert(schedule.class());
        found.executions += 1;
        let choices = tape.record().len() as u64;
        tape.end(&schedule.seen(choices, true));
        let search = tape.strategy().search().expect("this is a search");
        found.is_finished = search.finished;
        if search.finished || search.obstacle == Some(Obstacle::Endless) || found.executions == most {
            return found;
        }
        assert_eq!(search.obstacle, None, "after {} executions of {program:?}", found.executions);
    }
}

/// What a strategy reaches, with the first record of each outcome.
fn walk(program: &Program, strategy: &str) -> BTreeMap<Outcome, Vec<Choice>> {
    let mut reached = BTreeMap::new();
    executions(program, strategy, |outcome, tape, _| {
        reached.entry(outcome).or_insert_with(|| tape.record().to_vec());
    });
    reached
}

fn replay(program: &Program, record: &[Choice]) -> (Outcome, Vec<Choice>) {
    let mut tape = Tape::new(Box::new(Replay::new(record.to_vec())));
    tape.begin(0);
    let outcome = run(program, &mut beginning(program), &mut tape);
    assert_eq!(tape.strategy().divergence(), None);
    (outcome, tape.record().to_vec())
}

/// Shrinks an execution to the deviations that its outcome needs.
fn shrunk(program: &Program, outcome: &Outcome, record: &[Choice]) {
    let perform = |strategy: Box<dyn Strategy>| {
        let mut schedule = beginning(program);
        schedule.clear_log();
        let mut tape = Tape::new(strategy);
        tape.begin(0);
        (run(program, &mut schedule, &mut tape), tape.record().to_vec())
    };
    let (note, noted) = Note::new(record.to_vec());
    assert_eq!(&perform(Box::new(note)).0, outcome, "noted");
    let all = noted.borrow().clone();
    let (again, record_again) = perform(Box::new(Follow::new(&all)));
    assert_eq!((&again, &record_again[..]), (outcome, record), "followed");
    let mut tries = 0;
    let least = minimize(all.clone(), |part| {
        tries += 1;
        (tries < 300).then(|| &perform(Box::new(Follow::new(part))).0 == outcome)
    });
    assert!(least.len() <= all.len());
    assert_eq!(&perform(Box::new(Follow::new(&least))).0, outcome, "shrunk");
}

/// Gives these answers, then always the first. Counts switches away from a thread that could go on, and neither spins nor
/// offers its turn.
struct Prefix {
    answers: std::vec::IntoIter<u16>,
    preemptions: Rc<Cell<u32>>,
}

impl Strategy for Prefix {
    fn begin(&mut self, _: u64) {}

    fn choose(&mut self, question: &Question<'_>) -> usize {
        let answer = self.answers.next().map_or(0, usize::from);
        let goes_on = question.kind != ChoiceKind::Thread || question.thread(0) != question.current || answer == 0;
        if !goes_on && question.hint == Hint::None {
            self.preemptions.set(self.preemptions.get() + 1);
        }
        answer
    }
}

/// Performs the search by preemptions up to a bound: the classes that it reaches, and whether these are all there are.
fn bounded(program: &Program, bound: u32) -> (BTreeSet<u64>, bool) {
    let mut saved = beginning(program);
    saved.clear_log();
    let mut classes = BTreeSet::new();
    let mut schedule = Schedule::new();
    let mut tape = Tape::new(Box::new(Bounded::new(bound)));
    loop {
        schedule.restore(&saved);
        tape.begin(0);
        run(program, &mut schedule, &mut tape);
        classes.insert(schedule.class());
        let choices = tape.record().len() as u64;
        tape.end(&schedule.seen(choices, true));
        let search = tape.strategy().bounded().expect("this is a search");
        assert_eq!(search.obstacle, None, "after {} executions of {program:?}", search.executions);
        if search.everything || search.completed == Some(bound) {
            return (classes, search.everything);
        }
        assert!(search.executions < SCHEDULES, "the search does not end");
    }
}

/// Performs every schedule once, depth first: what they reach, and how many there are.
fn exhaust(program: &Program) -> (BTreeSet<Outcome>, u64) {
    let mut reached = BTreeSet::new();
    let schedules = every_schedule(program, |outcome, _, _| {
        reached.insert(outcome);
    });
    (reached, schedules)
}

/// Performs every schedule once, depth first; returns how many there are.
fn every_schedule(program: &Program, mut each: impl FnMut(Outcome, &mut Schedule, u32)) -> u64 {
    let mut schedules = 0;
    let mut prefix = Vec::new();
    loop {
        let preemptions = Rc::new(Cell::new(0));
        let answers = prefix.into_iter();
        let mut tape = Tape::new(Box::new(Prefix { answers, preemptions: Rc::clone(&preemptions) }));
        let mut schedule = beginning(program);
        schedule.clear_log();
        let outcome = run(program, &mut schedule, &mut tape);
        each(outcome, &mut schedule, preemptions.get());
        schedules += 1;
        assert!(schedules < SCHEDULES, "too many schedules to perform them all");
        let record = tape.record();
        let Some(last) = record.iter().rposition(|choice| choice.taken + 1 < choice.options) else {
            return schedules;
        };
        prefix = record[..last].iter().map(|choice| choice.taken).collect();
        prefix.push(record[last].taken + 1);
    }
}
