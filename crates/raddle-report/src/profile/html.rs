//! A profile as a page: one file, without scripts and without anything from elsewhere, light or dark as the reader's
//! system says.
//!
//! For keyboards and screen readers: headings in order, landmarks, a link past the title to the verdict, each chart with
//! a description in words and its numbers in a table, and whatever scrolls sideways in reach of the keyboard. Colour never
//! carries a meaning alone: parts of charts are labelled, and told apart by lightness too.

use super::html_parts::{line_chart, share_bar, stacked_chart};
use crate::page::{self, escape, section, sentence, table};
use raddle_profile::model::{Bottleneck, Ending, Measurement, Report, Scaling, WhatIf};
use raddle_profile::state::State;
use raddle_profile::words::{bytes, count, counted, decimal, percent, seconds};

const STYLE: &str = include_str!("charts.css");

/// The page.
pub fn page(report: &Report) -> String {
    let m = &report.measurement;
    let command = m.subject.command.join(" ");
    let mut out = String::new();
    page::begin(&mut out, &format!("Profile of {command}"), STYLE, ("verdict", "To the verdict"));
    out.push_str(&format!(
        "<h1>Profile of <code>{}</code></h1>\n<p>{}</p>\n</header>\n<main>\n",
        escape(&command),
        subject(m)
    ));
    verdict(&mut out, report);
    if report.verdict.bottleneck != Bottleneck::NotEnough {
        shares(&mut out, m);
        over_time(&mut out, m);
        waits(&mut out, m);
        places(&mut out, m);
        threads(&mut out, m);
        counted_section(&mut out, m);
    }
    if let Some(scaling) = &report.scaling {
        scaling_section(&mut out, scaling);
    }
    advice(&mut out, report);
    out.push_str("</main>\n<footer>\n<h2>How this was measured</h2>\n<ul>\n");
    out.push_str(&format!(
        "<li>{} in {}; Raddle used {} of processor time and {} of memory.</li>\n<li>Stacks: {}.</li>\n",
        counted(m.sampling.ticks, "look"),
        seconds(m.wall),
        seconds(m.sampling.own_cpu),
        bytes(m.sampling.own_memory),
        escape(&m.unwinding.method)
    ));
    for note in &m.notes {
        out.push_str(&format!("<li>{}</li>\n", sentence(note)));
    }
    out.push_str("</ul>\n");
    page::end(&mut out);
    out
}

fn subject(m: &Measurement) -> String {
    let ending = match m.subject.ending {
        Ending::Exited(code) => format!("ended with exit code {code}"),
        Ending::Signalled(signal) => format!("was ended by signal {signal}"),
        Ending::StillRuns => "still runs".to_owned(),
        Ending::Gone => "has ended".to_owned(),
    };
    format!(
        "Process {}, watched for {}; processes: {}, threads: {}; {ending}.",
        m.subject.pid,
        seconds(m.wall),
        count(m.counts.processes_seen),
        count(m.counts.threads_seen)
    )
}

fn verdict(out: &mut String, report: &Report) {
    let verdict = &report.verdict;
    section(out, "verdict", &format!("Verdict: {}", verdict.bottleneck.title()));
    if let Some(confidence) = verdict.confidence {
        out.push_str(&format!(
            "<p>Confidence {}: the deciding share is {} with a standard error of {}, the threshold {}.</p>\n",
            confidence.word(),
            percent(confidence.share),
            percent(confidence.error),
            percent(confidence.threshold)
        ));
    }
    out.push_str("<ul>\n");
    for reason in verdict.reasons.iter().chain(&verdict.remarks) {
        out.push_str(&format!("<li>{}</li>\n", sentence(&reason.text)));
    }
    out.push_str("</ul>\n</section>\n");
}

