//! The roles of `template.yaml` where they are enforced: what they allow is enough to do the whole job.

use std::time::Duration;

use local::{Deployment, Instance, Settings, TestStack};
use stand_in::{DEFAULT_INSTANCE, DEFAULT_TOKEN, Kind, Spec, StandIn, WapiScenario};

/// Two files take about two seconds on two cores.
const STORED_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test]
async fn both_roles_may_do_all_that_storing_a_small_and_a_large_file_needs() {
    let origins = StandIn::start().await.expect("the stand-ins");
    let deployment = Deployment::named("roles")
        .expect("a processor that Lambda has")
        .from_origins(origins.wapi_base(), origins.cdn_bases());
    let enforced = |settings| Settings {
        enforces_policies: true,
        ..settings
    };
    let test = TestStack::start_with("roles", &deployment, enforced)
        .await
        .expect("the stack");
    let stack = test.stack();
    let instance = Instance::new("acme", DEFAULT_INSTANCE, DEFAULT_TOKEN);
    let url = stack.add_instance(&instance).await.expect("an instance");

    let small = Spec::of(Kind::Image).seed("small");
    let large = Spec::of(Kind::Video).seed("large").size(20 * 1024 * 1024);
    for spec in [small, large.wapi(WapiScenario::fail_500())] {
        let announced = origins.announce(spec).expect("a media");
        let answer = stack
            .post(&url, &announced.webhook)
            .await
            .expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    let stored = stack.wait_for_files(2, STORED_WITHIN).await;
    if let Err(missing) = stored {
        let log = stack.log_lines(&stack.outputs().download_logs).await;
        panic!("{missing:#}\n{}", log.unwrap_or_default().join("\n"));
    }
    test.stop().expect("the end");
}
