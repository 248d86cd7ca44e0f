//! A pipeline: stages on threads of their own, joined by bounded queues.
//!
//! Lines go in, are parsed by several workers, and are added up by name. A queue that is full makes the stage before it
//! wait, so no more lines are under way than the queues and workers hold: that is backpressure. A stage ends when the one
//! before it has, and in the end all threads have been joined; where a stage fails, the queues into it close, and those
//! before it stop at their next line instead of filling memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// How large the pipeline is.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Workers that parse.
    pub workers: usize,
    /// Items that each queue holds.
    pub queue: usize,
}

/// A line that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine(pub String);

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// For each name, the sum of its numbers; or the first bad line that was met.
    pub totals: Result<BTreeMap<String, u64>, BadLine>,
    /// Lines taken from the source.
    pub taken: usize,
    /// Most lines that were under way at once: taken, and not yet added up.
    pub most_under_way: usize,
}

/// Lines under way.
#[derive(Default)]
struct Meter {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Meter {
    fn enter(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

type Parsed = Result<(String, u64), BadLine>;

/// Runs the pipeline over these lines until they end or one of them is bad.
pub fn run(lines: impl Iterator<Item = String> + Send, shape: Shape) -> Done {
    let meter = Meter::default();
    let (to_workers, for_workers) = sync_channel(shape.queue);
    let (to_sum, for_sum) = sync_channel(shape.queue);
    let for_workers = Arc::new(Mutex::new(for_workers));
    thread::scope(|scope| {
        for _ in 0..shape.workers {
            let (for_workers, to_sum) = (Arc::clone(&for_workers), to_sum.clone());
            scope.spawn(move || parse_all(&for_workers, &to_sum));
        }
        // These are the workers' alone now, so that each queue closes when the last of its other side has ended.
        drop((for_workers, to_sum));
        let source = scope.spawn(|| feed(lines, to_workers, &meter));
        let totals = add_up(for_sum, &meter);
        let taken = source.join().unwrap_or_default();
        Done { totals, taken, most_under_way: meter.most.load(Ordering::SeqCst) }
    })
}

/// Hands lines on until they end or nobody takes them any more; tells how many.
fn feed(lines: impl Iterator<Item = String>, to_workers: SyncSender<String>, meter: &Meter) -> usize {
    let mut taken = 0;
    for line in lines {
        taken += 1;
        meter.enter();
        if to_workers.send(line).is_err() {
            break;
        }
    }
    taken
}

/// Parses lines until there are no more or nobody takes the results.
fn parse_all(lines: &Mutex<Receiver<String>>, to_sum: &SyncSender<Parsed>) {
    loop {
        // One worker waits for a line, the others for their turn to.
        let line = lines.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(line) = line else { return };
        if to_sum.send(parse(&line)).is_err() {
            return;
        }
    }
}

/// `name number`.
fn parse(line: &str) -> Parsed {
    let parts = line.split_once(' ').and_then(|(name, number)| Some((name.to_owned(), number.parse().ok()?)));
    parts.ok_or_else(|| BadLine(line.to_owned()))
}

/// Adds up until there is no more or something is wrong. Its queue closes when it returns.
fn add_up(parsed: Receiver<Parsed>, meter: &Meter) -> Result<BTreeMap<String, u64>, BadLine> {
    let mut totals = BTreeMap::new();
    for item in parsed {
        let (name, number) = item?;
        *totals.entry(name).or_default() += number;
        meter.leave();
    }
    Ok(totals)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { workers: 2, queue: 2 };

    fn lines(count: usize) -> impl Iterator<Item = String> + Send {
        (0..count).map(|line| format!("{} {line}", if line % 2 == 0 { "even" } else { "odd" }))
    }

    #[test]
    fn everything_is_added_up() {
        let done = run(lines(10), SHAPE);
        let totals = done.totals.unwrap();
        assert_eq!((totals["even"], totals["odd"], done.taken), (20, 25, 10));
    }

    /// A source that never ends by itself is not read further than the queues hold.
    #[test]
    fn a_slow_end_slows_the_source_down() {
        let done = run(lines(12), SHAPE);
        // Two queues, a line with each worker, one with the source, and one that is being added up.
        assert!(done.most_under_way <= 2 * SHAPE.queue + SHAPE.workers + 2, "{done:?}");
    }

    /// The source would go on for ever; a bad line stops it.
    #[test]
    fn a_bad_line_stops_everything() {
        let endless = (0u64..).map(|line| if line == 3 { "bad".to_owned() } else { format!("good {line}") });
        let done = run(endless, SHAPE);
        assert_eq!(done.totals, Err(BadLine("bad".to_owned())));
        assert!(done.taken >= 4);
    }

    #[test]
    fn nothing_to_do() {
        assert_eq!(run(lines(0), SHAPE), Done { totals: Ok(BTreeMap::new()), taken: 0, most_under_way: 0 });
    }
}
