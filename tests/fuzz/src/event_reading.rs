//! An event that W-API could post in the future: any wrappers, either dialect, any text in any
//! field. Its media message is found exactly once, and a quoted one is never found.

use arbitrary::{Arbitrary, Unstructured};
use samples::{INSTANCE, verified_instance};
use serde_json::{Map, Value, json};
use wapi::webhook::WebhookBody;

use crate::check_message;

/// Maximum number of nested wrappers; observed events have fewer.
const MAX_WRAPPERS: usize = 8;

const KEYS: [&str; 7] = [
    "imageMessage",
    "videoMessage",
    "ptvMessage",
    "audioMessage",
    "pttMessage",
    "documentMessage",
    "stickerMessage",
];

const WRAPPERS: [&str; 17] = [
    "ephemeralMessage",
    "viewOnceMessage",
    "viewOnceMessageV2",
    "viewOnceMessageV2Extension",
    "documentWithCaptionMessage",
    "editedMessage",
    "associatedChildMessage",
    "deviceSentMessage",
    "groupStatusMessage",
    "groupStatusMessageV2",
    "lottieStickerMessage",
    "spoilerMessage",
    "pollCreationOptionImageMessage",
    "statusAddYours",
    "questionReplyMessage",
    "botForwardedMessage",
    "commentMessage",
];

/// Fields that hold another sender's message, quoted.
const QUOTES: [&str; 4] =
    ["quotedMessage", "questionReplyQuotedMessage", "statusQuotedMessage", "quotedOfTomorrow"];

/// Placeholder for the sender's name.
const NAME: &str = "NAME-OF-THE-SENDER";

/// The dialect, which decides how field names are spelled.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Spelling {
    Y2025,
    Y2026,
    /// The dialect of W-API's own log.
    Lower,
}

/// The encoding of keys and hashes.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum BytesEncoding {
    Standard,
    UrlSafe,
    Unpadded,
    Lines,
    Hex,
    List,
    Numbered,
    Buffer,
    BufferOfText,
    Text,
}

impl BytesEncoding {
    fn encode_bytes(self, bytes: &[u8; 32]) -> Value {
        let standard = data_encoding::BASE64.encode(bytes);
        let numbered = || (0..).map(|n: usize| n.to_string()).zip(bytes.map(Value::from));
        match self {
            Self::Standard => json!(standard),
            Self::UrlSafe => json!(data_encoding::BASE64URL.encode(bytes)),
            Self::Unpadded => json!(data_encoding::BASE64URL_NOPAD.encode(bytes)),
            Self::Lines => json!(format!("{}\r\n", standard.replace('/', "/\n"))),
            Self::Hex => json!(data_encoding::HEXUPPER.encode(bytes)),
            Self::List => json!(bytes),
            Self::Numbered => Value::Object(numbered().collect()),
            Self::Buffer => json!({ "type": "Buffer", "data": bytes }),
            Self::BufferOfText => json!({ "type": "Buffer", "data": standard }),
            Self::Text => json!(json!({ "type": "Buffer", "data": bytes }).to_string()),
        }
    }
}

/// How a relay changes a body.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum RelayFormat {
    None,
    List,
    Request,
    Text,
    RequestOfText,
}

impl RelayFormat {
    fn wrap_body(self, body: String) -> String {
        let request = |body: &str| format!("{{\"headers\":{{}},\"query\":{{}},\"body\":{body}}}");
        match self {
            Self::None => body,
            Self::List => format!("[{body}]"),
            Self::Request => format!("[{}]", request(&body)),
            Self::Text => json!(body).to_string(),
            Self::RequestOfText => request(&json!(body).to_string()),
        }
    }
}

/// What is malformed in a text, or in the whole body.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Flaw {
    None,
    HalfPair,
    Control,
    NoEscape,
    Mark,
}

impl Flaw {
    /// The sender's name with this flaw.
    fn sender_name(self) -> &'static str {
        match self {
            Self::None | Self::Mark => "Contato Exemplo",
            Self::HalfPair => "Contato \\ud83d",
            Self::Control => "Contato\nExemplo",
            Self::NoEscape => "Contato \\x",
        }
    }
}

#[derive(Debug, Arbitrary)]
enum Wrapper {
    /// A known one, whose content is in `.message`.
    Known(u8),
    /// One that the code does not know.
    Unknown,
}

