//! The roles of `template.yaml`, with policies enforced: each allows what its function does.

use std::time::{Duration, SystemTime};

use local::{Deployment, InstanceSettings, Settings, TestStack};
use serde_json::json;
use stand_in::{DEFAULT_INSTANCE, DEFAULT_TOKEN, Kind, Spec, StandIn, WapiScenario};

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

    let small = Spec::of(Kind::Image).seed("small");
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
    test.stop().expect("the end");
}
