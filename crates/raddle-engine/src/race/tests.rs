//! The detector against its naive twin: every access to every byte remembered, and compared with full clocks.

use super::{Conflict, Detector, Entry, Granule, Kind, whole};
use crate::random::Random;
use proptest::prelude::*;

const THREADS: usize = 3;
const BASE: u64 = 1_000;

/// What happens in a random history.
#[derive(Clone, Copy, Debug)]
enum Event {
    Access {
        thread: usize,
        first: u8,
        length: u8,
        kind: Kind,
    },
    /// `from` publishes all it knows to `to`.
    Edge {
        from: usize,
        to: usize,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let kinds = prop_oneof![Just(Kind::Read), Just(Kind::Write), Just(Kind::AtomicRead), Just(Kind::AtomicWrite)];
    let access = (0..THREADS, 0..8u8, 1..9u8, kinds).prop_map(|(thread, first, length, kind)| Event::Access {
        thread,
        first,
        length: length.min(8 - first),
        kind,
    });
    let edge = (0..THREADS, 0..THREADS).prop_map(|(from, to)| Event::Edge { from, to });
    prop_oneof![2 => access, 3 => edge]
}

/// Clocks as plain arrays; a thread's time goes up after each edge it is the source of.
struct Clocks([[u64; THREADS]; THREADS]);

impl Clocks {
    fn new(base: u64) -> Self {
        let mut clocks = [[base; THREADS]; THREADS];
        for (thread, clock) in clocks.iter_mut().enumerate() {
            clock[thread] = base + 1;
        }
        Clocks(clocks)
    }

