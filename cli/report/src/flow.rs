//! The flow from WhatsApp to the bucket as a drawing: the nine steps, their arrows and status.
//!
//! There are two drawings: one for wide screens and paper, one for phones. The page's style sheet
//! shows the one that fits.

use crate::{
    lang::Lang,
    model::{Report, Status, StepId},
    tables,
    translate::Translate,
    words::ShortName,
};

/// A rectangle, in the drawing's own units: left, top, width, height.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// The left edge.
    pub(crate) x: i32,
    /// The top edge.
    pub(crate) y: i32,
    /// The width.
    pub(crate) w: i32,
    /// The height.
    pub(crate) h: i32,
}

/// One step as it is drawn.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its rectangle.
    pub(crate) at: Place,
    /// Its number, 1 to 9.
    pub(crate) number: u8,
    /// Its full name and status, for a tooltip.
    pub(crate) told: String,
    /// Its name in two short lines.
    pub(crate) name: [&'static str; 2],
    /// Its status.
    pub(crate) status: Status,
    /// The status as a sign and a word.
    pub(crate) badge: String,
    /// Whether its texts are on one line.
    pub(crate) is_row: bool,
}

/// One arrow.
#[derive(Debug)]
pub(crate) struct Edge {
    /// The SVG path of its line.
    pub(crate) line: String,
    /// The SVG path of its head.
    pub(crate) head: String,
    /// The worse status of the two steps.
    pub(crate) status: Status,
}

/// A drawing.
#[derive(Debug)]
pub(crate) struct Drawing {
    /// Its class in the style sheet.
    pub(crate) shape: &'static str,
    /// Width and height.
    pub(crate) size: (i32, i32),
    /// Its steps.
    pub(crate) nodes: Vec<Node>,
    /// Its arrows.
    pub(crate) edges: Vec<Edge>,
}

/// How a drawing is laid out.
#[derive(Clone, Copy)]
enum Layout {
    /// From left to right.
    Wide,
    /// From top to bottom.
    Tall,
}

/// A step's width, height and distance to the next in the wide drawing.
const WIDE: (i32, i32, i32) = (122, 90, 24);
/// The tall drawing's width, a row's height, and the distance to the next.
const TALL: (i32, i32, i32) = (340, 48, 20);
/// The space to the left of the tall drawing's steps, for its longest arrow.
const RAIL: i32 = 24;

/// The arrows: from which step to which.
const EDGES: [(StepId, StepId); 9] = [
    (StepId::Connection, StepId::Hooks),
    (StepId::Hooks, StepId::Api),
    (StepId::Api, StepId::JobsQueue),
    (StepId::JobsQueue, StepId::DownloadFunction),
    (StepId::DownloadFunction, StepId::WapiDownload),
    (StepId::DownloadFunction, StepId::Cdn),
    (StepId::WapiDownload, StepId::Bucket),
    (StepId::Cdn, StepId::Bucket),
    (StepId::DownloadFunction, StepId::Records),
];

/// Both drawings.
pub(crate) fn draw_both(report: &Report, lang: Lang) -> [Drawing; 2] {
    [Layout::Wide, Layout::Tall].map(|layout| Drawing {
        shape: layout.shape(),
        size: layout.size(),
        nodes: StepId::ALL.map(|id| draw_node(report, lang, layout, id)).into_iter().collect(),
        edges: EDGES
            .map(|(from, to)| Edge {
                line: layout.arrow_line(from, to),
                head: layout.arrow_head(from, to),
                status: Status::worst_of([from, to].map(|id| step_status(report, id))),
            })
            .into_iter()
            .collect(),
    })
}

fn step_status(report: &Report, id: StepId) -> Status {
    tables::find_step(report, id).map_or(Status::Unknown, |step| step.status)
}

fn draw_node(report: &Report, lang: Lang, layout: Layout, id: StepId) -> Node {
    let status = step_status(report, id);
    let at = layout.place(id);
    Node {
        at,
        number: id.number(),
        told: format!("{}: {}", id.in_language(lang), status.in_language(lang)),
        name: [ShortName::Upper(id), ShortName::Lower(id)].map(|line| line.in_language(lang)),
        status,
        badge: format!("{} {}", status.glyph(), status.in_language(lang)),
        is_row: at.h == TALL.1,
    }
}

