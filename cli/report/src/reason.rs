//! What other rooms of this project say of failures, in the report's language: they write English
//! into logs and records, and a report in Portuguese is Portuguese throughout.

mod portuguese;

use media::strategy::Strategy;

use self::portuguese::{ALARMS, INTRODUCTIONS, SENTENCES};
use crate::lang::Lang;

/// The state of a record, a function or a trigger. A word that is not known stays as it is.
#[must_use]
pub fn state(word: &str, lang: Lang) -> String {
    let portuguese = match word {
        "Active" => "ativa",
        "Inactive" => "inativa",
        "Pending" => "em preparação",
        "Failed" => "com falha",
        "Enabled" => "ligado",
        "Enabling" => "sendo ligado",
        "Disabled" => "desligado",
        "Disabling" => "sendo desligado",
        "Creating" => "sendo criado",
        "Updating" => "sendo alterado",
        "Deleting" => "sendo removido",
        "stored" => "guardada",
        "retrying" => "em nova tentativa",
        "parked" => "estacionada",
        "skipped" => "deixada de fora",
        "erased" => "apagada",
        other => other,
    };
    match lang {
        Lang::En => word.to_owned(),
        Lang::PtBr => portuguese.to_owned(),
    }
}

/// A failure that is at hand.
#[must_use]
pub fn failure(error: &dyn std::fmt::Display, lang: Lang) -> String {
    reason(&error.to_string(), lang)
}

/// A reason as records and attempts have it: what each strategy found, one after the other. Words
/// of others in it, such as W-API's own, and of other versions stay as they are.
#[must_use]
pub fn reason(text: &str, lang: Lang) -> String {
    match lang {
        Lang::En => text.to_owned(),
        Lang::PtBr => text.split("; ").map(finding).collect::<Vec<_>>().join("; "),
    }
}

/// `strategy: verdict`, or a sentence alone.
fn finding(text: &str) -> String {
    match text.split_once(": ") {
        Some((strategy, verdict)) if strategy.parse::<Strategy>().is_ok() => {
            format!("{strategy}: {}", sentence(verdict))
        }
        Some(_) | None => sentence(text),
    }
}

/// The sentence of [`SENTENCES`] with which the text begins, translated, and the rest of the text
/// as it is.
fn sentence(text: &str) -> String {
    for (english, portuguese) in INTRODUCTIONS {
        if let Some(rest) = text.strip_prefix(english) {
            return format!("{portuguese}{}", finding(rest));
        }
    }
    let matched = SENTENCES.iter().filter_map(|(english, portuguese)| {
        let (values, rest) = values_of(text, english)?;
        let is_whole = rest.is_empty() || rest.starts_with([':', ' ', ',', '.', ';']);
        is_whole.then(|| (english.len(), filled(portuguese, &values) + rest))
    });
    let longest = matched.max_by_key(|(length, _)| *length);
    longest.map_or_else(|| text.to_owned(), |(_, translated)| translated)
}

/// What stands in the text where the pattern has `{}`, and what follows it; nothing if it does not
/// begin so.
fn values_of<'a>(text: &'a str, pattern: &str) -> Option<(Vec<&'a str>, &'a str)> {
    let mut pieces = pattern.split("{}");
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut values = Vec::new();
    for piece in pieces {
        let end = match piece {
            "" => rest.find([' ', ',', ':', ';']).unwrap_or(rest.len()),
            piece => rest.find(piece)?,
        };
        let (value, after) = rest.split_at_checked(end)?;
        values.push(value);
        rest = after.strip_prefix(piece)?;
    }
    Some((values, rest))
}

/// The pattern with its values in place.
fn filled(pattern: &str, values: &[&str]) -> String {
    let mut values = values.iter();
    let mut pieces = pattern.split("{}");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text += values.next().copied().unwrap_or_default();
        text += piece;
    }
    text
}

/// What an alarm says to do. `name` is the alarm's, and has the alarm's name in `template.yaml` in
/// it.
#[must_use]
pub fn alarm(name: &str, description: &str, lang: Lang) -> String {
    let known = ALARMS.iter().find(|(alarm, _)| name.contains(alarm));
    match (lang, known) {
        (Lang::PtBr, Some((_, portuguese))) => (*portuguese).to_owned(),
        (Lang::En | Lang::PtBr, _) => description.to_owned(),
    }
}
