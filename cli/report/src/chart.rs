//! The charts of the last 24 hours, as SVG for the page.
//!
//! Plotters writes each colour as an attribute. The style sheet replaces each of these values for
//! light, dark and print, so a chart may only use the colours of this file.

use std::io;

use media::strategy::Strategy;
use plotters::{
    chart::ChartBuilder,
    coord::combinators::BindKeyPoints,
    drawing::{DrawingAreaErrorKind, IntoDrawingArea},
    element::Rectangle,
    prelude::SVGBackend,
    style::{Color, IntoFont, RGBColor},
};

use crate::{
    model::Hour,
    sections::Column,
    tables::{self, saturating_sum},
    translate::Translate,
    view::View,
    words::Phrase,
};

/// The size of every chart in SVG units: about as wide as a phone, so that text keeps its size.
const SIZE: (u32, u32) = (360, 190);
/// The size of the letters, in the same units. Plotters divides it by 1.24.
const LETTERS: f64 = 11.0 * 1.24;
/// A letter's approximate width, to reserve the space of an axis.
const LETTER_WIDTH: usize = 7;
/// How many lines a chart has above zero, at most.
const LINES: u64 = 4;
/// The hours between two labels of the time axis.
const HOURS_PER_LABEL: usize = 4;
/// The units of an hour on the time axis.
const HOUR: u32 = 100;
/// How far a bar reaches to each side of its hour's middle.
const REACH: u32 = 36;

