//! The systematic search over programs with weakly ordered accesses: it reaches the outcomes that performing a program in
//! every way reaches, and it ends.

use crate::explore::{at, explore, perform};
use crate::notation::{Outcome, Program, Statement};
use crate::random_programs;
use raddle_engine::exhaustive::Exhaustive;
use raddle_engine::log::{Event, Logged};
use raddle_engine::memory::Model::{self, Rc11, Sc};
use raddle_engine::memory::{Location, Memory};
use raddle_engine::{Access, AccessKind, Question, Seen, Strategy};
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::ThreadId;
use std::collections::BTreeSet;

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
fn execute(memory: &mut Memory, program: &Program, search: &mut Exhaustive) -> Outcome {
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
        let ask = &mut |kind, options| search.choose(&Question::plain(kind, options));
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
