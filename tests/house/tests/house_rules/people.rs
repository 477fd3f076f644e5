//! No real person is named in events, tests and pages.

use std::collections::{BTreeMap, BTreeSet};

use house::{all_sources, repository_root, source_files};

use crate::{assert_none, find_offences};

/// The pages: those beside the manifest, and those of folders that have some.
fn pages() -> BTreeMap<String, String> {
    let entries = repository_root().read_dir().expect("the root");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
    let at_the_root = names.iter().map(String::as_str);
    let at_the_root = at_the_root.filter(|name| name.ends_with(".md"));
    let places: Vec<_> = at_the_root.chain(["docs", "events", "tests/fuzz"]).collect();
    source_files(&places, "md")
}

/// The Brazilian mobile numbers in a line, as people and WhatsApp write them: with `+55` and any
/// separators, or as separate digits with or without the country.
fn mobile_numbers(line: &str) -> BTreeSet<String> {
    let digits_of = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let is_written = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '.');
    let written = line.split("+55").skip(1).map(|rest| {
        let end = rest.find(|c| !is_written(c)).unwrap_or(rest.len());
        format!("55{}", digits_of(&rest[..end]))
    });
    let is_of_words = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let alone =
        line.split(|c| !is_of_words(c)).filter(|word| word.bytes().all(|b| b.is_ascii_digit()));
    let numbers = written.chain(alone.map(str::to_owned));
    numbers
        .filter(|digits| {
            let national =
                digits.strip_prefix("55").filter(|rest| rest.len() >= 10).unwrap_or(digits);
            let has_country = national.len() < digits.len();
            let (area, subscriber) = national.split_at(national.len().min(2));
            match (subscriber.len(), subscriber.bytes().next()) {
                (9, Some(b'9')) => has_country || !area.contains('0'),
                (8, Some(b'6'..=b'9')) => has_country,
                _ => false,
            }
        })
        .collect()
}

/// Whether the number has an area that does not exist or an invented subscriber.
fn is_invented(number: &str) -> bool {
    // No Brazilian number has the area 00.
    number.starts_with("5500")
}

#[test]
fn mobile_numbers_are_found_in_every_spelling() {
    // Composed here, so that no file contains such a number.
    let (area, subscriber) = ("11", "987654321");
    for line in [
        format!("\"id\": \"55{area}{subscriber}@s.whatsapp.net\""),
        format!("call +55 ({area}) {}", subscriber.replacen("76", "7-6", 1)),
        format!("call +55 {area} {subscriber}"),
        format!("\"phone\": \"{area}{subscriber}\""),
        format!("waid=55{area}{}:", &subscriber[1..]),
    ] {
        assert_eq!(mobile_numbers(&line).len(), 1, "{line}");
    }
    let invented = mobile_numbers("TEL;waid=5500900000004:+55 00 90000-0004");
    assert!(invented.len() == 1 && invented.iter().all(|one| is_invented(one)));
    for line in [
        "\"moment\": 1787440259,",
        "\"100000000000001@lid\"",
        "1_787_431_679",
        "/v/t62.7118-24/17528137243806110307_6",
    ] {
        assert!(mobile_numbers(line).is_empty(), "{line}");
    }
}

#[test]
fn events_tests_and_pages_name_no_real_person() {
    let mut all = all_sources();
    for (folder, extension) in [("events", "json"), ("shared", "json")] {
        all.extend(source_files(&[folder], extension));
    }
    all.extend(pages());
    let real = find_offences(&all, |lines, n| {
        mobile_numbers(lines[n]).iter().any(|one| !is_invented(one))
    });
    assert_none(&real, "only numbers of area 00, such as 5500900000001, are certainly invented");
    let named = find_offences(&source_files(&["events"], "json"), |lines, n| {
        let name = lines[n].trim().strip_prefix("\"pushName\": ");
        name.is_some_and(|name| name.trim_end_matches(',') != "\"Contato Exemplo\"")
    });
    assert_none(&named, "a sender with a name other than Contato Exemplo");
}
