//! Translates the English reasons, states and alarms of this project for a report in Portuguese.

mod alarms;
mod portuguese;

use media::strategy::Strategy;

use self::{
    alarms::ALARMS,
    portuguese::{INTRODUCTIONS, SENTENCES},
};
use crate::lang::Lang;

/// Translates the state of a record, a function or a trigger. An unknown word stays as it is.
#[must_use]
pub fn translate_state(word: &str, lang: Lang) -> String {
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

/// Translates an error of this project.
#[must_use]
pub fn translate_failure(error: &dyn std::fmt::Display, lang: Lang) -> String {
    translate_reason(&error.to_string(), lang)
}

/// Translates a reason from a record or an attempt: the findings of the strategies, separated by
/// `; `. Text of others in it, such as W-API's, and of other versions stays as it is.
#[must_use]
pub fn translate_reason(text: &str, lang: Lang) -> String {
    match lang {
        Lang::En => text.to_owned(),
        Lang::PtBr => text.split("; ").map(translate_finding).collect::<Vec<_>>().join("; "),
    }
}

/// Translates `strategy: verdict`, or a sentence alone.
fn translate_finding(text: &str) -> String {
    match text.split_once(": ") {
        Some((strategy, verdict)) if strategy.parse::<Strategy>().is_ok() => {
            format!("{strategy}: {}", translate_sentence(verdict))
        }
        Some(_) | None => translate_sentence(text),
    }
}

/// Translates the longest sentence of [`SENTENCES`] with which the text begins. The rest of the
/// text stays as it is.
fn translate_sentence(text: &str) -> String {
    for (english, portuguese) in INTRODUCTIONS {
        if let Some(rest) = text.strip_prefix(english) {
            return format!("{portuguese}{}", translate_finding(rest));
        }
    }
    let matched = SENTENCES.iter().filter_map(|(english, portuguese)| {
        let (values, rest) = match_pattern(text, english)?;
        let is_whole = rest.is_empty() || rest.starts_with([':', ' ', ',', '.', ';']);
        is_whole.then(|| (english.len(), fill_pattern(portuguese, &values) + rest))
    });
    let longest = matched.max_by_key(|(length, _)| *length);
    longest.map_or_else(|| text.to_owned(), |(_, translated)| translated)
}

/// The values in the text where the pattern has `{}`, and the text after the pattern; `None` if the
/// text does not begin with the pattern.
fn match_pattern<'a>(text: &'a str, pattern: &str) -> Option<(Vec<&'a str>, &'a str)> {
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

/// The pattern with the values in place of `{}`.
fn fill_pattern(pattern: &str, values: &[&str]) -> String {
    let mut values = values.iter();
    let mut pieces = pattern.split("{}");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text += values.next().copied().unwrap_or_default();
        text += piece;
    }
    text
}

/// What an alarm says to do. `name` is the deployed alarm's name, which contains its name in
/// `template.yaml`.
#[must_use]
pub fn translate_alarm(name: &str, description: &str, lang: Lang) -> String {
    let known = ALARMS.iter().find(|(alarm, _)| name.contains(alarm));
    match (lang, known) {
        (Lang::PtBr, Some((_, portuguese))) => (*portuguese).to_owned(),
        (Lang::En | Lang::PtBr, _) => description.to_owned(),
    }
}
