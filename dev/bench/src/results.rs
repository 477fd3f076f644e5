//! What was measured: figures with one value for each peer, their median and their spread.

use serde_json::{Map, Value, json};

use crate::peers::Peer;

/// The unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Milliseconds,
    Microseconds,
    /// Seconds of the processor for 10⁹ bytes.
    SecondsPerGb,
    Mib,
    Megabytes,
    Dollars,
    Count,
    Ratio,
}

impl Unit {
    /// Its name in results.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Microseconds => "µs",
            Self::SecondsPerGb => "s/GB",
            Self::Mib => "MiB",
            Self::Megabytes => "MB",
            Self::Dollars => "US$",
            Self::Count => "",
            Self::Ratio => "×",
        }
    }

    /// A value with its unit, with about three digits.
    pub(crate) fn format(self, value: f64) -> String {
        let digits = match value {
            _ if self == Self::Count => 0,
            100.0.. => 0,
            10.0.. => 1,
            0.1.. => 2,
            _ => 3,
        };
        let number = format!("{value:.digits$}");
        if self == Self::Count {
            group_thousands(&number)
        } else {
            format!("{number} {}", self.name())
        }
    }
}

fn group_thousands(number: &str) -> String {
    let mut grouped = String::new();
    for (n, digit) in number.chars().enumerate() {
        if n > 0 && (number.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The samples of one figure.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// The part of the bench, such as `cold`.
    pub(crate) part: &'static str,
    pub(crate) name: String,
    pub(crate) unit: Unit,
    samples: Vec<(Peer, f64)>,
}

/// The median of samples, the least and the greatest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Figure {
    /// A figure without samples.
    pub(crate) fn new(part: &'static str, name: impl Into<String>, unit: Unit) -> Self {
        Self { part, name: name.into(), unit, samples: Vec::new() }
    }

    /// Adds a sample.
    pub(crate) fn add(&mut self, peer: Peer, value: f64) {
        self.samples.push((peer, value));
    }

    /// A figure of the product alone, or of the machine.
    pub(crate) fn single(
        part: &'static str,
        name: impl Into<String>,
        unit: Unit,
        value: f64,
    ) -> Self {
        let mut figure = Self::new(part, name, unit);
        figure.add(Peer::Product, value);
        figure
    }

    /// The median and the spread of a peer's samples.
    pub(crate) fn summary(&self, peer: Peer) -> Option<Summary> {
        let mut values: Vec<f64> =
            self.samples.iter().filter(|(one, _)| *one == peer).map(|(_, value)| *value).collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        Some(Summary { median: quantile(&values, 0.5)?, min, max })
    }

    /// A peer's median as a multiple of the product's.
    pub(crate) fn ratio(&self, peer: Peer) -> Option<f64> {
        Some(self.summary(peer)?.median / self.summary(Peer::Product)?.median)
    }

    fn to_json(&self) -> Value {
        let of_peer = |peer: Peer| {
            let Summary { median, min, max } = self.summary(peer)?;
            let value = json!({ "median": round(median), "min": round(min), "max": round(max) });
            Some((peer.name().to_owned(), value))
        };
        let values: Map<_, _> = Peer::ALL.into_iter().filter_map(of_peer).collect();
        json!({ "part": self.part, "figure": self.name, "unit": self.unit.name(), "of": values })
    }
}

/// A quantile of sorted values: the mean of the two in the middle for an even number's median.
pub(crate) fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into a few thousand values"
    )]
    let (low, high) = {
        let at = (sorted.len().checked_sub(1)?) as f64 * part;
        (at.floor() as usize, at.ceil() as usize)
    };
    Some(f64::midpoint(*sorted.get(low)?, *sorted.get(high)?))
}

/// Four significant digits are more than a run can claim.
fn round(value: f64) -> f64 {
    let digits = 3.0 - value.abs().max(1e-9).log10().floor();
    let factor = 10_f64.powf(digits.max(0.0));
    (value * factor).round() / factor
}

/// All figures, as JSON with the machine they hold for.
pub(crate) fn to_json(machine: &Value, figures: &[Figure]) -> Value {
    json!({ "machine": machine, "figures": figures.iter().map(Figure::to_json).collect::<Vec<_>>() })
}
