//! The roles of `template.yaml`, with policies enforced: each allows what its function does.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::time::{Duration, Instant, SystemTime};

use local::{Deployment, InstanceSettings, Method, Settings, Stack, TestStack, ask_url};
use serde_json::{Value, json};
use stand_in::{
    AppAnswer, Application, DEFAULT_INSTANCE, DEFAULT_TOKEN, Kind, Spec, StandIn, WapiScenario,
};

/// Two files take about two seconds on two cores.
const MAX_STORING_TIME: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_roles_suffice_for_small_and_large_files() {
    let origins = StandIn::start().await.expect("the stand-ins");
    let deployment = Deployment::with_name("roles")
        .expect("a processor that Lambda has")
        .from_origins(origins.wapi_base(), origins.cdn_bases());
    let enforced = |settings| Settings { enforces_policies: true, ..settings };
    let test = TestStack::start_with("roles", &deployment, enforced).await.expect("the stack");
    let stack = test.stack();
    let instance = InstanceSettings::new("acme", DEFAULT_INSTANCE, DEFAULT_TOKEN);
    let url = stack.add_instance(&instance).await.expect("an instance");

    let application = Application::start(|_| AppAnswer::status(204)).await;
    let application = application.expect("an application");
    let add = ["receiver", "add", "--tenant", "acme", "--url", application.base()];
    let add = [&add[..], &["--gets", "all", "--yes"]].concat();
    for command in [&["tenant", "set", "acme", "--links", "7d", "--yes"][..], &add] {
        let ended = stack.try_wapi_media(command, "").await.expect("it runs");
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    let small = Spec::of(Kind::Image).seed("small").caption("legenda");
    let large = Spec::of(Kind::Video).seed("large").size(20 * 1024 * 1024);
    for spec in [small, large.wapi(WapiScenario::fail_500())] {
        let announced = origins.announce(spec).expect("a media file");
        let answer = stack.post_json(&url, &announced.webhook).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    // A webhook that never arrived, for the role of the back-fill function.
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().expect("a clock that goes");
    let logged_at = since_1970 - Duration::from_mins(20);
    let moment = i64::try_from(logged_at.as_secs()).expect("seconds");
    let lost = Spec::of(Kind::Image).seed("lost").moment(moment);
    let lost = origins.announce(lost).expect("a media file");
    let logged_ms = u64::try_from(logged_at.as_millis()).expect("milliseconds");
    origins.log_webhook(DEFAULT_INSTANCE, &lost.webhook, Some(logged_ms));
    let event = json!({ "instance": DEFAULT_INSTANCE });
    let ran = stack.invoke_function(&stack.outputs().backfill_function, &event).await;
    ran.expect("the back-fill function runs");

    let stored = stack.wait_for_files(3, MAX_STORING_TIME).await;
    if let Err(missing) = stored {
        let log = stack.log_lines(&stack.outputs().download_logs).await;
        panic!("{missing:#}\n{}", log.unwrap_or_default().join("\n"));
    }
    open_every_link(stack, &application, 3).await;
    test.stop().expect("the end");
}

/// Waits until the receiver has heard of so many files, each with a link, and opens each: the roles
/// of the functions that publish, deliver and open links.
async fn open_every_link(stack: &Stack, application: &Application, count: usize) {
    let begun = Instant::now();
    let heard = loop {
        let posted = application.posted();
        let events = posted.iter().filter_map(|one| serde_json::from_slice(&one.body).ok());
        let heard: Vec<Value> =
            events.filter(|one: &Value| one["type"] == "media.stored").collect();
        if heard.len() >= count {
            break heard;
        }
        assert!(begun.elapsed() < MAX_STORING_TIME, "{} of {count} were announced", heard.len());
        // How often the application is asked.
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    assert!(heard.iter().any(|event| event["data"]["caption"] == "legenda"), "{heard:?}");
    for event in &heard {
        let link = event["data"]["link"]["url"].as_str().expect("a link");
        let url = stack.link_here(link).expect("a link of this stack");
        for method in [Method::GET, Method::HEAD] {
            let answer = ask_url(method.clone(), &url, None).await.expect("an answer");
            assert_eq!(answer.status, 302, "{method}");
            let file = answer.location.expect("a location");
            let file = ask_url(method.clone(), &file, None).await.expect("an answer");
            assert_eq!(file.status, 200, "{method}");
        }
    }
}
