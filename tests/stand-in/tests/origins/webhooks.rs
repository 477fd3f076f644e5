//! The webhooks with which the stand-in announces media files.

use anyhow::{Context, Result};
use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Map, Value, json};
use stand_in::{AnnouncedMedia, Dialect, FalseFields, Field, Format, Kind, Spec, StandIn};

async fn announce_alone(spec: Spec) -> Result<AnnouncedMedia> {
    StandIn::start().await?.announce(spec)
}

fn object_at<'a>(announced: &'a AnnouncedMedia, pointer: &str) -> Result<&'a Map<String, Value>> {
    let found = announced.webhook.pointer(pointer).and_then(Value::as_object);
    found.with_context(|| format!("no {pointer} in {}", announced.webhook))
}

#[tokio::test]
async fn each_dialect_spells_its_keys() -> Result<()> {
    for (dialect, present, absent) in [
        (Dialect::Y2025, ["url", "jpegThumbnail", "fileSha256", "fileEncSha256"], "URL"),
        (Dialect::Y2026, ["URL", "JPEGThumbnail", "fileSHA256", "fileEncSHA256"], "url"),
        (Dialect::Mixed, ["url", "JPEGThumbnail", "fileSha256", "fileEncSHA256"], "URL"),
    ] {
        let announced = announce_alone(Spec::default().dialect(dialect)).await?;
        let image = object_at(&announced, "/msgContent/imageMessage")?;
        for key in present {
            assert!(image.contains_key(key), "{dialect:?} {key}");
        }
        assert!(!image.contains_key(absent));
        let voice = announce_alone(Spec::of(Kind::Voice).dialect(dialect)).await?;
        let key = if dialect == Dialect::Y2026 { "PTT" } else { "ptt" };
        assert_eq!(object_at(&voice, "/msgContent/audioMessage")?.get(key), Some(&json!(true)));
    }
    Ok(())
}

#[tokio::test]
async fn hashes_length_and_key_match_the_file() -> Result<()> {
    let announced = announce_alone(Spec::default().format(Format::Png).size(70_000)).await?;
    let image = object_at(&announced, "/msgContent/imageMessage")?;
    let base64 =
        |hex: &str| HEXLOWER.decode(hex.as_bytes()).map(|bytes| json!(BASE64.encode(&bytes)));
    assert_eq!(image.get("fileLength"), Some(&json!("70000")));
    assert_eq!(image.get("fileSHA256"), Some(&base64(&announced.sha256_hex)?));
    assert_eq!(image.get("fileEncSHA256"), Some(&base64(&announced.sealed_sha256_hex)?));
    assert_eq!(image.get("mediaKey"), Some(&json!(announced.media_key)));
    assert_eq!(announced.media_key.len(), 44);
    assert_eq!(announced.sha256_hex, announced.plain.sha256_hex());
    Ok(())
}

#[tokio::test]
async fn wrappers_nest_in_order() -> Result<()> {
    let spec = Spec::of(Kind::Document)
        .wrapper("ephemeralMessage")
        .wrapper("documentWithCaptionMessage")
        .caption("legenda");
    let announced = announce_alone(spec).await?;
    let pointer =
        "/msgContent/ephemeralMessage/message/documentWithCaptionMessage/message/documentMessage";
    assert_eq!(object_at(&announced, pointer)?.get("caption"), Some(&json!("legenda")));
    object_at(&announced, "/msgContent/messageContextInfo")?;
    Ok(())
}

#[tokio::test]
async fn the_envelope_says_who_and_where() -> Result<()> {
    let mine = announce_alone(Spec::default().from_me()).await?;
    assert_eq!(mine.webhook.get("event"), Some(&json!("webhookDelivery")));
    assert_eq!(mine.webhook.pointer("/sender/id"), Some(&json!("5500900000001")));
    let group = announce_alone(Spec::default().chat("120363000000000009@g.us")).await?;
    assert_eq!(group.webhook.get("isGroup"), Some(&json!(true)));
    let lid =
        announce_alone(Spec::default().chat("200000000000009@lid").message_id("X1").moment(5))
            .await?;
    assert_eq!(lid.webhook.pointer("/sender/senderLid"), Some(&json!("200000000000009@lid")));
    assert_eq!(lid.webhook.get("messageId"), Some(&json!("X1")));
    assert_eq!(lid.webhook.get("moment"), Some(&json!(5)));
    Ok(())
}

#[tokio::test]
async fn fields_are_omitted_and_falsified_as_asked() -> Result<()> {
    let honest = Spec::default().seed("lies");
    let lies = FalseFields { file_length: Some(7), file_sha256: true, file_enc_sha256: true };
    let spec = honest.clone().lies(lies).omit(Field::MediaKey).omit(Field::DirectPath);
    let (honest, lying) = (announce_alone(honest).await?, announce_alone(spec).await?);
    let (honest, lying) = (
        object_at(&honest, "/msgContent/imageMessage")?,
        object_at(&lying, "/msgContent/imageMessage")?,
    );
    assert_eq!(lying.get("fileLength"), Some(&json!("7")));
    for key in ["fileSHA256", "fileEncSHA256"] {
        assert_ne!(honest.get(key), lying.get(key));
    }
    assert!(!lying.contains_key("mediaKey") && !lying.contains_key("directPath"));
    Ok(())
}

#[tokio::test]
async fn only_unseeded_files_differ() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let (one, other) = (stand_in.announce(Spec::default())?, stand_in.announce(Spec::default())?);
    assert_ne!(one.sha256_hex, other.sha256_hex);
    assert_ne!(one.message_id, other.message_id);
    assert_ne!(one.direct_path, other.direct_path);
    let again = announce_alone(Spec::default().seed(one.seed)).await?;
    assert_eq!(one.webhook, again.webhook);
    Ok(())
}
