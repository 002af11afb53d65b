//! Figures over time in a terminal: a line of blocks beside a number, or a chart with axes.
//!
//! Invariant: nothing here looks at the terminal but [`Glyphs::of_the_terminal`].

use std::fmt::Write;
use std::io::IsTerminal;

use tidemill_types::Micros;

use super::figure;

/// Rows of a chart.
const CHART_ROWS: usize = 12;
/// Widest chart, in characters.
const CHART_WIDTH_MAX: usize = 100;
/// Narrowest plot between the labels, in characters.
const PLOT_WIDTH_MIN: usize = 20;
/// Dots of a braille character, beside and below each other.
const DOTS: (usize, usize) = (2, 4);
/// What is left free above and below the figures, as a share of their span.
const MARGIN: f64 = 0.05;

/// What figures are drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    /// Blocks and braille.
    Unicode,
    /// What every terminal and file takes.
    Ascii,
}

impl Glyphs {
    /// Blocks where standard output is a terminal that shows them: its locale is UTF-8, and nobody asked for plain text by
    /// `NO_COLOR`.
    pub fn of_the_terminal() -> Glyphs {
        let said = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = said("LC_ALL").or_else(|| said("LC_CTYPE")).or_else(|| said("LANG"));
        let utf8 = locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        let plain = said("NO_COLOR").is_some() || !std::io::stdout().is_terminal();
        if utf8 && !plain { Glyphs::Unicode } else { Glyphs::Ascii }
    }
}

/// The bounds that figures are drawn between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// From zero to a figure that is known before: for shares, and for thresholds.
    pub fn up_to(high: f64) -> Scale {
        Scale {
            low: 0.0,
            high: if high > 0.0 { high } else { 1.0 },
        }
    }

    /// From zero to the largest figure, or to `reach` where that is larger: for distances.
    pub fn from_zero(values: impl IntoIterator<Item = f64>, reach: f64) -> Scale {
        let high = values
            .into_iter()
            .filter(|value| value.is_finite())
            .fold(reach, f64::max);
        Scale {
            low: 0.0,
            high: if high > 0.0 { high } else { 1.0 },
        }
    }

    /// From the smallest figure to the largest, with a margin.
    pub fn around(values: impl IntoIterator<Item = f64>) -> Scale {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if low > high {
            return Scale { low: 0.0, high: 1.0 };
        }
        let span = if high > low { high - low } else { high.abs().max(1.0) };
        let scale = Scale {
            low: low - span * MARGIN,
            high: high + span * MARGIN,
        };
        // Shares stay shares: an axis does not say that one could be below zero or above one.
        let shares = (0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high);
        if shares {
            Scale {
                low: scale.low.max(0.0),
                high: scale.high.min(1.0),
            }
        } else {
            scale
        }
    }

    /// Where a value stands, from 0 at the bottom to 1 at the top; outside it is drawn at the edge.
    fn share(self, value: f64) -> f64 {
        let span = self.high - self.low;
        if span > 0.0 {
            ((value - self.low) / span).clamp(0.0, 1.0)
        } else {
            0.5
        }
    }
}

/// The figures as one line of at most `width` characters, the oldest first; where there was none it is blank. Of figures
/// that share a character the largest is shown.
pub fn sparkline(values: &[Option<f64>], scale: Scale, width: usize, glyphs: Glyphs) -> String {
    let levels: &[char] = match glyphs {
        Glyphs::Unicode => &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
        Glyphs::Ascii => &['_', '.', ':', '-', '=', '+', '*', '#'],
    };
    let characters = values.len().min(width);
    let mut line = String::new();
    for place in 0..characters {
        let shared = &values[place * values.len() / characters..(place + 1) * values.len() / characters];
        let largest = shared
            .iter()
            .flatten()
            .copied()
            .filter(|value| value.is_finite())
            .reduce(f64::max);
        line.push(match largest {
            None => ' ',
            Some(value) => {
                let level = (scale.share(value) * (levels.len() - 1) as f64).round() as usize;
                levels[level.min(levels.len() - 1)]
            }
        });
    }
    line
}

/// A figure over time.
#[derive(Debug, Clone, Copy)]
pub struct Chart<'a> {
    /// When and what, the oldest first.
    pub points: &'a [(Micros, Option<f64>)],
    /// Values with a line of their own, and what they mean.
    pub lines: &'a [(f64, &'a str)],
    /// What it is drawn between.
    pub scale: Scale,
    /// Characters of a line at most.
    pub width: usize,
    /// What it is drawn with.
    pub glyphs: Glyphs,
}

