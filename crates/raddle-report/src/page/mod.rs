//! What all pages for a browser have in common: one file each, without scripts and without anything from elsewhere, light or
//! dark as the reader's system says.
//!
//! For keyboards and screen readers: headings in order, landmarks, a link past the title to what matters, and whatever scrolls
//! sideways in reach of the keyboard. Colour never carries a meaning alone.

const STYLE: &str = include_str!("page.css");

/// Up to the inside of the page's header. `style` is what only this page needs; `skip` is the id that the first link leads to,
/// and its words.
pub(crate) fn begin(out: &mut String, title: &str, style: &str, skip: (&str, &str)) {
    out.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    out.push_str("<meta name=\"color-scheme\" content=\"light dark\">\n");
    out.push_str(&format!("<title>{}</title>\n<style>\n{STYLE}{style}</style>\n</head>\n<body>\n", escape(title)));
    let (id, words) = skip;
    out.push_str(&format!("<a class=\"skip\" href=\"#{id}\">{words}</a>\n<header>\n"));
}

/// From the inside of the page's footer.
pub(crate) fn end(out: &mut String) {
    out.push_str("</footer>\n</body>\n</html>\n");
}

/// Text without meaning for HTML. Control characters, and marks that change the direction of text, are shown as such.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                out.extend(c.escape_unicode());
            }
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// A sentence with what stands in backquotes as code.
pub(crate) fn sentence(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd mark has no partner.
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    let pieces = parts
        .iter()
        .enumerate()
        .map(|(index, part)| if index % 2 == 1 { format!("<code>{}</code>", escape(part)) } else { escape(part) });
    pieces.collect()
}

/// The beginning of a section with its heading; its end is the caller's.
pub(crate) fn section(out: &mut String, id: &str, title: &str) {
    out.push_str(&format!(
        "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\" tabindex=\"-1\">{}</h2>\n",
        escape(title)
    ));
}

/// A table; cells are HTML. The first column names the row.
pub(crate) fn table(out: &mut String, caption: &str, head: &[&str], rows: &[Vec<String>]) {
    let caption = escape(caption);
    out.push_str(&format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\">\n<table>\n<caption>{caption}</caption>\n<thead><tr>"
    ));
    for title in head {
        if title.is_empty() {
            out.push_str("<td></td>");
        } else {
            out.push_str(&format!("<th scope=\"col\">{}</th>", escape(title)));
        }
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for (index, cell) in row.iter().enumerate() {
            if index == 0 {
                out.push_str(&format!("<th scope=\"row\">{cell}</th>"));
            } else {
                out.push_str(&format!("<td>{cell}</td>"));
            }
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_program_is_called_can_act_in_the_page() {
        assert_eq!(escape("<script>&\"'"), "&lt;script&gt;&amp;&quot;&#39;");
        assert_eq!(escape("a\u{202e}b\u{7}"), "a\\u{202e}b\\u{7}");
    }
}
