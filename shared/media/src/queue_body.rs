//! What the formats of queue messages have in common: how bytes stand in one, and which characters
//! it may have.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::not_a_job::NotAJob;

/// The body of a webhook, byte for byte; base64 in JSON. It is wiped on drop, because it may
/// contain media keys and personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct RawBody(Zeroizing<Vec<u8>>);

impl RawBody {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<String> for RawBody {
    type Error = NotAJob;
    fn try_from(text: String) -> Result<Self, NotAJob> {
        let text = Zeroizing::new(text);
        let bytes = BASE64.decode(text.as_bytes()).map_err(|_| NotAJob)?;
        Ok(Self(Zeroizing::new(bytes)))
    }
}

impl From<RawBody> for String {
    fn from(body: RawBody) -> Self {
        BASE64.encode(&body.0)
    }
}

/// Writes JSON in the characters that SQS accepts, which are those of XML 1.0. JSON also allows
/// U+FFFE and U+FFFF, which a sender may put into a text; they are escaped.
pub(crate) fn to_sqs_json(body: &impl Serialize) -> Result<String, NotAJob> {
    let json = serde_json::to_string(body).map_err(|_| NotAJob)?;
    Ok(json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff"))
}
