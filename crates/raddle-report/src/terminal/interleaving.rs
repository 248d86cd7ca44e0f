//! The interleaving: one column a thread, time runs downwards, one step a row.
//!
//! The form is that of a Lamport space-time diagram with the processes across and the steps of one total order; the
//! messages' arrows are left out, since each step says in words what it waits for or wakes.

use super::layout;
use super::names::{Files, Thread, threads};
use super::rows::{self, Length, Row};
use crate::numbers::{counted, thousands};
use crate::style::{Ink, Style};
use crate::text;
use raddle_protocol::Finding;
use raddle_protocol::finding::StepView;
use std::ops::Range;

/// The table with its heading, or nothing when there are no steps.
pub(super) fn render(finding: &Finding, style: &Style, length: Length) -> String {
    if finding.steps.is_empty() {
        return String::new();
    }
    let files = Files::of(finding);
    let threads = threads(finding, &files, style);
    let gutter = layout::gutter(finding.steps.len());
    let mut table = Table { finding, gutter, lines_of: None, style, files: &files, threads: &threads };
    let acting: Vec<&Thread> = threads.iter().filter(|thread| thread.acts).collect();
    let rows = rows::choose(finding, length);
    let mut drawn = table.draw_rows(&acting, &rows);
    // Where cells had to be broken to fit, a file that all steps share is named once, above, if that saves lines.
    if let Some(file) = table.only_file() {
        table.lines_of = Some(file);
        let short = table.draw_rows(&acting, &rows);
        let saved = drawn.len().saturating_sub(short.len());
        if saved >= 2 && saved * 6 >= rows.len() {
            drawn = short;
        } else {
            table.lines_of = None;
        }
    }
    let mut lines = table.heading();
    lines.extend(drawn);
    lines.extend(table.others());
    lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

struct Table<'a> {
    finding: &'a Finding,
    gutter: usize,
    /// The file that all steps are in, when places are shown without it.
    lines_of: Option<&'a str>,
    style: &'a Style,
    files: &'a Files,
    threads: &'a [Thread],
}

/// One line of a cell: text at the left, a place at the right.
#[derive(Default)]
struct CellLine {
    text: String,
    place: String,
}

impl<'a> Table<'a> {
    fn heading(&self) -> Vec<String> {
        let style = self.style;
        let decisive = rows::decisive(self.finding).len();
        let mut legend = Vec::new();
        if decisive > 0 && decisive < self.finding.steps.len() {
            legend.push(format!("{} marks the steps that matter", style.signs().key));
        }
        if let Some(file) = self.lines_of {
            legend.push(format!(":n is line n of {}", self.files.at(file, 0, style)));
        }
        let title = "what happened";
        let all = format!("{title}   {}", legend.join(", "));
        let mut lines = vec![style.ink(Ink::Heading, title)];
        if text::width(&all) <= style.width {
            lines[0].push_str(&style.ink(Ink::Faint, &all[title.len()..]));
        } else {
            lines.extend(legend.iter().map(|part| style.ink(Ink::Faint, part)));
        }
        lines.push(String::new());
        lines
    }

