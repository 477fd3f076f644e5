//! The table that a run prints: the product's figures, and the peers' as multiples of them.

use comfy_table::{Cell, CellAlignment, Table, presets};

use crate::{
    peers::Peer,
    results::{Figure, Summary, Unit},
};

/// The figures with a column for each peer that has one. `is_markdown` chooses the form.
pub(crate) fn draw(figures: &[Figure], peers: &[Peer], is_markdown: bool) -> String {
    let mut table = Table::new();
    let style = if is_markdown { presets::ASCII_MARKDOWN } else { presets::UTF8_HORIZONTAL_ONLY };
    table.load_style(style);
    let header = ["figure"].into_iter().chain(peers.iter().map(|peer| peer.name()));
    table.set_header(header.collect::<Vec<_>>());
    for figure in figures {
        let cells = peers
            .iter()
            .map(|peer| Cell::new(cell(figure, *peer)).set_alignment(CellAlignment::Right));
        table.add_row(std::iter::once(Cell::new(&figure.name)).chain(cells).collect::<Vec<_>>());
    }
    table.to_string()
}

/// The product's median with its spread; another's multiple of it, with its median.
fn cell(figure: &Figure, peer: Peer) -> String {
    let Some(Summary { median, min, max }) = figure.summary(peer) else {
        return "–".to_owned();
    };
    let text = figure.unit.format(median);
    if peer != Peer::Product {
        let ratio = figure.ratio(peer).map(|ratio| Unit::Ratio.format(ratio));
        return format!("{} ({text})", ratio.unwrap_or_default());
    }
    let spread = max - min;
    if spread > median * 0.02 && figure.unit != Unit::Count {
        let half = figure.unit.format(spread / 2.0);
        let half = half.split(' ').next().unwrap_or_default();
        return format!("{text} ± {half}");
    }
    text
}
