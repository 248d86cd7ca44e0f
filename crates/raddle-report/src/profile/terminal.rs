//! A profile on a terminal: verdict and reasons first, then what they rest on, then what to do.

use super::terminal_parts::{bar, sparkline};
use crate::style::{Ink, Style};
use crate::text::{clean, cut, pad, paragraph};
use raddle_profile::model::{Bottleneck, Choice, Ending, Measurement, Report, Scaling, Verdict, WhatIf};
use raddle_profile::state::State;
use raddle_profile::watch::Progress;
use raddle_profile::words::{bytes, count, counted, decimal, percent, seconds};

/// Columns of labels.
const LABEL: usize = 12;
/// Lines of lists.
const LISTED: usize = 4;

/// The whole report.
pub fn render(report: &Report, style: &Style) -> String {
    let m = &report.measurement;
    let mut page = Page { style, lines: Vec::new() };
    page.title(m);
    page.verdict(&report.verdict);
    if report.verdict.bottleneck != Bottleneck::NotEnough {
        page.shares(m);
        page.timeline(m);
        page.counts(m);
        page.waits(m);
        page.places(m);
        page.threads(m);
    }
    if let Some(scaling) = &report.scaling {
        page.scaling(scaling);
    }
    page.advice(report);
    page.notes(m);
    let mut text = page.lines.join("\n");
    text.push('\n');
    text
}

/// A line that shows how far a measurement is.
pub fn progress(progress: &Progress) -> String {
    let limit = progress.limit.map_or_else(String::new, |limit| format!(" of {}", seconds(limit)));
    let processes =
        if progress.processes == 1 { "1 process".to_owned() } else { format!("{} processes", progress.processes) };
    format!(
        "watching for {}{limit}: {processes}, {} (Ctrl-C ends the profile and reports)",
        seconds(progress.elapsed),
        counted(progress.threads as u64, "thread")
    )
}

struct Page<'s> {
    style: &'s Style,
    lines: Vec<String>,
}

