//! The output of `sam build`, deployed unchanged: how the release build differs from what other
//! tests run.
//!
//! Compiled and run by `make test-artefact` only, because the release build takes minutes.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::{
    path::PathBuf,
    process::Command,
    sync::LazyLock,
    time::{Duration, Instant},
};

use local::{Build, Deployment, InstanceSettings, Project, Settings, TestStack};
use samples::verify_instance;
use serde_json::{Value, json};
use stand_in::{AnnouncedMedia, CdnScenario, Format, Kind, Spec, StandIn, WapiScenario};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Runtime,
};
use wapi::webhook::WebhookBody;

/// Storing a few files takes seconds; retries are half a minute apart.
const MAX_WAIT: Duration = Duration::from_mins(2);
/// The message id of the record that panics.
const PANIC_MESSAGE_ID: &str = "3EB0AC11DE0FAB00B1E5";
const TENANT: &str = "acme";
const INSTANCE: &str = "LITE-ARTEFA-CT0001";
const TOKEN: &str = "invented-token-of-the-artefact";
/// The version of Amazon Linux 2023. A newer symbol would keep the function from starting.
const MAX_GLIBC: (u32, u32) = (2, 34);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
static WORLD: LazyLock<World> = LazyLock::new(|| RUNTIME.block_on(World::start()));

struct World {
    origins: StandIn,
    test: TestStack,
    url: String,
}

impl World {
    async fn start() -> Self {
        let origins = StandIn::start().await.expect("the stand-ins");
        origins.register_instance(INSTANCE, TOKEN);
        let deployment = Deployment::with_name("artefact")
            .expect("a processor that Lambda has")
            .from_origins(origins.wapi_base(), origins.cdn_bases())
            .built_by(Build::Sam);
        let with_panic = |settings| Settings {
            environment: vec![("PANIC_ON_MESSAGE", PANIC_MESSAGE_ID.to_owned())],
            ..settings
        };
        let test = TestStack::start_with("artefact", &deployment, with_panic);
        let test = test.await.expect("the stack");
        test.stack().build_wapi_media().await.expect("the command");
        let instance = InstanceSettings::new(TENANT, INSTANCE, TOKEN);
        let url = test.stack().add_instance(&instance).await;
        let url = url.expect("the instance is registered");
        Self { origins, test, url }
    }

    fn announce_media(&self, spec: Spec) -> AnnouncedMedia {
        let announced = self.origins.announce(spec.instance(INSTANCE));
        announced.expect("the media file can be made")
    }