fn shares(out: &mut String, m: &Measurement) {
    section(out, "shares", "Where the time went");
    let mut rows: Vec<(String, f64)> =
        m.shares.ranked().into_iter().map(|(state, amount)| (state.label().to_owned(), amount)).collect();
    rows.push(("taken by other programs".to_owned(), m.taken_by_others));
    rows.retain(|(_, amount)| *amount >= 0.001 * m.wall);
    rows.sort_by(|a, b| b.1.total_cmp(&a.1));
    let body: Vec<Vec<String>> = rows
        .iter()
        .map(|(label, amount)| {
            let share = amount / m.wall.max(1e-9);
            vec![escape(label), percent(share), seconds(*amount), share_bar(share)]
        })
        .collect();
    let caption = format!("What the program as a whole did in {}", seconds(m.wall));
    table(out, &caption, &["What", "Share", "Time", ""], &body);
    out.push_str("</section>\n");
}

fn over_time(out: &mut String, m: &Measurement) {
    let moments = &m.timeline.moments;
    if moments.len() < 2 {
        return;
    }
    section(out, "time", "Over time");
    let cores: Vec<f64> = moments.iter().map(|moment| moment.cores).collect();
    let demand: Vec<f64> = moments.iter().map(|moment| moment.demand).collect();
    let working: Vec<f64> = moments.iter().map(|moment| moment.working).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let top = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let words = format!(
        "Processors busy: {} on average, {} at most, of {}. Threads running or ready: {} on average. In the middle of work: \
         {} on average.",
        decimal(mean(&cores)),
        decimal(top(&cores)),
        decimal(m.machine.capacity),
        decimal(mean(&demand)),
        decimal(mean(&working))
    );
    line_chart(
        out,
        "Parallelism and concurrency",
        &words,
        m.wall,
        &[("in the middle of work", &working), ("running or ready", &demand), ("processors busy", &cores)],
        Some(("processors there", m.machine.capacity)),
    );
    let states: Vec<State> = m.shares.ranked().into_iter().map(|(state, _)| state).take(5).collect();
    let series: Vec<(&str, Vec<f64>)> = states
        .iter()
        .map(|state| (state.label(), moments.iter().map(|moment| moment.shares[*state]).collect()))
        .collect();
    let mut series = series;
    series.push(("taken by other programs", moments.iter().map(|moment| moment.taken).collect()));
    let parts: Vec<String> = states
        .iter()
        .map(|state| format!("{} {}", percent(m.shares[*state] / m.wall.max(1e-9)), state.label()))
        .collect();
    stacked_chart(out, "What the program did", &format!("Over the whole time: {}.", parts.join(", ")), m.wall, &series);
    let body: Vec<Vec<String>> = tenths(moments.len())
        .map(|(from, to)| {
            let part = &moments[from..to];
            let mean = |pick: &dyn Fn(&raddle_profile::model::Moment) -> f64| {
                part.iter().map(pick).sum::<f64>() / part.len().max(1) as f64
            };
            vec![
                seconds(from as f64 * m.timeline.step),
                decimal(mean(&|moment| moment.cores)),
                decimal(mean(&|moment| moment.demand)),
                decimal(mean(&|moment| moment.working)),
                decimal(mean(&|moment| moment.threads)),
            ]
        })
        .collect();
    out.push_str("<details>\n<summary>The same as a table</summary>\n");
    table(
        out,
        "Means over tenths of the measurement",
        &["From", "Processors busy", "Running or ready", "At work", "Threads"],
        &body,
    );
    out.push_str("</details>\n</section>\n");
}

/// Ten pieces of so many steps, or as many as there are.
fn tenths(length: usize) -> impl Iterator<Item = (usize, usize)> {
    let pieces = length.clamp(1, 10);
    (0..pieces)
        .map(move |piece| (piece * length / pieces, (piece + 1) * length / pieces))
        .filter(|(from, to)| from < to)
}

fn stack_list(stack: &[String]) -> String {
    if stack.is_empty() {
        return "none was taken".to_owned();
    }
    let items: String =
        stack.iter().take(24).map(|function| format!("<li><code>{}</code></li>", escape(function))).collect();
    format!("<details><summary><code>{}</code></summary><ol>{items}</ol></details>", escape(&stack[0]))
}

