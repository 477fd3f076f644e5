//! The strategies: their words, their default order and the facts in which they differ.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::strategy::{InvalidOrder, Strategy, StrategyOrder};

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
fn an_order_is_read_as_it_is_written() {
    for text in ["cdn,wapi,wapi_alternate", "cdn", "wapi,wapi_alternate,cdn", "default"] {
        let order: StrategyOrder = text.parse().unwrap();
        assert_eq!(order.to_string(), text);
    }
    let order: StrategyOrder = "cdn, wapi".parse().unwrap();
    assert_eq!(order.strategies(), [Strategy::Cdn, Strategy::Wapi]);
    let default: StrategyOrder = "default".parse().unwrap();
    assert_eq!((default.chosen(), default.strategies()), (&[][..], &Strategy::DEFAULT[..]));
}

/// An order without a strategy would fetch nothing.
#[test]
fn unknown_repeated_and_missing_strategies_are_refused() {
    for text in ["", ",", "cdn,", "cdn,cdn", "wapi,cdn,wapi", "by post", "default,cdn", "CDN"] {
        assert_eq!(text.parse::<StrategyOrder>(), Err(InvalidOrder), "{text}");
    }
    assert!(InvalidOrder.to_string().contains(&all_words().join(", ")));
}

/// A strategy whose origin decrypts the file has no MAC to outrank the hash, so a contradiction may
/// be the best there is. With a MAC there is nothing to keep.
#[test]
fn mismatches_are_kept_only_without_mac() {
    for strategy in Strategy::DEFAULT {
        assert_ne!(strategy.may_keep_mismatch(), strategy.serves_encrypted(), "{strategy}");
    }
}
