//! The events with media messages, in both dialects.

use serde_json::json;

use super::Entry;
use crate::spec::{DEFAULT_MOMENT, Dialect, Format, Kind, Spec};

/// A chat that is identified by its LID.
const LID_CHAT: &str = "200000000000002@lid";
const GROUP: &str = "120363000000000002@g.us";

/// Every event with a media message, in the order of their moments.
pub(super) fn media_events() -> Vec<(String, Entry)> {
    let named =
        [("2025", events_of_2025()), ("2026", events_of_2026()), ("2026", unusual_events())];
    let mut moment = DEFAULT_MOMENT;
    let mut all = Vec::new();
    for (year, specs) in named {
        for (name, mut spec) in specs {
            let stem = format!("{year}-{name}");
            spec.dialect = if year == "2025" { Dialect::Y2025 } else { Dialect::Y2026 };
            spec.seed.clone_from(&stem);
            spec.moment = moment;
            moment += 60;
            all.push((stem, Entry::Media(Box::new(spec))));
        }
    }
    all
}

fn events_of_2025() -> Vec<(&'static str, Spec)> {
    vec![
        ("image", Spec::of(Kind::Image).caption("legenda")),
        (
            "image-forwarded",
            Spec::of(Kind::Image)
                .format(Format::Png)
                .extra("contextInfo", json!({ "forwardingScore": 1, "isForwarded": true })),
        ),
        ("video", Spec::of(Kind::Video).caption("vídeo curto")),
        ("audio", Spec::of(Kind::Audio)),
        ("voice", Spec::of(Kind::Voice)),
        ("document", Spec::of(Kind::Document).file_name("Relatório mensal.pdf")),
        ("sticker", Spec::of(Kind::Sticker)),
    ]
}

fn events_of_2026() -> Vec<(&'static str, Spec)> {
    vec![
        ("image", Spec::of(Kind::Image).caption("foto da fachada 📷")),
        ("video", Spec::of(Kind::Video)),
        ("gif", Spec::of(Kind::Gif)),
        ("ptv", Spec::of(Kind::Ptv)),
        ("audio", Spec::of(Kind::Audio)),
        ("voice", Spec::of(Kind::Voice)),
        ("document", Spec::of(Kind::Document).file_name("Contrato nº 7 (assinado).pdf")),
        (
            "document-with-caption",
            Spec::of(Kind::Document)
                .format(Format::Docx)
                .file_name("Orçamento.docx")
                .caption("segue o orçamento")
                .wrapper("documentWithCaptionMessage"),
        ),
        ("document-html", Spec::of(Kind::Document).format(Format::Html).file_name("pagina.html")),
        ("document-jpeg", Spec::of(Kind::Document).format(Format::Jpeg).file_name("IMG_0001.JPG")),
        ("sticker", Spec::of(Kind::Sticker)),
    ]
}

/// Wrappers, and chats that are not a person's number.
fn unusual_events() -> Vec<(&'static str, Spec)> {
    vec![
        ("image-view-once", Spec::of(Kind::Image).view_once().wrapper("viewOnceMessageV2")),
        ("image-ephemeral", Spec::of(Kind::Image).wrapper("ephemeralMessage")),
        ("image-album-child", Spec::of(Kind::Image).wrapper("associatedChildMessage")),
        (
            "image-wrapped-five-deep",
            Spec::of(Kind::Image)
                .wrapper("deviceSentMessage")
                .wrapper("ephemeralMessage")
                .wrapper("viewOnceMessage")
                .wrapper("viewOnceMessageV2Extension")
                .wrapper("associatedChildMessage"),
        ),
        ("image-unknown-wrapper", Spec::of(Kind::Image).wrapper("wrapperOfTomorrowMessage")),
        ("image-group", Spec::of(Kind::Image).chat(GROUP).sender("5500900000003")),
        ("image-from-me", Spec::of(Kind::Image).from_me()),
        ("image-lid-chat", Spec::of(Kind::Image).chat(LID_CHAT)),
        ("image-status", Spec::of(Kind::Image).chat("status@broadcast")),
        ("image-newsletter", Spec::of(Kind::NewsletterImage)),
    ]
}