    fn edge(&mut self, from: usize, to: usize) {
        for thread in 0..THREADS {
            self.0[to][thread] = self.0[to][thread].max(self.0[from][thread]);
        }
        self.0[from][from] += 1;
    }
}

#[derive(Clone, Copy)]
struct Past {
    thread: usize,
    time: u64,
    mask: u8,
    kind: Kind,
}

fn naive(history: &[Past], clocks: &Clocks, now: &Past) -> bool {
    history.iter().any(|past| {
        past.mask & now.mask != 0
            && past.thread != now.thread
            && (past.kind.writes() || now.kind.writes())
            && !(past.kind.atomic() && now.kind.atomic())
            && past.time > clocks.0[now.thread][past.thread]
    })
}

/// Plays a history on a granule; the index of the event at which both found the first race.
fn play(detector: &mut Detector, granule: &mut Granule, base: u64, events: &[Event], short: bool) -> Option<usize> {
    detector.begin(base);
    let mut clocks = Clocks::new(base);
    let mut history = Vec::new();
    for (at, event) in events.iter().enumerate() {
        match *event {
            Event::Edge { from, to } if from != to => clocks.edge(from, to),
            Event::Edge { .. } => {}
            Event::Access { thread, first, length, kind } => {
                let mask = (((1u16 << length) - 1) << first) as u8;
                let now = Past { thread, time: clocks.0[thread][thread], mask, kind };
                let covers = |other: u32, time: u64| time <= clocks.0[thread][other as usize];
                let settled = |other: u32, time: u64| clocks.0.iter().all(|clock| time <= clock[other as usize]);
                // As the runtime does, and the same without the short way for atomic accesses.
                let me = (thread as u32, now.time);
                let entry = Entry::new(me.0, me.1, true, mask);
                let plain = Entry::new(me.0, me.1, false, mask);
                let read_again = kind == Kind::Read && short && detector.read_among_reads(granule, plain, covers);
                let is_among_atomic =
                    kind.atomic() && short && detector.atomic_among_atomic(granule, entry, kind.writes());
                let found = if read_again || is_among_atomic {
                    Ok(())
                } else if kind.atomic() && short {
                    detector.atomic_access(granule, me, mask, kind, covers, settled)
                } else {
                    detector.access(granule, me, mask, kind, covers, settled)
                };
                let expected = naive(&history, &clocks, &now);
                assert_eq!(found.is_err(), expected, "event {at} of {events:?}: {found:?}");
                if let Err(Conflict::Race { earlier, kind }) = found {
                    let real = history.iter().any(|past| {
                        past.thread as u32 == earlier.thread()
                            && past.time == earlier.time()
                            && past.kind == kind
                            && past.mask & mask != 0
                    });
                    assert!(real, "{earlier:?} never happened");
                    return Some(at);
                }
                history.push(now);
            }
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn agrees_with_the_naive_detector(
        first in proptest::collection::vec(event(), 0..40), second in proptest::collection::vec(event(), 0..40),
        freed: Option<u8>,
    ) {
        for short in [true, false] {
            let (mut detector, mut granule) = (Detector::default(), Granule::default());
            play(&mut detector, &mut granule, BASE, &first, short);
            if let Some(mask) = freed {
                detector.free(&mut granule, (0, 2 * BASE), mask);
            }
            // What the first execution has left in the granule does not matter to the second.
            play(&mut detector, &mut granule, 2 * BASE, &second, short);
        }
    }
}

fn never(_: u32, _: u64) -> bool {
    false
}

#[test]
fn bytes_side_by_side_do_not_race() {
    let (mut detector, mut granule) = (Detector::default(), Granule::default());
    detector.begin(BASE);
    let strangers = |_, time| time <= BASE;
    assert_eq!(detector.access(&mut granule, (0, BASE + 1), 0x0f, Kind::Write, strangers, never), Ok(()));
    assert_eq!(detector.access(&mut granule, (1, BASE + 1), 0xf0, Kind::Write, strangers, never), Ok(()));
    let found = detector.access(&mut granule, (1, BASE + 1), 0x18, Kind::Read, strangers, never);
    let earlier = Entry::new(0, BASE + 1, false, 0x0f);
    assert_eq!(found, Err(Conflict::Race { earlier, kind: Kind::Write }));
}

#[test]
fn the_fast_form_is_the_last_access_itself() {
    let (mut detector, mut granule) = (Detector::default(), Granule::default());
    detector.begin(BASE);
    let all = |_, _| true;
    detector.access(&mut granule, (3, BASE + 7), 0xff, Kind::Write, all, never).unwrap();
    assert_eq!(granule, Granule { write: whole(3, BASE + 7), read: 0 });
    detector.access(&mut granule, (4, BASE + 2), 0xff, Kind::Read, all, never).unwrap();
    assert_eq!(granule, Granule { write: whole(3, BASE + 7), read: whole(4, BASE + 2) });
}

#[test]
fn freed_memory_is_known_until_it_is_given_out_again_or_the_execution_ends() {
    let (mut detector, mut granule) = (Detector::default(), Granule::default());
    let all = |_, _| true;
    detector.begin(BASE);
    detector.access(&mut granule, (1, BASE + 1), 0x01, Kind::AtomicWrite, all, never).unwrap();
    detector.free(&mut granule, (1, BASE + 2), 0x0f);
    let freed = Err(Conflict::Freed { thread: 1, time: BASE + 2 });
    assert_eq!(detector.access(&mut granule, (1, BASE + 2), 0x01, Kind::Read, all, never), freed);
    assert_eq!(detector.access(&mut granule, (2, BASE + 1), 0x08, Kind::AtomicWrite, all, never), freed);
    // Who has freed it knows no better, whatever it has read before.
    let mut all_of_it = Granule::default();
    detector.access(&mut all_of_it, (1, BASE + 1), 0xff, Kind::Read, all, never).unwrap();
    detector.free(&mut all_of_it, (1, BASE + 2), 0xff);
    assert!(!all_of_it.knows(whole(1, BASE + 2), 0xff, false));
    assert_eq!(detector.access(&mut all_of_it, (1, BASE + 2), 0xff, Kind::Read, all, never), freed);
    assert_eq!(detector.access(&mut all_of_it, (1, BASE + 3), 0xff, Kind::Read, all, never), freed);
    let mut again = granule;
    detector.fresh(&mut again);
    assert_eq!(detector.access(&mut again, (2, BASE + 1), 0xff, Kind::Write, all, never), Ok(()));
    detector.begin(2 * BASE);
    assert_eq!(detector.access(&mut granule, (1, 2 * BASE + 1), 0xff, Kind::Write, all, never), Ok(()));
}

/// A random granule, with the detector that knows its records, in an execution whose times lie above [`BASE`] or 0.
fn random_granule(random: &mut Random) -> (Detector, Granule) {
    let (mut detector, mut granule) = (Detector::default(), Granule::default());
    detector.begin(0);
    // The first accesses may be of an earlier execution.
    let earlier = random.below(3);
    for step in 0..earlier + random.below(4) {
        if step == earlier {
            detector.begin(BASE);
        }
        let at = (random.below(2) as u32, detector.base() + 1 + step as u64);
        let mask = [0xff, 0xff, 0x0f, 0xf0, 0x01][random.below(5)];
        let kind = [Kind::Read, Kind::Write, Kind::Read, Kind::Write, Kind::AtomicRead, Kind::AtomicWrite];
        match random.below(8) {
            0 => detector.free(&mut granule, at, 0xff),
            // Whether that is a conflict is none of these tests' business.
            _ => drop(detector.access(&mut granule, at, mask, kind[random.below(6)], |_, _| true, never)),
        }
    }
    (detector, granule)
}

#[test]
fn an_access_to_all_of_a_granule_is_the_same_in_short() {
    let mut random = Random::new(6, 0);
    let mut taken = 0;
    for _ in 0..40_000 {
        let (detector, mut granule) = random_granule(&mut random);
        let (writes, floor) = (random.below(2) == 0, detector.floor());
        let now = whole(0, detector.base() + 1 + random.below(8) as u64);
        let mut short = granule;
        let (long, taken_short) =
            (granule.own_access(Entry(now), floor, writes), short.own_whole_access(now, floor, writes));
        assert_eq!((taken_short, short), (long, granule));
        taken += usize::from(long);
    }
    assert!(taken > 1000, "{taken}");
}

#[test]
fn giving_back_is_a_write_and_the_end() {
    let mut random = Random::new(7, 0);
    let (mut races, mut freed, mut taken, mut alone) = (0, 0, 0, 0);
    for _ in 0..40_000 {
        let seed = random.clone();
        let (mut short_detector, mut short) = random_granule(&mut random);
        let (mut detector, mut granule) = random_granule(&mut seed.clone());
        let me = (random.below(2) as u32, detector.base() + 9);
        let known = random.below(6) as u64;
        let covers = |_: u32, time: u64| time <= BASE + known;
        let found = detector.access(&mut granule, me, 0xff, Kind::Write, covers, never);
        detector.free(&mut granule, me, 0xff);
        let mut shortest = short;
        if shortest.give_back(Entry(whole(me.0, me.1)), detector.floor(), covers) {
            taken += 1;
            assert_eq!((shortest, Ok(())), (granule, found));
        } else {
            assert_eq!(shortest, short, "nothing has changed");
        }
        let mut own = short;
        if own.give_back_own(Entry(whole(me.0, me.1)), detector.floor()) {
            alone += 1;
            assert_eq!((own, Ok(())), (granule, found));
        } else {
            assert_eq!(own, short, "nothing has changed");
        }
        assert_eq!(short_detector.give_back(&mut short, me, 0xff, covers), found);
        assert_eq!(short, granule);
        races += usize::from(matches!(found, Err(Conflict::Race { .. })));
        freed += usize::from(matches!(found, Err(Conflict::Freed { .. })));
    }
    assert!(races > 1000 && freed > 1000 && taken > alone && alone > 1000, "{races} {freed} {taken} {alone}");
}

#[test]
fn an_access_that_comes_after_all_others_is_the_same_in_short() {
    let mut random = Random::new(8, 0);
    let mut taken = 0;
    for _ in 0..40_000 {
        let (mut detector, mut granule) = random_granule(&mut random);
        let (me, mask) = ((random.below(2) as u32, detector.base() + 9), [0xff, 0x0f, 0xf0][random.below(3)]);
        let (kind, known) = ([Kind::Read, Kind::Write][random.below(2)], random.below(6) as u64);
        let covers = |_: u32, time: u64| time <= BASE + known;
        let (now, floor, mut short) = (Entry::new(me.0, me.1, false, mask), detector.floor(), granule);
        // As the runtime does: only where the thread has not been alone.
        if granule.own_access(now, floor, kind.writes()) {
            continue;
        }
        if short.ordered_access(now, floor, kind.writes(), covers) {
            taken += 1;
            assert_eq!(detector.shared_access(&mut granule, me, mask, kind, covers, never), Ok(()));
        }
        assert_eq!(short, granule);
    }
    assert!(taken > 1000, "{taken}");
}

#[test]
fn of_many_threads_each_keeps_its_last_atomic_access() {
    let mut random = Random::new(9, 0);
    let mut races = 0;
    for _ in 0..2_000 {
        let (mut detector, mut granule) = (Detector::default(), Granule::default());
        detector.begin(BASE);
        let mut last = std::collections::BTreeMap::new();
        let accesses = 1 + random.below(200) as u64;
        for time in 1..=accesses {
            let (thread, mask) = (random.below(40) as u32, [0xff, 0x0f, 0xf0][random.below(3)]);
            let kind = [Kind::AtomicRead, Kind::AtomicWrite][random.below(2)];
            let now = Entry::new(thread, BASE + time, true, mask);
            if !detector.atomic_among_atomic(&granule, now, kind.writes()) {
                let me = (thread, BASE + time);
                detector.atomic_access(&mut granule, me, mask, kind, |_, _| false, never).unwrap();
            }
            last.insert((thread, mask, kind.writes()), time);
        }
        let (me, mask) = (random.below(40) as u32, [0xff, 0x0f, 0xf0][random.below(3)]);
        let (kind, known) =
            ([Kind::Read, Kind::Write][random.below(2)], BASE + random.below(accesses as usize + 1) as u64);
        let races_with = |(&(thread, of, writes), time): (&(u32, u8, bool), &u64)| {
            thread != me && of & mask != 0 && (writes || kind.writes()) && BASE + time > known
        };
        let found =
            detector.access(&mut granule, (me, BASE + accesses + 1), mask, kind, |_, time| time <= known, never);
        assert_eq!(found.is_err(), last.iter().any(races_with));
        races += usize::from(found.is_err());
    }
    assert!((500..1900).contains(&races), "{races}");
}
