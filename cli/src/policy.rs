//! A tenant's rules as options, and as a person reads them.

use std::str::FromStr;

use clap::Args;
use media::{
    kind::MediaKind,
    message::{ChatKind, Direction},
    policy::{Policy, Retention, ViewOnce},
};

use crate::screen::words;

/// What of a tenant's media is wanted. What is not named stays as it is.
#[derive(Debug, Args)]
pub(crate) struct PolicyOptions {
    /// The kinds that are stored, separated by commas, or all: image, video, audio, document,
    /// sticker.
    #[arg(long, value_name = "KINDS")]
    kinds: Option<Several<MediaKind>>,
    /// The sorts of chat whose media are stored, or all: person, lid, group, channel, status,
    /// other. A new tenant has all but channel and status.
    #[arg(long, value_name = "SORTS")]
    chats: Option<Several<ChatKind>>,
    /// Which messages: in (received), out (sent by the account), both.
    #[arg(long, value_name = "WHICH", value_parser = direction)]
    direction: Option<Maybe<Direction>>,
    /// The largest file that is fetched, in bytes or such as 50MB; or none. A larger one is parked.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_size: Option<Maybe<u64>>,
    /// What to do with media that are meant to be seen once: store, skip.
    #[arg(long, value_name = "WHAT", value_parser = view_once)]
    view_once: Option<ViewOnce>,
    /// When the bucket removes files that come from now on: 30d, 90d, 1y, 5y, forever.
    #[arg(long, value_name = "CLASS", value_parser = retention)]
    retention: Option<Maybe<Retention>>,
}

/// A list of which none means all.
#[derive(Debug, Clone)]
struct Several<T>(Vec<T>);

/// An option's value that may also say that there is none.
#[derive(Debug, Clone, Copy)]
struct Maybe<T>(Option<T>);

impl<T: FromStr> FromStr for Several<T> {
    type Err = T::Err;
    fn from_str(text: &str) -> Result<Self, T::Err> {
        match text {
            "all" => Ok(Self(Vec::new())),
            list => {
                list.split(',').map(|one| one.trim().parse()).collect::<Result<_, _>>().map(Self)
            }
        }
    }
}

fn direction(text: &str) -> Result<Maybe<Direction>, String> {
    let named = Direction::ALL.into_iter().find(|one| one.as_str() == text);
    match (named, text) {
        (Some(only), _) => Ok(Maybe(Some(only))),
        (None, "both") => Ok(Maybe(None)),
        (None, _) => Err("one of in, out, both".to_owned()),
    }
}

fn view_once(text: &str) -> Result<ViewOnce, String> {
    let named = ViewOnce::ALL.into_iter().find(|one| one.as_str() == text);
    named.ok_or_else(|| "one of store, skip".to_owned())
}

fn retention(text: &str) -> Result<Maybe<Retention>, String> {
    let named = Retention::ALL.into_iter().find(|one| one.as_str() == text);
    match (named, text) {
        (Some(class), _) => Ok(Maybe(Some(class))),
        (None, "forever") => Ok(Maybe(None)),
        (None, _) => Err("one of 30d, 90d, 1y, 5y, forever".to_owned()),
    }
}

fn size(text: &str) -> Result<Maybe<u64>, String> {
    if text == "none" {
        return Ok(Maybe(None));
    }
    let units = [("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("", 1)];
    let read = units.into_iter().find_map(|(unit, bytes)| {
        let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        number.checked_mul(bytes)
    });
    let size = read.ok_or("a number of bytes, or such as 50MB (kB, MB, GB), or none")?;
    Ok(Maybe(Some(size)))
}

impl PolicyOptions {
    /// The policy with everything that is named here.
    pub(crate) fn change(&self, policy: Policy) -> Policy {
        Policy {
            kinds: self.kinds.clone().map_or(policy.kinds, |new| new.0),
            chats: self.chats.clone().map_or(policy.chats, |new| new.0),
            direction: self.direction.map_or(policy.direction, |new| new.0),
            max_bytes: self.max_size.map_or(policy.max_bytes, |new| new.0),
            view_once: self.view_once.unwrap_or(policy.view_once),
            retention: self.retention.map_or(policy.retention, |new| new.0),
        }
    }
}

/// The rules, each with what it says.
pub(crate) fn rules(policy: &Policy) -> [(&'static str, String); 6] {
    let kinds = policy.kinds.iter().map(|kind| kind.as_str());
    let chats = policy.chats.iter().map(|kind| kind.as_str());
    let direction = policy.direction.map_or("both", Direction::as_str);
    let cap = policy
        .max_bytes
        .map_or_else(|| "none".to_owned(), |bytes| indicatif::DecimalBytes(bytes).to_string());
    let retention = policy.retention.map_or("forever", Retention::as_str);
    [
        ("kinds", words(kinds, "all")),
        ("chats", words(chats, "all")),
        ("direction", direction.to_owned()),
        ("largest file", cap),
        ("view once", policy.view_once.as_str().to_owned()),
        ("retention", retention.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use clap::{Command, FromArgMatches};
    use media::policy::Policy;

    use super::{Args, PolicyOptions, rules, size};

    fn given(options: &[&str]) -> PolicyOptions {
        let command = PolicyOptions::augment_args(Command::new("test"));
        let all = std::iter::once(&"test").chain(options);
        let matches = command.try_get_matches_from(all).expect("options");
        PolicyOptions::from_arg_matches(&matches).expect("options")
    }

    #[test]
    fn what_is_not_named_stays_and_what_is_named_can_be_taken_back() {
        let strict = given(&[
            "--kinds=image,audio",
            "--chats=person",
            "--direction=in",
            "--max-size=50MB",
            "--view-once=skip",
            "--retention=90d",
        ]);
        let policy = strict.change(Policy::default());
        assert_eq!(given(&[]).change(policy.clone()), policy);
        let said = rules(&policy).map(|(_, what)| what);
        let expected = ["image, audio", "person", "in", "50.00 MB", "skip", "90d"];
        assert_eq!(said, expected);
        let loose = given(&[
            "--kinds=all",
            "--chats=all",
            "--direction=both",
            "--max-size=none",
            "--view-once=store",
            "--retention=forever",
        ]);
        assert_eq!(loose.change(policy), Policy::default());
    }

    #[test]
    fn a_size_is_a_number_with_or_without_a_unit() {
        let bytes = |text| size(text).expect("a size").0;
        assert_eq!(bytes("1500"), Some(1500));
        assert_eq!(bytes("2 GB"), Some(2_000_000_000));
        assert_eq!(bytes("none"), None);
        for wrong in ["", "MB", "-1", "1.5MB", "99999999999999GB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
