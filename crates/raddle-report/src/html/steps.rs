//! The interleaving as a table: a column a thread, a row a step, time downwards. On narrow screens it is a list, in which each
//! step says whose it is.

use super::finding::PLAIN;
use crate::numbers::{counted, thousands};
use crate::page::{escape, sentence};
use crate::terminal::{Files, Length, Row, Thread, choose, decisive, is_decisive, threads};
use crate::text;
use raddle_protocol::Finding;

/// Threads without a step that are named one by one.
const IDLE: usize = 10;

pub(super) fn table(out: &mut String, finding: &Finding, id: &str) {
    if finding.steps.is_empty() {
        return;
    }
    let files = Files::of(finding);
    let threads = threads(finding, &files, &PLAIN);
    let acting: Vec<&Thread> = threads.iter().filter(|thread| thread.acts).collect();
    let marks = (1..finding.steps.len()).contains(&decisive(finding).len());
    out.push_str(&format!("<h4 id=\"{id}-s\">What happened</h4>\n"));
    if marks {
        out.push_str("<p class=\"faint legend-line\">▸ marks the steps that matter.</p>\n");
    }
    out.push_str(&format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"{id}-s\">\n<table class=\"steps\" role=\"table\" style=\"--threads: {}\">\n\
         <thead role=\"rowgroup\"><tr role=\"row\"><th role=\"columnheader\" scope=\"col\"><span class=\"hidden\">Step</span></th>",
        acting.len()
    ));
    for thread in &acting {
        out.push_str(&format!(
            "<th role=\"columnheader\" scope=\"col\" class=\"t{}\">{}<span class=\"where\">{}</span></th>",
            thread.index % 5,
            escape(&thread.name),
            escape(&thread.started())
        ));
    }
    out.push_str("</tr></thead>\n<tbody role=\"rowgroup\">\n");
    for row in choose(finding, Length::Elided) {
        match row {
            Row::Step(index) => step(out, finding, index, &acting, &files, marks),
            Row::Cut(index) => gap(out, finding.steps[index].left_out, acting.len()),
            Row::Gap(range) => {
                let before: u64 = finding.steps[range.clone()].iter().map(|step| step.left_out).sum();
                gap(out, range.len() as u64 + before, acting.len());
            }
        }
    }
    if acting.iter().any(|thread| !thread.state.is_empty()) {
        out.push_str("<tr role=\"row\" class=\"end\"><th role=\"rowheader\" scope=\"row\">end</th>");
        for thread in &acting {
            let state = if thread.state.is_empty() {
                String::new()
            } else {
                format!("{}{}", who(thread), sentence(&thread.state))
            };
            out.push_str(&format!("<td role=\"cell\">{state}</td>"));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
    idle(out, &threads);
}

/// Shown where the columns are not.
fn who(thread: &Thread) -> String {
    format!("<span class=\"who\">{}</span>", escape(&thread.name))
}

fn step(out: &mut String, finding: &Finding, index: usize, acting: &[&Thread], files: &Files, marks: bool) {
    let step = &finding.steps[index];
    let (class, sign) = if marks && is_decisive(finding, index) {
        (" class=\"key\"", "<span aria-hidden=\"true\">▸ </span><span class=\"hidden\">matters, step </span>")
    } else {
        ("", "")
    };
    out.push_str(&format!("<tr role=\"row\"{class}><th role=\"rowheader\" scope=\"row\">{sign}{}</th>", index + 1));
    for thread in acting {
        if thread.id != step.thread {
            out.push_str("<td role=\"cell\"></td>");
            continue;
        }
        let action = sentence(&text::clean(&step.action, &PLAIN));
        let times = if step.times > 1 { format!(" ×{}", thousands(u64::from(step.times))) } else { String::new() };
        let place = files.at(&step.file, step.line, &PLAIN);
        let place =
            if place.is_empty() { String::new() } else { format!("<span class=\"where\">{}</span>", escape(&place)) };
        out.push_str(&format!("<td role=\"cell\" class=\"acts\">{}{action}{times}{place}</td>", who(thread)));
    }
    out.push_str("</tr>\n");
}

fn gap(out: &mut String, steps: u64, threads: usize) {
    let steps = counted(steps, "step");
    out.push_str(&format!(
        "<tr role=\"row\" class=\"gap\"><th role=\"rowheader\" scope=\"row\">⋮</th><td role=\"cell\" colspan=\"{threads}\">{steps} left out</td></tr>\n"
    ));
}

fn idle(out: &mut String, threads: &[Thread]) {
    let idle: Vec<&Thread> = threads.iter().filter(|thread| !thread.acts && !thread.state.is_empty()).collect();
    if idle.is_empty() {
        return;
    }
    out.push_str("<p>Meanwhile:</p>\n<ul>\n");
    for thread in idle.iter().take(IDLE) {
        out.push_str(&format!("<li>{}: {}</li>\n", escape(&thread.quoted()), sentence(&thread.state)));
    }
    if idle.len() > IDLE {
        out.push_str(&format!("<li>and {}</li>\n", counted((idle.len() - IDLE) as u64, "other thread")));
    }
    out.push_str("</ul>\n");
}