impl Chart<'_> {
    /// The chart, several lines.
    pub fn draw(&self) -> String {
        let at_left: Vec<String> = (0..CHART_ROWS).map(|row| self.label(row)).collect();
        let left = at_left.iter().map(String::len).max().unwrap_or(0);
        let right = self
            .lines
            .iter()
            .map(|(_, name)| name.chars().count())
            .max()
            .map_or(0, |width| width + 1);
        let columns = self
            .width
            .min(CHART_WIDTH_MAX)
            .saturating_sub(left + right + 3)
            .max(PLOT_WIDTH_MIN);
        let cells = self.cells(columns);
        let (axis, corner, rule) = match self.glyphs {
            Glyphs::Unicode => ('┤', '└', '─'),
            Glyphs::Ascii => ('|', '+', '-'),
        };
        let mut text = String::new();
        for (row, label) in at_left.iter().enumerate() {
            let plot: String = cells[row * columns..(row + 1) * columns].iter().collect();
            let name = self.lines.iter().find(|(value, _)| self.row_of(*value) == Some(row));
            let name = name.map(|(_, name)| *name).unwrap_or_default();
            let line = format!("{label:>left$} {axis}{plot} {name}");
            let _ = writeln!(text, "{}", line.trim_end());
        }
        let _ = writeln!(text, "{:>left$} {corner}{}", "", rule.to_string().repeat(columns));
        let dates = format!("{:>left$}  {}", "", self.dates(columns));
        let _ = writeln!(text, "{}", dates.trim_end());
        text
    }

    /// The value at the middle of a row, on every third.
    fn label(&self, row: usize) -> String {
        if !row.is_multiple_of(3) && row != CHART_ROWS - 1 {
            return String::new();
        }
        let share = 1.0 - row as f64 / (CHART_ROWS - 1) as f64;
        figure(self.scale.low + share * (self.scale.high - self.scale.low))
    }

    /// The row that a value's line stands in; none where it is outside.
    fn row_of(&self, value: f64) -> Option<usize> {
        let inside = (self.scale.low..=self.scale.high).contains(&value);
        inside.then(|| ((1.0 - self.scale.share(value)) * (CHART_ROWS - 1) as f64).round() as usize)
    }

    fn cells(&self, columns: usize) -> Vec<char> {
        let mut cells = vec![' '; columns * CHART_ROWS];
        let threshold = match self.glyphs {
            Glyphs::Unicode => '┄',
            Glyphs::Ascii => '-',
        };
        for row in self.lines.iter().filter_map(|(value, _)| self.row_of(*value)) {
            cells[row * columns..(row + 1) * columns].fill(threshold);
        }
        let (wide, high) = match self.glyphs {
            Glyphs::Unicode => (columns * DOTS.0, CHART_ROWS * DOTS.1),
            Glyphs::Ascii => (columns, CHART_ROWS),
        };
        let mut dots = vec![0_u8; columns * CHART_ROWS];
        for (x, y) in self.dots(wide, high) {
            match self.glyphs {
                Glyphs::Ascii => cells[y * columns + x] = '*',
                Glyphs::Unicode => dots[y / DOTS.1 * columns + x / DOTS.0] |= braille_bit(x % DOTS.0, y % DOTS.1),
            }
        }
        for (cell, dots) in cells.iter_mut().zip(dots) {
            if dots > 0 {
                *cell = char::from_u32(0x2800 + u32::from(dots)).unwrap_or('*');
            }
        }
        cells
    }

    /// The dots of the figures and of the lines between neighbours, in a grid of `wide` by `high` with its origin at the top.
    fn dots(&self, wide: usize, high: usize) -> Vec<(usize, usize)> {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else {
            return Vec::new();
        };
        let span = (last.0.0 - first.0.0).max(1) as f64;
        let place = |(at, value): (Micros, f64)| {
            let x = (at.0 - first.0.0) as f64 / span * (wide - 1) as f64;
            let y = (1.0 - self.scale.share(value)) * (high - 1) as f64;
            (x.round() as usize, y.round() as usize)
        };
        let mut dots = Vec::new();
        let mut before: Option<(usize, usize)> = None;
        for (at, value) in self.points {
            let here = value.filter(|value| value.is_finite()).map(|value| place((*at, value)));
            if let Some((x, y)) = here {
                let (x0, y0) = before.unwrap_or((x, y));
                let steps = x.abs_diff(x0).max(y.abs_diff(y0)).max(1);
                for step in 0..=steps {
                    let share = step as f64 / steps as f64;
                    let along =
                        |from: usize, to: usize| (from as f64 + share * (to as f64 - from as f64)).round() as usize;
                    dots.push((along(x0, x), along(y0, y)));
                }
            }
            before = here;
        }
        dots
    }

    /// The first and the last time, at both ends.
    fn dates(&self, columns: usize) -> String {
        let (Some((first, _)), Some((last, _))) = (self.points.first(), self.points.last()) else {
            return String::new();
        };
        let (first, last) = (moment(*first), moment(*last));
        if first == last {
            return first;
        }
        let gap = columns.saturating_sub(first.len() + last.len()).max(1);
        format!("{first}{}{last}", " ".repeat(gap))
    }
}

