//! A subset of Markdown laid out for a terminal: headings, paragraphs, lists, code blocks, bold and inline code.
//!
//! Code blocks are indented and never wrapped: a listing that is broken by layout cannot be read. Other markup is shown
//! as its text.

use crate::style::{Ink, Style};
use crate::text;
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

/// Lines with a line break at the end of each.
pub(super) fn render(markdown: &str, style: &Style) -> String {
    let mut page =
        Layout { style, out: String::new(), inline: String::new(), items: Vec::new(), bold: false, code: None };
    for event in Parser::new(markdown) {
        page.event(event);
    }
    page.out
}

struct Layout<'a> {
    style: &'a Style,
    out: String,
    /// Text of the block being read, coloured word by word, so that it can be broken at any blank.
    inline: String,
    /// The lists being read, outermost first.
    items: Vec<List>,
    bold: bool,
    /// Whether the code block being read is Rust.
    code: Option<bool>,
}

/// A list being read.
struct List {
    /// Number of the next item in a numbered list.
    next: Option<u64>,
    /// What stands before the next line of text, until it has been written.
    marker: Option<String>,
}

impl Layout<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(Tag::List(first)) => {
                self.block(None);
                if self.items.is_empty() {
                    self.blank();
                }
                self.items.push(List { next: first, marker: None });
            }
            Event::End(TagEnd::List(_)) => {
                self.items.pop();
            }
            Event::Start(Tag::Item) => {
                let bullet = self.style.signs().bullet;
                if let Some(list) = self.items.last_mut() {
                    list.marker = Some(match &mut list.next {
                        Some(number) => {
                            *number += 1;
                            format!("{}. ", *number - 1)
                        }
                        None => format!("{bullet} "),
                    });
                }
            }
            Event::End(TagEnd::Item) => self.block(None),
            Event::Start(Tag::Paragraph) if self.items.is_empty() => self.blank(),
            Event::End(TagEnd::Paragraph) => self.block(None),
            Event::Start(Tag::Heading { .. }) => self.blank(),
            Event::End(TagEnd::Heading(level)) => {
                let (ink, rule) = match level {
                    HeadingLevel::H1 => (Ink::Strong, self.style.signs().double),
                    _ => (Ink::Heading, self.style.signs().horizontal),
                };
                let start = self.out.len();
                // Inline code in a heading is coloured already; this width leaves the colours out.
                let columns = textwrap::core::display_width(self.inline.trim()).min(self.style.prose_width());
                self.block(Some(ink));
                if self.out.len() > start {
                    self.out.push_str(&self.style.ink(Ink::Faint, &rule.repeat(columns)));
                    self.out.push('\n');
                }
            }
            Event::Start(Tag::Strong) => self.bold = true,
            Event::End(TagEnd::Strong) => self.bold = false,
            Event::Start(Tag::CodeBlock(kind)) => {
                self.block(None);
                self.blank();
                self.code = Some(matches!(kind, CodeBlockKind::Fenced(language) if &*language == "rust"));
            }
            Event::End(TagEnd::CodeBlock) => self.code = None,
            Event::Text(text) => match self.code {
                Some(rust) => self.listing(&text, rust),
                None => self.words(&text, if self.bold { Some(Ink::Strong) } else { None }),
            },
            Event::Code(code) => self.words(&format!("`{code}`"), Some(Ink::Code)),
            Event::SoftBreak | Event::HardBreak => self.inline.push(' '),
            _ => {}
        }
    }

    fn words(&mut self, text: &str, ink: Option<Ink>) {
        let text = text::clean(text, self.style);
        for (number, word) in text.split(' ').enumerate() {
            if number > 0 {
                self.inline.push(' ');
            }
            match ink {
                Some(ink) => self.inline.push_str(&self.style.ink(ink, word)),
                None => self.inline.push_str(word),
            }
        }
    }

    fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// Ends the block being read, if there is one.
    fn block(&mut self, heading: Option<Ink>) {
        let inline = std::mem::take(&mut self.inline);
        if inline.trim().is_empty() {
            return;
        }
        let indent = "  ".repeat(self.items.len());
        let marker = self.items.last_mut().and_then(|list| list.marker.take());
        let first = match &marker {
            Some(marker) => format!("{}{marker}", &indent[2..]),
            None => indent.clone(),
        };
        let room = self.style.prose_width().saturating_sub(indent.len()).max(20);
        for (number, line) in text::wrap(inline.trim(), room).into_iter().enumerate() {
            let front = if number == 0 { &first } else { &indent };
            let line = heading.map_or_else(|| line.clone(), |ink| self.style.ink(ink, &line));
            self.out.push_str(format!("{front}{line}").trim_end());
            self.out.push('\n');
        }
    }

    fn listing(&mut self, code: &str, rust: bool) {
        for line in text::clean_lines(code.strip_suffix('\n').unwrap_or(code), self.style) {
            let comment = if rust { line.find("//").unwrap_or(line.len()) } else { line.len() };
            let (before, after) = line.split_at(comment);
            let line = format!("    {before}{}", self.style.ink(Ink::Faint, after));
            self.out.push_str(line.trim_end());
            self.out.push('\n');
        }
    }
}
