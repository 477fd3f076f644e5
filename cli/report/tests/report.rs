//! The report in both languages: what a person reads, and what must never be on the page.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod samples;

use report::{Lang, Report, Status, html, text};
use samples::{healthy, sick};

const LANGS: [Lang; 2] = [Lang::En, Lang::PtBr];

#[test]
fn the_worst_of_all_decides() {
    assert_eq!(healthy().status(), Status::Ok);
    assert_eq!(sick().status(), Status::Fail);
    let expiring = Report {
        expiring: 1,
        ..healthy()
    };
    assert_eq!(expiring.status(), Status::Warn);
}

#[test]
fn the_text_of_a_sick_stack_names_the_cause_first() {
    insta::assert_snapshot!(text(&sick(), Lang::En, false));
}

#[test]
fn the_text_of_a_healthy_stack_in_portuguese() {
    insta::assert_snapshot!(text(&healthy(), Lang::PtBr, false));
}

#[test]
fn colours_are_only_for_terminals() {
    assert!(!text(&sick(), Lang::En, false).contains('\u{1b}'));
}

#[test]
fn the_json_shape_is_stable() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&sick()).expect("JSON"));
}

#[test]
fn the_page_fetches_nothing_runs_nothing_and_escapes_everything() {
    for lang in LANGS {
        let page = html(&sick(), lang).expect("a page");
        for foreign in [
            "<script", "src=", "href=", "url(", "@import", "<link", "<iframe",
        ] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert!(page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"));
        // The only address is the name space of the pictures.
        let without = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!without.contains("http://") && !without.contains("https://"));
    }
}

#[test]
fn every_status_is_a_word_and_not_only_a_colour() {
    let page = html(&sick(), Lang::PtBr).expect("a page");
    for word in ["OK", "FALHA", "ATENÇÃO", "NÃO VERIFICADO"] {
        assert!(page.contains(&format!(">{word}<")), "{word}");
    }
    assert!(page.contains("lang=\"pt-BR\"") && page.contains("Diagnóstico"));
}

#[test]
fn both_pictures_are_drawn_also_of_a_day_without_media() {
    let quiet = Report {
        hours: Vec::new(),
        ..healthy()
    };
    for report in [sick(), quiet] {
        let page = html(&report, Lang::En).expect("a page");
        assert_eq!(page.matches("<svg").count(), 2);
    }
}

#[test]
fn an_invented_key_is_said_to_prove_nothing() {
    let mut report = sick();
    let test = report.controlled.as_mut().expect("a test");
    test.synthetic_keys = true;
    for lang in LANGS {
        let (page, words) = (
            html(&report, lang).expect("a page"),
            text(&report, lang, false),
        );
        let said = ["invented key", "chave inventada"];
        assert!(said.iter().any(|one| page.contains(one)));
        assert!(said.iter().any(|one| words.contains(one)));
    }
}

#[test]
fn a_language_is_read_by_its_name() {
    assert_eq!("en".parse(), Ok(Lang::En));
    assert_eq!("pt-BR".parse(), Ok(Lang::PtBr));
    assert!("fr".parse::<Lang>().is_err());
}
