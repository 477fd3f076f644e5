//! The help, the checks of arguments, the exit codes, and the end by a signal.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[cfg(unix)]
use std::{fs, path::Path, process::Child, time::Duration};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Output},
    sync::{Arc, Mutex},
};

#[cfg(unix)]
use scripted_aws::{Answer, Aws, RecordedRequest};

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
        (&["tenant", "list", "--webhook-base-url", "http://hooks.example.invalid"], "https"),
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

/// A script may pass what a sender chose.
#[test]
fn refused_arguments_do_not_steer_the_terminal() {
    for hostile in ["\u{1b}]52;c;eA==\u{7}", "\u{9b}2J", "a\u{202e}b", "\u{200b}", "\u{7f}"] {
        for arguments in [
            &["media", "show", hostile, "3EB0"][..],
            &["media", "find", "--kind", hostile],
            &[hostile],
            &["media", hostile],
            &["tenant", "list", "--webhook-base-url", hostile],
            &["instance", "show", "LITE-AAAAAA-000001", "--stack", hostile],
        ] {
            let refused = run(arguments);
            assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
            let said = text(&refused.stderr) + &text(&refused.stdout);
            assert!(!said.contains(hostile), "{arguments:?}: {said:?}");
        }
    }
}

#[test]
fn completions_need_no_stack() {
    for shell in ["bash", "zsh", "fish"] {
        let printed = run(&["completion", shell]);
        assert_eq!(printed.status.code(), Some(0));
        assert!(text(&printed.stdout).contains("wapi-media"), "{shell}");
    }
}

/// A stack whose media table has one stored file, which the bucket never begins to send.
#[cfg(unix)]
fn answer_without_end(request: &RecordedRequest) -> Answer {
    const PARTS: &str = "<Parameters><member><ParameterKey>UtcOffset</ParameterKey>\
        <ParameterValue>-03:00</ParameterValue></member></Parameters>\
        <Outputs><member><OutputKey>MediaBucket</OutputKey><OutputValue>bucket</OutputValue>\
        </member><member><OutputKey>MediaTable</OutputKey><OutputValue>media</OutputValue>\
        </member><member><OutputKey>AuditTable</OutputKey><OutputValue>audit</OutputValue>\
        </member></Outputs>";
    const CALLER: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
        <Arn>arn:aws:iam::123456789012:user/operator</Arn>\
        </GetCallerIdentityResult></GetCallerIdentityResponse>";
    let text = |text: &str| serde_json::json!({ "S": text });
    let item = serde_json::json!({
        "instance": text("LITE-AAAAAA-000001"), "message_id": text("3EB0AA#AAAAAAAAAAAAAAAAAAAAAAAAAA"),
        "message": text("3EB0AA"), "tenant": text("acme"), "chat": text("5500900000001"),
        "kind": text("image"), "direction": text("in"), "state": text("stored"),
        "moment": { "N": "1787438879" }, "updated_at": { "N": "1787438880" },
        "object_key": text("acme/LITE-AAAAAA-000001/5500900000001/2026-08/3EB0AA.jpg"),
    });
    match request.operation() {
        "Query" => Answer::json(&serde_json::json!({ "Items": [item] })),
        "GetItem" => Answer::json(&serde_json::json!({ "Item": item })),
        "BatchGetItem" => Answer::json(&serde_json::json!({ "Responses": { "media": [item] } })),
        "ExecuteStatement" => Answer::json(&serde_json::json!({})),
        _ if request.text().contains("Action=GetCallerIdentity") => Answer::new(200, CALLER),
        _ if request.method == "GET" => Answer::silence(),
        _ => Answer::new(
            200,
            format!(
                "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>\
                 <StackName>wapi-media</StackName><CreationTime>2026-01-01T00:00:00Z\
                 </CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>{PARTS}</member>\
                 </Stacks></DescribeStacksResult></DescribeStacksResponse>"
            ),
        ),
    }
}

#[cfg(unix)]
fn start_export(endpoint: &str, output: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_wapi-media"))
        .args(["media", "export", "--instance", "LITE-AAAAAA-000001", "--tenant", "acme"])
        .args(["--chat", "5500900000001", "--output"])
        .arg(output)
        .env_clear()
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "invented")
        .env("AWS_SECRET_ACCESS_KEY", "invented")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .spawn()
        .expect("the command runs")
}

