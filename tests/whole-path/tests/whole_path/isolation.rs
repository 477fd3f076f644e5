//! No tenant's token and no tenant's folder serves another tenant.

use serde_json::json;
use stand_in::{CdnScenario, Kind, Role, Spec, WapiScenario};

use crate::{
    ends::{parked_attributes, send_raw},
    on_the_stack, token_of,
};

#[test]
fn a_token_is_sent_only_for_its_instance() {
    on_the_stack(async |world| {
        let accounts = [world.new_account().await, world.new_account().await];
        let mut announced = Vec::new();
        for account in &accounts {
            for spec in [
                Spec::of(Kind::Image),
                Spec::of(Kind::Voice).wapi(WapiScenario::BadRequest400),
                Spec::of(Kind::Document).cdn(CdnScenario::Gone { status: 404 }),
            ] {
                announced.push(world.announce_media(account, spec));
            }
        }
        for (n, one) in announced.iter().enumerate() {
            world.post_announced(&accounts[n / 3], one).await;
        }
        for one in &announced {
            world.wait_until_stored(one).await;
        }
        for account in &accounts {
            let own = format!("Bearer {}", token_of(&account.id));
            let query = format!("instanceId={}", account.id);
            let requests = world.origins.requests();
            let with_token = requests.iter().filter(|one| one.header("authorization").is_some());
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

/// Its file is not fetched.
#[test]
fn a_job_naming_another_tenant_is_parked() {
    on_the_stack(async |world| {
        let (victim, thief) = (world.new_account().await, world.new_account().await);
        let message_id = "3EB0ISOLATED";
        let tenant = format!("tenant-{}", thief.id.to_lowercase());
        let body = json!({
            "version": "1", "tenant": tenant, "instance": victim.id,
            "accepted_at": crate::unix_now(),
            "message": {
                "message_id": message_id, "chat": "5500900000002", "direction": "in",
                "moment": crate::unix_now(), "kind": "image",
            },
        });
        send_raw(world, &body.to_string()).await;
        let ticket = parked_attributes(world, message_id).await;
        assert_eq!(ticket["class"]["StringValue"], "poison");
        let query = format!("instanceId={}", victim.id);
        let asked = world.origins.requests();
        let asked = asked.iter().any(|one| one.query.as_deref() == Some(&query));
        assert!(!asked, "W-API was asked with the victim's token");
        for account in [&victim, &thief] {
            assert_eq!(world.instance_keys(account).await, Vec::<String>::new());
        }
    });
}
