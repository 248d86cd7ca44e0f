//! Stacks in the forms that other tools read.
//!
//! *Folded*: a line for each stack, outermost function first, and a number, as Brendan Gregg's `flamegraph.pl`,
//! `inferno` and speedscope read it. The number is milliseconds; the first word is the process, the second what the
//! thread did, so that running and waiting show side by side.
//!
//! *Firefox profiler*: its processed profile format, version 48, for <https://profiler.firefox.com>, which reads a local
//! file without sending it anywhere. Each thread has the samples that were taken of it, with their weights.

use raddle_profile::model::Report;
use raddle_profile::watch::session::{Sample, Samples};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// Folded stacks.
pub fn folded(samples: &Samples) -> String {
    let mut lines: BTreeMap<String, f64> = BTreeMap::new();
    for sample in &samples.samples {
        let mut words = vec![word(&process(samples, sample.pid)), word(sample.state.label())];
        words.extend(samples.stacks[sample.stack].iter().rev().map(|function| word(&function.name)));
        *lines.entry(words.join(";")).or_default() += sample.weight * 1000.0;
    }
    lines
        .into_iter()
        .map(|(stack, milliseconds)| (stack, milliseconds.round() as u64))
        .filter(|(_, milliseconds)| *milliseconds > 0)
        .map(|(stack, milliseconds)| format!("{stack} {milliseconds}\n"))
        .collect()
}

/// The signs that part words and lines must not stand within one.
fn word(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == ';' {
                ':'
            } else if c.is_control() {
                ' '
            } else {
                c
            }
        })
        .collect()
}

fn process(samples: &Samples, pid: i32) -> String {
    let found = samples.processes.iter().find(|(known, _)| *known == pid);
    found.map_or_else(|| format!("process {pid}"), |(_, name)| name.clone())
}

/// The Firefox profiler's format.
pub fn firefox(report: &Report, samples: &Samples) -> String {
    let mut by_thread: BTreeMap<(i32, i32), Vec<&Sample>> = BTreeMap::new();
    for sample in &samples.samples {
        by_thread.entry((sample.pid, sample.tid)).or_default().push(sample);
    }
    let interval = 1000.0 / report.measurement.sampling.rate.max(1e-9);
    let threads: Vec<Value> = by_thread.iter().map(|((pid, tid), list)| thread(samples, *pid, *tid, list)).collect();
    let command = report.measurement.subject.command.join(" ");
    json!({
        "meta": {
            "interval": interval,
            "startTime": 0,
            "processType": 0,
            "product": command,
            "stackwalk": 1,
            "debug": false,
            "version": 29,
            "preprocessedProfileVersion": 48,
            "symbolicated": true,
            "markerSchema": [],
            "categories": [
                {"name": "Running", "color": "yellow", "subcategories": ["Other"]},
                {"name": "Waiting", "color": "blue", "subcategories": ["Other"]}
            ],
            "sampleUnits": {"time": "ms", "eventDelay": "ms", "threadCPUDelta": "\u{b5}s"},
            "importedFrom": "Raddle"
        },
        "libs": [],
        "pages": [],
        "threads": threads
    })
    .to_string()
}

/// The tables of one thread: each refers to the one before it by number.
#[derive(Default)]
struct Tables {
    strings: Vec<String>,
    string_numbers: HashMap<String, usize>,
    functions: HashMap<usize, usize>,
    function_names: Vec<usize>,
    frames: HashMap<(usize, usize), usize>,
    frame_rows: Vec<(usize, usize)>,
    stacks: HashMap<(Option<usize>, usize), usize>,
    stack_rows: Vec<(Option<usize>, usize)>,
}

impl Tables {
    fn string(&mut self, text: &str) -> usize {
        if let Some(number) = self.string_numbers.get(text) {
            return *number;
        }
        self.strings.push(text.to_owned());
        self.string_numbers.insert(text.to_owned(), self.strings.len() - 1);
        self.strings.len() - 1
    }

