//! A tenant's rules: as command-line options, and as text.

use std::str::FromStr;

use clap::Args;
use media::{
    kind::MediaKind,
    media_link::LinkRule,
    message::{ChatKind, Direction},
    policy::{GroupMedia, Policy, Retention, Revoked, ViewOnce},
    strategy::StrategyOrder,
};

use crate::screen::join_words;

/// The options that set a tenant's rules. A rule without an option stays as it is.
#[derive(Debug, Args)]
pub(crate) struct PolicyOptions {
    /// The kinds of media to store, separated by commas, or all: image, video, audio, document,
    /// sticker.
    #[arg(long, value_name = "KINDS")]
    kinds: Option<ListOrAll<MediaKind>>,
    /// The kinds of chat whose media are stored, or all: person, lid, group, channel, status,
    /// other. A new tenant has all but channel and status.
    #[arg(long, value_name = "KINDS")]
    chats: Option<ListOrAll<ChatKind>>,
    /// The direction of the messages: in (received), out (sent by the account) or both.
    #[arg(long, value_name = "WHICH", value_parser = parse_direction)]
    direction: Option<ValueOrNone<Direction>>,
    /// The largest file to fetch, such as 50MB or a number of bytes; none means no limit. The job
    /// of a larger file is parked.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_size: Option<ValueOrNone<u64>>,
    /// What to do with view-once media: store or skip.
    #[arg(long, value_name = "WHAT", value_parser = parse_view_once)]
    view_once: Option<ViewOnce>,
    /// How long a media file and everything known about it is kept, from now on: 30d, 90d, 1y, 5y,
    /// forever. A message that is older when it arrives is skipped. For what is there already:
    /// wapi-media media retain.
    #[arg(long, value_name = "PERIOD", value_parser = parse_retention)]
    retention: Option<ValueOrNone<Retention>>,
    /// The strategies that fetch the tenant's media, in this order, or `default`: some of
    /// `wapi`, `wapi_alternate`, `cdn`. A strategy that is left out is never used. An instance's
    /// own order comes before it.
    #[arg(long, value_name = "ORDER")]
    strategies: Option<StrategyOrder>,
    /// Whether media erase of a person also erases what the person sent to groups: ask, keep or
    /// erase. With ask, a run without a terminal is refused, unless it decides with its own
    /// --group-media.
    #[arg(long, value_name = "WHAT", value_parser = parse_group_rule)]
    group_media: Option<GroupMedia>,
    /// What becomes of media whose sender deletes the message for everyone: keep, flag (show it) or
    /// erase (do not store it any more, and list what is stored: media revoked).
    #[arg(long, value_name = "WHAT", value_parser = parse_revoked)]
    revoked: Option<Revoked>,
    /// How long a link that `wapi-media media link` makes works at most: off, 7d, 30d, forever.
    /// With off, also the links that exist do not work.
    #[arg(long, value_name = "PERIOD")]
    links: Option<LinkRule>,
}

/// A list from the command line; empty means all.
#[derive(Debug, Clone)]
struct ListOrAll<T>(Vec<T>);

/// A value from the command line; `None` means no limit.
#[derive(Debug, Clone, Copy)]
struct ValueOrNone<T>(Option<T>);

