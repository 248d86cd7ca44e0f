//! Lines in panels with logarithmic axes, as an SVG file that can be read on light and on dark pages.
//!
//! Nothing is filled behind the lines, and all colours are of medium brightness. A dashed line from the first point of the
//! first line on is what growth in proportion would look like.

use std::fmt::Write;

/// Pixels: a panel, and the margins around the place for its lines.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 26.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 44.0;

/// Of frames and words, and of the lines.
const GREY: &str = "#808080";
const COLOURS: [&str; 3] = ["#2f81d7", "#d9730d", "#2e9e5b"];

/// What growth in proportion is drawn like.
const DASHED: &str = "stroke-width=\"1.5\" stroke-dasharray=\"2 5\"";

/// A named line.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it is of.
    pub name: String,
    /// Positive numbers, across in ascending order.
    pub points: Vec<(f64, f64)>,
}

/// Lines with axes.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What is measured across.
    pub across: String,
    /// What is measured upwards.
    pub up: String,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A logarithmic axis: from which power of ten to which, and on which pixels.
struct Axis {
    from: f64,
    to: f64,
    pixels: (f64, f64),
}

impl Axis {
    /// One that has room for these.
    fn of(values: impl Iterator<Item = f64> + Clone, pixels: (f64, f64)) -> Self {
        let logarithms = values.map(f64::log10);
        let least = logarithms.clone().fold(f64::INFINITY, f64::min);
        let greatest = logarithms.fold(f64::NEG_INFINITY, f64::max);
        Axis { from: (least - 0.1).floor(), to: (greatest + 0.1).ceil(), pixels }
    }

    fn at(&self, value: f64) -> f64 {
        let part = (value.log10() - self.from) / (self.to - self.from);
        self.pixels.0 + part * (self.pixels.1 - self.pixels.0)
    }

    /// The powers of ten on it.
    fn powers(&self) -> impl Iterator<Item = i32> {
        self.from as i32..=self.to as i32
    }
}

/// All panels, side by side.
pub fn draw(panels: &[Panel]) -> String {
    let panels: Vec<_> = panels.iter().filter(|panel| panel.lines.iter().all(|line| line.points.len() > 1)).collect();
    let width = WIDTH * panels.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" width=\"{width}\" height=\"{HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"{GREY}\" stroke-linecap=\"round\">\n"
    );
    for (index, panel) in panels.iter().enumerate() {
        let _ = writeln!(svg, "<g transform=\"translate({} 0)\">", WIDTH * index as f64);
        draw_panel(panel, &mut svg);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_panel(panel: &Panel, svg: &mut String) {
    let all = || panel.lines.iter().flat_map(|line| line.points.iter());
    let across = Axis::of(all().map(|point| point.0), (LEFT, WIDTH - RIGHT));
    let up = Axis::of(all().map(|point| point.1), (HEIGHT - BOTTOM, TOP));
    for power in across.powers() {
        let x = across.at(10f64.powi(power));
        path(svg, GREY, "stroke-opacity=\"0.3\"", &[(x, up.pixels.0), (x, up.pixels.1)]);
        word(svg, (x, HEIGHT - BOTTOM + 16.0), "middle", GREY, &ten(power));
    }
    for power in up.powers() {
        let y = up.at(10f64.powi(power));
        path(svg, GREY, "stroke-opacity=\"0.3\"", &[(across.pixels.0, y), (across.pixels.1, y)]);
        word(svg, (LEFT - 8.0, y + 4.0), "end", GREY, &ten(power));
    }
    word(svg, ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8.0), "middle", GREY, &panel.across);
    word(svg, (LEFT - 8.0, 16.0), "start", GREY, &panel.up);
    let legend = |svg: &mut String, index: usize, how: &str, colour: &str, name: &str| {
        let y = TOP + 18.0 + 17.0 * index as f64;
        path(svg, colour, how, &[(LEFT + 12.0, y - 4.0), (LEFT + 32.0, y - 4.0)]);
        word(svg, (LEFT + 38.0, y), "start", colour, name);
    };
    if let Some((x, y)) = panel.lines.first().and_then(|line| line.points.first()) {
        // Up to where the axis ends on either side.
        let most = 10f64.powf(across.to).min(x * 10f64.powf(up.to) / y);
        path(svg, GREY, DASHED, &[(across.at(*x), up.at(*y)), (across.at(most), up.at(y * most / x))]);
        legend(svg, panel.lines.len(), DASHED, GREY, "in proportion");
    }
    for (index, (line, colour)) in panel.lines.iter().zip(COLOURS).enumerate() {
        let pixels: Vec<_> = line.points.iter().map(|(x, y)| (across.at(*x), up.at(*y))).collect();
        path(svg, colour, "stroke-width=\"2\"", &pixels);
        for (x, y) in pixels {
            let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
        }
        legend(svg, index, "stroke-width=\"2\"", colour, &line.name);
    }
}

fn path(svg: &mut String, colour: &str, how: &str, points: &[(f64, f64)]) {
    let points: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" {how}/>", points.join(" "));
}

fn word(svg: &mut String, (x, y): (f64, f64), anchor: &str, colour: &str, text: &str) {
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>");
}

/// A power of ten, the small ones in figures.
fn ten(power: i32) -> String {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    match power {
        ..0 => format!("{}", 10f64.powi(power)),
        0..=3 => crate::table::count(10f64.powi(power)),
        4.. => format!(
            "10{}",
            power.to_string().bytes().map(|digit| RAISED[usize::from(digit - b'0')]).collect::<String>()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_in_proportion_lies_on_the_dashed_one() {
        let line = Line { name: "it".into(), points: vec![(100.0, 10.0), (1000.0, 100.0), (10_000.0, 1000.0)] };
        let panel = Panel { across: "points".into(), up: "µs".into(), lines: vec![line] };
        let svg = draw(&[panel]);
        let points = |mark: &str| {
            let line = svg.lines().find(|line| line.contains(mark)).unwrap();
            let points = line.split('"').nth(1).unwrap().split(' ');
            let pair = |point: &str| {
                let (x, y) = point.split_once(',').unwrap();
                (x.parse::<f64>().unwrap(), y.parse::<f64>().unwrap())
            };
            points.map(pair).collect::<Vec<_>>()
        };
        let (dashed, measured) = (points("dasharray"), points("stroke-width=\"2\""));
        let slope = |points: &[(f64, f64)]| {
            let (first, last) = (points[0], points[points.len() - 1]);
            (last.1 - first.1) / (last.0 - first.0)
        };
        assert_eq!(dashed[0], measured[0]);
        assert!((slope(&dashed) - slope(&measured)).abs() < 0.01, "{dashed:?} {measured:?}");
    }

    #[test]
    fn an_axis_has_room_for_all_values() {
        let axis = Axis::of([100.0, 256.0].into_iter(), (0.0, 100.0));
        assert_eq!((axis.from, axis.to), (1.0, 3.0));
        assert_eq!(axis.powers().collect::<Vec<_>>(), [1, 2, 3]);
    }
}
