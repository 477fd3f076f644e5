//! Parked media brought back with `wapi-media`: listed, sent again, stored once.

use stand_in::{Announced, CdnScenario, Hook, Kind, Spec, WapiScenario};

use crate::{Account, PARKED_QUEUE, RUNTIME, WORLD, World, now};

const TENANT: &str = "redriven";
const INSTANCE: &str = "LITE-REDRIV-000001";
const TOKEN: &str = "invented-token-of-the-redriven";

#[test]
fn a_dry_redrive_lists_and_a_redrive_empties_the_parked_queue_and_doubles_nothing() {
    let world = &*WORLD;
    world.origins.register_instance(INSTANCE, TOKEN);
    RUNTIME.block_on(async {
        world.told(0, &["tenant", "add", TENANT], "").await;
        let add = ["instance", "add", INSTANCE, "--tenant", TENANT];
        world.told(0, &add, TOKEN).await;
        world.told(0, &["webhook", "register", INSTANCE], "").await;
        let account = Account {
            id: INSTANCE.to_owned(),
            url: world
                .origins
                .account(INSTANCE)
                .hook(Hook::Received)
                .expect("a hook")
                .to_owned(),
        };
        let parked = [
            park(world, &account, "first").await,
            park(world, &account, "second").await,
        ];
        let _alone = PARKED_QUEUE.lock().await;
        let mine = ["parked", "redrive", "--instance", INSTANCE];
        let with = |more: &'static [&'static str]| [&mine[..], more].concat();
        let dry = world.told(0, &with(&["--dry-run"]), "").await;
        assert_eq!((&dry["admitted"], &dry["sent"]), (&2.into(), &0.into()));
        let listed: Vec<_> = dry["jobs"]
            .as_array()
            .expect("jobs")
            .iter()
            .map(|job| &job["message_id"])
            .collect();
        assert!(
            parked
                .iter()
                .all(|one| listed.contains(&&one.message_id.as_str().into())),
            "{dry}"
        );
        world.said(2, &mine, "").await;
        // W-API has found them again.
        for (one, seed) in parked.iter().zip(["first", "second"]) {
            world.announce(&account, spec(seed).message_id(&one.message_id));
        }
        let sent = world.told(0, &with(&["--yes"]), "").await;
        assert_eq!((&sent["admitted"], &sent["sent"]), (&2.into(), &2.into()));
        for one in &parked {
            world.stored(one).await;
        }
        let again = world.told(0, &with(&["--yes"]), "").await;
        assert_eq!(again["admitted"], 0);
        let folder = format!("{TENANT}/{INSTANCE}/");
        let written = world.stack().bucket().versions_and_markers(&folder).await;
        assert_eq!(written.expect("a list").len(), parked.len());
    });
}

fn spec(seed: &str) -> Spec {
    Spec::of(Kind::Image).seed(seed).moment(now() - 60)
}

async fn park(world: &World, account: &Account, seed: &str) -> Announced {
    // An old one is lost at once; a younger one would be looked for again in an hour.
    let gone = spec(seed)
        .moment(now() - 15 * 24 * 60 * 60)
        .wapi(WapiScenario::NotFound404)
        .cdn(CdnScenario::Gone { status: 404 });
    let announced = world.announce(account, gone);
    world.send(account, &announced).await;
    world.until(&announced, "parked").await;
    announced
}
