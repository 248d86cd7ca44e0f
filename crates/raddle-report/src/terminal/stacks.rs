//! Whole call stacks, for findings in which the place alone does not say how one got there.

use crate::style::{Ink, Style};
use crate::text;
use raddle_protocol::Finding;
use raddle_protocol::finding::FrameView;

/// Frames shown of one stack; what lies between is told by its number.
const MOST: usize = 12;

/// One block for each stack, with a title.
pub(super) fn render(finding: &Finding, style: &Style) -> String {
    let mut out = String::new();
    for stack in &finding.stacks {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&style.ink(Ink::Heading, &text::clean(&stack.title, style)));
        out.push('\n');
        let left_out = stack.frames.len().saturating_sub(MOST);
        for (number, frame) in stack.frames.iter().enumerate() {
            if left_out > 0 && number == MOST - 2 {
                out.push_str(&style.ink(Ink::Faint, &format!("  {} more", left_out + 1)));
                out.push('\n');
            }
            if left_out == 0 || number < MOST - 2 || number + 1 == stack.frames.len() {
                out.push_str(&line(frame, style));
            }
        }
    }
    out
}

/// Function and place on one line where they fit, else on two.
fn line(frame: &FrameView, style: &Style) -> String {
    let function = text::clean(&frame.function, style);
    let place =
        if frame.line > 0 { format!("{}:{}", text::clean(&frame.file, style), frame.line) } else { String::new() };
    let place_shown = style.ink(Ink::Faint, &place);
    if place.is_empty() {
        return format!("  {function}\n");
    }
    if 2 + text::width(&function) + 2 + text::width(&place) <= style.prose_width() {
        return format!("  {function}  {place_shown}\n");
    }
    format!("  {function}\n    {place_shown}\n")
}
