//! How the origins behave when they are asked for a media.

use serde::{Deserialize, Serialize};

use crate::record::Role;

/// The three shapes in which W-API's 500 carries its `message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageShape {
    /// An object that holds another answer.
    #[default]
    Nested,
    /// A string.
    Text,
    /// An array of strings.
    Array,
}

/// How W-API behaves for a media. Those above the line answer the POST, those below it answer the POST well and
/// show themselves when the link is fetched.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WapiScenario {
    /// POST gives a link, the link gives the file.
    #[default]
    Ok,
    /// POST: 500 with `error: true` and a message of this shape.
    Fail500 {
        /// The shape of `message`.
        message: MessageShape,
    },
    /// POST: 200 with `error: true`.
    Error200,
    /// POST: 400.
    BadRequest400,
    /// POST: 401.
    Unauthorized401,
    /// POST: 403.
    Forbidden403,
    /// POST: 404.
    NotFound404,
    /// POST: 429 with `Retry-After` in seconds.
    TooMany429 {
        /// Seconds.
        retry_after: u64,
    },
    /// POST: 502 with an HTML page.
    BadGateway502Html,
    /// POST: this status with a small JSON body.
    CallStatus {
        /// The status.
        status: u16,
    },
    /// POST: 200 with an HTML page.
    CallHtml200,
    /// POST: never answers.
    Hang,
    /// POST: answers as `then` does, this many milliseconds later.
    Delay {
        /// Milliseconds.
        millis: u64,
        /// What follows.
        then: Box<WapiScenario>,
    },
    /// POST: 200 with `error: false` and no link.
    NoLink,
    /// POST: the link stands under another name (`link`, `url`, `mediaUrl`).
    OtherLinkName {
        /// The name.
        name: String,
    },
    /// POST: 302 to a host that does not exist.
    CallRedirect,
    /// POST: the link is on an unreachable raw address, `http://10.255.255.1:8080/media/file/…`; the same path works on the base.
    RawAddressLink,
    /// POST: the link is on another host, `https://evil.example.invalid/media/file/…`; its path is unknown on the base.
    ForeignLink,
    /// POST: the link's `expires` is past, and the link gives 404.
    ExpiredLink,
    // ----
    /// Link: 401 without `Authorization: Bearer`, the file with it.
    LinkNeedsToken,
    /// Link: this status with a small JSON body.
    LinkStatus {
        /// The status.
        status: u16,
    },
    /// Link: 302 to a host that does not exist.
    Redirect,
    /// Link: headers and half of the file (at most 64 KiB), then nothing more.
    HangBody,
    /// Link: the file at this speed.
    SlowDrip {
        /// Bytes per second.
        bytes_per_second: u64,
    },
    /// Link: the whole length declared, the connection closed after this many bytes.
    Truncate {
        /// Bytes sent.
        at: u64,
    },
    /// Link: a clean answer that lacks this many bytes at the end.
    CutEnd {
        /// Bytes missing.
        bytes: u64,
    },
    /// Link: the lowest bit of this byte is flipped.
    FlipBit {
        /// Offset of the byte; beyond the end it means the last one.
        at: u64,
    },
    /// Link: a file of another format, another media's.
    WrongType,
    /// Link: the encrypted bytes.
    EncryptedBytes,
    /// Link: 200 without a byte.
    EmptyBody200,
    /// Link: 200 with an HTML page.
    Html200,
    /// Link: 200 with a JSON object.
    Json200,
    /// Link: the file without `Content-Length` (chunked).
    NoLength,
    /// The first `times` POSTs for this media behave as `first`, later ones as `then`.
    FailTimes {
        /// How many POSTs.
        times: u64,
        /// How those behave.
        first: Box<WapiScenario>,
        /// How the rest behave.
        then: Box<WapiScenario>,
    },
}

impl WapiScenario {
    /// The usual 500, its message nested.
    pub fn fail_500() -> Self {
        Self::Fail500 {
            message: MessageShape::Nested,
        }
    }

    /// A number of 500s, then all is well.
    pub fn fail_times(times: u64) -> Self {
        Self::FailTimes {
            times,
            first: Box::new(Self::fail_500()),
            then: Box::new(Self::Ok),
        }
    }

    /// What it comes to for a POST that `call` others came before.
    pub(crate) fn at(&self, call: u64) -> Self {
        let mut scenario = self;
        let mut call = call;
        while let Self::FailTimes { times, first, then } = scenario {
            if call < *times {
                scenario = first;
            } else {
                call -= times;
                scenario = then;
            }
        }
        scenario.clone()
    }
}

