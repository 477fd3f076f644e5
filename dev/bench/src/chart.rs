//! The chart for the README: each peer's figures as multiples of the product's, as SVG.
//!
//! Every bar begins at 1, the product; the axis is logarithmic. To the right is worse.

use std::fmt::Write as _;

use crate::{
    peers::Peer,
    results::{Figure, Unit},
};

/// The figures that are drawn, and what they are called there.
const DRAWN: [(&str, &str); 8] = [
    ("cold → first webhook answered, 256 MB", "cold start → webhook answered, 256 MB"),
    ("cold → 1 MiB stored by cdn, 512 MB", "cold start → 1 MiB stored, 512 MB"),
    ("CPU of a warm webhook", "processor for a webhook"),
    ("CPU s/GB, 1 MiB by cdn", "processor for a GB in files of 1 MiB"),
    ("CPU s/GB, 100 MiB by cdn", "processor for a GB in files of 100 MiB"),
    ("10 × 1 MiB of one instance, W-API in 100 ms", "a batch of ten files"),
    ("peak memory, 100 MiB by cdn", "peak memory, a file of 100 MiB"),
    ("US$ per million media, ten at once, 512 MB", "Lambda's bill for a million, 512 MB"),
];
const PEERS: [Peer; 2] = [Peer::Node, Peer::Python];
const WIDTH: f64 = 760.0;
const LABELS: f64 = 300.0;
const ROW: f64 = 44.0;
const BAR: f64 = 15.0;
const TOP: f64 = 52.0;
/// The greatest multiple that the axis has, as a power of two, and the least.
const POWERS: (f64, f64) = (-2.0, 5.0);
const STYLE: &str = "
text { font: 13px system-ui, sans-serif; fill: #24292f }
.node { fill: #3c873a } .python { fill: #3b74a8 }
.line { stroke: #d0d7de } .one { stroke: #24292f; stroke-width: 1.5 }
.small { font-size: 11px }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .line { stroke: #3d444d } .one { stroke: #e6edf3 }
}";

/// Draws the figures that were measured; `machine` is the description of it, of which the first
/// part is the last line.
pub(crate) fn draw(figures: &[Figure], machine: &str) -> Result<String, std::fmt::Error> {
    let note = machine.split(';').next().unwrap_or_default();
    let drawn: Vec<_> = DRAWN
        .iter()
        .filter_map(|(name, label)| Some((figures.iter().find(|one| one.name == *name)?, *label)))
        .collect();
    let rows = drawn.iter().fold(TOP, |height, _| height + ROW);
    let height = rows + 40.0;
    let mut svg = String::new();
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Node.js and Python as multiples of this program\">\n<style>{STYLE}\n</style>"
    )?;
    draw_legend(&mut svg)?;
    draw_axis(&mut svg, rows)?;
    let mut top = TOP;
    for (figure, label) in drawn {
        draw_row(&mut svg, (figure, label), top)?;
        top += ROW;
    }
    writeln!(svg, "<text class=\"small\" x=\"8\" y=\"{}\">{note}</text>\n</svg>", rows + 30.0)?;
    Ok(svg)
}

fn draw_legend(svg: &mut String) -> std::fmt::Result {
    writeln!(svg, "<text x=\"8\" y=\"20\">As a multiple of this program (1 ×)</text>")?;
    let names = [("node", "Node.js", LABELS), ("python", "Python", LABELS + 100.0)];
    for (class, name, x) in names {
        writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{x}\" y=\"9\" width=\"13\" height=\"13\"/>\
             <text x=\"{}\" y=\"20\">{name}</text>",
            x + 19.0
        )?;
    }
    Ok(())
}

/// The lines of ½, 1, 2, 4, …
fn draw_axis(svg: &mut String, bottom: f64) -> std::fmt::Result {
    let (least, most) = POWERS;
    let mut power = least;
    while power <= most {
        let (at, multiple) = (place(2_f64.powf(power)), 2_f64.powf(power));
        let class = if multiple == 1.0 { "one" } else { "line" };
        writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{}\" y2=\"{bottom}\"/>\
             <text class=\"small\" text-anchor=\"middle\" x=\"{at:.1}\" y=\"{}\">{multiple} ×</text>",
            TOP - 4.0,
            TOP - 8.0
        )?;
        power += 1.0;
    }
    Ok(())
}

fn draw_row(svg: &mut String, (figure, label): (&Figure, &str), top: f64) -> std::fmt::Result {
    let value = figure.summary(Peer::Product).map_or(0.0, |summary| summary.median);
    writeln!(
        svg,
        "<text x=\"8\" y=\"{}\">{label}</text><text class=\"small\" x=\"8\" y=\"{}\">{}</text>",
        top + 16.0,
        top + 31.0,
        figure.unit.format(value)
    )?;
    for (n, peer) in PEERS.into_iter().enumerate() {
        let Some(ratio) = figure.ratio(peer) else {
            continue;
        };
        let y = top + 4.0 + if n == 0 { 0.0 } else { BAR + 2.0 };
        let (one, end) = (place(1.0), place(ratio));
        writeln!(
            svg,
            "<rect class=\"{}\" x=\"{:.1}\" y=\"{y}\" width=\"{:.1}\" height=\"{BAR}\"/>\
             <text class=\"small\" x=\"{:.1}\" y=\"{}\">{}</text>",
            peer.name(),
            one.min(end),
            (end - one).abs().max(1.0),
            one.max(end) + 5.0,
            y + 12.0,
            Unit::Ratio.format(ratio)
        )?;
    }
    Ok(())
}

/// The place of a multiple on the axis.
fn place(multiple: f64) -> f64 {
    let (least, most) = POWERS;
    let part = (multiple.max(0.01).log2() - least) / (most - least);
    LABELS + part.clamp(0.0, 1.0) * (WIDTH - LABELS - 60.0)
}
