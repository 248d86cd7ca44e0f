//! Charts of the page, as HTML and SVG.

use crate::page::escape;

/// A share as a bar. The number stands beside it, so readers of the screen need not hear of the bar.
pub(super) fn share_bar(share: f64) -> String {
    let width = (share.clamp(0.0, 1.0) * 100.0).round();
    format!("<span class=\"bar\" aria-hidden=\"true\"><span style=\"width:{width}%\"></span></span>")
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 180.0;
const LEFT: f64 = 40.0;
const BOTTOM: f64 = 24.0;

fn begin(out: &mut String, title: &str, words: &str) {
    let id: String = title.chars().filter(char::is_ascii_alphanumeric).collect();
    out.push_str(&format!(
        "<figure>\n<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\n<title id=\"{id}-t\">{}</title>\n<desc id=\"{id}-d\">{}</desc>\n",
        WIDTH + LEFT + 8.0,
        HEIGHT + BOTTOM + 8.0,
        escape(title),
        escape(words)
    ));
}

fn axes(out: &mut String, top: f64, wall: f64) {
    for (value, y) in [(0.0, HEIGHT), (top / 2.0, HEIGHT / 2.0), (top, 0.0)] {
        let y = y + 6.0;
        out.push_str(&format!(
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n",
            LEFT + WIDTH,
            LEFT - 5.0,
            y + 4.0,
            if top <= 1.0 { format!("{:.0}%", value * 100.0) } else { format!("{value:.1}") }
        ));
    }
    for part in 0..=4 {
        let x = LEFT + WIDTH * f64::from(part) / 4.0;
        let anchor = match part {
            0 => "start",
            4 => "end",
            _ => "middle",
        };
        out.push_str(&format!(
            "<text x=\"{x}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>\n",
            HEIGHT + BOTTOM,
            escape(&raddle_profile::words::seconds(wall * f64::from(part) / 4.0))
        ));
    }
}

fn legend(out: &mut String, title: &str, words: &str, labels: &[(String, String)]) {
    out.push_str("</svg>\n<figcaption><strong>");
    out.push_str(&format!("{}.</strong> {} <span class=\"legend\">", escape(title), escape(words)));
    for (class, label) in labels {
        out.push_str(&format!("<span><i class=\"{class}\" aria-hidden=\"true\"></i>{}</span>", escape(label)));
    }
    out.push_str("</span></figcaption>\n</figure>\n");
}

fn x(index: usize, count: usize) -> f64 {
    LEFT + WIDTH * index as f64 / count.max(1) as f64
}

/// Values over time as steps, and a level to compare them with.
pub(super) fn line_chart(
    out: &mut String,
    title: &str,
    words: &str,
    wall: f64,
    series: &[(&str, &[f64])],
    level: Option<(&str, f64)>,
) {
    let most = series.iter().flat_map(|(_, values)| values.iter().copied()).fold(0.0, f64::max);
    let top = most.max(level.map_or(0.0, |(_, value)| value)).max(1.0) * 1.05;
    begin(out, title, words);
    axes(out, top, wall);
    let y = |value: f64| 6.0 + HEIGHT * (1.0 - (value / top).clamp(0.0, 1.0));
    let mut labels = Vec::new();
    for (index, (label, values)) in series.iter().enumerate() {
        let mut path = String::new();
        for (step, value) in values.iter().enumerate() {
            let command = if step == 0 { "M" } else { "L" };
            path.push_str(&format!(
                "{command}{:.1} {:.1}L{:.1} {:.1}",
                x(step, values.len()),
                y(*value),
                x(step + 1, values.len()),
                y(*value)
            ));
        }
        out.push_str(&format!("<path class=\"line l{index}\" d=\"{path}\"/>\n"));
        labels.push((format!("l{index}"), (*label).to_owned()));
    }
    if let Some((label, value)) = level {
        out.push_str(&format!(
            "<line class=\"level\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{1:.1}\" y2=\"{1:.1}\"/>\n",
            LEFT + WIDTH,
            y(value)
        ));
        labels.push(("level".to_owned(), label.to_owned()));
    }
    legend(out, title, words, &labels);
}

/// Shares over time, one upon the other.
pub(super) fn stacked_chart(out: &mut String, title: &str, words: &str, wall: f64, series: &[(&str, Vec<f64>)]) {
    begin(out, title, words);
    axes(out, 1.0, wall);
    let count = series.first().map_or(0, |(_, values)| values.len());
    let mut below = vec![0.0; count];
    let y = |value: f64| 6.0 + HEIGHT * (1.0 - value.clamp(0.0, 1.0));
    let mut labels = Vec::new();
    for (index, (label, values)) in series.iter().enumerate() {
        let mut path = String::new();
        for step in 0..count {
            let command = if step == 0 { "M" } else { "L" };
            let top = y(below[step] + values[step]);
            path.push_str(&format!("{command}{:.1} {top:.1}L{:.1} {top:.1}", x(step, count), x(step + 1, count)));
        }
        for step in (0..count).rev() {
            let low = y(below[step]);
            path.push_str(&format!("L{:.1} {low:.1}L{:.1} {low:.1}", x(step + 1, count), x(step, count)));
        }
        for step in 0..count {
            below[step] += values[step];
        }
        out.push_str(&format!("<path class=\"area a{index}\" d=\"{path}Z\"/>\n"));
        labels.push((format!("a{index}"), (*label).to_owned()));
    }
    legend(out, title, words, &labels);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_of_nothing_are_charts() {
        let mut out = String::new();
        line_chart(&mut out, "t", "w", 0.0, &[("a", &[])], None);
        stacked_chart(&mut out, "t", "w", 0.0, &[]);
        assert!(!out.contains("NaN") && !out.contains("inf"), "{out}");
    }
}
