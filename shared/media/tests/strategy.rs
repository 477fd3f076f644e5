//! The strategies: their words, their default order and the facts in which they differ.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::strategy::Strategy;

/// The words of all variants, as serde lists them for an unknown one.
fn all_words() -> Vec<String> {
    let unknown = serde_json::from_str::<Strategy>("\"unknown\"").unwrap_err().to_string();
    let (_, expected) = unknown.split_once("expected").unwrap();
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Commands and the doctor go through the default order to reach every strategy.
#[test]
fn the_default_order_names_every_strategy() {
    assert_eq!(Strategy::DEFAULT.map(Strategy::as_str).to_vec(), all_words());
}

#[test]
fn every_word_parses_as_its_strategy() {
    for strategy in Strategy::DEFAULT {
        assert_eq!(strategy.to_string().parse(), Ok(strategy));
        assert_eq!(serde_json::to_string(&strategy).unwrap(), format!("\"{strategy}\""));
    }
    let error = "by post".parse::<Strategy>().unwrap_err().to_string();
    assert!(error.ends_with(&all_words().join(", ")), "{error}");
}

#[test]
fn the_default_text_is_the_default_order() {
    let parsed: Result<Vec<Strategy>, _> =
        Strategy::DEFAULT_TEXT.split(',').map(str::parse).collect();
    assert_eq!(parsed.as_deref(), Ok(Strategy::DEFAULT.as_slice()));
}

/// A strategy whose origin decrypts the file has no MAC to outrank the hash, so a contradiction may
/// be the best there is. With a MAC there is nothing to keep.
#[test]
fn mismatches_are_kept_only_without_mac() {
    for strategy in Strategy::DEFAULT {
        assert_ne!(strategy.may_keep_mismatch(), strategy.serves_encrypted(), "{strategy}");
    }
}