fn waits(out: &mut String, m: &Measurement) {
    if m.waits.is_empty() {
        return;
    }
    section(out, "waits", "Longest waits");
    let body: Vec<Vec<String>> = m
        .waits
        .iter()
        .take(20)
        .map(|wait| {
            vec![
                seconds(wait.seconds),
                escape(wait.state.label()),
                format!("<code>{}</code> {}", escape(&wait.call), sentence(&wait.object)),
                count(wait.most_waiters),
                format!("{} ({})", escape(&wait.process), wait.pid),
                stack_list(&wait.stack),
            ]
        })
        .collect();
    table(
        out,
        "Time of all threads added up, idle ones too",
        &["Time", "Kind", "Where in the system", "Most at once", "Process", "Most frequent stack"],
        &body,
    );
    out.push_str("</section>\n");
}

fn places(out: &mut String, m: &Measurement) {
    let Some(first) = m.running.first() else { return };
    section(out, "running", "Where threads ran");
    let body: Vec<Vec<String>> = m
        .running
        .iter()
        .take(20)
        .map(|place| {
            let share = place.seen as f64 / place.of.max(1) as f64;
            vec![percent(share), escape(&place.process), stack_list(&place.stack), share_bar(share)]
        })
        .collect();
    table(
        out,
        &format!("Of {} of running threads", counted(first.of, "sample")),
        &["Share", "Process", "Stack", ""],
        &body,
    );
    out.push_str("</section>\n");
}

fn threads(out: &mut String, m: &Measurement) {
    section(out, "threads", "Threads");
    let body: Vec<Vec<String>> = m
        .threads
        .iter()
        .take(40)
        .map(|line| {
            let total = line.time.total().max(1e-9);
            let parts: Vec<String> = line
                .time
                .ranked()
                .into_iter()
                .take(4)
                .map(|(state, amount)| format!("{} {}", percent(amount / total), state.label()))
                .collect();
            vec![
                escape(&line.name),
                format!("{} ({})", escape(&line.process), line.pid),
                count(line.count),
                seconds(line.time[State::Cpu]),
                seconds(line.time[State::RunQueue]),
                escape(&parts.join(", ")),
                format!("{} / {}", count(line.voluntary), count(line.involuntary)),
            ]
        })
        .collect();
    table(
        out,
        "Threads of one name in one process together",
        &["Name", "Process", "Number", "On a CPU", "In the queue", "Time", "Switches: own, forced"],
        &body,
    );
    out.push_str("</section>\n");
}

fn counted_section(out: &mut String, m: &Measurement) {
    section(out, "counts", "Counted");
    let c = &m.counts;
    let rows = [
        ("Processor time, user", seconds(m.cpu.user)),
        ("Processor time, system", seconds(m.cpu.system)),
        ("Of it used by what lived too short to be seen", seconds(m.cpu.unseen)),
        ("Queued behind own threads", seconds(m.own_queue)),
        ("Queued behind other programs", seconds(m.other_queue)),
        ("Voluntary switches", count(c.voluntary_switches)),
        ("Involuntary switches", count(c.involuntary_switches)),
        ("Migrations", c.migrations.map_or("not known".to_owned(), count)),
        ("Minor page faults", count(c.minor_faults)),
        ("Major page faults", count(c.major_faults)),
        ("Resident memory, highest", bytes(c.resident_peak)),
        ("Swapped out, highest", bytes(c.swapped_peak)),
        ("Reserved for a thread's stack", c.stack_reserve.map_or("not known".to_owned(), bytes)),
        ("Read / written by system calls", format!("{} / {}", bytes(c.read), bytes(c.written))),
        ("From / to storage", format!("{} / {}", bytes(c.storage_read), bytes(c.storage_written))),
        ("Descriptors, highest", count(c.descriptors_peak)),
        ("Sockets, highest", count(c.connections_peak)),
        ("Threads, highest", count(c.threads_peak)),
        ("Processors allowed / there", format!("{} / {}", m.machine.allowed, m.machine.cores)),
        ("Control group's limit", m.machine.quota.map_or("none".to_owned(), decimal)),
        ("Stopped by the control group", seconds(m.machine.throttled)),
    ];
    let body: Vec<Vec<String>> = rows.into_iter().map(|(name, value)| vec![escape(name), escape(&value)]).collect();
    table(out, "Over the whole measurement", &["What", "How much"], &body);
    out.push_str("</section>\n");
}