/// A colour, and its class in the style sheet.
#[derive(Debug, Clone, Copy)]
struct Ink(RGBColor, &'static str);

const WAPI: Ink = Ink(RGBColor(0x1F, 0x4E, 0x8C), "wapi");
const ALTERNATE: Ink = Ink(RGBColor(0x8F, 0xB8, 0xE3), "alternate");
const CDN: Ink = Ink(RGBColor(0x1B, 0x95, 0x8C), "cdn");
const RETRYING: Ink = Ink(RGBColor(0xE0, 0xA4, 0x3A), "retrying");
const PARKED: Ink = Ink(RGBColor(0xB3, 0x2D, 0x23), "parked");
const WEBHOOKS: Ink = Ink(RGBColor(0x6B, 0x7A, 0x90), "webhooks");
const LINE: Ink = Ink(RGBColor(0xE3, 0xE8, 0xEE), "line");
const LABEL: Ink = Ink(RGBColor(0x5A, 0x67, 0x78), "label");

/// One count per hour: its colour, its name, and how to read it.
struct Series(Ink, Column, fn(&Hour) -> u64);

/// The media that a strategy stored.
fn stored_by(strategy: Strategy) -> Series {
    let ink = match strategy {
        Strategy::Wapi => WAPI,
        Strategy::WapiAlternate => ALTERNATE,
        Strategy::Cdn => CDN,
    };
    let (column, count) = tables::stored_by(strategy);
    Series(ink, column, count)
}

/// Media that are not stored.
const NOT_STORED: [Series; 2] = [
    Series(RETRYING, Column::Retrying, |hour| hour.retrying),
    Series(PARKED, Column::Parked, |hour| hour.parked),
];
/// Webhooks received.
const RECEIVED: [Series; 1] =
    [Series(WEBHOOKS, Column::Webhooks, |hour| hour.webhooks.unwrap_or_default())];

/// A chart for the page.
#[derive(Debug)]
pub(crate) struct Chart {
    /// The title.
    pub(crate) title: &'static str,
    /// The legend.
    pub(crate) keys: Vec<Key>,
    /// The drawing. Plotters has escaped its labels.
    pub(crate) svg: String,
}

/// An entry of the legend.
#[derive(Debug)]
pub(crate) struct Key {
    /// The colour's class in the style sheet.
    pub(crate) ink: &'static str,
    /// The name of the count.
    pub(crate) name: &'static str,
    /// The sum of all hours.
    pub(crate) sum: String,
}

/// Draws the charts of these hours; none without hours.
pub(crate) fn draw_charts(
    hours: &[Hour],
    view: View,
) -> Result<Vec<Chart>, DrawingAreaErrorKind<io::Error>> {
    if hours.is_empty() {
        return Ok(Vec::new());
    }
    // The strategy that is tried first is at the foot.
    let stored = Strategy::DEFAULT.map(stored_by);
    let mut all: Vec<(Phrase, &[Series])> =
        vec![(Phrase::ChartStored, &stored), (Phrase::ChartNotStored, &NOT_STORED)];
    if tables::knows_webhooks(hours) {
        all.push((Phrase::ChartWebhooks, &RECEIVED));
    }
    let drawn = all.into_iter().map(|(title, series)| {
        Ok(Chart {
            title: title.in_language(view.lang),
            keys: series.iter().map(|one| one.legend_key(hours, view)).collect(),
            svg: draw_stacked(hours, series, view)?,
        })
    });
    drawn.collect()
}

impl Series {
    fn legend_key(&self, hours: &[Hour], view: View) -> Key {
        let Self(Ink(_, ink), name, count) = self;
        Key {
            ink,
            name: name.in_language(view.lang),
            sum: view.lang.format_count(saturating_sum(hours.iter().map(count))),
        }
    }
}

/// Draws one bar per hour, with the series stacked.
fn draw_stacked(
    hours: &[Hour],
    series: &[Series],
    view: View,
) -> Result<String, DrawingAreaErrorKind<io::Error>> {
    let height = |hour: &Hour| saturating_sum(series.iter().map(|Series(.., count)| count(hour)));
    let lines = axis_lines(hours.iter().map(height).max().unwrap_or_default());
    let top = lines.last().copied().unwrap_or(1);
    let widest = view.lang.format_count(top).len().max(2) * LETTER_WIDTH;
    let label = ("sans-serif", LETTERS).into_font().color(&LABEL.0);
    // The middle of each hour's bar.
    let middles = (0_u32..).map(|n| n * HOUR + HOUR / 2).take(hours.len());
    let middles: Vec<_> = middles.collect();
    let labelled: Vec<_> = middles.iter().copied().step_by(HOURS_PER_LABEL).collect();
    let end = middles.last().map_or(HOUR, |last| last + HOUR / 2);
    let hour_at = |at: &u32| {
        let mut of = middles.iter().zip(hours);
        let hour = of.find(|(middle, _)| *middle == at);
        hour.map_or_else(String::new, |(_, hour)| view.format_hour(hour.at))
    };

    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin_top(8)
        .margin_right(4)
        .x_label_area_size(22)
        .y_label_area_size(u32::try_from(widest).unwrap_or_default() + 8)
        .build_cartesian_2d((0..end).with_key_points(labelled), (0..top).with_key_points(lines))?;
    let mut mesh = chart.configure_mesh();
    mesh.disable_x_mesh().axis_style(LINE.0).label_style(label);
    mesh.light_line_style(LINE.0).bold_line_style(LINE.0);
    mesh.x_label_formatter(&hour_at)
        .y_label_formatter(&|count| view.lang.format_count(*count))
        .draw()?;
    let bars = hours.iter().zip(&middles);
    chart.draw_series(bars.flat_map(|(hour, middle)| bar_parts(hour, series, *middle)))?;
    area.present()?;
    drop((chart, area));
    Ok(svg)
}

/// The non-empty parts of one hour's bar, from the bottom up.
fn bar_parts(hour: &Hour, series: &[Series], middle: u32) -> Vec<Rectangle<(u32, u64)>> {
    let (left, right) = (middle - REACH, middle + REACH);
    let mut foot = 0_u64;
    let mut parts = Vec::new();
    for Series(ink, _, count) in series {
        let head = foot.saturating_add(count(hour));
        if head > foot {
            let corners = [(left, head), (right, foot)];
            parts.push(Rectangle::new(corners, ink.0.filled()));
        }
        foot = head;
    }
    parts
}

/// The lines of the vertical axis: round numbers from zero up to at least `highest`.
fn axis_lines(highest: u64) -> Vec<u64> {
    let rounds = (0_u32..).map_while(|power| 10_u64.checked_pow(power));
    let mut steps = rounds.flat_map(|ten| [1, 2, 5].map(|round| ten.saturating_mul(round)));
    let step = steps.find(|step| step.saturating_mul(LINES) >= highest);
    let step = step.unwrap_or(u64::MAX);
    let above = highest.div_ceil(step).clamp(1, LINES);
    (0..=above).map(|n| step.saturating_mul(n)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_round_and_reach_the_highest() {
        assert_eq!(axis_lines(0), [0, 1]);
        assert_eq!(axis_lines(3), [0, 1, 2, 3]);
        assert_eq!(axis_lines(137), [0, 50, 100, 150]);
        assert_eq!(axis_lines(2_001), [0, 1_000, 2_000, 3_000]);
        assert_eq!(axis_lines(u64::MAX).last(), Some(&u64::MAX));
    }

    /// For light, dark and print.
    #[test]
    fn the_style_sheet_replaces_every_chart_colour() {
        let style = include_str!("../templates/style.css");
        let inks = [WAPI, ALTERNATE, CDN, RETRYING, PARKED, WEBHOOKS, LINE, LABEL];
        for Ink(RGBColor(r, g, b), word) in inks {
            let attribute = format!("=\"#{r:02X}{g:02X}{b:02X}\"] ");
            let mut rules = style.lines().filter(|line| line.contains(&attribute));
            let uses = |line: &str| line.contains(&format!("var(--{word})"));
            assert!(rules.any(uses), "{word} is drawn as {attribute}");
            assert_eq!(style.matches(&format!("--{word}: #")).count(), 3, "{word}");
        }
    }
}
