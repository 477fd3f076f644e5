//! The last 24 hours as two pictures, drawn by `plotters` into SVG.

use plotters::prelude::*;

use crate::{
    html::{RenderError, hour_of},
    model::Hour,
};

/// Width and height of a picture, in its own units: the page scales it.
const SIZE: (u32, u32) = (720, 240);

/// Between two bars, as a share of an hour.
const GAP: f64 = 0.12;

/// A colour that can be read on white and on black: axes and their words.
const INK: RGBColor = RGBColor(0x80, 0x87, 0x94);

/// A part of every bar: its colour and its height.
pub(crate) type Part = (RGBColor, fn(&Hour) -> u64);

/// Stored media, by strategy.
pub(crate) const STORED: [Part; 3] = [
    (RGBColor(0x2f, 0x6f, 0xde), |hour| hour.wapi),
    (RGBColor(0x7c, 0x5c, 0xd6), |hour| hour.wapi_alternate),
    (RGBColor(0x12, 0x9c, 0x7a), |hour| hour.cdn),
];

/// Media that are not stored yet.
pub(crate) const NOT_STORED: [Part; 2] = [
    (RGBColor(0xd9, 0x8e, 0x04), |hour| hour.retrying),
    (RGBColor(0xd1, 0x3b, 0x3b), |hour| hour.parked),
];

/// Bars of stacked parts, one per hour.
pub(crate) fn bars(hours: &[Hour], parts: &[Part]) -> Result<String, RenderError> {
    let mut svg = String::new();
    draw(hours, parts, &mut svg).map_err(|error| RenderError::Chart(error.to_string()))?;
    Ok(scaled(&svg))
}

fn draw(
    hours: &[Hour],
    parts: &[Part],
    svg: &mut String,
) -> Result<(), Box<dyn std::error::Error>> {
    let height = |hour: &Hour| parts.iter().map(|(_, part)| part(hour)).sum::<u64>();
    let highest = hours.iter().map(height).max().unwrap_or(0).max(4);
    let across = f64::from(u32::try_from(hours.len()).unwrap_or(u32::MAX));
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .x_label_area_size(34)
        .y_label_area_size(44)
        .build_cartesian_2d(0.0..across, 0.0..as_number(highest) * 1.1)?;
    let words = ("sans-serif", 20).into_font().color(&INK);
    let hour_at = |x: &f64| {
        let at = hours.iter().zip(0_u32..).find(|(_, n)| f64::from(*n) >= *x);
        at.map_or_else(String::new, |(hour, _)| hour_of(hour.at))
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.25))
        .axis_style(INK.mix(0.6))
        .x_labels(7)
        .y_labels(4)
        .x_label_formatter(&hour_at)
        .y_label_formatter(&|y| format!("{y:.0}"))
        .label_style(words)
        .draw()?;
    for (hour, n) in hours.iter().zip(0_u32..) {
        let (left, mut below) = (f64::from(n), 0.0);
        for (colour, part) in parts {
            let above = below + as_number(part(hour));
            let corners = [(left + GAP, below), (left + 1.0 - GAP, above)];
            if above > below {
                chart.draw_series(std::iter::once(Rectangle::new(corners, colour.filled())))?;
            }
            below = above;
        }
    }
    area.present()?;
    Ok(())
}

/// A count as a height; more than four thousand million in an hour are drawn as that.
fn as_number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// As wide as the page lets it be.
fn scaled(svg: &str) -> String {
    let (width, height) = SIZE;
    let fixed = format!("width=\"{width}\" height=\"{height}\"");
    svg.replacen(&fixed, "role=\"img\"", 1)
}
