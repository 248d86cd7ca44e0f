//! The axioms of C++20, read to the letter: enumerates candidate executions and keeps the consistent ones.
//!
//! A candidate says for each read which store it reads, and in which order the stores to each location are modified.
//! [intro.races] and [atomics.order] (with the numbering of N4861) then say whether it may happen. Executions in which
//! reads-from and program order form a cycle are left out (no load buffering). Slow and obvious; shares nothing with
//! the engine.

use crate::notation::{LOCATIONS, Outcome, Program, Statement, Value};
use raddle_protocol::trace::Order;
use std::collections::BTreeSet;

/// A relation between events.
#[derive(Clone)]
struct Relation(Vec<Vec<bool>>);

impl Relation {
    fn new(size: usize) -> Self {
        Relation(vec![vec![false; size]; size])
    }

    fn of(size: usize, holds: impl Fn(usize, usize) -> bool) -> Self {
        Relation((0..size).map(|a| (0..size).map(|b| holds(a, b)).collect()).collect())
    }

    fn has(&self, a: usize, b: usize) -> bool {
        self.0[a][b]
    }

    /// The least transitive relation around this one (Warshall).
    fn closed(mut self) -> Self {
        let size = self.0.len();
        for via in 0..size {
            for from in 0..size {
                if self.0[from][via] {
                    for to in 0..size {
                        self.0[from][to] |= self.0[via][to];
                    }
                }
            }
        }
        self
    }

    fn is_irreflexive(&self) -> bool {
        (0..self.0.len()).all(|event| !self.0[event][event])
    }
}

#[derive(Clone, Debug)]
struct Event {
    /// `None` for the initial stores.
    thread: Option<usize>,
    index: usize,
    location: Option<usize>,
    /// Whether this is a fence; what has no location otherwise is the end of a thread, or
    fence: bool,
    /// waits for the end of this thread.
    joins: Option<usize>,
    order: Order,
    reads: bool,
    writes: bool,
    written: u8,
}

impl Event {
    fn is_fence(&self) -> bool {
        self.fence
    }

    fn is_release(&self) -> bool {
        matches!(self.order, Order::Release | Order::AcqRel | Order::SeqCst) && (self.writes || self.is_fence())
    }

    fn is_acquire(&self) -> bool {
        matches!(self.order, Order::Acquire | Order::AcqRel | Order::SeqCst) && (self.reads || self.is_fence())
    }

    fn is_seq_cst(&self) -> bool {
        self.order == Order::SeqCst && self.thread.is_some()
    }
}

/// A candidate execution: its events, for each read the store, and for each location the stores in order.
struct Candidate {
    events: Vec<Event>,
    source: Vec<Option<usize>>,
    modification: Vec<Vec<usize>>,
}

/// What the axioms allow a program.
pub struct Allowed {
    /// For each consistent execution the outcome, and which store each event reads.
    executions: BTreeSet<(Outcome, Vec<Option<usize>>)>,
    /// Thread and index of each statement.
    statements: Vec<(usize, usize)>,
}

impl Allowed {
    pub fn outcomes(&self) -> BTreeSet<Outcome> {
        self.executions.iter().map(|(outcome, _)| *outcome).collect()
    }

    /// The outcomes of executions in which, threads taking turns like this, no read comes before the store it reads.
    pub fn outcomes_under(&self, schedule: &[usize]) -> BTreeSet<Outcome> {
        let mut next = vec![0; schedule.len()];
        let mut moment = vec![0; LOCATIONS + self.statements.len()];
        for (now, &thread) in schedule.iter().enumerate() {
            let statement = self.statements.iter().position(|at| *at == (thread, next[thread])).unwrap();
            moment[LOCATIONS + statement] = now + 1;
            next[thread] += 1;
        }
        let fits = |source: &[Option<usize>]| {
            source.iter().enumerate().all(|(read, store)| store.is_none_or(|store| moment[store] < moment[read]))
        };
        self.executions.iter().filter(|(_, source)| fits(source)).map(|(outcome, _)| *outcome).collect()
    }
}

