//! The systematic search over programs with weakly ordered accesses: it reaches the outcomes that performing a program in
//! every way reaches, and it ends.

use crate::explore::{at, explore, perform};
use crate::notation::{Outcome, Program, Statement};
use crate::random_programs;
use raddle_engine::exhaustive::{Bounded, Exhaustive};
use raddle_engine::log::{Event, Logged};
use raddle_engine::memory::Model::{self, Rc11, Sc};
use raddle_engine::memory::{Location, Memory};
use raddle_engine::{Access, AccessKind, Question, Seen, Strategy};
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::ThreadId;
use std::collections::{BTreeMap, BTreeSet};

/// What a statement touches. A compare-exchange is one that may succeed.
fn access(statement: Option<&Statement>, thread: usize) -> Access {
    let on = |kind, location| {
        let Location { address, size } = at(location);
        Access::new(kind, address, size)
    };
    match statement {
        Some(Statement::Load { location, .. }) => on(AccessKind::Read, *location),
        Some(Statement::Store { location, .. }) => on(AccessKind::Write, *location),
        Some(
            Statement::Add { location, .. }
            | Statement::Exchange { location, .. }
            | Statement::CompareExchange { location, .. },
        ) => on(AccessKind::Update, *location),
        Some(Statement::End) => Access::on_thread(AccessKind::End, thread as ThreadId),
        Some(Statement::Join { thread }) => Access::on_thread(AccessKind::Join, *thread as ThreadId),
        Some(Statement::Fence { .. }) | None => Access::local(),
    }
}

/// One execution, as the runtime performs it: a question wherever two threads can go on.
fn execute(memory: &mut Memory, program: &Program, search: &mut dyn Strategy) -> Outcome {
    memory.begin();
    let threads = program.threads.len();
    (0..threads).for_each(|thread| memory.spawn(0, thread as ThreadId + 1));
    let (mut outcome, mut next, mut steps, mut current) = (Outcome::default(), vec![0; threads], Vec::new(), 0);
    let pending = |next: &[usize]| -> Vec<Access> {
        (0..threads).map(|thread| access(program.threads[thread].get(next[thread]), thread)).collect()
    };
    loop {
        let is_ready = |thread: &ThreadId| match program.threads[*thread as usize].get(next[*thread as usize]) {
            Some(Statement::Join { thread: ended }) => next[*ended] == program.threads[*ended].len(),
            statement => statement.is_some(),
        };
        let ready: Vec<ThreadId> = (0..threads as ThreadId).filter(is_ready).collect();
        current = match ready.len() {
            0 => break,
            1 => ready[0],
            count => {
                let place = ready.partition_point(|thread| *thread < current) % count;
                let (pending, steps) = (&pending(&next)[..], &steps[..]);
                let plain = Question::plain(ChoiceKind::Thread, count);
                let question = Question { threads: &ready, pending, steps, current, first: place, ..plain };
                ready[(place + search.choose(&question)) % count]
            }
        };
        let me = current as usize;
        let statement = &program.threads[me][next[me]];
        steps.push(Logged { thread: current, event: Event::Performed, access: access(Some(statement), me) });
        next[me] += 1;
        let steps = &steps[..];
        let ask = &mut |kind, options| search.choose(&Question { steps, ..Question::plain(kind, options) });
        perform(memory, current + 1, statement, &mut outcome, ask);
    }
    let pending = &pending(&next);
    search.end(&Seen { steps: &steps, choices: 1, record: &[], new: true, passed: true, pending, obstacle: None });
    outcome
}

/// Outcomes of all executions of the search, and how many there are.
fn search(program: &Program, model: Model) -> (BTreeSet<Outcome>, usize) {
    let mut memory = Memory::to_the_letter(model);
    let mut search = Exhaustive::new();
    let mut outcomes = BTreeSet::new();
    for execution in 0.. {
        search.begin(execution);
        outcomes.insert(execute(&mut memory, program, &mut search));
        let status = search.status();
        assert_eq!(status.obstacle, None, "{program}");
        if status.finished {
            break;
        }
    }
    (outcomes, search.status().executions as usize)
}

/// Compares the search with performing each program in every way, and tells how many executions each of them takes.
fn compare(programs: impl Iterator<Item = Program>, model: Model) -> (usize, usize, usize) {
    let (mut compared, mut all, mut searched) = (0, 0, 0);
    for program in programs {
        let Some(expected) = explore(&program, Memory::to_the_letter(model), 50_000) else { continue };
        let (found, executions) = search(&program, model);
        assert_eq!(found, expected.outcomes(), "{program}");
        compared += 1;
        all += expected.executions;
        searched += executions;
    }
    (compared, all, searched)
}

