//! Reads a time in any form that gateways were seen to write: number, text, `Long`, ISO 8601.

use media::message::in_seconds;
use serde_json::Value;
use time::{Date, OffsetDateTime, PrimitiveDateTime, format_description::well_known::Iso8601};

use crate::fields::Fields;

/// Seconds since 1970. A number's unit is told by its size; whether it can be a message's time is
/// not asked here.
pub(super) fn read(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number
            .as_i64()
            .map(in_seconds)
            .or_else(|| of_float(number.as_f64()?)),
        Value::String(text) => of_text(text.trim()),
        Value::Object(_) => of_object(Fields::of(value)?),
        Value::Null | Value::Bool(_) | Value::Array(_) => None,
    }
}

fn of_text(text: &str) -> Option<i64> {
    let whole = text.parse().ok().map(in_seconds);
    let number = whole.or_else(|| of_float(text.parse().ok()?));
    number.or_else(|| of_iso(text))
}

/// A number with a fraction, or one too large for 64 bits.
fn of_float(number: f64) -> Option<i64> {
    const FIRST_OF_A_SMALLER_UNIT: f64 = 1e11;
    let mut seconds = Some(number).filter(|it| it.is_finite())?;
    while seconds >= FIRST_OF_A_SMALLER_UNIT {
        seconds /= 1000.0;
    }
    let seconds = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    seconds.as_secs().try_into().ok()
}

/// protobufjs's `Long`, whose halves are signed, protobuf's `Timestamp`, and what `MongoDB` writes.
fn of_object(fields: Fields<'_>) -> Option<i64> {
    const HOLDERS: [&str; 4] = ["seconds", "_seconds", "$numberLong", "$date"];
    if let Some(held) = HOLDERS.into_iter().find_map(|name| fields.get(name)) {
        return read(held);
    }
    let low = fields.integer("low")?;
    let high = fields.integer("high").unwrap_or_default();
    let low = low & i64::from(u32::MAX);
    Some(in_seconds((high << 32) | low))
}

/// A date and a time, with or without a zone; without one it is UTC.
fn of_iso(text: &str) -> Option<i64> {
    let text = text.to_ascii_uppercase();
    let text = text
        .strip_suffix(" UTC")
        .map(|it| format!("{it}Z"))
        .unwrap_or(text);
    let text = text.replacen(' ', "T", 1).replace(' ', "");
    let zoned = || OffsetDateTime::parse(&text, &Iso8601::DEFAULT).ok();
    let local = || PrimitiveDateTime::parse(&text, &Iso8601::DEFAULT).ok();
    let day = || Date::parse(&text, &Iso8601::DEFAULT).ok();
    let found = zoned()
        .or_else(|| Some(local()?.assume_utc()))
        .or_else(|| Some(day()?.midnight().assume_utc()));
    found.map(OffsetDateTime::unix_timestamp)
}
