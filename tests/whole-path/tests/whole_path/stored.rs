//! Media files that are stored, whichever origin is down.

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

/// W-API answers 500 to everything; each file has full proof.
#[test]
fn the_cdn_alone_stores_every_kind() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        let spec = |kind| Spec::of(kind).wapi(WapiScenario::fail_500());
        let old = KINDS.map(|kind| spec(kind).dialect(Dialect::Y2025));
        let new = KINDS.map(|kind| spec(kind).dialect(Dialect::Y2026));
        world.store_all(&account, [old, new].concat(), "cdn", "mac+sha256").await;
    });
}

/// The CDN is down; each file has the sender's hash.
#[test]
fn w_api_alone_stores_every_kind() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        let specs = KINDS.map(|kind| Spec::of(kind).cdn(CdnScenario::Status { code: 503 }));
        world.store_all(&account, specs.to_vec(), "wapi", "sha256").await;
    });
}

#[test]
fn a_large_file_is_stored_in_parts() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        let big = || Spec::of(Kind::Document).format(Format::Random).size(20 * 1024 * 1024 + 7);
        world
            .store_all(&account, vec![big().wapi(WapiScenario::fail_500())], "cdn", "mac+sha256")
            .await;
        world.store_all(&account, vec![big()], "wapi", "sha256").await;
    });
}

#[test]
fn an_object_has_its_messages_key_and_metadata() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        let spec = Spec::of(Kind::Document)
            .chat("5500900000002")
            .file_name("Orçamento de Março.pdf")
            .caption("segue");
        let announced = world.announce_media(&account, spec);
        world.post_announced(&account, &announced).await;
        let (_, file) = world.wait_until_stored(&announced).await;
        let tenant = format!("tenant-{}", account.id.to_lowercase());
        let folder =
            format!("{tenant}/{}/5500900000002/2026-08/20260822-194759_in_document_", account.id);
        assert!(file.key.starts_with(&folder), "{}", file.key);
        let named = file.key.strip_suffix("_orcamento-de-marco.pdf");
        let id = format!("_{}-", announced.message_id);
        assert!(named.is_some_and(|named| named.contains(&id)), "{}", file.key);
        assert_eq!(file.content_type.as_deref(), Some("application/pdf"));
        let disposition = file.content_disposition.as_deref().unwrap_or_default();
        assert!(
            disposition.contains("filename*=UTF-8''Or%C3%A7amento%20de%20Mar%C3%A7o.pdf"),
            "{disposition}"
        );
        assert_eq!(file.metadata_value("message-id"), Some(announced.message_id.as_str()));
        assert_eq!(file.metadata_value("integrity"), Some("sha256"));
        assert_eq!(file.metadata_value("sha256"), Some(announced.sha256_hex.as_str()));
        assert_eq!(file.metadata_value("caption"), Some("segue"));
    });
}

#[test]
fn repeated_announcements_are_stored_once() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        let announced = world.announce_media(&account, Spec::of(Kind::Image));
        for _ in 0..5 {
            world.post_announced(&account, &announced).await;
        }
        world.wait_until_stored(&announced).await;
        let again = world.announce_media(&account, Spec::of(Kind::Image));
        world.post_announced(&account, &announced).await;
        world.post_announced(&account, &again).await;
        world.wait_until_stored(&again).await;
        assert_eq!(world.instance_keys(&account).await.len(), 2);
    });
}

#[test]
fn one_message_id_in_two_instances_is_two_files() {
    on_the_stack(async |world| {
        let (one, other) = (world.new_account().await, world.new_account().await);
        for account in [&one, &other] {
            let announced =
                world.announce_media(account, Spec::of(Kind::Image).message_id("3EB0SAMEINBOTH"));
            world.post_announced(account, &announced).await;
            world.wait_until_stored(&announced).await;
        }
        assert_eq!(
            (world.instance_keys(&one).await.len(), world.instance_keys(&other).await.len()),
            (1, 1)
        );
    });
}

#[test]
fn a_failing_file_is_stored_once_sources_recover() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        let spec =
            Spec::of(Kind::Image).wapi(WapiScenario::fail_times(1)).cdn(CdnScenario::fail_times(2));
        let announced = world.announce_media(&account, spec);
        world.post_announced(&account, &announced).await;
        let retrying = world.wait_for_retry(&announced).await;
        assert_eq!(retrying.text("class"), Some("transient"));
        let (record, _) = world.wait_until_stored(&announced).await;
        assert_eq!(record.text("class"), None, "{record:?}");
        let attempts = record.list_attempts();
        let strategies: Vec<_> = attempts.iter().map(|(strategy, _)| strategy.as_str()).collect();
        assert_eq!(strategies, ["wapi", "wapi_alternate", "cdn", "wapi"]);
        assert_eq!(attempts.last().map(|(_, verdict)| verdict.as_str()), Some("stored"));
    });
}

#[test]
fn channel_files_are_proven_by_their_hash() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        world.store_all(&account, vec![Spec::of(Kind::NewsletterImage)], "cdn", "sha256").await;
    });
}

/// Bytes that contradict the sender's hash are stored and flagged only if nothing better can
/// come.
#[test]
fn a_hash_mismatch_is_kept_as_a_last_resort() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        let spoilt = || Spec::of(Kind::Image).wapi(WapiScenario::FlipBit { at: 50 });
        world.store_all(&account, vec![spoilt()], "cdn", "mac+sha256").await;
        let announced =
            world.announce_media(&account, spoilt().cdn(CdnScenario::Gone { status: 410 }));
        world.post_announced(&account, &announced).await;
        let (record, file) = world.wait_until_stored(&announced).await;
        assert_ne!(file.sha256_hex, announced.sha256_hex);
        assert_eq!(
            (record.text("strategy"), record.text("integrity")),
            (Some("wapi"), Some("mismatch"))
        );
        assert_eq!(file.metadata_value("integrity"), Some("mismatch"));
    });
}