/// Otherwise a part of somebody's conversation stays on the disk, and nobody knows of it.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_export_leaves_nothing() {
    let aws = Aws::start(answer_without_end).await;
    let place = std::env::temp_dir().join(format!("interrupted-{}", std::process::id()));
    for signal in ["-INT", "-TERM", "-HUP"] {
        fs::create_dir(&place).expect("a folder");
        let mut child = start_export(aws.endpoint(), &place.join("chat.zip"));
        let is_waiting = || aws.requests().iter().any(|one| one.method == "GET");
        for _ in 0..200 {
            if place.join("chat.zip.part").exists() && is_waiting() {
                break;
            }
            // The command has begun the archive when it asks for the file; ten seconds at most.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(place.join("chat.zip.part").exists(), "{signal}: nothing was begun");
        let id = child.id().to_string();
        Command::new("kill").args([signal, &id]).status().expect("a signal");
        assert_eq!(child.wait().expect("an end").code(), Some(1), "{signal}");
        assert_eq!(fs::read_dir(&place).expect("entries").count(), 0, "{signal}");
        fs::remove_dir(&place).expect("removed");
    }
}

/// What CloudFormation says about a stack whose template is newer than this command.
const NEWER_STACK: &str = "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>\
    <StackName>wapi-media</StackName><CreationTime>2026-11-01T00:00:00Z</CreationTime>\
    <StackStatus>CREATE_COMPLETE</StackStatus><Outputs><member><OutputKey>Version</OutputKey>\
    <OutputValue>99.0.0</OutputValue></member></Outputs></member></Stacks>\
    </DescribeStacksResult></DescribeStacksResponse>";

/// The body of a request, and an answer to it: the newer stack, and an error to everything else.
fn answer_request(stream: TcpStream) -> std::io::Result<String> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = text(&body);
    let (status, answer) = match body.contains("Action=DescribeStacks") {
        true => ("200 OK", NEWER_STACK),
        false => ("400 Bad Request", "{}"),
    };
    let head =
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}", answer.len());
    reader.get_mut().write_all(format!("{head}\r\n\r\n{answer}").as_bytes())?;
    Ok(body)
}

/// Runs the command beside a newer stack: its output, and how many other requests AWS got.
fn run_beside_newer_stack(arguments: &[&str]) -> (Output, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let others = Arc::new(Mutex::new(0));
    let count = Arc::clone(&others);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let body = answer_request(stream).unwrap_or_default();
            *count.lock().expect("a count") += usize::from(!body.contains("Action=DescribeStacks"));
        }
    });
    let output = Command::new(env!("CARGO_BIN_EXE_wapi-media"))
        .args(arguments)
        .env_clear()
        .envs([
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ])
        .output()
        .expect("the command runs");
    let others = *others.lock().expect("a count");
    (output, others)
}

/// An older command does not know what a newer stack keeps: it would erase or drop without it.
#[test]
fn an_older_command_changes_no_newer_stack() {
    const ID: &str = "LITE-AAAAAA-000001";
    for arguments in [
        &["media", "erase", "--tenant", "acme", "--phone", "5500900000001", "--yes"][..],
        &["parked", "drop", "--yes"],
        &["parked", "redrive", "--yes"],
        &["parked", "list"],
        &["tenant", "add", "acme"],
        &["tenant", "set", "acme", "--kinds", "all"],
        &["tenant", "remove", "acme", "--yes"],
        &["instance", "add", ID, "--tenant", "acme"],
        &["instance", "pause", ID],
        &["instance", "resume", ID],
        &["instance", "remove", ID, "--yes"],
        &["token", "rotate", ID],
        &["webhook", "register", ID],
        &["webhook", "rotate-secret", ID],
        &["webhook", "unregister", ID],
        &["webhook", "verify", ID],
        &["backfill", "--instance", ID, "--since", "2h"],
        &["replay", "webhook.json"],
    ] {
        let (refused, others) = run_beside_newer_stack(arguments);
        let said = text(&refused.stderr);
        assert_eq!((refused.status.code(), others), (Some(2), 0), "{arguments:?}: {said}");
        assert!(said.contains("99.0.0") && said.contains("cargo install"), "{arguments:?}: {said}");
        assert!(said.contains("Nothing was changed"), "{arguments:?}: {said}");
    }
}

#[test]
fn an_older_command_reads_with_a_warning() {
    for arguments in [&["stats"][..], &["media", "find"], &["tenant", "list"], &["doctor"]] {
        let (read, _) = run_beside_newer_stack(arguments);
        let said = text(&read.stderr);
        assert_eq!(said.matches("warning: ").count(), 1, "{arguments:?}: {said}");
        assert!(!said.contains("Nothing was changed"), "{arguments:?}: {said}");
    }
}
