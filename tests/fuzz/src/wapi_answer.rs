//! An answer from W-API, or from whatever server answers in its place.

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use media::message::Secret;
use url::Url;
use wapi::{
    account::{Account, Hook, Status},
    contact::PhoneAnswer,
    download::Answer,
    excerpt,
    logs::LogPage,
};

use crate::{NOW, webhook_body};

#[derive(Debug, Arbitrary)]
struct AnswerParts<'a> {
    status: u16,
    retry_after: Option<u32>,
    body: &'a [u8],
}

/// Reads the answer in each way that the code reads answers.
pub fn run(data: &[u8]) {
    let Ok(said) = AnswerParts::arbitrary(&mut Unstructured::new(data)) else {
        return;
    };
    let base = Url::parse("https://api.w-api.app/v1/").expect("a URL");
    let answer = Answer {
        status: said.status,
        retry_after: said.retry_after.map(|after| Duration::from_secs(after.into())),
        body: said.body,
        token: &Secret::new("invented-token"),
    };
    match answer.file_link(&base, NOW) {
        Ok(link) => {
            assert!((200..300).contains(&said.status), "{}", said.status);
            let url = Url::parse(link.url().expose()).expect("a link is a URL");
            assert_eq!(url.origin(), base.origin());
            assert_eq!(format!("{link:?}"), "FileLink([redacted])");
        }
        Err(refusal) => {
            if let Some(excerpt) = refusal.excerpt {
                check_excerpt(&excerpt);
            }
        }
    }
    check_account(said.body);
    if let Some(PhoneAnswer::OnWhatsApp(contact)) = PhoneAnswer::parse(said.body) {
        // They become keys of the table of people and names of folders.
        for digits in [&contact.lid, &contact.phone].into_iter().flatten() {
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            assert!(is_number && (1..=20).contains(&digits.len()), "{digits:?}");
        }
    }
    if let Some(page) = LogPage::parse(said.body) {
        for body in page.webhooks {
            webhook_body::check_announcement(body.read_announcement());
        }
    }
}

/// Checks an excerpt, which goes into logs, records and the parked queue.
fn check_excerpt(excerpt: &str) {
    assert!(!excerpt.is_empty() && excerpt.chars().count() <= excerpt::MAX_CHARS);
    assert!(excerpt.chars().all(crate::is_accepted_by_sqs), "SQS refuses {excerpt:?}");
    assert!(!excerpt.contains(['/', '@', '\n']), "{excerpt:?}");
    for word in excerpt.split_whitespace() {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        assert!(digits < 6 && word.chars().count() <= 24, "{word:?}");
    }
}

/// Checks that the `Debug` output of an account contains neither URLs nor numbers.
fn check_account(body: &[u8]) {
    let Some(account) = Account::parse(body) else {
        return;
    };
    let says_connected = account.connected == Some(true);
    assert_eq!(Status::parse(body).is_some_and(|status| status.connected), says_connected);
    let mut with_others = account.clone();
    with_others.phone = Some("another phone".to_owned());
    let shown = format!("{account:?}");
    assert_eq!(shown, format!("{with_others:?}"));
    for url in Hook::ALL.into_iter().filter_map(|hook| account.hook_url(hook)) {
        // The names of hooks and of types are not secret.
        assert!(url.len() < 12 || !shown.contains(url), "{shown}");
    }
}