/// Every execution of the program; `None` when there would be more than `most` choices of stores to read.
pub fn allowed(program: &Program, most: usize) -> Option<Allowed> {
    // Events 0 to LOCATIONS - 1 are the initial stores; then come the statements, thread by thread.
    let statements: Vec<(usize, usize, Statement)> = (program.threads.iter().enumerate())
        .flat_map(|(thread, list)| list.iter().enumerate().map(move |(index, statement)| (thread, index, *statement)))
        .collect();
    let reads: Vec<usize> = (0..statements.len()).filter(|at| statements[*at].2.reads()).collect();
    // What each read may read from, by the look of the program, and whether a weak compare-exchange gives up.
    let options: Vec<Vec<(usize, bool)>> = reads
        .iter()
        .map(|&at| {
            let (thread, index, reader) = statements[at];
            let location = reader.location().unwrap();
            let mut sources = vec![location];
            sources.extend((0..statements.len()).filter_map(|other| {
                let (other_thread, other_index, writer) = statements[other];
                let writes = writer.location().is_some() && !matches!(writer, Statement::Load { .. });
                let later = other_thread == thread && other_index >= index;
                (writes && writer.location() == Some(location) && !later).then_some(other + LOCATIONS)
            }));
            let weak = matches!(reader, Statement::CompareExchange { weak: true, .. });
            sources
                .into_iter()
                .flat_map(|source| [(source, false), (source, true)])
                .filter(|(_, fails)| weak || !fails)
                .collect()
        })
        .collect();
    if options
        .iter()
        .try_fold(1usize, |product, list| product.checked_mul(list.len()))
        .is_none_or(|product| product > most)
    {
        return None;
    }
    let mut executions = BTreeSet::new();
    let mut picks = vec![0; reads.len()];
    loop {
        let mut source = vec![None; statements.len() + LOCATIONS];
        for (read, pick) in picks.iter().enumerate() {
            source[reads[read] + LOCATIONS] = Some(options[read][*pick]);
        }
        if let Some((events, outcome)) = evaluate(&statements, &source) {
            let source = source.iter().map(|source| source.map(|(store, _)| store)).collect();
            each_modification_order(events, source, outcome, &mut executions);
        }
        let Some(place) = (0..picks.len()).find(|place| picks[*place] + 1 < options[*place].len()) else { break };
        picks[..place].fill(0);
        picks[place] += 1;
    }
    let statements = statements.into_iter().map(|(thread, index, _)| (thread, index)).collect();
    Some(Allowed { executions, statements })
}

/// Works out all values, given who reads from whom. `None` if the reads wait for each other in a circle, or do not fit.
fn evaluate(
    statements: &[(usize, usize, Statement)],
    source: &[Option<(usize, bool)>],
) -> Option<(Vec<Event>, Outcome)> {
    let mut events: Vec<Option<Event>> = vec![None; source.len()];
    for (location, event) in events.iter_mut().enumerate().take(LOCATIONS) {
        *event = Some(Event {
            thread: None,
            index: 0,
            location: Some(location),
            fence: false,
            joins: None,
            order: Order::Relaxed,
            reads: false,
            writes: true,
            written: 0,
        });
    }
    let mut outcome = Outcome::default();
    loop {
        let ready = |at: usize| {
            let (thread, index, _) = statements[at];
            let first_before = |other: usize| statements[other].0 == thread && statements[other].1 + 1 == index;
            let before = index == 0 || (0..at).any(|other| first_before(other) && events[other + LOCATIONS].is_some());
            let read = source[at + LOCATIONS].is_none_or(|(store, _)| events[store].is_some());
            let ended = |ended: usize| {
                (0..statements.len()).all(|other| statements[other].0 != ended || events[other + LOCATIONS].is_some())
            };
            let joined = !matches!(statements[at].2, Statement::Join { thread } if !ended(thread));
            events[at + LOCATIONS].is_none() && before && read && joined
        };
        let Some(at) = (0..statements.len()).find(|at| ready(*at)) else { break };
        let (thread, index, statement) = statements[at];
        let (seen, gives_up) = match source[at + LOCATIONS] {
            Some((store, gives_up)) => {
                let store = events[store].as_ref().unwrap();
                if !store.writes {
                    return None;
                }
                (store.written, gives_up)
            }
            None => (0, false),
        };
        let registers = &mut outcome.registers;
        let value = |value: Value, registers: &[u8]| match value {
            Value::Constant(constant) => constant,
            Value::Register(register) => registers[register],
        };
        let (order, reads, written) = match statement {
            Statement::Load { register, order, .. } => {
                registers[register] = seen;
                (order, true, None)
            }
            Statement::Store { order, value: new, .. } => (order, false, Some(value(new, registers))),
            Statement::Add { register, order, value, .. } => {
                registers[register] = seen;
                (order, true, Some(seen + value))
            }
            Statement::Exchange { register, order, value: new, .. } => {
                let new = value(new, registers);
                registers[register] = seen;
                (order, true, Some(new))
            }
            Statement::CompareExchange { register, done, orders, values, .. } => {
                if gives_up && seen != values.0 {
                    return None;
                }
                let stores = seen == values.0 && !gives_up;
                registers[register] = seen;
                registers[done] = stores.into();
                if stores { (orders.0, true, Some(values.1)) } else { (orders.1, true, None) }
            }
            Statement::Fence { order } => (order, false, None),
            Statement::End | Statement::Join { .. } => (Order::Relaxed, false, None),
        };
        events[at + LOCATIONS] = Some(Event {
            thread: Some(thread),
            index,
            location: statement.location(),
            fence: matches!(statement, Statement::Fence { .. }),
            joins: if let Statement::Join { thread } = statement { Some(thread) } else { None },
            order,
            reads,
            writes: written.is_some(),
            written: written.unwrap_or(0),
        });
    }
    let events: Option<Vec<Event>> = events.into_iter().collect();
    Some((events?, outcome))
}