impl Place {
    fn right_middle(self) -> (i32, i32) {
        (self.x + self.w, self.y + self.h / 2)
    }

    fn left_middle(self) -> (i32, i32) {
        (self.x, self.y + self.h / 2)
    }

    fn top_middle(self) -> (i32, i32) {
        (self.x + self.w / 2, self.y)
    }

    fn bottom_middle(self) -> (i32, i32) {
        (self.x + self.w / 2, self.y + self.h)
    }
}

impl Layout {
    fn shape(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Tall => "tall",
        }
    }

    fn size(self) -> (i32, i32) {
        let last = match self {
            Self::Wide => self.place(StepId::Bucket).right_middle().0,
            Self::Tall => TALL.0,
        };
        (last, self.place(StepId::Records).bottom_middle().1)
    }

    fn place(self, id: StepId) -> Place {
        match self {
            Self::Wide => wide_place(id),
            Self::Tall => tall_place(id),
        }
    }

    /// The start and the end of an arrow.
    fn arrow_ends(self, from: StepId, to: StepId) -> ((i32, i32), (i32, i32)) {
        let (start, end) = (self.place(from), self.place(to));
        match self {
            Self::Wide if start.x == end.x => (start.bottom_middle(), end.top_middle()),
            Self::Wide => (start.right_middle(), end.left_middle()),
            Self::Tall if to == StepId::Records => {
                let x = RAIL / 2;
                ((x, start.bottom_middle().1), (x, end.y))
            }
            Self::Tall if start.w < end.w => {
                (start.bottom_middle(), (start.bottom_middle().0, end.y))
            }
            Self::Tall => ((end.top_middle().0, start.bottom_middle().1), end.top_middle()),
        }
    }

    /// The path from start to end, up to where the head begins.
    fn arrow_line(self, from: StepId, to: StepId) -> String {
        let ((x0, y0), (x1, y1)) = self.arrow_ends(from, to);
        if x0 == x1 {
            return format!("M{x0} {y0}V{}", y1 - HEAD);
        }
        let (tip, middle) = (x1 - HEAD, x0.midpoint(x1 - HEAD));
        format!("M{x0} {y0}C{middle} {y0} {middle} {y1} {tip} {y1}")
    }

    fn arrow_head(self, from: StepId, to: StepId) -> String {
        let ((x0, _), (x1, y1)) = self.arrow_ends(from, to);
        let (back, half) = (HEAD + 1, HEAD - 2);
        match x0 == x1 {
            true => format!("M{x1} {y1}l-{half} -{back}h{}z", 2 * half),
            false => format!("M{x1} {y1}l-{back} -{half}v{}z", 2 * half),
        }
    }
}

/// The length of an arrow's head.
const HEAD: i32 = 7;

fn wide_place(id: StepId) -> Place {
    let (w, h, gap) = WIDE;
    let half_row = (h + gap) / 2;
    let (column, half_rows) = match id {
        StepId::Connection => (0, 1),
        StepId::Hooks => (1, 1),
        StepId::Api => (2, 1),
        StepId::JobsQueue => (3, 1),
        StepId::DownloadFunction => (4, 1),
        StepId::WapiDownload => (5, 0),
        StepId::Cdn => (5, 2),
        StepId::Bucket => (6, 1),
        StepId::Records => (4, 3),
    };
    Place { x: column * (w + gap), y: half_rows * half_row, w, h }
}

fn tall_place(id: StepId) -> Place {
    let (width, row, gap) = TALL;
    let (half, beside) = ((width - RAIL - gap) / 2, WIDE.1);
    let below = 5 * (row + gap) + beside + gap;
    let (x, y, w, h) = match id {
        StepId::Connection => (0, 0, width, row),
        StepId::Hooks => (0, row + gap, width, row),
        StepId::Api => (0, 2 * (row + gap), width, row),
        StepId::JobsQueue => (0, 3 * (row + gap), width, row),
        StepId::DownloadFunction => (0, 4 * (row + gap), width, row),
        StepId::WapiDownload => (RAIL, 5 * (row + gap), half, beside),
        StepId::Cdn => (RAIL + half + gap, 5 * (row + gap), half, beside),
        StepId::Bucket => (RAIL, below, width - RAIL, row),
        StepId::Records => (0, below + row + gap, width, row),
    };
    Place { x, y, w, h }
}