impl<T: FromStr> FromStr for ListOrAll<T> {
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

fn parse_direction(text: &str) -> Result<ValueOrNone<Direction>, String> {
    let named = Direction::ALL.into_iter().find(|one| one.as_str() == text);
    match (named, text) {
        (Some(only), _) => Ok(ValueOrNone(Some(only))),
        (None, "both") => Ok(ValueOrNone(None)),
        (None, _) => Err("one of in, out, both".to_owned()),
    }
}

fn parse_view_once(text: &str) -> Result<ViewOnce, String> {
    let named = ViewOnce::ALL.into_iter().find(|one| one.as_str() == text);
    named.ok_or_else(|| "one of store, skip".to_owned())
}

fn parse_revoked(text: &str) -> Result<Revoked, String> {
    let named = Revoked::ALL.into_iter().find(|one| one.as_str() == text);
    named.ok_or_else(|| "one of keep, flag, erase".to_owned())
}

fn parse_group_rule(text: &str) -> Result<GroupMedia, String> {
    let named = GroupMedia::ALL.into_iter().find(|one| one.as_str() == text);
    named.ok_or_else(|| "one of ask, keep, erase".to_owned())
}

/// The decision of one run: keep or erase.
pub(crate) fn parse_group_media(text: &str) -> Result<GroupMedia, String> {
    let named = parse_group_rule(text).ok().filter(|decided| *decided != GroupMedia::Ask);
    named.ok_or_else(|| "one of keep, erase".to_owned())
}

fn parse_retention(text: &str) -> Result<ValueOrNone<Retention>, String> {
    let named = Retention::ALL.into_iter().find(|one| one.as_str() == text);
    match (named, text) {
        (Some(class), _) => Ok(ValueOrNone(Some(class))),
        (None, "forever") => Ok(ValueOrNone(None)),
        (None, _) => Err("one of 30d, 90d, 1y, 5y, forever".to_owned()),
    }
}

fn parse_size(text: &str) -> Result<ValueOrNone<u64>, String> {
    if text == "none" {
        return Ok(ValueOrNone(None));
    }
    let units = [("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("", 1)];
    let read = units.into_iter().find_map(|(unit, bytes)| {
        let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        number.checked_mul(bytes)
    });
    let size =
        read.ok_or("a number of bytes, with or without kB, MB or GB, such as 50MB; or none")?;
    Ok(ValueOrNone(Some(size)))
}

impl PolicyOptions {
    /// The policy with the rules that the options set.
    pub(crate) fn apply_to(&self, policy: Policy) -> Policy {
        Policy {
            kinds: self.kinds.clone().map_or(policy.kinds, |new| new.0),
            chats: self.chats.clone().map_or(policy.chats, |new| new.0),
            direction: self.direction.map_or(policy.direction, |new| new.0),
            max_bytes: self.max_size.map_or(policy.max_bytes, |new| new.0),
            view_once: self.view_once.unwrap_or(policy.view_once),
            retention: self.retention.map_or(policy.retention, |new| new.0),
            strategies: self.strategies.clone().unwrap_or(policy.strategies),
            group_media: self.group_media.unwrap_or(policy.group_media),
            revoked: self.revoked.unwrap_or(policy.revoked),
            links: self.links.unwrap_or(policy.links),
        }
    }
}

/// The name and the value of each rule.
pub(crate) fn describe_rules(policy: &Policy) -> [(&'static str, String); 10] {
    let kinds = policy.kinds.iter().map(|kind| kind.as_str());
    let chats = policy.chats.iter().map(|kind| kind.as_str());
    let direction = policy.direction.map_or("both", Direction::as_str);
    let cap = policy
        .max_bytes
        .map_or_else(|| "none".to_owned(), |bytes| indicatif::DecimalBytes(bytes).to_string());
    let retention = policy.retention.map_or("forever", Retention::as_str);
    [
        ("kinds", join_words(kinds, "all")),
        ("chats", join_words(chats, "all")),
        ("direction", direction.to_owned()),
        ("largest file", cap),
        ("view once", policy.view_once.as_str().to_owned()),
        ("retention", retention.to_owned()),
        ("strategies", policy.strategies.to_string()),
        ("group media", policy.group_media.as_str().to_owned()),
        ("revoked", policy.revoked.as_str().to_owned()),
        ("links", policy.links.as_str().to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use clap::{Command, FromArgMatches};
    use media::policy::Policy;

    use super::{Args, PolicyOptions, describe_rules, parse_size};

    fn given(options: &[&str]) -> PolicyOptions {
        let command = PolicyOptions::augment_args(Command::new("test"));
        let all = std::iter::once(&"test").chain(options);
        let matches = command.try_get_matches_from(all).expect("options");
        PolicyOptions::from_arg_matches(&matches).expect("options")
    }

    /// And every rule can be reset.
    #[test]
    fn options_change_only_their_own_rules() {
        let strict = given(&[
            "--kinds=image,audio",
            "--chats=person",
            "--direction=in",
            "--max-size=50MB",
            "--view-once=skip",
            "--retention=90d",
            "--strategies=cdn,wapi",
            "--group-media=keep",
            "--revoked=flag",
            "--links=30d",
        ]);
        let policy = strict.apply_to(Policy::default());
        assert_eq!(given(&[]).apply_to(policy.clone()), policy);
        let said = describe_rules(&policy).map(|(_, what)| what);
        let expected = [
            "image, audio",
            "person",
            "in",
            "50.00 MB",
            "skip",
            "90d",
            "cdn,wapi",
            "keep",
            "flag",
            "30d",
        ];
        assert_eq!(said, expected);
        let loose = given(&[
            "--kinds=all",
            "--chats=all",
            "--direction=both",
            "--max-size=none",
            "--view-once=store",
            "--retention=forever",
            "--strategies=default",
            "--group-media=ask",
            "--revoked=keep",
            "--links=off",
        ]);
        assert_eq!(loose.apply_to(policy), Policy::default());
    }

    #[test]
    fn a_size_may_have_a_unit() {
        let bytes = |text| parse_size(text).expect("a size").0;
        assert_eq!(bytes("1500"), Some(1500));
        assert_eq!(bytes("2 GB"), Some(2_000_000_000));
        assert_eq!(bytes("none"), None);
        for wrong in ["", "MB", "-1", "1.5MB", "99999999999999GB"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
