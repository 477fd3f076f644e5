//! `wapi-media doctor` on a stack that is well, and on one where one thing after another is not.

use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::Value;
use stand_in::{CdnScenario, Hook, Kind, MessageShape, Spec, WapiScenario};

use crate::{Account, PARKED_QUEUE, RUNTIME, WORLD, World};

const TENANT: &str = "examined";
const INSTANCE: &str = "LITE-DOCTOR-000001";
const TOKEN: &str = "invented-token-of-the-examined";

impl World {
    /// The doctor's report about one instance. It must end like this.
    async fn doctor(&self, code: i32) -> Value {
        let _alone = PARKED_QUEUE.lock().await;
        let report = self.told(code, &["doctor", "--instance", INSTANCE], TOKEN);
        report.await
    }

    /// Announces a medium that was sent just now, later than any before, and sends its webhook.
    async fn sends(&self, account: &Account, spec: Spec) -> stand_in::Announced {
        static COUNT: AtomicI64 = AtomicI64::new(0);
        let moment = crate::now() - 100 + COUNT.fetch_add(1, Ordering::Relaxed);
        let announced = self.announce(account, spec.moment(moment));
        self.send(account, &announced).await;
        announced
    }
}

fn status<'a>(report: &'a Value, step: &str) -> &'a Value {
    let steps = report["steps"].as_array().expect("steps");
    let found = steps.iter().find(|one| one["id"] == step);
    &found.unwrap_or_else(|| panic!("no step {step}: {steps:?}"))["status"]
}

fn cause(report: &Value) -> &str {
    report["root_cause"]["sentence"]
        .as_str()
        .unwrap_or_default()
}

#[test]
fn the_doctor_finds_nothing_on_a_healthy_stack_and_the_root_cause_on_a_sick_one() {
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
        is_well(world, &account).await;
        only_wapi_is_down(world, &account).await;
        both_sources_are_down(world, &account).await;
        the_hook_leads_elsewhere(world).await;
        the_token_is_wrong(world).await;
    });
}

async fn is_well(world: &World, account: &Account) {
    let healthy = world.sends(account, Spec::of(Kind::Image)).await;
    world.stored(&healthy).await;
    let report = world.doctor(0).await;
    assert_eq!(report["root_cause"], Value::Null, "{report:#}");
    for step in report["steps"].as_array().expect("steps") {
        assert_eq!(step["status"], "ok", "{step}");
    }
    let rows = report["controlled"]["rows"].as_array().expect("rows");
    assert_eq!(report["controlled"]["synthetic_keys"], false);
    assert_eq!(
        rows.iter().filter(|row| row["status"] == "ok").count(),
        2,
        "{rows:?}"
    );
    assert_eq!(report["folders"][0]["objects"], 1);
    assert_eq!(report["folders"][0]["records"], 1);
}

async fn only_wapi_is_down(world: &World, account: &Account) {
    let fails = WapiScenario::Fail500 {
        message: MessageShape::Nested,
    };
    let spec = Spec::of(Kind::Document).wapi(fails);
    let stored = world.sends(account, spec).await;
    world.stored(&stored).await;
    let report = world.doctor(1).await;
    assert_eq!(status(&report, "wapi_download"), "fail");
    assert_eq!(status(&report, "cdn"), "ok");
    let cause = cause(&report);
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
    world.told(1, &ask, "").await;
    let page = std::fs::read_to_string(&html).expect("a page");
    let evidence = std::fs::read_to_string(&bundle).expect("evidence");
    assert!(page.contains("CDN do WhatsApp segura a carga"));
    assert!(evidence.contains("Falha ao fazer o download"));
    let secret = account.url.rsplit('/').next().expect("a secret");
    let media_key = stored.media_key.as_str();
    for hidden in [TOKEN, secret, media_key, stored.direct_path.as_str()] {
        assert!(!page.contains(hidden) && !evidence.contains(hidden));
    }
    std::fs::remove_file(html).expect("removed");
    std::fs::remove_file(bundle).expect("removed");
}

async fn both_sources_are_down(world: &World, account: &Account) {
    let spec = Spec::of(Kind::Video)
        .wapi(WapiScenario::BadGateway502Html)
        .cdn(CdnScenario::Status { code: 503 });
    let lost = world.sends(account, spec).await;
    world.until(&lost, "retrying").await;
    let report = world.doctor(1).await;
    assert_eq!(status(&report, "wapi_download"), "fail");
    assert_eq!(status(&report, "cdn"), "fail");
    let cause = cause(&report);
    assert!(cause.contains("502") && cause.contains("503"), "{cause}");
    assert_eq!(report["failures"][0]["class"], "transient");
}

async fn the_hook_leads_elsewhere(world: &World) {
    world.origins.change_account(INSTANCE, |account| {
        account
            .hooks
            .insert(Hook::Received, "https://crm.example.invalid/".to_owned());
    });
    let report = world.doctor(1).await;
    assert_eq!(status(&report, "hooks"), "fail");
    let cause = &report["root_cause"];
    let sentence = cause["sentence"].as_str().expect("a sentence");
    assert!(sentence.contains(INSTANCE) && sentence.contains("crm.example.invalid"));
    assert_eq!(
        cause["command"],
        format!("wapi-media webhook register {INSTANCE}")
    );
}

async fn the_token_is_wrong(world: &World) {
    world
        .origins
        .register_instance(INSTANCE, "invented-token-after-it");
    let report = world.doctor(1).await;
    assert_eq!(status(&report, "connection"), "fail");
    let cause = &report["root_cause"];
    assert!(
        cause["sentence"]
            .as_str()
            .is_some_and(|said| said.contains(INSTANCE))
    );
    assert_eq!(
        cause["command"],
        format!("wapi-media token rotate {INSTANCE}")
    );
}
