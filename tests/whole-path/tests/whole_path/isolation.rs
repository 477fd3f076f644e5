//! No tenant's token and no tenant's folder ever serves another.

use serde_json::json;
use stand_in::{CdnScenario, Kind, Role, Spec, WapiScenario};

use crate::{
    ends::{parked, send_raw},
    on_the_stack, token_of,
};

#[test]
fn a_token_goes_to_w_api_for_its_own_instance_and_nowhere_else() {
    on_the_stack(async |world| {
        let accounts = [world.account().await, world.account().await];
        let mut announced = Vec::new();
        for account in &accounts {
            for spec in [
                Spec::of(Kind::Image),
                Spec::of(Kind::Voice).wapi(WapiScenario::BadRequest400),
                Spec::of(Kind::Document).cdn(CdnScenario::Gone { status: 404 }),
            ] {
                announced.push(world.announce(account, spec));
            }
        }
        for (n, one) in announced.iter().enumerate() {
            world.send(&accounts[n / 3], one).await;
        }
        for one in &announced {
            world.stored(one).await;
        }
        for account in &accounts {
            let own = format!("Bearer {}", token_of(&account.id));
            let query = format!("instanceId={}", account.id);
            let requests = world.origins.requests();
            let with_token = requests
                .iter()
                .filter(|one| one.header("authorization").is_some());
            let mut calls = 0;
            for request in with_token {
                assert_eq!(request.role, Role::Wapi, "{}", request.path);
                let is_own_token = request.header("authorization") == Some(&own);
                let is_own_call = request.query.as_deref() == Some(&query);
                assert_eq!(is_own_token, is_own_call, "{}", request.path);
                calls += usize::from(is_own_call);
            }
            assert!(calls >= 3, "{calls} calls for {}", account.id);
        }
    });
}

#[test]
fn a_job_that_names_another_tenant_than_its_instance_is_parked_and_fetches_nothing() {
    on_the_stack(async |world| {
        let (victim, thief) = (world.account().await, world.account().await);
        let message_id = "3EB0ISOLATED";
        let tenant = format!("tenant-{}", thief.id.to_lowercase());
        let body = json!({
            "version": "1", "tenant": tenant, "instance": victim.id, "accepted_at": crate::now(),
            "message": {
                "message_id": message_id, "chat": "5500900000002", "direction": "in",
                "moment": crate::now(), "kind": "image",
            },
        });
        send_raw(world, &body.to_string()).await;
        let ticket = parked(world, message_id).await;
        assert_eq!(ticket["class"]["StringValue"], "poison");
        let query = format!("instanceId={}", victim.id);
        let asked = world.origins.requests();
        let asked = asked.iter().any(|one| one.query.as_deref() == Some(&query));
        assert!(!asked, "W-API was asked with the victim's token");
        for account in [&victim, &thief] {
            assert_eq!(world.keys(account).await, Vec::<String>::new());
        }
    });
}
