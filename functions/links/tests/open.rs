//! What the links function answers: a redirect, or the same nothing for whatever does not work.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::{collections::HashMap, time::Duration};

use lambda_http::{Body, Request, RequestExt, http};
use links::{Links, config::Config};
use media::media_link::LinkToken;
use redaction::{Canary, Class, Recorder, Scan, Sink};
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};
use tokio::time::Instant;

const NOW: i64 = 1_787_438_879;
const INSTANCE: &str = "LITE-AAAAAA-BBBBBB";
const RECORD_KEY: &str = "3EB0A#DIGEST";

/// A token that no link has.
const WRONG: &str = "AAAAAAAAAAAAAAAAAAAAAA";

fn token() -> LinkToken {
    LinkToken::from_random(*b"0123456789abcdef")
}

/// What the tables and the bucket have. The default: a link that works.
#[derive(Clone)]
struct World {
    link: Value,
    rule: &'static str,
    record: Value,
    verdict: Option<&'static str>,
    is_down: &'static str,
}

impl Default for World {
    fn default() -> Self {
        Self {
            link: json!({
                "token": { "S": token().hash() }, "tenant": { "S": "acme" },
                "instance": { "S": INSTANCE }, "record_key": { "S": RECORD_KEY },
                "created_at": { "N": "0" }, "ends_at": { "N": (NOW + 60).to_string() },
            }),
            rule: "7d",
            record: json!({
                "state": { "S": "stored" }, "tenant": { "S": "acme" },
                "links": { "SS": [token().hash()] },
                "object_key": { "S": "acme/LITE-AAAAAA-BBBBBB/5500900000002/a b.jpg" },
            }),
            verdict: None,
            is_down: "",
        }
    }
}

impl World {
    fn answer(&self, seen: &RecordedRequest) -> Answer {
        let operation = seen.operation();
        if operation == self.is_down {
            return Answer::json_error(500, "InternalServerError");
        }
        let text = seen.text();
        match operation {
            "GetItem" if text.contains("\"links\"") && text.contains(&token().hash()) => {
                Answer::json(&json!({ "Item": self.link }))
            }
            "GetItem" if text.contains("\"tenants\"") => {
                let policy = json!({ "M": { "links": { "S": self.rule } } });
                Answer::json(&json!({ "Item": { "tenant": { "S": "acme" }, "policy": policy } }))
            }
            "GetItem" if text.contains(RECORD_KEY) => Answer::json(&json!({ "Item": self.record })),
            "GetObjectTagging" => {
                let tag = self.verdict.map(|verdict| {
                    format!(
                        "<Tag><Key>GuardDutyMalwareScanStatus</Key><Value>{verdict}</Value></Tag>"
                    )
                });
                Answer::new(
                    200,
                    format!("<Tagging><TagSet>{}</TagSet></Tagging>", tag.unwrap_or_default()),
                )
            }
            _ => Answer::json(&json!({})),
        }
    }

    async fn start(self) -> Aws {
        Aws::start(move |seen| self.answer(seen)).await
    }
}

fn create_links(aws: &Aws, scans_for_malware: bool) -> Links {
    let config = Config {
        region: "us-east-1".to_owned(),
        endpoint: None,
        links_table: "links".to_owned(),
        tenants_table: "tenants".to_owned(),
        media_table: "media".to_owned(),
        media_bucket: "bucket".to_owned(),
        scans_for_malware,
    };
    Links::with_clients(&aws.clients, config)
}

fn request(method: &str, token: &str) -> Request {
    let path = HashMap::from([("token".to_owned(), token.to_owned())]);
    let request = http::Request::builder().method(method).uri("/m/token").body(Body::Empty);
    request.expect("a request").with_path_parameters(path)
}

/// Status, headers and body of the answer to this request.
async fn ask(links: &Links, request: &Request) -> (u16, http::HeaderMap, Vec<u8>) {
    let answer = links.handle_request(request, NOW).await.expect("an answer");
    let (head, body) = answer.into_parts();
    (head.status.as_u16(), head.headers, body.to_vec())
}

#[tokio::test]
async fn a_link_redirects_to_its_file_for_five_minutes() {
    let aws = World::default().start().await;
    let links = create_links(&aws, false);
    let (status, headers, body) = ask(&links, &request("GET", &token().expose())).await;
    assert_eq!((status, body.len()), (302, 0));
    let to = headers["location"].to_str().expect("a URL");
    assert!(to.contains("/acme/LITE-AAAAAA-BBBBBB/5500900000002/a%20b.jpg?"), "{to}");
    assert!(to.contains("X-Amz-Expires=300") && to.contains("X-Amz-Date=20260822T"), "{to}");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["referrer-policy"], "no-referrer");
    // It was counted, and no byte of the file was fetched.
    let counted = aws.only_request("UpdateItem").json();
    assert_eq!(counted["Key"]["token"]["S"], token().hash());
    assert!(aws.requests_of("GetObject").is_empty());
}