/// Goes through all orders of the stores to each location, and adds each consistent execution.
fn each_modification_order(
    events: Vec<Event>,
    source: Vec<Option<usize>>,
    outcome: Outcome,
    executions: &mut BTreeSet<(Outcome, Vec<Option<usize>>)>,
) {
    let stores = |location: usize| -> Vec<usize> {
        (LOCATIONS..events.len()).filter(|at| events[*at].writes && events[*at].location == Some(location)).collect()
    };
    let orders: Vec<Vec<Vec<usize>>> = (0..LOCATIONS)
        .map(|location| {
            let mut orders = Vec::new();
            permutations(&mut stores(location), 0, &mut |order| {
                let order: Vec<usize> = std::iter::once(location).chain(order.iter().copied()).collect();
                // A cheap look ahead at two of the conditions that are checked in full later.
                let in_program_order = (0..order.len()).all(|later| {
                    (1..later).all(|earlier| {
                        let (early, late) = (&events[order[earlier]], &events[order[later]]);
                        early.thread != late.thread || early.index < late.index
                    })
                });
                let atomic =
                    (1..order.len()).all(|at| !events[order[at]].reads || source[order[at]] == Some(order[at - 1]));
                if in_program_order && atomic {
                    orders.push(order);
                }
            });
            orders
        })
        .collect();
    let mut candidate = Candidate { events, source, modification: Vec::new() };
    for x in &orders[0] {
        for y in &orders[1] {
            for z in &orders[2] {
                candidate.modification = vec![x.clone(), y.clone(), z.clone()];
                let mut outcome = outcome;
                for location in 0..LOCATIONS {
                    let last = *candidate.modification[location].last().unwrap();
                    outcome.locations[location] = candidate.events[last].written;
                }
                let execution = (outcome, candidate.source.clone());
                if !executions.contains(&execution) && candidate.is_consistent() {
                    executions.insert(execution);
                }
            }
        }
    }
}

fn permutations(list: &mut [usize], from: usize, each: &mut dyn FnMut(&[usize])) {
    if from == list.len() {
        return each(list);
    }
    for at in from..list.len() {
        list.swap(from, at);
        permutations(list, from + 1, each);
        list.swap(from, at);
    }
}