/// An event with one media message.
#[derive(Debug, Arbitrary)]
struct Event<'a> {
    spelling: Spelling,
    kind: u8,
    wrappers: Vec<Wrapper>,
    is_quoted: bool,
    quote: u8,
    bytes: BytesEncoding,
    content_is_text: bool,
    relay: RelayFormat,
    flaw: Flaw,
    from_me: bool,
    is_group: bool,
    message_id: &'a str,
    chat: &'a str,
    sender: &'a str,
    moment: i64,
    mimetype: &'a str,
    file_name: &'a str,
    caption: &'a str,
    file_length: &'a str,
    key: [u8; 32],
    path: &'a str,
}

/// Builds the event and reads it as the webhook function does.
pub fn run(data: &[u8]) {
    let Ok(event) = Event::arbitrary(&mut Unstructured::new(data)) else {
        return;
    };
    let body = WebhookBody::parse(&event.posted_body()).expect("one webhook");
    let announcement = body.announcement(&verified_instance()).expect("its own instance");
    let mut media = announcement.media.into_iter();
    if event.is_quoted {
        assert!(media.next().is_none(), "a quote is nothing new");
        return;
    }
    let message = media.next().expect("the media message is found");
    assert!(media.next().is_none(), "and only once");
    let path = message.direct_path.as_ref().expect("its path");
    assert_eq!(path.expose(), event.direct_path());
    let key = message.media_key.as_ref().expect("its key");
    assert_eq!(key.expose(), event.media_key());
    check_message(message);
}

impl Event<'_> {
    fn media_key(&self) -> String {
        data_encoding::BASE64.encode(&self.key)
    }

    /// Short enough to be kept by the reader, and without characters that paths cannot have.
    fn direct_path(&self) -> String {
        let graphic = self.path.chars().filter(char::is_ascii_graphic);
        let kept: String = graphic.take(400).collect();
        format!("/v/{kept}?oe=6AFA0000")
    }

    fn media_object(&self) -> Value {
        let mut object = Map::new();
        let mut put = |name: &str, value: Value| {
            let name = match (self.spelling, name) {
                (Spelling::Y2026, "fileSha256") => "fileSHA256".to_owned(),
                (Spelling::Lower, name) => name.to_ascii_lowercase(),
                (Spelling::Y2025 | Spelling::Y2026, name) => name.to_owned(),
            };
            object.insert(name, value);
        };
        put("directPath", json!(self.direct_path()));
        put("mimetype", json!(self.mimetype));
        put("fileName", json!(self.file_name));
        put("caption", json!(self.caption));
        put("fileLength", json!(self.file_length));
        for name in ["mediaKey", "fileSha256"] {
            put(name, self.bytes.encode_bytes(&self.key));
        }
        Value::Object(object)
    }

    /// The body as it arrives, with its flaw and its relay's wrapping.
    fn posted_body(&self) -> Vec<u8> {
        let body = self.webhook_body().to_string().replace(NAME, self.flaw.sender_name());
        let body = self.relay.wrap_body(body);
        let mark = if matches!(self.flaw, Flaw::Mark) { "\u{feff}" } else { "" };
        format!("{mark}{body}").into_bytes()
    }

    fn webhook_body(&self) -> Value {
        let pick = |names: &'static [&'static str], n: u8| {
            names.get(usize::from(n) % names.len()).copied().unwrap_or_default()
        };
        let mut content = json!({ pick(&KEYS, self.kind): self.media_object() });
        if self.is_quoted {
            let quote = pick(&QUOTES, self.quote);
            content = json!({ "brandNewMessage": { "contextInfo": { quote: content } } });
        }
        for wrapper in self.wrappers.iter().take(MAX_WRAPPERS) {
            let name = match wrapper {
                Wrapper::Known(n) => pick(&WRAPPERS, *n),
                Wrapper::Unknown => "wrapperOfTomorrow",
            };
            content = json!({ name: { "message": content } });
        }
        if self.content_is_text {
            content = json!(content.to_string());
        }
        json!({
            "event": if self.from_me { "webhookDelivery" } else { "webhookReceived" },
            "instanceId": INSTANCE,
            "messageId": self.message_id,
            "fromMe": self.from_me,
            "isGroup": self.is_group,
            "chat": { "id": self.chat },
            "sender": { "id": self.sender, "pushName": NAME },
            "moment": self.moment,
            "msgContent": content,
        })
    }
}