impl Page<'_> {
    fn width(&self) -> usize {
        self.style.prose_width()
    }

    fn line(&mut self, text: impl Into<String>) {
        self.lines.push(text.into());
    }

    fn blank(&mut self) {
        self.line("");
    }

    /// A paragraph with a label in front of its first line.
    fn labelled(&mut self, label: &str, text: &str, ink: Ink) {
        let lines = paragraph(text, self.width() - LABEL, self.style);
        for (index, line) in lines.into_iter().enumerate() {
            let head = if index == 0 { label } else { "" };
            let head = self.style.ink(ink, head) + &" ".repeat(LABEL - head.len().min(LABEL));
            self.line(format!("{head}{line}").trim_end().to_owned());
        }
    }

    fn item(&mut self, text: &str) {
        let bullet = self.style.signs().bullet;
        let lines = paragraph(text, self.width() - LABEL - 2, self.style);
        for (index, line) in lines.into_iter().enumerate() {
            let head = if index == 0 { bullet } else { " " };
            self.line(format!("{}{head} {line}", " ".repeat(LABEL)));
        }
    }

    fn heading(&mut self, text: &str) {
        let text = self.style.ink(Ink::Heading, text);
        self.blank();
        self.line(text);
    }

    fn title(&mut self, m: &Measurement) {
        let command = clean(&m.subject.command.join(" "), self.style);
        let ending = match m.subject.ending {
            Ending::Exited(code) => format!("ended with exit code {code}"),
            Ending::Signalled(signal) => format!("was ended by signal {signal}"),
            Ending::StillRuns if m.sampling.interrupted => "still runs; stopped by you".to_owned(),
            Ending::StillRuns => "still runs".to_owned(),
            Ending::Gone => "has ended".to_owned(),
        };
        let processes = if m.counts.processes_seen == 1 {
            "1 process".to_owned()
        } else {
            format!("{} processes", count(m.counts.processes_seen))
        };
        let threads = match m.counts.threads_seen {
            0 => String::new(),
            seen => format!(", {}", counted(seen, "thread")),
        };
        let rest = format!("watched for {}; {processes}{threads}; {ending}", seconds(m.wall));
        let name = cut(&command, self.width().saturating_sub(LABEL));
        self.labelled("profile", &name, Ink::Heading);
        self.labelled("", &rest, Ink::Heading);
    }

    fn verdict(&mut self, verdict: &Verdict) {
        self.blank();
        let mut title = verdict.bottleneck.title().to_owned();
        if let Bottleneck::Mixed(told) = &verdict.bottleneck {
            let parts = told.iter().take(3).map(|(state, share)| format!("{} {}", percent(*share), state.label()));
            title = format!("{title}: {}", parts.collect::<Vec<_>>().join(", "));
        }
        let sure = verdict.confidence.map_or_else(String::new, |confidence| {
            format!(
                " (confidence {}: {} +- {} against {})",
                confidence.word(),
                percent(confidence.share),
                percent(confidence.error),
                percent(confidence.threshold)
            )
        });
        let title = self.style.ink(Ink::Strong, &title);
        let head = self.style.ink(Ink::Error, "VERDICT") + &" ".repeat(LABEL - 7);
        self.line(format!("{head}{title}"));
        if !sure.is_empty() {
            self.line(format!("{}{}", " ".repeat(LABEL), self.style.ink(Ink::Faint, sure.trim_start())));
        }
        for reason in verdict.reasons.iter().chain(&verdict.remarks) {
            self.item(&reason.text);
        }
    }

    fn shares(&mut self, m: &Measurement) {
        self.heading(&format!("where the time went, of {}", seconds(m.wall)));
        let mut rows: Vec<(String, f64)> =
            m.shares.ranked().into_iter().map(|(state, amount)| (state.label().to_owned(), amount / m.wall)).collect();
        rows.push(("taken by others".to_owned(), m.taken_by_others / m.wall));
        rows.sort_by(|a, b| b.1.total_cmp(&a.1));
        rows.retain(|(_, share)| *share >= 0.005);
        let width = self.width().saturating_sub(LABEL + 24).clamp(10, 50);
        for (label, share) in rows {
            let drawn = bar(share, width, self.style.unicode);
            self.line(format!("  {} {:>6}  {drawn}", pad(&label, 16), percent(share)));
        }
    }

    fn timeline(&mut self, m: &Measurement) {
        let moments = &m.timeline.moments;
        if moments.len() < 2 {
            return;
        }
        let columns = self.width().saturating_sub(LABEL + 26).clamp(10, 60).min(moments.len());
        let unicode = self.style.unicode;
        let capacity = m.machine.capacity.max(1.0);
        let series =
            |pick: &dyn Fn(&raddle_profile::model::Moment) -> f64| -> Vec<f64> { moments.iter().map(pick).collect() };
        let each = m.wall / columns as f64;
        self.heading(&format!("over time, {} a column", seconds(each)));
        let cores = series(&|moment| moment.cores);
        let working = series(&|moment| moment.working);
        let threads = series(&|moment| moment.threads);
        let top = |values: &[f64]| values.iter().copied().fold(0.0, f64::max).max(1.0);
        let rows = [
            ("cores busy", sparkline(&cores, columns, capacity, unicode), {
                let mean = m.thread_time[State::Cpu] / m.wall.max(1e-9);
                format!("{} of {} on average", decimal(mean), decimal(m.machine.capacity))
            }),
            ("at work", sparkline(&working, columns, top(&working), unicode), {
                let mean = working.iter().sum::<f64>() / working.len() as f64;
                format!("{} tasks on average", decimal(mean))
            }),
            ("threads", sparkline(&threads, columns, top(&threads), unicode), {
                format!("{} at most", count(m.counts.threads_peak))
            }),
        ];
        for (label, line, words) in rows {
            self.line(format!("  {} {line}  {words}", pad(label, LABEL - 2)));
        }
    }

    fn counts(&mut self, m: &Measurement) {
        let c = &m.counts;
        self.heading("counted");
        let migrations = c.migrations.map_or_else(String::new, |number| format!(", {} migrations", count(number)));
        let mut lines = vec![
            format!(
                "CPU {} user, {} system; queued {} behind own threads, {} behind others",
                seconds(m.cpu.user),
                seconds(m.cpu.system),
                seconds(m.own_queue),
                seconds(m.other_queue)
            ),
            format!(
                "{} voluntary and {} involuntary switches{migrations}",
                count(c.voluntary_switches),
                count(c.involuntary_switches)
            ),
            format!(
                "memory {}{}; {} minor and {} major page faults",
                bytes(c.resident_peak),
                if c.swapped_peak > 0 { format!(", {} swapped out", bytes(c.swapped_peak)) } else { String::new() },
                count(c.minor_faults),
                count(c.major_faults)
            ),
            format!(
                "I/O {} read, {} written; from storage {}, to storage {}",
                bytes(c.read),
                bytes(c.written),
                bytes(c.storage_read),
                bytes(c.storage_written)
            ),
        ];
        if c.descriptors_peak > 0 {
            lines.push(format!(
                "up to {} and {}",
                counted(c.descriptors_peak, "descriptor"),
                counted(c.connections_peak, "socket")
            ));
        }
        if let Some(stack) = c.stack_reserve {
            lines.push(format!("{} of address space reserved for each thread's stack", bytes(stack)));
        }
        for line in lines {
            for part in paragraph(&line, self.width() - 2, self.style) {
                self.line(format!("  {part}"));
            }
        }
    }

    fn waits(&mut self, m: &Measurement) {
        let listed: Vec<_> = m.waits.iter().filter(|wait| wait.seconds >= 0.01 * m.wall).take(LISTED).collect();
        if listed.is_empty() {
            return;
        }
        self.heading("longest waits (of all threads, idle ones too)");
        for wait in listed {
            let place = wait.stack.iter().find(|function| !function.contains("libc.so"));
            let place = place.map_or_else(String::new, |function| format!("  in {function}"));
            let call = if wait.call.is_empty() { "-" } else { &wait.call };
            let text = format!("{} {}{place}", call, wait.object);
            let room = self.width().saturating_sub(30);
            self.line(format!(
                "  {:>8}  {} {}",
                seconds(wait.seconds),
                pad(wait.state.label(), 16),
                cut(&clean(text.trim(), self.style), room)
            ));
        }
    }

    fn places(&mut self, m: &Measurement) {
        if m.running.first().is_none_or(|place| place.of < 10) {
            return;
        }
        self.heading(&format!("where threads ran ({})", counted(m.running[0].of, "sample")));
        for place in m.running.iter().take(LISTED) {
            let shown: Vec<&str> = place.stack.iter().take(3).map(String::as_str).collect();
            let text = clean(&shown.join(" < "), self.style);
            let share = percent(place.seen as f64 / place.of.max(1) as f64);
            self.line(format!("  {share:>8}  {}", cut(&text, self.width().saturating_sub(12))));
        }
    }

    fn threads(&mut self, m: &Measurement) {
        if m.threads.len() < 2 {
            return;
        }
        self.heading("threads at work");
        for line in m.threads.iter().take(LISTED) {
            let total = line.time.total().max(1e-9);
            let parts: Vec<String> = line
                .time
                .ranked()
                .into_iter()
                .take(3)
                .filter(|(_, amount)| amount / total >= 0.02)
                .map(|(state, amount)| format!("{} {}", percent(amount / total), state.label()))
                .collect();
            let name =
                if line.name == line.process { line.name.clone() } else { format!("{}/{}", line.process, line.name) };
            let name = if line.count > 1 { format!("{name} x{}", line.count) } else { name };
            let name = cut(&clean(&name, self.style), 24);
            self.line(format!("  {} {}", pad(&name, 24), cut(&parts.join(", "), self.width().saturating_sub(28))));
        }
    }

    fn scaling(&mut self, scaling: &Scaling) {
        self.heading(&format!("scaling with {}; throughput is {}", scaling.varied, scaling.metric));
        let most = scaling.points.iter().map(|point| point.speedup).fold(1.0, f64::max);
        for point in &scaling.points {
            let drawn = bar(point.speedup / most, 24, self.style.unicode);
            self.line(format!(
                "  {:>6}  {:>12.4}  x{:<6.2} {drawn}",
                decimal(point.workers).trim_end_matches(".0"),
                point.median,
                point.speedup
            ));
        }
        for (law, fit) in [("Amdahl", &scaling.amdahl), ("USL", &scaling.usl)] {
            let Some(fit) = fit else { continue };
            let values: Vec<String> = fit
                .coefficients
                .iter()
                .map(|c| format!("{} {:.4} (95 %: {:.4} to {:.4})", c.name, c.value, c.low, c.high))
                .collect();
            self.item(&format!("{law}: {}; residual {}", values.join(", "), percent(fit.residual)));
        }
        if let Some(limits) = &scaling.limits {
            if let Some(limit) = limits.speedup_limit {
                self.item(&format!(
                    "By Amdahl's law no number of workers is more than {limit:.1} times as fast as one."
                ));
            }
            if let Some(best) = &limits.best_workers {
                self.item(&format!(
                    "Best number: {} (95 %: {} to {}), {:.2} times as fast as one.",
                    decimal(best.value),
                    decimal(best.low),
                    decimal(best.high),
                    limits.best_speedup.unwrap_or(1.0)
                ));
            }
        }
        for remark in &scaling.remarks {
            self.item(remark);
        }
    }

    fn advice(&mut self, report: &Report) {
        let advice = &report.advice;
        self.blank();
        let title = match (advice.recommendation.choice, advice.recommendation.size) {
            (Some(choice @ (Choice::ThreadPool | Choice::Processes)), Some(size)) => {
                format!("{} of {size}", choice.title())
            }
            (Some(choice), _) => choice.title().to_owned(),
            (None, _) => "nothing to change on these numbers".to_owned(),
        };
        let title = self.style.ink(Ink::Strong, &title);
        let head = self.style.ink(Ink::Good, "ADVICE") + &" ".repeat(LABEL - 6);
        self.line(format!("{head}{title}"));
        self.labelled("", &advice.recommendation.sentence, Ink::Heading);
        for step in &advice.steps {
            self.item(&step.text);
        }
        for fired in &advice.fired {
            self.labelled("  because", &format!("{} Here: {}.", fired.says, fired.because), Ink::Faint);
        }
        if let Some(what_if) = &advice.what_if {
            self.what_if(what_if);
        }
    }

    fn what_if(&mut self, what_if: &WhatIf) {
        let loads: Vec<f64> = {
            let mut loads: Vec<f64> = what_if.rows.iter().map(|row| row.load).collect();
            loads.sort_by(f64::total_cmp);
            loads.dedup();
            loads
        };
        // Where there is no room for the memory of each load, that of the largest is shown.
        let narrow = self.width() < 32 + 15 * loads.len();
        let (names, cells) = if narrow { (22, 9) } else { (30, 15) };
        self.heading("what if: throughput relative to now, and memory, at more load");
        let mut head = format!("  {}", pad("", names));
        for load in &loads {
            head.push_str(&format!("{:>cells$}", if narrow { format!("{load} x") } else { format!("{load} x load") }));
        }
        if narrow {
            head.push_str("    memory");
        }
        let head = self.style.ink(Ink::Faint, &head);
        self.line(head);
        for choice in [
            Choice::Sequential,
            Choice::Threads,
            Choice::ThreadPool,
            Choice::EventLoop,
            Choice::EventLoopWithPool,
            Choice::Processes,
        ] {
            let rows: Vec<_> = what_if.rows.iter().filter(|row| row.choice == choice).collect();
            let Some(first) = rows.first() else { continue };
            let name = match choice {
                Choice::Sequential => "sequential".to_owned(),
                Choice::Threads => "a thread for each task".to_owned(),
                Choice::ThreadPool => format!("pool of {}", counted(first.size, "thread")),
                Choice::EventLoop => "event loop".to_owned(),
                Choice::EventLoopWithPool => format!("event loop + pool of {}", first.size),
                Choice::Processes => {
                    let most = rows.iter().map(|row| row.size).max().unwrap_or(1);
                    format!("up to {most} processes")
                }
            };
            let mut line = format!("  {}", pad(&cut(&name, names), names));
            for row in &rows {
                let memory = if narrow { String::new() } else { format!(", {}", short_bytes(row.memory)) };
                line.push_str(&format!("{:>cells$}", format!("{:.2}{memory}", row.throughput)));
            }
            if narrow {
                line.push_str(&format!("{:>10}", rows.last().map_or_else(String::new, |row| short_bytes(row.memory))));
            }
            self.line(line);
        }
        self.item(&format!("This takes for granted: {}.", what_if.assumptions.join("; ")));
    }

    fn notes(&mut self, m: &Measurement) {
        self.blank();
        for note in &m.notes {
            self.labelled("note", note, Ink::Warning);
        }
        let own = if m.wall < 1.0 {
            format!("{} of processor time", seconds(m.sampling.own_cpu))
        } else {
            format!("{} of one processor", percent(m.sampling.own_cpu / m.wall))
        };
        let (blocked, running) = (m.unwinding.blocked, m.unwinding.running);
        self.labelled(
            "how",
            &format!(
                "{} in {}; Raddle itself used {own} and {}. Stacks: {} of {} blocked and {} of {} running \
                 threads' reached the bottom; {}.",
                counted(m.sampling.ticks, "look"),
                seconds(m.wall),
                bytes(m.sampling.own_memory),
                count(blocked.1),
                count(blocked.0),
                count(running.1),
                count(running.0),
                m.unwinding.method
            ),
            Ink::Faint,
        );
    }
}

fn short_bytes(amount: u64) -> String {
    bytes(amount).replace(" bytes", " B")
}
