//! Media that end in the bucket, whichever origin is down.

use std::time::Duration;

use stand_in::{CdnScenario, Dialect, Format, Kind, Spec, WapiScenario};

use crate::on_the_stack;

const KINDS: [Kind; 8] = [
    Kind::Image,
    Kind::Video,
    Kind::Ptv,
    Kind::Gif,
    Kind::Audio,
    Kind::Voice,
    Kind::Document,
    Kind::Sticker,
];

#[test]
fn with_w_api_answering_500_to_everything_the_cdn_brings_every_kind_with_full_proof() {
    on_the_stack(async |world| {
        let account = world.account().await;
        let spec = |kind| Spec::of(kind).wapi(WapiScenario::fail_500());
        let old = KINDS.map(|kind| spec(kind).dialect(Dialect::Y2025));
        let new = KINDS.map(|kind| spec(kind).dialect(Dialect::Y2026));
        world
            .all_stored(&account, [old, new].concat(), "cdn", "mac+sha256")
            .await;
    });
}

#[test]
fn with_the_cdn_down_w_api_brings_every_kind_with_the_senders_hash() {
    on_the_stack(async |world| {
        let account = world.account().await;
        let specs = KINDS.map(|kind| Spec::of(kind).cdn(CdnScenario::Status { code: 503 }));
        world
            .all_stored(&account, specs.to_vec(), "wapi", "sha256")
            .await;
    });
}

#[test]
fn a_large_file_is_stored_in_parts_from_either_origin() {
    on_the_stack(async |world| {
        let account = world.account().await;
        let big = || {
            Spec::of(Kind::Document)
                .format(Format::Random)
                .size(20 * 1024 * 1024 + 7)
        };
        world
            .all_stored(
                &account,
                vec![big().wapi(WapiScenario::fail_500())],
                "cdn",
                "mac+sha256",
            )
            .await;
        world
            .all_stored(&account, vec![big()], "wapi", "sha256")
            .await;
    });
}

#[test]
fn the_object_lies_where_its_message_says_and_carries_its_description() {
    on_the_stack(async |world| {
        let account = world.account().await;
        let spec = Spec::of(Kind::Document)
            .chat("5500900000002")
            .file_name("Orçamento de Março.pdf")
            .caption("segue");
        let announced = world.announce(&account, spec);
        world.send(&account, &announced).await;
        let (_, file) = world.stored(&announced).await;
        let tenant = format!("tenant-{}", account.id.to_lowercase());
        let folder = format!(
            "{tenant}/{}/5500900000002/2026-08/20260822-194759_in_document_",
            account.id
        );
        assert!(file.key.starts_with(&folder), "{}", file.key);
        let named = file.key.strip_suffix("_orcamento-de-marco.pdf");
        let id = format!("_{}-", announced.message_id);
        assert!(
            named.is_some_and(|named| named.contains(&id)),
            "{}",
            file.key
        );
        assert_eq!(file.content_type.as_deref(), Some("application/pdf"));
        let disposition = file.content_disposition.as_deref().unwrap_or_default();
        assert!(
            disposition.contains("filename*=UTF-8''Or%C3%A7amento%20de%20Mar%C3%A7o.pdf"),
            "{disposition}"
        );
        assert_eq!(file.meta("message-id"), Some(announced.message_id.as_str()));
        assert_eq!(file.meta("integrity"), Some("sha256"));
        assert_eq!(file.meta("sha256"), Some(announced.sha256_hex.as_str()));
        assert_eq!(file.meta("caption"), Some("segue"));
    });
}

#[test]
fn the_same_message_announced_many_times_is_stored_once() {
    on_the_stack(async |world| {
        let account = world.account().await;
        let announced = world.announce(&account, Spec::of(Kind::Image));
        for _ in 0..5 {
            world.send(&account, &announced).await;
        }
        world.stored(&announced).await;
        let again = world.announce(&account, Spec::of(Kind::Image));
        world.send(&account, &announced).await;
        world.send(&account, &again).await;
        world.stored(&again).await;
        assert_eq!(world.keys(&account).await.len(), 2);
    });
}

#[test]
fn the_same_message_id_in_two_instances_is_two_media() {
    on_the_stack(async |world| {
        let (one, other) = (world.account().await, world.account().await);
        for account in [&one, &other] {
            let announced =
                world.announce(account, Spec::of(Kind::Image).message_id("3EB0SAMEINBOTH"));
            world.send(account, &announced).await;
            world.stored(&announced).await;
        }
        assert_eq!(
            (world.keys(&one).await.len(), world.keys(&other).await.len()),
            (1, 1)
        );
    });
}

#[test]
fn what_fails_everywhere_for_now_is_stored_when_it_works_again() {
    on_the_stack(async |world| {
        let account = world.account().await;
        let spec = Spec::of(Kind::Image)
            .wapi(WapiScenario::fail_times(1))
            .cdn(CdnScenario::fail_times(2));
        let announced = world.announce(&account, spec);
        world.send(&account, &announced).await;
        // A claim shows as `retrying`, too; the class is written when the run has ended.
        let retrying = loop {
            let record = world.until(&announced, "retrying").await;
            if record.text("class").is_some() {
                break record;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        };
        assert_eq!(retrying.text("class"), Some("transient"));
        let (record, _) = world.stored(&announced).await;
        assert_eq!(record.text("class"), None, "{record:?}");
        let attempts = record.attempts();
        let strategies: Vec<_> = attempts
            .iter()
            .map(|(strategy, _)| strategy.as_str())
            .collect();
        assert_eq!(strategies, ["wapi", "wapi_alternate", "cdn", "wapi"]);
        assert_eq!(
            attempts.last().map(|(_, verdict)| verdict.as_str()),
            Some("stored")
        );
    });
}

#[test]
fn channels_come_plain_and_are_proven_by_their_hash() {
    on_the_stack(async |world| {
        let account = world.account().await;
        world
            .all_stored(
                &account,
                vec![Spec::of(Kind::NewsletterImage)],
                "cdn",
                "sha256",
            )
            .await;
    });
}

#[test]
fn bytes_that_contradict_the_sender_are_kept_and_flagged_only_when_nothing_better_can_come() {
    on_the_stack(async |world| {
        let account = world.account().await;
        let spoilt = || Spec::of(Kind::Image).wapi(WapiScenario::FlipBit { at: 50 });
        world
            .all_stored(&account, vec![spoilt()], "cdn", "mac+sha256")
            .await;
        let announced = world.announce(&account, spoilt().cdn(CdnScenario::Gone { status: 410 }));
        world.send(&account, &announced).await;
        let (record, file) = world.stored(&announced).await;
        assert_ne!(file.sha256_hex, announced.sha256_hex);
        assert_eq!(
            (record.text("strategy"), record.text("integrity")),
            (Some("wapi"), Some("mismatch"))
        );
        assert_eq!(file.meta("integrity"), Some("mismatch"));
    });
}
