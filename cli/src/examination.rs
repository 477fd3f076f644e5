//! What every check of one examination needs.

use boot::clock;
use report::Lang;

use crate::session::Session;

/// What is asked of W-API only if the operator wants it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Consent {
    /// A tenant's token may be sent for an instance of another tenant.
    pub(crate) cross_tenant: bool,
    /// The pairing code may be fetched.
    pub(crate) pairing_code: bool,
}

/// One run of `doctor` or `instance check`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Examination<'a> {
    /// The stack, and the clients that reach it.
    pub(crate) session: &'a Session,
    /// The language of evidence and remedies.
    pub(crate) lang: Lang,
    /// When the examination began, in seconds since 1970.
    pub(crate) now: i64,
    /// What the operator asked for beyond the usual checks.
    pub(crate) consent: Consent,
}

impl<'a> Examination<'a> {
    /// Begins an examination of the usual checks now.
    pub(crate) fn new(session: &'a Session, lang: Lang) -> Self {
        Self { session, lang, now: clock::now(), consent: Consent::default() }
    }
}