/// A signed URL is valid for one method.
#[tokio::test]
async fn head_and_get_have_urls_of_their_own() {
    let aws = World::default().start().await;
    let links = create_links(&aws, false);
    let mut urls = Vec::new();
    for method in ["GET", "HEAD"] {
        let (status, headers, _) = ask(&links, &request(method, &token().expose())).await;
        assert_eq!(status, 302);
        urls.push(headers["location"].clone());
    }
    assert_ne!(urls[0], urls[1]);
}

/// Whoever tries tokens learns nothing: not whether a link existed, and not why it ended.
#[tokio::test]
async fn what_does_not_work_is_the_same_nothing() {
    let works = World::default;
    let with = |name: &str, value: Value| {
        let mut record = works().record;
        record[name] = value;
        World { record, ..works() }
    };
    let over = {
        let mut link = works().link;
        link["ends_at"] = json!({ "N": NOW.to_string() });
        World { link, ..works() }
    };
    let cases = [
        ("wrong", WRONG.to_owned(), works(), false),
        ("no token", "x".to_owned(), works(), false),
        ("empty", String::new(), works(), false),
        ("over", token().expose(), over, false),
        ("off", token().expose(), World { rule: "off", ..works() }, false),
        ("erased", token().expose(), with("state", json!({ "S": "erased" })), false),
        ("parked", token().expose(), with("state", json!({ "S": "parked" })), false),
        ("moved", token().expose(), with("tenant", json!({ "S": "bravo" })), false),
        ("not named", token().expose(), with("links", json!({ "SS": ["another"] })), false),
        ("gone", token().expose(), World { record: Value::Null, ..works() }, false),
        ("not scanned", token().expose(), works(), true),
        ("threat", token().expose(), World { verdict: Some("THREATS_FOUND"), ..works() }, true),
    ];
    let mut answers = Vec::new();
    for (name, token, world, scans) in cases {
        let aws = world.start().await;
        let links = create_links(&aws, scans);
        for method in ["GET", "HEAD"] {
            let started = Instant::now();
            let answer = ask(&links, &request(method, &token)).await;
            assert!(started.elapsed() >= Duration::from_millis(300), "{name}: too early");
            assert_eq!(answer.0, 404, "{method} {name}");
            answers.push(answer);
        }
        assert!(aws.requests_of("UpdateItem").is_empty(), "{name} was counted");
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn a_clean_file_is_given_out() {
    let world = World { verdict: Some("NO_THREATS_FOUND"), ..World::default() };
    let aws = world.start().await;
    let (status, ..) = ask(&create_links(&aws, true), &request("GET", &token().expose())).await;
    assert_eq!(status, 302);
}

/// A failure of AWS is not said to be the end of a link.
#[tokio::test]
async fn a_failure_is_unavailable_and_not_gone() {
    let aws = World { is_down: "GetItem", ..World::default() }.start().await;
    let (status, headers, _) =
        ask(&create_links(&aws, false), &request("GET", &token().expose())).await;
    assert_eq!((status, headers["retry-after"].as_bytes()), (503, &b"30"[..]));
}

/// The count is a statistic: without it the file is still given out.
#[tokio::test]
async fn a_link_opens_although_it_is_not_counted() {
    let aws = World { is_down: "UpdateItem", ..World::default() }.start().await;
    let (status, ..) = ask(&create_links(&aws, false), &request("GET", &token().expose())).await;
    assert_eq!(status, 302);
}

#[tokio::test]
async fn no_log_line_has_a_token_or_a_url() {
    let recorder = Recorder::start();
    let aws = World::default().start().await;
    let links = create_links(&aws, false);
    let (_, headers, _) = ask(&links, &request("GET", &token().expose())).await;
    let url = headers["location"].to_str().expect("a URL").to_owned();
    ask(&links, &request("GET", WRONG)).await;
    let planted = [("token", &*token().expose()), ("wrong token", WRONG), ("URL", &url)];
    let planted = planted.map(|(field, text)| Canary::new(Class::Secret, field, text));
    let log = recorder.text();
    let scan = Scan::search_all(planted.into_iter().flatten(), [(Sink::Log, &*log)]);
    let scan = scan.expect("a search");
    assert!(scan.findings.is_empty(), "{:#?}", scan.findings);
    assert!(scan.lines[&Sink::Log] >= 2, "{:?}", scan.lines);
}
