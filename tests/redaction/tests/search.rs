//! The search finds canaries in every encoding, and only where they must not be.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use redaction::{Canary, Class, Scan, Sink};

const KEY: &str = "RkFLRS1NRURJQS1LRVktMDEyMzQ1Njc4OS1BQkNERUY=";

fn build_canary(class: Class, text: &str) -> Canary {
    Canary { class, field: "field".to_owned(), text: text.to_owned() }
}

fn count_hits(class: Class, planted: &str, sink: Sink, text: &str) -> usize {
    let scan = Scan::search_all([build_canary(class, planted)], [(sink, text)]);
    scan.expect("a search").findings.len()
}

#[test]
fn a_key_is_found_in_every_spelling() {
    for spelling in [
        KEY.to_owned(),
        format!("{{\"k\":\"{KEY}\"}}"),
        KEY.replace('=', "%3D"),
        "RkFLRS1NRURJQS1LRVktMDEyMzQ1Njc4OS1BQkNERUY".to_owned(),
        "46414b452d4d454449412d4b45592d303132333435363738392d414243444546".to_owned(),
        "46414B452D4D454449412D4B45592D303132333435363738392D414243444546".to_owned(),
        "[70, 65, 75, 69, 45, 77, 69, 68, 73, 65]".to_owned(),
        KEY.chars().take(20).collect(),
        KEY.chars().skip(20).collect(),
    ] {
        assert_eq!(count_hits(Class::Secret, KEY, Sink::Command, &spelling), 1, "{spelling}");
    }
    let other = "RkFLRS1PVEhFUi1LRVktMDEyMzQ1Njc4OS1BQkNERUY";
    assert_eq!(
        count_hits(Class::Secret, KEY, Sink::Log, &other.replace("MDEyMzQ1Njc4OS1BQkNERUY", "")),
        0
    );
}

#[test]
fn a_name_is_found_escaped_and_encoded() {
    let name = "Relatório \"mensal\".pdf";
    for spelling in [
        name,
        "RELATÓRIO \"MENSAL\".PDF",
        r#"Relatório \"mensal\".pdf"#,
        r#"Relatório \\"mensal\\".pdf"#,
        "Relat%C3%B3rio%20%22mensal%22%2Epdf",
    ] {
        let found = count_hits(Class::Person, name, Sink::Log, spelling);
        assert_eq!(found, usize::from(!spelling.starts_with("RELAT")), "{spelling}");
    }
    assert_eq!(count_hits(Class::Person, "Contato Exemplo", Sink::Log, "contato exemplo"), 1);
}

#[test]
fn a_sink_holds_its_classes_and_no_secret() {
    for sink in Sink::ALL {
        for class in [Class::Secret, Class::Person, Class::Filed] {
            let found = count_hits(class, "5500900000002", sink, "of 5500900000002");
            assert_eq!(found, usize::from(!sink.may_hold(class)), "{sink:?} {class:?}");
        }
        assert!(!sink.may_hold(Class::Secret), "{sink:?}");
    }
}

#[test]
fn an_empty_search_proves_nothing() {
    let scan = Scan::search_all([], [(Sink::Log, r#"{"level":"INFO"}"#)]).expect("a search");
    let gaps = scan.find_gaps().join("\n");
    for gap in ["heard of record", "planted as Secret", "below INFO"] {
        assert!(gaps.contains(gap), "{gaps}");
    }
    let canaries = [
        build_canary(Class::Secret, KEY),
        build_canary(Class::Person, "Contato Exemplo"),
        build_canary(Class::Filed, "5500900000002"),
    ];
    let heard = Sink::ALL.map(|sink| (sink, r#"{"level":"DEBUG"}"#));
    assert_eq!(
        Scan::search_all(canaries, heard).expect("a search").find_gaps(),
        Vec::<String>::new()
    );
}