#[test]
fn the_search_reaches_every_outcome_of_random_programs() {
    for model in [Sc, Rc11] {
        let (compared, all, searched) = compare((0..200).map(|number| random_programs::free(number, 6)), model);
        assert!(compared > 180, "only {compared} programs were small enough");
        assert!(searched * 2 < all, "{searched} executions in place of {all}");
    }
}

#[test]
fn the_search_reaches_every_outcome_of_the_classic_shapes() {
    for model in [Sc, Rc11] {
        let (compared, all, searched) = compare((0..250).map(random_programs::shaped), model);
        assert!(compared > 225, "only {compared} programs were small enough");
        assert!(searched * 2 < all, "{searched} executions in place of {all}");
    }
}

/// Gives these answers, then always the first; notes how many there were each time, and counts preemptions.
#[derive(Default)]
struct Naive {
    answers: Vec<(usize, usize)>,
    next: usize,
    preemptions: u32,
}

impl Strategy for Naive {
    fn begin(&mut self, _: u64) {
        (self.next, self.preemptions) = (0, 0);
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        if self.next == self.answers.len() {
            self.answers.push((0, question.options));
        }
        let (answer, _) = self.answers[self.next];
        self.next += 1;
        let goes_on = question.kind != ChoiceKind::Thread || question.thread(0) != question.current;
        self.preemptions += u32::from(!goes_on && answer != 0);
        answer
    }
}

/// How many preemptions each outcome needs, found out by performing the program in every way. `None` if there are too many.
fn preemptions(program: &Program, model: Model) -> Option<BTreeMap<Outcome, u32>> {
    let mut memory = Memory::to_the_letter(model);
    let (mut naive, mut least) = (Naive::default(), BTreeMap::new());
    for execution in 0..5_000 {
        naive.begin(execution);
        let outcome = execute(&mut memory, program, &mut naive);
        let least_of_it = least.entry(outcome).or_insert(naive.preemptions);
        *least_of_it = naive.preemptions.min(*least_of_it);
        let Some(last) = naive.answers.iter().rposition(|(answer, options)| answer + 1 < *options) else {
            return Some(least);
        };
        naive.answers.truncate(last + 1);
        naive.answers[last].0 += 1;
    }
    None
}

/// Compares the search by preemptions with performing each program in every way; tells how many were compared.
fn compare_bounded(programs: impl Iterator<Item = Program>, model: Model) -> u32 {
    let mut compared = 0;
    for program in programs {
        let Some(least) = preemptions(&program, model) else { continue };
        let (mut memory, mut search) = (Memory::to_the_letter(model), Bounded::new(u32::MAX));
        let (mut found, mut bound) = (BTreeSet::new(), 0);
        while !search.is_over() {
            search.begin(0);
            found.insert(execute(&mut memory, &program, &mut search));
            let status = search.status();
            assert_eq!(status.obstacle, None, "{program}");
            if status.completed == Some(bound) || search.is_over() {
                let all = least.iter().filter(|(_, least)| **least <= bound || status.everything);
                assert_eq!(found, all.map(|(outcome, _)| *outcome).collect(), "{bound} in {program}");
                bound += 1;
            }
        }
        compared += 1;
    }
    compared
}

#[test]
fn the_search_by_preemptions_reaches_what_needs_so_few() {
    for model in [Sc, Rc11] {
        assert!(compare_bounded((0..150).map(|number| random_programs::free(number, 6)), model) > 100);
        assert!(compare_bounded((0..150).map(random_programs::shaped), model) > 100);
    }
}

#[test]
#[ignore = "takes a while: run it after a change of the search"]
fn the_search_reaches_every_outcome_of_many_random_programs() {
    for model in [Sc, Rc11] {
        let free = compare((1_000..6_000).map(|number| random_programs::free(number, 7)), model);
        let shaped = compare((1_000..9_000).map(random_programs::shaped), model);
        let larger = compare((200_000..201_000).map(|number| random_programs::free(number, 9)), model);
        for (compared, all, searched) in [free, shaped, larger] {
            assert!(compared > 0 && searched < all, "{model:?}: {compared} programs, {searched} executions for {all}");
        }
    }
}