    fn frame(&mut self, name: &str, category: usize) -> usize {
        let string = self.string(name);
        let names = &mut self.function_names;
        let function = *self.functions.entry(string).or_insert_with(|| {
            names.push(string);
            names.len() - 1
        });
        let rows = &mut self.frame_rows;
        *self.frames.entry((function, category)).or_insert_with(|| {
            rows.push((function, category));
            rows.len() - 1
        })
    }

    fn stack(&mut self, prefix: Option<usize>, frame: usize) -> usize {
        let rows = &mut self.stack_rows;
        *self.stacks.entry((prefix, frame)).or_insert_with(|| {
            rows.push((prefix, frame));
            rows.len() - 1
        })
    }
}

fn thread(samples: &Samples, pid: i32, tid: i32, list: &[&Sample]) -> Value {
    let mut tables = Tables::default();
    let mut rows = Vec::new();
    for sample in list {
        let category = usize::from(sample.state.is_blocked());
        let mut prefix = None;
        let label = sample.state.label();
        let root = tables.frame(label, category);
        prefix = Some(tables.stack(prefix, root));
        for function in samples.stacks[sample.stack].iter().rev() {
            let frame = tables.frame(&function.name, category);
            prefix = Some(tables.stack(prefix, frame));
        }
        rows.push((prefix, sample.at * 1000.0, sample.weight * 1000.0));
    }
    rows.sort_by(|a, b| a.1.total_cmp(&b.1));
    let name = samples.threads.iter().find(|(known, _)| *known == tid).map_or("thread", |(_, name)| name.as_str());
    let (functions, frames, stacks) = (tables.function_names.len(), tables.frame_rows.len(), tables.stack_rows.len());
    let none = |count: usize| vec![Value::Null; count];
    let zeros = |count: usize| vec![0; count];
    json!({
        "processType": "default",
        "processStartupTime": 0,
        "processShutdownTime": null,
        "registerTime": 0,
        "unregisterTime": null,
        "pausedRanges": [],
        "name": name,
        "processName": process(samples, pid),
        "isMainThread": pid == tid,
        "pid": pid.to_string(),
        "tid": tid,
        "samples": {
            "length": rows.len(),
            "weightType": "tracing-ms",
            "stack": rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            "time": rows.iter().map(|row| row.1).collect::<Vec<_>>(),
            "weight": rows.iter().map(|row| row.2).collect::<Vec<_>>()
        },
        "markers": {"length": 0, "category": [], "data": [], "endTime": [], "name": [], "phase": [], "startTime": []},
        "stackTable": {
            "length": stacks,
            "prefix": tables.stack_rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            "frame": tables.stack_rows.iter().map(|row| row.1).collect::<Vec<_>>(),
            "category": tables.stack_rows.iter().map(|row| tables.frame_rows[row.1].1).collect::<Vec<_>>(),
            "subcategory": zeros(stacks)
        },
        "frameTable": {
            "length": frames,
            "address": vec![-1; frames],
            "inlineDepth": zeros(frames),
            "category": tables.frame_rows.iter().map(|row| row.1).collect::<Vec<_>>(),
            "subcategory": zeros(frames),
            "func": tables.frame_rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            "nativeSymbol": none(frames),
            "innerWindowID": none(frames),
            "implementation": none(frames),
            "line": none(frames),
            "column": none(frames)
        },
        "funcTable": {
            "length": functions,
            "name": tables.function_names,
            "isJS": vec![false; functions],
            "relevantForJS": vec![false; functions],
            "resource": vec![-1; functions],
            "fileName": none(functions),
            "lineNumber": none(functions),
            "columnNumber": none(functions)
        },
        "resourceTable": {"length": 0, "lib": [], "name": [], "host": [], "type": []},
        "nativeSymbols": {"length": 0, "libIndex": [], "address": [], "name": [], "functionSize": []},
        "stringArray": tables.strings
    })
}
