//! Parses a time in any form that gateways were seen to write: number, text, `Long`, ISO 8601.

use media::message::to_unix_seconds;
use serde_json::Value;
use time::{Date, OffsetDateTime, PrimitiveDateTime, format_description::well_known::Iso8601};

use crate::fields::Fields;

/// Seconds since 1970. The unit of a number is recognized by its size. Whether the time is valid
/// for a message is checked elsewhere.
pub(crate) fn parse_moment(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => {
            number.as_i64().map(to_unix_seconds).or_else(|| parse_float(number.as_f64()?))
        }
        Value::String(text) => parse_text(text.trim()),
        Value::Object(_) => parse_object(Fields::from_value(value)?),
        Value::Null | Value::Bool(_) | Value::Array(_) => None,
    }
}

fn parse_text(text: &str) -> Option<i64> {
    let whole = text.parse().ok().map(to_unix_seconds);
    let number = whole.or_else(|| parse_float(text.parse().ok()?));
    number.or_else(|| parse_iso(text))
}

/// Parses a number with a fraction, or one too large for 64 bits.
fn parse_float(number: f64) -> Option<i64> {
    const FIRST_OF_A_SMALLER_UNIT: f64 = 1e11;
    let mut seconds = Some(number).filter(|it| it.is_finite())?;
    while seconds >= FIRST_OF_A_SMALLER_UNIT {
        seconds /= 1000.0;
    }
    let seconds = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    seconds.as_secs().try_into().ok()
}

/// Parses protobufjs's `Long`, whose halves are signed, protobuf's `Timestamp`, or `MongoDB`'s
/// extended JSON.
fn parse_object(fields: Fields<'_>) -> Option<i64> {
    const HOLDERS: [&str; 4] = ["seconds", "_seconds", "$numberLong", "$date"];
    if let Some(held) = HOLDERS.into_iter().find_map(|name| fields.get(name)) {
        return parse_moment(held);
    }
    let low = fields.integer("low")?;
    let high = fields.integer("high").unwrap_or_default();
    let low = low & i64::from(u32::MAX);
    Some(to_unix_seconds((high << 32) | low))
}

/// Parses a date, or a date and time with or without a zone; without one it is UTC.
fn parse_iso(text: &str) -> Option<i64> {
    let text = text.to_ascii_uppercase();
    let text = text.strip_suffix(" UTC").map(|it| format!("{it}Z")).unwrap_or(text);
    let text = text.replacen(' ', "T", 1).replace(' ', "");
    let zoned = || OffsetDateTime::parse(&text, &Iso8601::DEFAULT).ok();
    let local = || PrimitiveDateTime::parse(&text, &Iso8601::DEFAULT).ok();
    let day = || Date::parse(&text, &Iso8601::DEFAULT).ok();
    let found = zoned()
        .or_else(|| Some(local()?.assume_utc()))
        .or_else(|| Some(day()?.midnight().assume_utc()));
    found.map(OffsetDateTime::unix_timestamp)
}