/// How the CDN behaves for a media.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CdnScenario {
    /// The sealed file; ranges are honoured.
    #[default]
    Ok,
    /// Gone for good, on every host: 401, 403, 404 or 410.
    Gone {
        /// The status.
        status: u16,
    },
    /// This status, on every host; 429 and 503 carry `Retry-After: 1`.
    Status {
        /// The status.
        code: u16,
    },
    /// 200 without a byte.
    Empty200,
    /// 200 with an HTML page.
    Html200,
    /// 302 to a host that does not exist.
    Redirect,
    /// Never answers.
    Hang,
    /// Headers and half of the file (at most 64 KiB), then nothing more.
    HangBody,
    /// The file at this speed.
    SlowDrip {
        /// Bytes per second.
        bytes_per_second: u64,
    },
    /// No answer ever gets past this byte: the whole length declared, the connection closed there.
    Truncate {
        /// Offset of the first byte that is never sent.
        at: u64,
    },
    /// The first GET is cut at this byte; afterwards all is well, ranges included.
    TruncateThenRange {
        /// Bytes sent at first.
        at: u64,
    },
    /// The first GET is cut at this byte; afterwards `Range` is ignored and 200 gives the whole file.
    TruncateNoRange {
        /// Bytes sent at first.
        at: u64,
    },
    /// The first GET is cut at this byte; a `Range` is answered with 206 from one byte too late.
    TruncateWrongRange {
        /// Bytes sent at first.
        at: u64,
    },
    /// The lowest bit of this byte of the sealed file is flipped.
    FlipBit {
        /// Offset of the byte; beyond the end it means the last one.
        at: u64,
    },
    /// The ten bytes of the MAC are others (the encrypted hash then differs too; see `Seal::BadMac` for a file that was born so).
    WrongMac,
    /// A clean answer that lacks this many bytes at the end.
    CutEnd {
        /// Bytes missing.
        bytes: u64,
    },
    /// Another file sealed with the same keys: its MAC is right, `fileEncSha256` is not its hash.
    WrongEnc,
    /// The plaintext.
    PlainBytes,
    /// The file without `Content-Length` (chunked).
    NoLength,
    /// The main host answers 503, the fallback is well.
    MainHostDown,
    /// The main host behaves as `main`, the fallback as `fallback`.
    PerHost {
        /// The main host.
        main: Box<CdnScenario>,
        /// The fallback host.
        fallback: Box<CdnScenario>,
    },
    /// The first `times` GETs for this media (both hosts counted together) behave as `first`, later ones as `then`.
    FailTimes {
        /// How many GETs.
        times: u64,
        /// How those behave.
        first: Box<CdnScenario>,
        /// How the rest behave.
        then: Box<CdnScenario>,
    },
}

impl CdnScenario {
    /// A number of 503s, then all is well.
    pub fn fail_times(times: u64) -> Self {
        Self::FailTimes {
            times,
            first: Box::new(Self::Status { code: 503 }),
            then: Box::new(Self::Ok),
        }
    }
    /// What it comes to on one host for a GET that `call` others came before, and how many of those met the same scenario.
    pub(crate) fn at(&self, call: u64, role: Role) -> (Self, u64) {
        let mut scenario = self;
        let mut call = call;
        loop {
            scenario = match scenario {
                Self::FailTimes { times, first, .. } if call < *times => first,
                Self::FailTimes { times, then, .. } => {
                    call -= times;
                    then
                }
                Self::PerHost { main, .. } if role == Role::Cdn => main,
                Self::PerHost { fallback, .. } => fallback,
                Self::MainHostDown if role == Role::Cdn => &Self::Status { code: 503 },
                Self::MainHostDown => &Self::Ok,
                Self::Ok
                | Self::Gone { .. }
                | Self::Status { .. }
                | Self::Empty200
                | Self::Html200
                | Self::Redirect
                | Self::Hang
                | Self::HangBody
                | Self::SlowDrip { .. }
                | Self::Truncate { .. }
                | Self::TruncateThenRange { .. }
                | Self::TruncateNoRange { .. }
                | Self::TruncateWrongRange { .. }
                | Self::FlipBit { .. }
                | Self::WrongMac
                | Self::CutEnd { .. }
                | Self::WrongEnc
                | Self::PlainBytes
                | Self::NoLength => return (scenario.clone(), call),
            };
        }
    }
}