    /// Waits until the bucket has a file with these bytes.
    async fn until_stored(&self, announced: &AnnouncedMedia) {
        let begun = Instant::now();
        loop {
            let files = self.test.stack().bucket().read_all().await;
            let files = files.expect("the bucket");
            if files.iter().any(|file| file.sha256_hex == announced.sha256_hex) {
                return;
            }
            assert!(begun.elapsed() < MAX_WAIT, "{} is not stored", announced.message_id);
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
}

fn on_the_artefact(test: impl AsyncFnOnce(&'static World)) {
    let world = &*WORLD;
    RUNTIME.block_on(test(world));
}

/// One record of the download function's event, as SQS delivers it.
fn sqs_record(id: &str, announced: &AnnouncedMedia) -> Value {
    let verified = verify_instance(TENANT, INSTANCE);
    let body = WebhookBody::parse(announced.webhook.to_string().as_bytes()).expect("a webhook");
    let mut announcement = body.announcement(&verified).expect("an announcement");
    let message = announcement.media.pop().expect("one media message");
    let job = verified.create_job(message, boot::clock::now());
    json!({
        "messageId": id,
        "receiptHandle": "none",
        "body": job.to_json().expect("JSON"),
        "attributes": { "ApproximateReceiveCount": "1" },
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:jobs",
        "awsRegion": "us-east-1",
    })
}

/// The binary that was deployed.
fn function_binary(function: &str) -> PathBuf {
    let root = Project::find().expect("the project").root().to_owned();
    root.join(".aws-sam/build").join(function).join("bootstrap")
}

/// With `panic = "abort"` the process would end, and none of the three jobs would be stored or
/// answered.
#[test]
fn a_panic_fails_only_its_record() {
    on_the_artefact(async |world| {
        let first = world.announce_media(Spec::of(Kind::Voice).seed("before the panic"));
        let panics =
            world.announce_media(Spec::of(Kind::Image).seed("panics").message_id(PANIC_MESSAGE_ID));
        let third = world.announce_media(Spec::of(Kind::Document).seed("after the panic"));
        let records =
            [("1", &first), ("2", &panics), ("3", &third)].map(|(id, one)| sqs_record(id, one));
        let stack = world.test.stack();
        let function = &stack.outputs().download_function;
        let answer = stack.invoke_function(function, &json!({ "Records": records })).await;
        let answer = answer.expect("the function answers");
        assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "2" }] }));
        world.until_stored(&first).await;
        world.until_stored(&third).await;
        let logs = stack.log_lines(&stack.outputs().download_logs).await;
        let logs = logs.expect("the log");
        assert!(logs.iter().any(|line| line.contains(r#""outcome":"panicked""#)), "{logs:#?}");
        let again = json!({ "Records": [sqs_record("4", &first)] });
        let answer = stack.invoke_function(function, &again).await.expect("an answer");
        assert_eq!(answer, json!({ "batchItemFailures": [] }));
    });
}

/// The HTTP runtime panics when it parses such a query. That must end the request, not the
/// process.
#[test]
fn an_unreadable_query_ends_one_request() {
    on_the_artefact(async |world| {
        let url = world.url.strip_prefix("http://").expect("plain http");
        let (host, path) = url.split_once('/').expect("a path");
        let mut socket = TcpStream::connect(host).await.expect("the API");
        let request = format!(
            "POST /{path}?a=<b HTTP/1.1\r\nHost: {host}\r\n\
             Content-Length: 2\r\nConnection: close\r\n\r\n{{}}"
        );
        socket.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
        let next = world.announce_media(Spec::of(Kind::Sticker).seed("after the query"));
        let answer = world.test.stack().post_json(&world.url, &next.webhook).await;
        assert_eq!(answer.expect("an answer").status, 200);
        world.until_stored(&next).await;
    });
}

/// The optimised build with other CPU features runs each strategy, for a file in one part and in
/// two.
#[test]
fn every_strategy_stores_the_senders_bytes() {
    on_the_artefact(async |world| {
        let fails = || WapiScenario::fail_500();
        let large = |spec: Spec| spec.format(Format::Random).size(8 * 1024 * 1024 + 1000);
        let all = [
            Spec::of(Kind::Image).seed("by W-API"),
            Spec::of(Kind::Video).seed("by the CDN").wapi(fails()),
            large(Spec::of(Kind::Document).seed("two parts by W-API"))
                .cdn(CdnScenario::Gone { status: 410 }),
            large(Spec::of(Kind::Document).seed("two parts by the CDN")).wapi(fails()),
        ];
        let all = all.map(|spec| world.announce_media(spec));
        for announced in &all {
            let answer = world.test.stack().post_json(&world.url, &announced.webhook).await;
            assert_eq!(answer.expect("an answer").status, 200);
        }
        for announced in &all {
            world.until_stored(announced).await;
        }
    });
}

/// Uses `objdump`, which comes with every C compiler.
#[test]
fn no_symbol_is_newer_than_amazon_linux() {
    on_the_artefact(async |_world| {
        for function in [
            "WebhookFunction",
            "DownloadFunction",
            "WatchFunction",
            "BackfillFunction",
            "DeliverFunction",
            "EventsFunction",
        ] {
            let dump = Command::new("objdump").arg("-T").arg(function_binary(function)).output();
            let text = String::from_utf8(dump.expect("objdump").stdout).expect("text");
            let versions = text.split("GLIBC_").skip(1).filter_map(|rest| {
                let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
                let (major, minor) = rest[..end].split_once('.')?;
                Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
            });
            let newest: Option<(u32, u32)> = versions.max();
            assert!(
                newest.is_some_and(|version| version <= MAX_GLIBC),
                "{function} needs glibc {newest:?}"
            );
        }
    });
}