/// An instant without what is zero: a day where it is midnight.
pub fn moment(at: Micros) -> String {
    let text = super::instant(at);
    text.strip_suffix(" 00:00:00").map(ToOwned::to_owned).unwrap_or(text)
}

/// The bit of a dot of a braille character.
fn braille_bit(x: usize, y: usize) -> u8 {
    const BITS: [[u8; DOTS.1]; DOTS.0] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
    BITS[x][y]
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const RISING: [Option<f64>; 9] = [
        Some(0.0),
        Some(0.05),
        Some(0.02),
        None,
        Some(0.1),
        Some(0.2),
        Some(0.3),
        Some(0.28),
        Some(0.4),
    ];

    #[test]
    fn figures_become_a_line() {
        let check = |width: usize, glyphs: Glyphs, expected: &str| {
            let scale = Scale::from_zero(RISING.into_iter().flatten(), 0.25);
            assert_eq!(sparkline(&RISING, scale, width, glyphs), expected);
        };
        check(9, Glyphs::Unicode, "▁▂▁ ▃▅▆▆█");
        check(9, Glyphs::Ascii, "_._ :=++#");
        check(20, Glyphs::Unicode, "▁▂▁ ▃▅▆▆█");
        check(3, Glyphs::Unicode, "▂▅█");
        check(0, Glyphs::Unicode, "");
        let flat = [Some(0.5); 3];
        assert_eq!(sparkline(&flat, Scale::around([0.5]), 9, Glyphs::Unicode), "▄▄▄");
        assert_eq!(sparkline(&[], Scale::around([]), 9, Glyphs::Unicode), "");
        assert_eq!(
            sparkline(&[Some(f64::NAN)], Scale::from_zero([], 0.0), 9, Glyphs::Ascii),
            " "
        );
    }

    fn check_chart(points: &[Option<f64>], glyphs: Glyphs, expected: &Expect) {
        let days: Vec<(Micros, Option<f64>)> = (17_740..).map(Micros::of_day).zip(points.iter().copied()).collect();
        let chart = Chart {
            points: &days,
            lines: &[(0.1, "warn"), (0.25, "drift")],
            scale: Scale::from_zero(points.iter().flatten().copied(), 0.25),
            width: 48,
            glyphs,
        };
        expected.assert_eq(&chart.draw());
    }

    #[test]
    fn a_chart_has_axes_and_thresholds() {
        check_chart(
            &RISING,
            Glyphs::Unicode,
            &expect![[r#"
            0.4000 ┤                               ⢀⠎
                   ┤                              ⢀⠎
                   ┤                             ⢠⠃
            0.2909 ┤                       ⢀⠎⠑⠒⠢⠤⠃
                   ┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄⡠⠃┄┄┄┄┄┄┄┄┄ drift
                   ┤                     ⡔⠁
            0.1818 ┤                   ⢀⠎
                   ┤                  ⡰⠁
                   ┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄⢀⠎┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ warn
            0.0727 ┤
                   ┤  ⢀⡠⠢⢄⡀
            0.0000 ┤⡠⠔⠁   ⠈⠑⠂
                   └─────────────────────────────────
                    2018-07-28             2018-08-05
        "#]],
        );
        check_chart(
            &RISING,
            Glyphs::Ascii,
            &expect![[r#"
            0.4000 |                                *
                   |                               *
                   |                             **
            0.2909 |                        *****
                   |-----------------------*--------- drift
                   |                     **
            0.1818 |                    *
                   |                  **
                   |----------------**--------------- warn
            0.0727 |
                   |   ******
            0.0000 |***
                   +---------------------------------
                    2018-07-28             2018-08-05
        "#]],
        );
        check_chart(
            &[Some(0.1)],
            Glyphs::Ascii,
            &expect![[r#"
            0.2500 |--------------------------------- drift
                   |
                   |
            0.1818 |
                   |
                   |
            0.1136 |
                   |*-------------------------------- warn
                   |
            0.0455 |
                   |
            0.0000 |
                   +---------------------------------
                    2018-07-28
        "#]],
        );
        check_chart(
            &[],
            Glyphs::Ascii,
            &expect![[r#"
                0.2500 |--------------------------------- drift
                       |
                       |
                0.1818 |
                       |
                       |
                0.1136 |
                       |--------------------------------- warn
                       |
                0.0455 |
                       |
                0.0000 |
                       +---------------------------------

            "#]],
        );
    }
}
