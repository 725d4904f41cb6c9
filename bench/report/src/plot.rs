//! Plots as SVG, readable on a light and on a dark background.

use std::fmt::Write;

/// Dots on lines, one below the other.
pub(crate) struct Plot {
    pub(crate) title: &'static str,
    /// What is told below the axis.
    pub(crate) axis: &'static str,
    /// Where the axis begins and ends; it is logarithmic.
    pub(crate) ends: [f64; 2],
    /// Values that have a line and a number.
    pub(crate) marks: &'static [f64],
    /// The one that the dots are to be compared with.
    pub(crate) from: f64,
    pub(crate) rows: Vec<Row>,
}

/// A line of a plot.
pub(crate) enum Row {
    Heading(&'static str),
    Dot { name: String, value: f64 },
}

impl Plot {
    pub(crate) fn to_svg(&self) -> String {
        let height = TOP + ROW * self.rows.len() as f64 + BOTTOM;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n<title>{}</title>\n{STYLE}\
             <rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\"/>\n",
            self.title
        );
        self.write_axis(&mut svg, height - BOTTOM);
        for (place, row) in self.rows.iter().enumerate() {
            let y = TOP + ROW * (place as f64 + 0.5);
            match row {
                Row::Heading(heading) => write_text(&mut svg, "heading", 12.0, y, heading),
                Row::Dot { name, value } => self.write_dot(&mut svg, y, name, *value),
            }
        }
        svg + "</svg>\n"
    }

    fn write_axis(&self, svg: &mut String, bottom: f64) {
        write_text(svg, "heading", 12.0, 20.0, self.title);
        for &mark in self.marks {
            let x = self.x(mark);
            let class = if mark == self.from { "from" } else { "mark" };
            let _ = writeln!(
                svg,
                "<line class=\"{class}\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\"/>"
            );
            write_text(svg, "number", x, bottom + 14.0, &mark.to_string());
        }
        let middle = f64::midpoint(LEFT, RIGHT);
        write_text(svg, "number", middle, bottom + 34.0, self.axis);
    }

    fn write_dot(&self, svg: &mut String, y: f64, name: &str, value: f64) {
        let (from, x) = (self.x(self.from), self.x(value));
        write_text(svg, "name", LEFT - 12.0, y, name);
        let _ = writeln!(
            svg,
            "<line class=\"bar\" x1=\"{from:.1}\" y1=\"{y}\" x2=\"{x:.1}\" y2=\"{y}\"/>\n\
             <circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y}\" r=\"4\"/>"
        );
        write_text(svg, "value", x.max(from) + 9.0, y, &format!("{value:.2}"));
    }

    fn x(&self, value: f64) -> f64 {
        let [first, last] = self.ends;
        let share = (value / first).ln() / (last / first).ln();
        LEFT + share.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }
}

fn write_text(svg: &mut String, class: &str, x: f64, y: f64, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
    );
}

const WIDTH: f64 = 820.0;
/// Where the axis begins, behind the names, and ends, before the room for a value.
const LEFT: f64 = 330.0;
const RIGHT: f64 = 760.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 46.0;
const ROW: f64 = 22.0;

const STYLE: &str = "<style>\n\
    text { font: 13px sans-serif; fill: #1f2328; dominant-baseline: middle }\n\
    .heading { font-weight: bold }\n\
    .name { text-anchor: end }\n\
    .number { text-anchor: middle; fill: #59636e }\n\
    .ground { fill: #ffffff }\n\
    .mark { stroke: #d1d9e0 }\n\
    .from { stroke: #59636e }\n\
    .bar { stroke: #0969da; stroke-width: 2 }\n\
    .dot { fill: #0969da }\n\
    @media (prefers-color-scheme: dark) {\n\
    text { fill: #f0f6fc }\n\
    .number { fill: #9198a1 }\n\
    .ground { fill: #0d1117 }\n\
    .mark { stroke: #3d444d }\n\
    .from { stroke: #9198a1 }\n\
    .bar { stroke: #4493f8 }\n\
    .dot { fill: #4493f8 }\n\
    }\n\
    </style>\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn plot() -> Plot {
        Plot {
            title: "Ratios",
            axis: "times",
            ends: [1.0, 100.0],
            marks: &[1.0, 10.0, 100.0],
            from: 1.0,
            rows: vec![
                Row::Heading("SIP & XMPP"),
                Row::Dot {
                    name: "other".into(),
                    value: 10.0,
                },
            ],
        }
    }

    #[test]
    fn values_lie_where_the_scale_has_them() {
        let places = [0.5, 1.0, 10.0, 100.0, 1000.0].map(|value| plot().x(value).round());
        assert_eq!(places, [330.0, 330.0, 545.0, 760.0, 760.0]);
    }

    #[test]
    fn each_row_is_drawn() {
        let svg = plot().to_svg();
        assert!(
            svg.contains("<text class=\"heading\" x=\"12.0\" y=\"47.0\">SIP &amp; XMPP</text>")
        );
        assert!(svg.contains("<circle class=\"dot\" cx=\"545.0\" cy=\"69\" r=\"4\"/>"));
        assert!(svg.contains("<text class=\"value\" x=\"554.0\" y=\"69.0\">10.00</text>"));
        assert!(svg.ends_with("</svg>\n"));
    }
}