fn scaling_section(out: &mut String, scaling: &Scaling) {
    section(out, "scaling", "Scaling");
    let most = scaling.points.iter().map(|point| point.speedup).fold(1e-9, f64::max);
    let body: Vec<Vec<String>> = scaling
        .points
        .iter()
        .map(|point| {
            vec![
                decimal(point.workers),
                format!("{:.4}", point.median),
                format!("{:.2}", point.speedup),
                count(point.throughput.len() as u64),
                share_bar(point.speedup / most),
            ]
        })
        .collect();
    let caption = format!("By number of {}; throughput is {}", scaling.varied, scaling.metric);
    table(out, &caption, &["Number", "Throughput, median", "Speed-up", "Runs", ""], &body);
    out.push_str("<ul>\n");
    for (law, fit) in [("Amdahl's law", &scaling.amdahl), ("Universal Scalability Law", &scaling.usl)] {
        let Some(fit) = fit else { continue };
        for c in &fit.coefficients {
            out.push_str(&format!(
                "<li>{law}: {} {:.4} (95 % interval {:.4} to {:.4}).</li>\n",
                escape(&c.name),
                c.value,
                c.low,
                c.high
            ));
        }
    }
    if let Some(best) = scaling.limits.as_ref().and_then(|limits| limits.best_workers.as_ref()) {
        out.push_str(&format!(
            "<li>Best number: {} (95 % interval {} to {}).</li>\n",
            decimal(best.value),
            decimal(best.low),
            decimal(best.high)
        ));
    }
    for remark in &scaling.remarks {
        out.push_str(&format!("<li>{}</li>\n", sentence(remark)));
    }
    out.push_str("</ul>\n</section>\n");
}

fn advice(out: &mut String, report: &Report) {
    let advice = &report.advice;
    let title = match (advice.recommendation.choice, advice.recommendation.size) {
        (Some(choice), Some(size)) => format!("Advice: {} ({size})", choice.title()),
        (Some(choice), None) => format!("Advice: {}", choice.title()),
        (None, _) => "Advice: nothing to change on these numbers".to_owned(),
    };
    section(out, "advice", &title);
    out.push_str(&format!("<p>{}</p>\n", sentence(&advice.recommendation.sentence)));
    if !advice.steps.is_empty() {
        out.push_str("<h3>What to do</h3>\n<ul>\n");
        for step in &advice.steps {
            out.push_str(&format!("<li>{}</li>\n", sentence(&step.text)));
        }
        out.push_str("</ul>\n");
    }
    if !advice.fired.is_empty() {
        let body: Vec<Vec<String>> = advice
            .fired
            .iter()
            .map(|fired| vec![escape(&fired.rule), sentence(&fired.says), sentence(&fired.because)])
            .collect();
        out.push_str("<h3>Rules that applied</h3>\n");
        table(out, "Each with the numbers that made it apply", &["Rule", "It says", "Here"], &body);
    }
    if let Some(what_if) = &advice.what_if {
        what_if_section(out, what_if);
    }
    out.push_str("</section>\n");
}

fn what_if_section(out: &mut String, what_if: &WhatIf) {
    out.push_str("<h3>What if</h3>\n");
    let body: Vec<Vec<String>> = what_if
        .rows
        .iter()
        .map(|row| {
            vec![
                format!("{} x", row.load),
                escape(row.choice.title()),
                count(row.size),
                decimal(row.tasks),
                format!("{:.2}", row.throughput),
                bytes(row.memory),
                percent(row.utilization),
            ]
        })
        .collect();
    table(
        out,
        "Predicted by mean value analysis; throughput relative to what was measured",
        &["Load", "Model", "Threads or processes", "Tasks", "Throughput", "Memory", "Processors in use"],
        &body,
    );
    out.push_str("<p>This takes for granted:</p>\n<ul>\n");
    for assumption in &what_if.assumptions {
        out.push_str(&format!("<li>{}</li>\n", sentence(assumption)));
    }
    out.push_str("</ul>\n");
}