    /// The file of all steps that have one.
    fn only_file(&self) -> Option<&'a str> {
        let mut files = self.finding.steps.iter().map(|step| step.file.as_str()).filter(|file| !file.is_empty());
        let first = files.next()?;
        files.all(|file| file == first).then_some(first)
    }

    fn action(&self, step: &StepView) -> String {
        let action = text::clean(&step.action, self.style);
        if step.times > 1 {
            format!("{action} {}{}", self.style.signs().times, thousands(u64::from(step.times)))
        } else {
            action
        }
    }

    fn place(&self, step: &StepView) -> String {
        match self.lines_of {
            Some(_) if step.line == 0 => String::new(),
            Some(_) => format!(":{}", step.line),
            None => self.files.at(&step.file, step.line, self.style),
        }
    }

    fn draw_rows(&self, acting: &[&Thread], rows: &[Row]) -> Vec<String> {
        let natural = self.natural_widths(acting);
        match layout::columns(&natural, self.gutter, self.style.width) {
            Some(widths) => self.columns(acting, &widths, rows),
            None => self.list(acting, rows),
        }
    }

    /// Widths of each thread's longest cell, unwrapped.
    fn natural_widths(&self, acting: &[&Thread]) -> Vec<usize> {
        let natural = |thread: &&Thread| {
            self.longest_step(thread).max(text::width(&thread.name)).max(text::width(&thread.started()))
        };
        acting.iter().map(natural).collect()
    }

    /// Width of a thread's longest step, unwrapped.
    fn longest_step(&self, thread: &Thread) -> usize {
        let steps = self.finding.steps.iter().filter(|step| step.thread == thread.id);
        steps.map(|step| text::width(&self.action(step)) + 2 + text::width(&self.place(step))).max().unwrap_or(0)
    }

    fn gutter(&self, index: usize) -> String {
        let number = format!("{:>1$}", index + 1, self.gutter - 3);
        if rows::is_decisive(self.finding, index) {
            let sign = self.style.ink(Ink::Error, self.style.signs().key);
            let number = self.style.ink(Ink::Strong, &number);
            format!("{sign}{number}  ")
        } else {
            format!(" {}  ", self.style.ink(Ink::Faint, &number))
        }
    }

    fn end(&self) -> String {
        format!("{}  ", self.style.ink(Ink::Faint, &format!("{:>1$}", "end", self.gutter - 2)))
    }

    /// The step fitted to a width: the place on the action's last line if there is room, else on a line of its own.
    fn cell(&self, step: &StepView, width: usize) -> Vec<CellLine> {
        let place = self.place(step);
        let action = self.action(step);
        let mut lines = fit(&action, width);
        let last = lines.last_mut().expect("wrapping yields at least one line");
        if text::width(&last.text) + 2 + text::width(&place) <= width {
            last.place = place;
        } else {
            let places = text::wrap(&place, width);
            lines.extend(places.into_iter().map(|place| CellLine { text: String::new(), place }));
        }
        lines
    }

    fn draw(&self, line: &CellLine, width: usize, strong: bool) -> String {
        let blanks = " ".repeat(width.saturating_sub(text::width(&line.text) + text::width(&line.place)));
        let text = if strong { self.style.ink(Ink::Strong, &line.text) } else { line.text.clone() };
        format!("{text}{blanks}{}", self.style.ink(Ink::Faint, &line.place))
    }

    fn columns(&self, acting: &[&Thread], widths: &[usize], rows: &[Row]) -> Vec<String> {
        let signs = self.style.signs();
        let bar = format!(" {} ", self.style.ink(Ink::Faint, signs.vertical));
        let blank = " ".repeat(self.gutter);
        // One row of cells; `cells` holds for each thread its lines, already coloured and padded.
        let join = |gutter: &str, cells: Vec<Vec<String>>| -> Vec<String> {
            let height = cells.iter().map(Vec::len).max().unwrap_or(0);
            (0..height)
                .map(|line| {
                    let parts: Vec<String> = (cells.iter().zip(widths))
                        .map(|(cell, width)| cell.get(line).cloned().unwrap_or_else(|| " ".repeat(*width)))
                        .collect();
                    format!("{}{}", if line == 0 { gutter } else { &blank }, parts.join(&bar))
                })
                .collect()
        };
        let names = acting.iter().zip(widths).map(|(thread, width)| {
            let ink = Ink::Thread(thread.index);
            let name = text::wrap(&thread.name, *width).into_iter();
            let started = Some(thread.started()).filter(|started| !started.is_empty());
            let started = started.map_or_else(Vec::new, |started| text::wrap(&started, *width)).into_iter();
            name.map(|line| self.style.ink(ink, &text::pad(&line, *width)))
                .chain(started.map(|line| self.style.ink(Ink::Faint, &text::pad(&line, *width))))
                .collect()
        });
        let mut lines = join(&blank, names.collect());
        let rule: Vec<String> = widths.iter().map(|width| signs.horizontal.repeat(*width)).collect();
        let rule = rule.join(&format!("{0}{1}{0}", signs.horizontal, signs.cross));
        let rule = format!("{blank}{}", self.style.ink(Ink::Faint, &rule));
        lines.push(rule.clone());
        for row in rows {
            match row {
                Row::Gap(range) => lines.extend(self.gap(range)),
                Row::Cut(index) => lines.extend(self.left_out(self.finding.steps[*index].left_out, "")),
                Row::Step(index) => {
                    let step = &self.finding.steps[*index];
                    let strong = rows::is_decisive(self.finding, *index);
                    let cells = acting.iter().zip(widths).map(|(thread, width)| {
                        if thread.id != step.thread {
                            return Vec::new();
                        }
                        self.cell(step, *width).iter().map(|line| self.draw(line, *width, strong)).collect()
                    });
                    lines.extend(join(&self.gutter(*index), cells.collect()));
                }
            }
        }
        if acting.iter().any(|thread| !thread.state.is_empty()) {
            lines.push(rule);
            let states = acting.iter().zip(widths).map(|(thread, width)| {
                fit(&thread.state, *width).iter().map(|line| self.draw(line, *width, false)).collect()
            });
            lines.extend(join(&self.end(), states.collect()));
        }
        lines
    }

    fn list(&self, acting: &[&Thread], rows: &[Row]) -> Vec<String> {
        let longest_name = acting.iter().map(|thread| text::width(&thread.name)).max().unwrap_or(0);
        let longest_step = acting.iter().map(|thread| self.longest_step(thread)).max().unwrap_or(0);
        let (name_width, step_width) = layout::list(longest_name, longest_step, self.gutter, self.style.width);
        let indent = " ".repeat(self.gutter + name_width + 2);
        let name = |thread: Option<&&Thread>| {
            let (ink, name) = thread.map_or((Ink::Strong, ""), |thread| (Ink::Thread(thread.index), &thread.name));
            self.style.ink(ink, &text::pad(&text::cut_middle(name, name_width), name_width))
        };
        let mut lines = Vec::new();
        for row in rows {
            match row {
                Row::Gap(range) => lines.extend(self.gap(range)),
                Row::Cut(index) => lines.extend(self.left_out(self.finding.steps[*index].left_out, "")),
                Row::Step(index) => {
                    let step = &self.finding.steps[*index];
                    let strong = rows::is_decisive(self.finding, *index);
                    let thread = acting.iter().find(|thread| thread.id == step.thread);
                    for (number, line) in self.cell(step, step_width).iter().enumerate() {
                        let front = match number {
                            0 => format!("{}{}  ", self.gutter(*index), name(thread)),
                            _ => indent.clone(),
                        };
                        lines.push(format!("{front}{}", self.draw(line, step_width, strong)));
                    }
                }
            }
        }
        let state_width = self.style.width.saturating_sub(indent.len()).max(step_width);
        if acting.iter().any(|thread| !thread.state.is_empty()) {
            let rule = self.style.signs().horizontal.repeat(name_width + 2 + step_width);
            lines.push(format!("{}{}", " ".repeat(self.gutter), self.style.ink(Ink::Faint, &rule)));
            for thread in acting.iter().filter(|thread| !thread.state.is_empty()) {
                for (number, line) in text::wrap(&thread.state, state_width).into_iter().enumerate() {
                    lines.push(match number {
                        0 => format!("{}{}  {line}", self.end(), name(Some(thread))),
                        _ => format!("{indent}{line}"),
                    });
                }
            }
        }
        lines
    }

    /// The row that stands for steps left out, and whose steps they are.
    fn gap(&self, range: &Range<usize>) -> Vec<String> {
        let shares: Vec<String> = (self.threads.iter())
            .filter_map(|thread| {
                let count = self.finding.steps[range.clone()].iter().filter(|step| step.thread == thread.id).count();
                (count > 0).then(|| format!("{} of {}", thousands(count as u64), thread.quoted()))
            })
            .collect();
        let before: u64 = self.finding.steps[range.clone()].iter().map(|step| step.left_out).sum();
        // Whose those are that the finding does not have is not known.
        let shares = if before > 0 { String::new() } else { format!(": {}", shares.join(", ")) };
        self.left_out((range.end - range.start) as u64 + before, &shares)
    }

    /// The row for so many steps.
    fn left_out(&self, steps: u64, shares: &str) -> Vec<String> {
        let note = format!("{} left out{shares}", counted(steps, "step"));
        let room = self.style.width.saturating_sub(self.gutter).max(16);
        let blank = " ".repeat(self.gutter);
        let sign = format!("{:>1$}  ", self.style.signs().elided, self.gutter - 2);
        (text::wrap(&note, room).into_iter().enumerate())
            .map(|(number, line)| {
                let front = if number == 0 { &sign } else { &blank };
                self.style.ink(Ink::Faint, &format!("{front}{line}"))
            })
            .collect()
    }

    /// Threads that take part without a step of their own, together where they are in the same state.
    fn others(&self) -> Vec<String> {
        let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
        for thread in self.threads.iter().filter(|thread| !thread.acts && !thread.state.is_empty()) {
            match groups.iter_mut().find(|(state, _)| *state == thread.state) {
                Some((_, names)) => names.push(thread.quoted()),
                None => groups.push((&thread.state, vec![thread.quoted()])),
            }
        }
        let mut lines = Vec::new();
        for (state, names) in groups {
            let who = match &names[..] {
                [one] => one.clone(),
                [one, other] => format!("each of {one} and {other}"),
                [one, other, rest @ ..] => {
                    format!("each of {one}, {other} and {}", counted(rest.len() as u64, "other"))
                }
                [] => continue,
            };
            let sentence = format!("meanwhile {who}: {state}");
            let room = self.style.prose_width().saturating_sub(self.gutter);
            let wrapped = text::paragraph(&sentence, room, self.style);
            lines.extend(wrapped.into_iter().map(|line| format!("{}{line}", " ".repeat(self.gutter))));
        }
        if !lines.is_empty() {
            lines.insert(0, String::new());
        }
        lines
    }
}

fn fit(text: &str, width: usize) -> Vec<CellLine> {
    text::wrap(text, width).into_iter().map(|text| CellLine { text, place: String::new() }).collect()
}
