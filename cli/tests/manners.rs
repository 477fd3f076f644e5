//! The help, the checks of arguments, and the exit codes of the command.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

/// Runs the command without a region and without credentials.
fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wapi-media"))
        .args(arguments)
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .output()
        .expect("the command runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_help_names_every_noun_and_the_exit_codes() {
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    insta::assert_snapshot!(text(&help.stdout));
}

#[test]
fn every_verb_has_help() {
    for noun in [
        &["tenant", "add"][..],
        &["tenant", "set"],
        &["instance", "add"],
        &["instance", "set"],
        &["instance", "check"],
        &["token", "rotate"],
        &["webhook", "register"],
        &["webhook", "verify"],
        &["media", "find"],
        &["media", "presign"],
        &["parked", "redrive"],
        &["parked", "drop"],
        &["replay"],
        &["backfill"],
        &["doctor"],
    ] {
        let help = run(&[noun, &["--help"]].concat());
        assert_eq!(help.status.code(), Some(0), "{noun:?}");
        let said = text(&help.stdout);
        assert!(said.contains("--dry-run") && said.contains("--json"), "{noun:?}");
    }
}

#[test]
fn an_invalid_value_is_refused_with_its_rule() {
    for (arguments, rule) in [
        (&["tenant", "add", "Acme Ltda"][..], "a-z"),
        (&["instance", "show", "LITE_AAAAAA"], "instance"),
        (
            &["tenant", "add", "acme", "--kinds", "picture"],
            "image, video, audio, document, sticker",
        ),
        (&["tenant", "add", "acme", "--retention", "2y"], "30d, 90d, 1y, 5y, forever"),
        (&["parked", "list", "--class", "sad"], "transient"),
        (&["media", "presign", "LITE-AAAAAA-BBBBBB", "3EB0", "--for", "8days"], "at most 7days"),
        (&["doctor", "--lang", "fr"], "en, pt-BR"),
    ] {
        let refused = run(arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        let said = text(&refused.stderr);
        assert!(said.contains(rule), "{arguments:?}: {said}");
    }
}

#[test]
fn without_a_region_it_says_what_to_set() {
    let refused = run(&["tenant", "list"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("AWS_REGION"));
}

#[test]
fn completions_need_no_stack() {
    for shell in ["bash", "zsh", "fish"] {
        let printed = run(&["completion", shell]);
        assert_eq!(printed.status.code(), Some(0));
        assert!(text(&printed.stdout).contains("wapi-media"), "{shell}");
    }
}
