//! What the previous version wrote for a picture in a phone's chat: its record, job or unread body.

use data_encoding::BASE64;
use serde_json::{Value, json};
use stand_in::AnnouncedMedia;

use crate::{clockwork::WORLD_START, plan::Customer};

/// The record, whose key was the message's id.
pub(crate) fn stored_record(made: &AnnouncedMedia, customer: Customer, state: &str) -> Value {
    let text = |text: &str| json!({ "S": text });
    let number = |number: i64| json!({ "N": number.to_string() });
    let mut item = json!({
        "instance": text(customer.instance), "message_id": text(&made.message_id),
        "tenant": text(customer.tenant),
        "chat": text(&made.chat), "kind": text("image"), "direction": text("in"),
        "moment": number(made.moment),
        "recoverable_until": number(made.moment + 14 * 86_400), "updated_at": number(WORLD_START),
        "state": text(state),
    });
    if state == "stored" {
        item["object_key"] = text("acme/as-it-was-called-before.jpg");
        item["size_bytes"] = json!({ "N": made.size.to_string() });
        item["sha256"] = text(&made.sha256_hex);
        item["strategy"] = text("wapi");
        item["integrity"] = text("sha256");
        item["stored_at"] = number(WORLD_START);
    }
    item
}

/// The JSON of the job's queue message.
pub(crate) fn queued_job(made: &AnnouncedMedia, customer: Customer) -> String {
    json!({
        "version": "1", "tenant": customer.tenant, "instance": customer.instance,
        "accepted_at": WORLD_START,
        "message": {
            "message_id": made.message_id, "chat": made.chat, "direction": "in",
            "moment": made.moment,
            "kind": "image", "mimetype": made.mimetype, "media_key": made.media_key,
            "direct_path": made.direct_path, "file_sha256": made.sha256_hex,
            "file_enc_sha256": made.sealed_sha256_hex,
        },
    })
    .to_string()
}

/// The attributes of a parked job's message.
pub(crate) fn ticket(customer: Customer) -> Value {
    let text = |text: &str| json!({ "DataType": "String", "StringValue": text });
    let reason = text("the CDN has lost it");
    json!({ "class": text("expired"), "reason": reason, "tenant": text(customer.tenant) })
}

/// The body of its webhook, which that version could not read.
pub(crate) fn unread(made: &AnnouncedMedia, customer: Customer) -> String {
    let body = BASE64.encode(made.webhook.to_string().as_bytes());
    json!({
        "version": "unread-1", "tenant": customer.tenant, "instance": customer.instance,
        "accepted_at": WORLD_START, "why": "bad_body", "body": body,
    })
    .to_string()
}
