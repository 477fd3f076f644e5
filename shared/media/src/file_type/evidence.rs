//! What the bytes of a file prove: a family of formats, or one format.

use super::{family::Family, types};

/// What the bytes prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// A family, and the extension that the content suggests, if any.
    Family(Family, Option<&'static str>),
    /// One format, which no hint of the sender changes.
    Format {
        /// The format's extension.
        extension: &'static str,
        /// The format's MIME type.
        mimetype: &'static str,
        /// Whether a browser may show it inline.
        is_shown: bool,
    },
}

impl Evidence {
    /// A family without a suggested extension.
    pub(super) fn from_family(family: Family) -> Self {
        Self::Family(family, None)
    }

    /// A format that is downloaded, not shown inline.
    pub(super) fn from_format(extension: &'static str, mimetype: &'static str) -> Self {
        Self::Format { extension, mimetype, is_shown: false }
    }

    /// Whether files with this extension may have such bytes.
    pub(super) fn has_extension(self, other: &str) -> bool {
        match self {
            Self::Family(family, _) => family.has_extension(other),
            Self::Format { extension, .. } => types::are_alike(extension, other),
        }
    }
}
