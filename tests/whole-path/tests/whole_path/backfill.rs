//! Webhooks that never arrived: they are only in W-API's log, and the back-fill function stores
//! their files.

use serde_json::{Value, json};
use stand_in::{AnnouncedMedia, Kind, Spec};

use crate::{Account, World, on_the_stack, unix_now};

const MINUTE: i64 = 60;

impl World {
    /// Logs a webhook at W-API as posted this many minutes ago, but does not post it.
    pub(crate) fn log_lost_webhook(&self, instance: &str, webhook: &Value, minutes: i64) {
        let at = unix_now() - minutes * MINUTE;
        let mut webhook = webhook.clone();
        webhook["moment"] = json!(at.min(webhook["moment"].as_i64().expect("a moment")));
        let at_ms = u64::try_from(at * 1000).expect("a time after 1970");
        self.origins.log_webhook(instance, &webhook, Some(at_ms));
    }

    /// Runs the back-fill function for one instance.
    pub(crate) async fn run_backfill(&self, instance: &str) {
        let function = &self.stack().outputs().backfill_function;
        let event = json!({ "instance": instance });
        self.stack().invoke_function(function, &event).await.expect("the function runs");
    }
}

fn lose_media(world: &World, account: &Account, kind: Kind) -> AnnouncedMedia {
    let spec = Spec::of(kind).moment(unix_now() - 20 * MINUTE);
    let lost = world.announce_media(account, spec);
    world.log_lost_webhook(&account.id, &lost.webhook, 20);
    lost
}

#[test]
fn what_never_arrived_is_stored_by_the_backfill() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        let lost = [Kind::Image, Kind::Voice, Kind::Document]
            .map(|kind| lose_media(world, &account, kind));
        let arrived = world.announce_media(&account, Spec::of(Kind::Image));
        world.post_announced(&account, &arrived).await;
        world.wait_until_stored(&arrived).await;
        world.run_backfill(&account.id).await;
        for one in &lost {
            let (_, file) = world.wait_until_stored(one).await;
            assert_eq!(file.sha256_hex, one.sha256_hex, "{}", file.key);
        }
        // The next run reads the same part of the log, and finds that nothing is missing.
        world.run_backfill(&account.id).await;
        assert_eq!(world.instance_keys(&account).await.len(), 4);
    });
}
