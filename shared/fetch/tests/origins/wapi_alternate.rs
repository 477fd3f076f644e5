//! The strategy `wapi_alternate`: a missing endpoint costs one call.

use media::{failure::Disposition, strategy::Strategy::WapiAlternate};
use stand_in::{Kind, Spec, WapiScenario};

use crate::World;

#[tokio::test]
async fn a_missing_endpoint_is_requested_once() {
    let world = World::new().await;
    for n in 0..3 {
        let fetched =
            world.try_spec(WapiAlternate, Spec::of(Kind::Image).seed(format!("m{n}"))).await;
        assert_eq!(fetched.result.expect_err("missing").disposition(), Disposition::NotApplicable);
    }
    assert_eq!(world.origins.requests().len(), 1);
}

#[tokio::test]
async fn an_existing_endpoint_serves_the_file() {
    let world = World::new().await;
    world.origins.set_alternates(true);
    let fetched =
        world.try_spec(WapiAlternate, Spec::of(Kind::Image).wapi(WapiScenario::fail_500())).await;
    assert!(fetched.result.is_ok());
    world.assert_origin_rules();
}

#[tokio::test]
async fn a_temporary_failure_checks_existence() {
    let world = World::new().await;
    world.origins.set_alternates(true);
    let failing = Spec::of(Kind::Image).alternate(WapiScenario::fail_500());
    let fetched = world.try_spec(WapiAlternate, failing).await;
    assert_eq!(fetched.result.expect_err("500").disposition(), Disposition::Retry { after: None });
    assert_eq!(world.count_calls("GET", "media/info"), 1);
}
