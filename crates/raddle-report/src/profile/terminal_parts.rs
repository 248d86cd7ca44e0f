//! Bars and sparklines, in UTF-8 or in ASCII.

const UNICODE: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 9] = [' ', '_', '.', ':', '-', '=', '+', '*', '#'];

/// A share of a width as a bar.
pub(super) fn bar(share: f64, width: usize, unicode: bool) -> String {
    let sign = if unicode { '█' } else { '#' };
    let length = (share.clamp(0.0, 1.0) * width as f64).round() as usize;
    std::iter::repeat_n(sign, length).collect()
}

/// Values as a line of so many signs, the highest of which stands for `top` and above.
pub(super) fn sparkline(values: &[f64], columns: usize, top: f64, unicode: bool) -> String {
    let signs = if unicode { &UNICODE } else { &ASCII };
    let columns = columns.max(1);
    (0..columns)
        .map(|column| {
            let from = column * values.len() / columns;
            let to = ((column + 1) * values.len() / columns).max(from + 1).min(values.len());
            let part = &values[from.min(values.len())..to];
            let mean = if part.is_empty() { 0.0 } else { part.iter().sum::<f64>() / part.len() as f64 };
            let level = (mean / top.max(1e-9) * 8.0).clamp(0.0, 8.0);
            // A trace is shown as a trace.
            let level = if level > 0.05 { level.ceil() } else { 0.0 };
            signs[(level as usize).min(8)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_length_that_was_asked_for() {
        for count in [1, 2, 7, 100] {
            let values = vec![1.0; count];
            assert_eq!(sparkline(&values, 10, 1.0, true).chars().count(), 10);
        }
        assert_eq!(sparkline(&[], 3, 1.0, false), "   ");
        assert_eq!(sparkline(&[0.0, 0.01, 0.5, 1.0, 9.0], 5, 1.0, false), " _-##");
        assert_eq!(bar(0.5, 10, false), "#####");
        assert_eq!(bar(7.0, 3, true), "███");
    }
}
