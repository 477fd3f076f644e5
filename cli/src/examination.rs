//! What every check of one examination needs.

use boot::clock;
use report::Lang;

use crate::session::Session;

/// One run of `doctor` or `instance check`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Examination<'a> {
    /// The stack, and the clients that reach it.
    pub(crate) session: &'a Session,
    /// The language of evidence and remedies.
    pub(crate) lang: Lang,
    /// When the examination began, in seconds since 1970.
    pub(crate) now: i64,
}

impl<'a> Examination<'a> {
    /// Begins an examination now.
    pub(crate) fn new(session: &'a Session, lang: Lang) -> Self {
        Self { session, lang, now: clock::now() }
    }
}
