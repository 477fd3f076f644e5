//! How the origins behave when a media file is requested.

use serde::{Deserialize, Serialize};

use crate::record::Role;

/// The three shapes of `message` in W-API's 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageShape {
    /// An object that contains another answer.
    #[default]
    Nested,
    /// A string.
    Text,
    /// An array of strings.
    Array,
}

/// How W-API behaves for a media file. The scenarios above the line change the answer to the
/// POST. Those below it answer the POST normally and change the answer to the link.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WapiScenario {
    /// The POST gives a link, the link gives the file.
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
        /// The value of `Retry-After` in seconds.
        retry_after: u64,
    },
    /// POST: 502 with an HTML page.
    BadGateway502Html,
    /// POST: this status with a small JSON body.
    CallStatus {
        /// The status of the answer.
        status: u16,
    },
    /// POST: 200 with an HTML page.
    CallHtml200,
    /// POST: no answer.
    Hang,
    /// POST: the answer of `then`, this many milliseconds later.
    Delay {
        /// The delay in milliseconds.
        millis: u64,
        /// The scenario after the delay.
        then: Box<WapiScenario>,
    },
    /// POST: 200 with `error: false` and no link.
    NoLink,
    /// POST: the link is in a field of another name (`link`, `url`, `mediaUrl`).
    OtherLinkName {
        /// The name of the field.
        name: String,
    },
    /// POST: 302 to a host that does not exist.
    CallRedirect,
    /// POST: the link is on an unreachable IP address, `http://10.255.255.1:8080/media/file/…`;
    /// its path works on the base.
    RawAddressLink,
    /// POST: the link is on another host, `https://evil.example.invalid/media/file/…`; its path
    /// does not exist on the base.
    ForeignLink,
    /// POST: the link's `expires` is in the past, and the link answers 404.
    ExpiredLink,
    // ----
    /// Link: 401 without `Authorization: Bearer`, the file with it.
    LinkNeedsToken,
    /// Link: this status with a small JSON body.
    LinkStatus {
        /// The status of the answer.
        status: u16,
    },
    /// Link: 302 to a host that does not exist.
    Redirect,
    /// Link: headers and half of the file (at most 64 KiB), then nothing.
    HangBody,
    /// Link: the file at this speed.
    SlowDrip {
        /// The rate in bytes per second.
        bytes_per_second: u64,
    },
    /// Link: the full length is declared, and the connection closes after this many bytes.
    Truncate {
        /// The number of bytes sent.
        at: u64,
    },
    /// Link: a complete answer that lacks this many bytes at the end.
    CutEnd {
        /// The number of missing bytes.
        bytes: u64,
    },
    /// Link: the lowest bit of this byte is flipped.
    FlipBit {
        /// Offset of the byte; beyond the end, the last one.
        at: u64,
    },
    /// Link: another media file, of another format.
    WrongType,
    /// Link: the encrypted bytes.
    EncryptedBytes,
    /// Link: 200 with an empty body.
    EmptyBody200,
    /// Link: 200 with an HTML page.
    Html200,
    /// Link: 200 with a JSON object.
    Json200,
    /// Link: the file without `Content-Length` (chunked).
    NoLength,
    /// The first `times` POSTs for this media behave as `first`, later ones as `then`.
    FailTimes {
        /// The number of POSTs.
        times: u64,
        /// The scenario of those POSTs.
        first: Box<WapiScenario>,
        /// The scenario of later ones.
        then: Box<WapiScenario>,
    },
}

impl WapiScenario {
    /// The usual 500, with a nested message.
    pub fn fail_500() -> Self {
        Self::Fail500 { message: MessageShape::Nested }
    }

    /// `times` 500s, then success.
    pub fn fail_times(times: u64) -> Self {
        Self::FailTimes { times, first: Box::new(Self::fail_500()), then: Box::new(Self::Ok) }
    }

    /// The effective scenario of a POST that follows `call` others.
    pub(crate) fn at_call(&self, call: u64) -> Self {
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

/// How the CDN behaves for a media file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CdnScenario {
    /// The encrypted file; ranges are honoured.
    #[default]
    Ok,
    /// Permanently gone, on every host: 401, 403, 404 or 410.
    Gone {
        /// The status of the answer.
        status: u16,
    },
    /// This status, on every host; 429 and 503 carry `Retry-After: 1`.
    Status {
        /// The status of the answer.
        code: u16,
    },
    /// 200 with an empty body.
    Empty200,
    /// 200 with an HTML page.
    Html200,
    /// 302 to a host that does not exist.
    Redirect,
    /// No answer.
    Hang,
    /// Headers and half of the file (at most 64 KiB), then nothing.
    HangBody,
    /// The file at this speed.
    SlowDrip {
        /// The rate in bytes per second.
        bytes_per_second: u64,
    },
    /// No answer gets past this byte: the full length is declared, and the connection closes
    /// there.
    Truncate {
        /// Offset of the first byte that is never sent.
        at: u64,
    },
    /// The first GET is cut at this byte; later ones succeed, ranges included.
    TruncateThenRange {
        /// Bytes sent by the first GET.
        at: u64,
    },
    /// The first GET is cut at this byte; later ones ignore `Range` and answer 200 with the whole
    /// file.
    TruncateNoRange {
        /// Bytes sent by the first GET.
        at: u64,
    },
    /// The first GET is cut at this byte; a `Range` is answered with 206 from one byte too late.
    TruncateWrongRange {
        /// Bytes sent by the first GET.
        at: u64,
    },
    /// The lowest bit of this byte of the encrypted file is flipped.
    FlipBit {
        /// Offset of the byte; beyond the end, the last one.
        at: u64,
    },
    /// The ten bytes of the MAC differ, and so does the encrypted hash; see `Seal::BadMac` for a
    /// file that was encrypted so.
    WrongMac,
    /// A complete answer that lacks this many bytes at the end.
    CutEnd {
        /// The number of missing bytes.
        bytes: u64,
    },
    /// Another file encrypted with the same keys: its MAC is valid, its hash is not
    /// `fileEncSha256`.
    WrongEnc,
    /// The plain file in place of the encrypted one.
    PlainBytes,
    /// The file without `Content-Length` (chunked).
    NoLength,
    /// The main host answers 503, the fallback works.
    MainHostDown,
    /// The main host behaves as `main`, the fallback as `fallback`.
    PerHost {
        /// How the main host behaves.
        main: Box<CdnScenario>,
        /// How the fallback host behaves.
        fallback: Box<CdnScenario>,
    },
    /// The first `times` GETs for this media file (both hosts together) behave as `first`, later
    /// ones as `then`.
    FailTimes {
        /// The number of GETs.
        times: u64,
        /// The scenario of those GETs.
        first: Box<CdnScenario>,
        /// The scenario of later ones.
        then: Box<CdnScenario>,
    },
}

impl CdnScenario {
    /// `times` 503s, then success.
    pub fn fail_times(times: u64) -> Self {
        Self::FailTimes {
            times,
            first: Box::new(Self::Status { code: 503 }),
            then: Box::new(Self::Ok),
        }
    }
    /// The effective scenario on one host of a GET that follows `call` others, and how many of
    /// those had the same scenario.
    pub(crate) fn at_call(&self, call: u64, role: Role) -> (Self, u64) {
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
