//! An event as W-API could post it tomorrow: any wrappers, either dialect, any text in any field. The medium in it is
//! found, once, and a quoted one never.

use arbitrary::{Arbitrary, Unstructured};
use serde_json::{Map, Value, json};
use wapi::webhook::WebhookBody;

use crate::{INSTANCE, check_message, verified};

/// Levels of wrappers, as many as were ever seen and more.
const MOST_WRAPPERS: usize = 8;

const KEYS: [&str; 7] = [
    "imageMessage",
    "videoMessage",
    "ptvMessage",
    "audioMessage",
    "pttMessage",
    "documentMessage",
    "stickerMessage",
];

const WRAPPERS: [&str; 11] = [
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
];

/// How the names of fields are spelled.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Spelling {
    Y2025,
    Y2026,
    /// As in W-API's own log.
    Lower,
}

#[derive(Debug, Arbitrary)]
enum Wrapper {
    /// One that is known, through `.message`.
    Known(u8),
    /// One of tomorrow.
    Unknown,
}

/// An event with one medium.
#[derive(Debug, Arbitrary)]
struct Event<'a> {
    spelling: Spelling,
    kind: u8,
    wrappers: Vec<Wrapper>,
    is_quoted: bool,
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

/// Builds the event, and reads it as the webhook function does.
pub fn run(data: &[u8]) {
    let Ok(event) = Event::arbitrary(&mut Unstructured::new(data)) else {
        return;
    };
    let body = event.body().to_string();
    let body = WebhookBody::parse(body.as_bytes()).expect("an object");
    let announcement = body.announcement(&verified()).expect("its own instance");
    let mut media = announcement.media.into_iter();
    if event.is_quoted {
        assert!(media.next().is_none(), "a quote is nothing new");
        return;
    }
    let message = media.next().expect("the medium is found");
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

    /// Short enough to be passed on, and of the characters that paths have.
    fn direct_path(&self) -> String {
        let graphic = self.path.chars().filter(char::is_ascii_graphic);
        let kept: String = graphic.take(400).collect();
        format!("/v/{kept}?oe=6AFA0000")
    }

    fn media_object(&self) -> Value {
        let mut object = Map::new();
        let mut put = |name: &str, value: &str| {
            let name = match (self.spelling, name) {
                (Spelling::Y2026, "fileSha256") => "fileSHA256".to_owned(),
                (Spelling::Lower, name) => name.to_ascii_lowercase(),
                (Spelling::Y2025 | Spelling::Y2026, name) => name.to_owned(),
            };
            object.insert(name, json!(value));
        };
        put("mediaKey", &self.media_key());
        put("directPath", &self.direct_path());
        put("mimetype", self.mimetype);
        put("fileName", self.file_name);
        put("caption", self.caption);
        put("fileLength", self.file_length);
        put("fileSha256", &self.media_key());
        Value::Object(object)
    }

    fn body(&self) -> Value {
        let pick = |names: &'static [&'static str], n: u8| {
            names
                .get(usize::from(n) % names.len())
                .copied()
                .unwrap_or_default()
        };
        let mut content = json!({ pick(&KEYS, self.kind): self.media_object() });
        if self.is_quoted {
            content =
                json!({ "extendedTextMessage": { "contextInfo": { "quotedMessage": content } } });
        }
        for wrapper in self.wrappers.iter().take(MOST_WRAPPERS) {
            let name = match wrapper {
                Wrapper::Known(n) => pick(&WRAPPERS, *n),
                Wrapper::Unknown => "wrapperOfTomorrow",
            };
            content = json!({ name: { "message": content } });
        }
        json!({
            "event": if self.from_me { "webhookDelivery" } else { "webhookReceived" },
            "instanceId": INSTANCE,
            "messageId": self.message_id,
            "fromMe": self.from_me,
            "isGroup": self.is_group,
            "chat": { "id": self.chat },
            "sender": { "id": self.sender },
            "moment": self.moment,
            "msgContent": content,
        })
    }
}