impl Candidate {
    fn is_consistent(&self) -> bool {
        let events = &self.events;
        let all = events.len();
        // [intro.execution]: sequenced before, within a thread. The initial stores precede everything, as what a thread
        // does before it starts others.
        let sequenced = Relation::of(all, |a, b| {
            let (a, b) = (&events[a], &events[b]);
            a.thread.is_some() && a.thread == b.thread && a.index < b.index
        });
        let initial = |a: usize, b: usize| events[a].thread.is_none() && events[b].thread.is_some();
        let place = |store: usize| {
            let location = events[store].location.unwrap();
            self.modification[location].iter().position(|at| *at == store).unwrap()
        };
        let same = |a: usize, b: usize| events[a].location.is_some() && events[a].location == events[b].location;
        let modified_before =
            Relation::of(all, |a, b| same(a, b) && events[a].writes && events[b].writes && place(a) < place(b));
        let reads_from = |read: usize, store: usize| self.source[read] == Some(store);

        // [intro.races]/5: the release sequence headed by a store: it, and the read-modify-writes that follow it
        // without a gap in modification order. [atomics.fences] uses it for stores that are no releases, too.
        let in_sequence = Relation::of(all, |head, member| {
            same(head, member)
                && events[head].writes
                && events[member].writes
                && place(head) <= place(member)
                && (place(head) + 1..=place(member)).all(|at| {
                    let store = &events[self.modification[events[head].location.unwrap()][at]];
                    store.reads
                })
        });
        let reads_sequence = Relation::of(all, |head, read| {
            (0..all).any(|store| reads_from(read, store) && in_sequence.has(head, store))
        });

        // [atomics.order]/2 and [atomics.fences]/2 to 4.
        let synchronizes = Relation::of(all, |a, b| {
            if a == b || !events[a].is_release() || !events[b].is_acquire() {
                return false;
            }
            let heads = |x: usize| {
                x == a && events[a].writes || events[a].is_fence() && sequenced.has(a, x) && events[x].writes
            };
            let seen =
                |y: usize| y == b && events[b].reads || events[b].is_fence() && sequenced.has(y, b) && events[y].reads;
            (0..all).any(|x| heads(x) && (0..all).any(|y| seen(y) && reads_sequence.has(x, y)))
        });

        // [thread.thread.member]/4: the end of a thread synchronizes with what waits for it.
        let ends = |a: usize, b: usize| {
            let is_last = || (0..all).all(|other| !sequenced.has(a, other));
            events[a].thread.is_some() && events[b].joins == events[a].thread && is_last()
        };

        // [intro.races]/9 and 10.
        let happens_before =
            Relation::of(all, |a, b| sequenced.has(a, b) || synchronizes.has(a, b) || ends(a, b) || initial(a, b))
                .closed();
        if !happens_before.is_irreflexive() {
            return false;
        }

        // [intro.races]/14 to 17: coherence.
        for a in 0..all {
            for b in (0..all).filter(|b| same(a, *b) && happens_before.has(a, *b)) {
                let (first, second) = (&events[a], &events[b]);
                let write_write = !(first.writes && second.writes) || modified_before.has(a, b);
                let read_read = !(first.reads && second.reads) || {
                    let (x, y) = (self.source[a].unwrap(), self.source[b].unwrap());
                    x == y || modified_before.has(x, y)
                };
                let read_write = !(first.reads && second.writes) || modified_before.has(self.source[a].unwrap(), b);
                let write_read = !(first.writes && second.reads) || {
                    let x = self.source[b].unwrap();
                    x == a || modified_before.has(a, x)
                };
                if !(write_write && read_read && read_write && write_read) {
                    return false;
                }
            }
        }
        for read in (0..all).filter(|read| events[*read].reads) {
            let store = self.source[read].unwrap();
            if happens_before.has(read, store) {
                return false;
            }
            // [atomics.order]/10: a read-modify-write reads the last value before its own in modification order.
            if events[read].writes && place(store) + 1 != place(read) {
                return false;
            }
        }

        // [intro.races]/12: strongly happens before. Only where it ends at sequentially consistent operations does it
        // matter.
        let strongly_before = Relation::of(all, |a, d| {
            let both =
                events[a].is_seq_cst() && events[d].is_seq_cst() && !events[a].is_fence() && !events[d].is_fence();
            sequenced.has(a, d)
                || synchronizes.has(a, d) && both
                || (0..all)
                    .any(|b| sequenced.has(a, b) && (0..all).any(|c| happens_before.has(b, c) && sequenced.has(c, d)))
        })
        .closed();

        // [atomics.order]/3: coherence-ordered before.
        let coherence_before = Relation::of(all, |a, b| {
            reads_from(b, a)
                || modified_before.has(a, b)
                || a != b && (0..all).any(|x| reads_from(a, x) && modified_before.has(x, b))
        })
        .closed();

        // [atomics.order]/4: what the single total order S must satisfy.
        let mut before = Relation::new(all);
        let fence = |event: usize| events[event].is_seq_cst() && events[event].is_fence();
        for a in 0..all {
            for b in 0..all {
                if events[a].is_seq_cst() && events[b].is_seq_cst() && strongly_before.has(a, b) {
                    before.0[a][b] = true;
                }
                if !coherence_before.has(a, b) {
                    continue;
                }
                let seq_cst = |event: usize| events[event].is_seq_cst();
                if seq_cst(a) && seq_cst(b) {
                    before.0[a][b] = true;
                }
                for y in (0..all).filter(|y| fence(*y) && happens_before.has(b, *y)) {
                    if seq_cst(a) {
                        before.0[a][y] = true;
                    }
                }
                for x in (0..all).filter(|x| fence(*x) && happens_before.has(*x, a)) {
                    if seq_cst(b) {
                        before.0[x][b] = true;
                    }
                    for y in (0..all).filter(|y| fence(*y) && happens_before.has(b, *y)) {
                        before.0[x][y] = true;
                    }
                }
            }
        }
        let mut waiting: Vec<usize> = (0..all).filter(|event| events[*event].is_seq_cst()).collect();
        while let Some(next) =
            (0..waiting.len()).find(|at| waiting.iter().all(|other| !before.has(*other, waiting[*at])))
        {
            waiting.swap_remove(next);
        }
        waiting.is_empty()
    }
}
