//! Parked jobs redriven with `wapi-media`: listed, sent again, stored once.

use stand_in::{AnnouncedMedia, CdnScenario, Kind, Spec, WapiScenario};

use crate::{Account, PARKED_QUEUE, RUNTIME, WORLD, World, unix_now};

const TENANT: &str = "redriven";
const INSTANCE: &str = "LITE-REDRIV-000001";
const TOKEN: &str = "invented-token-of-the-redriven";

/// A dry redrive only lists; a real one stores each file once.
#[test]
fn a_redrive_empties_the_parked_queue_once() {
    let world = &*WORLD;
    RUNTIME.block_on(async {
        let account = world.operator_account(TENANT, INSTANCE, TOKEN).await;
        let parked = [
            park_message(world, &account, "first").await,
            park_message(world, &account, "second").await,
        ];
        let _alone = PARKED_QUEUE.lock().await;
        let mine = ["parked", "redrive", "--instance", INSTANCE];
        let with = |more: &'static [&'static str]| [&mine[..], more].concat();
        let dry = world.run_json(0, &with(&["--dry-run"]), "").await;
        assert_eq!((&dry["admitted"], &dry["sent"]), (&2.into(), &0.into()));
        let listed: Vec<_> =
            dry["jobs"].as_array().expect("jobs").iter().map(|job| &job["message_id"]).collect();
        assert!(
            parked.iter().all(|one| listed.contains(&&one.message_id.as_str().into())),
            "{dry}"
        );
        world.run_command(2, &mine, "").await;
        // W-API has the files again.
        for (one, seed) in parked.iter().zip(["first", "second"]) {
            world.announce_media(&account, lost_spec(seed).message_id(&one.message_id));
        }
        let sent = world.run_json(0, &with(&["--yes"]), "").await;
        assert_eq!((&sent["admitted"], &sent["sent"]), (&2.into(), &2.into()));
        for one in &parked {
            world.wait_until_stored(one).await;
        }
        let again = world.run_json(0, &with(&["--yes"]), "").await;
        assert_eq!(again["admitted"], 0);
        world.check_trail(TENANT, &["parked redrive"]).await;
        let folder = format!("{TENANT}/{INSTANCE}/");
        let written = world.stack().bucket().versions_and_markers(&folder).await;
        assert_eq!(written.expect("a list").len(), parked.len());
    });
}

fn lost_spec(seed: &str) -> Spec {
    Spec::of(Kind::Image).seed(seed).moment(unix_now() - 60)
}

async fn park_message(world: &World, account: &Account, seed: &str) -> AnnouncedMedia {
    // An old message is parked at once; a younger one would be retried in an hour.
    let gone = lost_spec(seed)
        .moment(unix_now() - 15 * 24 * 60 * 60)
        .wapi(WapiScenario::NotFound404)
        .cdn(CdnScenario::Gone { status: 404 });
    let announced = world.announce_media(account, gone);
    world.post_announced(account, &announced).await;
    world.wait_for_state(&announced, "parked").await;
    announced
}
