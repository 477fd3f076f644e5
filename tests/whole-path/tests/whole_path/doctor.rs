//! `wapi-media doctor` on a healthy stack, and on one with one fault after another.

use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::Value;
use stand_in::{CdnScenario, Hook, Kind, MessageShape, Spec, WapiScenario};

use crate::{Account, PARKED_QUEUE, RUNTIME, WORLD, World};

const TENANT: &str = "examined";
const INSTANCE: &str = "LITE-DOCTOR-000001";
const TOKEN: &str = "invented-token-of-the-examined";

impl World {
    /// The doctor's report about one instance; the command must exit with `code`.
    async fn run_doctor(&self, code: i32) -> Value {
        let _alone = PARKED_QUEUE.lock().await;
        let report = self.run_json(code, &["doctor", "--instance", INSTANCE], TOKEN);
        report.await
    }

    /// Announces a media message with a moment later than any before, and posts its webhook.
    async fn send_recent(&self, account: &Account, spec: Spec) -> stand_in::AnnouncedMedia {
        static COUNT: AtomicI64 = AtomicI64::new(0);
        let moment = crate::unix_now() - 100 + COUNT.fetch_add(1, Ordering::Relaxed);
        let announced = self.announce_media(account, spec.moment(moment));
        self.post_announced(account, &announced).await;
        announced
    }
}

fn step_status<'a>(report: &'a Value, step: &str) -> &'a Value {
    let steps = report["steps"].as_array().expect("steps");
    let found = steps.iter().find(|one| one["id"] == step);
    &found.unwrap_or_else(|| panic!("no step {step}: {steps:?}"))["status"]
}

fn root_cause(report: &Value) -> &str {
    report["root_cause"]["sentence"].as_str().unwrap_or_default()
}

/// Nothing on a healthy stack, and the root cause of each fault.
#[test]
fn the_doctor_names_the_root_cause() {
    let world = &*WORLD;
    RUNTIME.block_on(async {
        let account = world.operator_account(TENANT, INSTANCE, TOKEN).await;
        check_healthy_report(world, &account).await;
        check_wapi_failure(world, &account).await;
        check_double_failure(world, &account).await;
        check_foreign_hook(world).await;
        check_wrong_token(world).await;
    });
}

async fn check_healthy_report(world: &World, account: &Account) {
    let healthy = world.send_recent(account, Spec::of(Kind::Image)).await;
    world.wait_until_stored(&healthy).await;
    let report = world.run_doctor(0).await;
    assert_eq!(report["root_cause"], Value::Null, "{report:#}");
    for step in report["steps"].as_array().expect("steps") {
        assert_eq!(step["status"], "ok", "{step}");
    }
    let rows = report["controlled"]["rows"].as_array().expect("rows");
    assert_eq!(report["controlled"]["synthetic_keys"], false);
    assert_eq!(rows.iter().filter(|row| row["status"] == "ok").count(), 2, "{rows:?}");
    assert_eq!(report["folders"][0]["objects"], 1);
    assert_eq!(report["folders"][0]["records"], 1);
}

async fn check_wapi_failure(world: &World, account: &Account) {
    let fails = WapiScenario::Fail500 { message: MessageShape::Nested };
    let spec = Spec::of(Kind::Document).wapi(fails);
    let stored = world.send_recent(account, spec).await;
    world.wait_until_stored(&stored).await;
    let report = world.run_doctor(1).await;
    assert_eq!(step_status(&report, "wapi_download"), "fail");
    assert_eq!(step_status(&report, "cdn"), "ok");
    let cause = root_cause(&report);
    assert!(cause.contains("500: Falha ao fazer o download"), "{cause}");
    assert!(cause.contains("cdn"), "{cause}");
    let html = std::env::temp_dir().join(format!("doctor-{}.html", std::process::id()));
    let bundle = html.with_extension("json");
    let (page, evidence) = (html.display().to_string(), bundle.display().to_string());
    let ask = [
        "doctor",
        "--instance",
        INSTANCE,
        "--lang",
        "pt-BR",
        "--html",
        &page,
        "--bundle",
        &evidence,
    ];
    world.run_json(1, &ask, "").await;
    let page = std::fs::read_to_string(&html).expect("a page");
    let evidence = std::fs::read_to_string(&bundle).expect("evidence");
    assert!(page.contains("vêm do CDN do WhatsApp"));
    assert!(evidence.contains("Falha ao fazer o download"));
    let secret = account.url.rsplit('/').next().expect("a secret");
    let media_key = stored.media_key.as_str();
    for hidden in [TOKEN, secret, media_key, stored.direct_path.as_str()] {
        assert!(!page.contains(hidden) && !evidence.contains(hidden));
    }
    std::fs::remove_file(html).expect("removed");
    std::fs::remove_file(bundle).expect("removed");
}

async fn check_double_failure(world: &World, account: &Account) {
    let spec = Spec::of(Kind::Video)
        .wapi(WapiScenario::BadGateway502Html)
        .cdn(CdnScenario::Status { code: 503 });
    let lost = world.send_recent(account, spec).await;
    world.wait_for_state(&lost, "retrying").await;
    let report = world.run_doctor(1).await;
    assert_eq!(step_status(&report, "wapi_download"), "fail");
    assert_eq!(step_status(&report, "cdn"), "fail");
    let cause = root_cause(&report);
    assert!(cause.contains("502") && cause.contains("503"), "{cause}");
    assert_eq!(report["failures"][0]["class"], "transient");
}

async fn check_foreign_hook(world: &World) {
    world.origins.change_account(INSTANCE, |account| {
        account.hooks.insert(Hook::Received, "https://crm.example.invalid/".to_owned());
    });
    let report = world.run_doctor(1).await;
    assert_eq!(step_status(&report, "hooks"), "fail");
    let cause = &report["root_cause"];
    let sentence = cause["sentence"].as_str().expect("a sentence");
    assert!(sentence.contains(INSTANCE) && sentence.contains("crm.example.invalid"));
    assert_eq!(cause["command"], format!("wapi-media webhook register {INSTANCE}"));
}

async fn check_wrong_token(world: &World) {
    world.origins.register_instance(INSTANCE, "invented-token-after-it");
    let report = world.run_doctor(1).await;
    assert_eq!(step_status(&report, "connection"), "fail");
    let cause = &report["root_cause"];
    assert!(cause["sentence"].as_str().is_some_and(|said| said.contains(INSTANCE)));
    assert_eq!(cause["command"], format!("wapi-media token rotate {INSTANCE}"));
}
