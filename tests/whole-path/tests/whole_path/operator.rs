//! An operator's day with `wapi-media`: from a new tenant to media in its folder, and what goes wrong on the way.

use local::Said;
use serde_json::{Value, json};
use stand_in::{Hook, Kind, Spec};

use crate::{Account, RUNTIME, WORLD, World};

const TENANT: &str = "operated";
const INSTANCE: &str = "LITE-OPERAT-000001";
const TOKEN: &str = "invented-token-of-the-operated";
const ELSEWHERE: &str = "https://crm.example.invalid/hooks/5500900000001";

impl World {
    /// What the command says, as JSON; it must end like this.
    pub(crate) async fn told(&self, code: i32, arguments: &[&str], input: &str) -> Value {
        let said = self.said(code, arguments, input).await;
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("no JSON: {said:?}"))
    }

    pub(crate) async fn said(&self, code: i32, arguments: &[&str], input: &str) -> Said {
        let arguments = [arguments, &["--json"]].concat();
        let said = self.stack().ask(&arguments, input).await;
        let said = said.expect("the command runs");
        assert_eq!(said.code, Some(code), "{arguments:?}: {said:?}");
        let all = format!("{}{}", said.out, said.err);
        assert!(!all.contains(TOKEN), "{arguments:?} shows the token");
        said
    }

    fn hook(&self, hook: Hook) -> String {
        let account = self.origins.account(INSTANCE);
        account.hook(hook).unwrap_or_default().to_owned()
    }
}

#[test]
fn an_operator_takes_a_tenant_from_nothing_to_stored_media_with_the_command_alone() {
    let world = &*WORLD;
    RUNTIME.block_on(async {
        world.origins.register_instance(INSTANCE, TOKEN);
        registers(world).await;
        rules(world).await;
        lets_events_come(world).await;
        stores(world).await;
        is_careful_with_the_hooks_of_others(world).await;
        rotates(world).await;
        is_not_fooled_by_success_that_saves_nothing(world).await;
        leaves(world).await;
    });
}

async fn registers(world: &World) {
    let unknown = world.said(2, &["instance", "add", INSTANCE, "--tenant", TENANT], TOKEN);
    assert!(unknown.await.err.contains("wapi-media tenant add operated"));
    world
        .told(0, &["tenant", "add", TENANT, "--dry-run"], "")
        .await;
    world.told(0, &["tenant", "add", TENANT], "").await;
    world.said(2, &["tenant", "add", TENANT], "").await;
    // A token that is another instance's: W-API refuses it, and nothing is registered.
    let add = ["instance", "add", INSTANCE, "--tenant", TENANT];
    world.said(4, &add, "invented-token-of-nobody").await;
    world.said(2, &["instance", "show", INSTANCE], "").await;
    let added = world.told(0, &add, TOKEN).await;
    let url = added["webhook_url"].as_str().expect("a URL");
    assert!(url.starts_with(&world.stack().webhook_base()));
    let shown = world.said(0, &["instance", "show", INSTANCE], "").await;
    let secret = url.rsplit('/').next().expect("a secret");
    assert!(!shown.out.contains(secret), "the secret is shown again");
    let listed = world.told(0, &["instance", "list", "--tenant", TENANT], "");
    assert_eq!(listed.await[0]["instance"], INSTANCE);
}

async fn rules(world: &World) {
    let set = [
        "tenant",
        "set",
        TENANT,
        "--kinds",
        "image,document",
        "--retention",
        "90d",
    ];
    let policy = world.told(0, &set, "").await["policy"].clone();
    assert_eq!(policy["kinds"], json!(["image", "document"]));
    assert_eq!(policy["chats"], json!(["person", "lid", "group", "other"]));
    let shown = world.told(0, &["tenant", "show", TENANT], "").await;
    assert_eq!(shown["policy"], policy);
    let instance = world.told(0, &["instance", "show", INSTANCE], "").await;
    assert_eq!(
        instance["policy"], policy,
        "the instance follows its tenant"
    );
    world
        .said(2, &["tenant", "set", TENANT, "--kinds", "picture"], "")
        .await;
    world
        .said(2, &["tenant", "remove", TENANT, "--yes"], "")
        .await;
}

async fn lets_events_come(world: &World) {
    let unset = world.told(1, &["instance", "check", INSTANCE], "").await;
    let failed = |check: &&Value| check["verdict"] == "fail";
    let checks = unset["checks"].as_array().expect("checks");
    let names: Vec<_> = checks
        .iter()
        .filter(failed)
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["hook received", "hook delivery"]);
    world.said(1, &["webhook", "verify", INSTANCE], "").await;
    world.told(0, &["webhook", "register", INSTANCE], "").await;
    let url = world.hook(Hook::Received);
    assert!(url.starts_with(&world.stack().webhook_base()));
    for hook in [Hook::Delivery, Hook::Connected, Hook::Disconnected] {
        assert_eq!(world.hook(hook), url);
    }
    assert_eq!(world.hook(Hook::ChatPresence), "");
    let shown = world.said(0, &["webhook", "show", INSTANCE], "").await;
    assert!(
        !shown
            .out
            .contains(url.rsplit('/').next().expect("a secret"))
    );
    // Again: nothing is left to change, and the secret stays.
    world.told(0, &["webhook", "register", INSTANCE], "").await;
    assert_eq!(world.hook(Hook::Received), url);
    let followed = world.told(0, &["webhook", "verify", INSTANCE], "").await;
    assert_eq!(followed["checks"].as_array().map(Vec::len), Some(3));
    let checks = world.told(0, &["instance", "check", INSTANCE], "").await;
    assert_eq!(checks["checks"][0]["verdict"], "ok");
}

async fn stores(world: &World) {
    let account = Account {
        id: INSTANCE.to_owned(),
        url: world.hook(Hook::Received),
    };
    let wanted = world.announce(&account, Spec::of(Kind::Image));
    let unwanted = world.announce(&account, Spec::of(Kind::Voice));
    world.send(&account, &wanted).await;
    world.send(&account, &unwanted).await;
    let (_, file) = world.stored(&wanted).await;
    assert_eq!(file.tags.get("retention").map(String::as_str), Some("90d"));
    let skipped = world.until(&unwanted, "skipped").await;
    let reason = skipped.text("reason").expect("a reason");
    assert_eq!(reason, "the tenant does not store media of this kind");
}

async fn is_careful_with_the_hooks_of_others(world: &World) {
    let here = world.hook(Hook::Received);
    world.origins.change_account(INSTANCE, |account| {
        account.hooks.insert(Hook::Received, ELSEWHERE.to_owned());
    });
    let shown = world.said(1, &["webhook", "show", INSTANCE], "").await;
    assert!(shown.out.contains(ELSEWHERE));
    let asks = world.said(2, &["webhook", "register", INSTANCE], "").await;
    assert!(asks.err.contains(ELSEWHERE) && asks.err.contains("--yes"));
    assert_eq!(world.hook(Hook::Received), ELSEWHERE);
    let taken = world
        .said(0, &["webhook", "register", INSTANCE, "--yes"], "")
        .await;
    assert!(taken.err.contains(ELSEWHERE), "the old URL is printed");
    assert_eq!(
        world.hook(Hook::Received),
        here,
        "the secret that was there stays"
    );
    shows_no_secret_of_a_hook_that_leads_astray(world, &here).await;
}

/// The stack under a name that the command was not told: the URL is not recognised, and its secret is.
async fn shows_no_secret_of_a_hook_that_leads_astray(world: &World, here: &str) {
    let secret = here.rsplit('/').next().expect("a secret");
    for end in ["", "/", "?from=wapi"] {
        let url = format!("https://hooks.example.invalid/webhook/{INSTANCE}/{secret}{end}");
        world.origins.change_account(INSTANCE, |account| {
            account.hooks.insert(Hook::Received, url);
        });
        for command in [
            ["webhook", "show", INSTANCE],
            ["instance", "check", INSTANCE],
            ["webhook", "register", INSTANCE],
        ] {
            let code = if command[1] == "register" { 2 } else { 1 };
            let said = world.said(code, &command, "").await;
            let all = format!("{}{}", said.out, said.err);
            assert!(!all.contains(secret), "{command:?} shows the secret");
            assert!(all.contains("https://hooks.example.invalid"), "{all}");
        }
    }
    // Of others' URLs a report tells the host alone; whoever asks for them sees them whole.
    world.origins.change_account(INSTANCE, |account| {
        account.hooks.insert(Hook::Received, ELSEWHERE.to_owned());
    });
    let checked = world.said(1, &["instance", "check", INSTANCE], "").await;
    assert!(
        checked.out.contains("https://crm.example.invalid/…"),
        "{}",
        checked.out
    );
    assert!(!checked.out.contains(ELSEWHERE));
    world
        .said(0, &["webhook", "register", INSTANCE, "--yes"], "")
        .await;
}

async fn rotates(world: &World) {
    let old = world.hook(Hook::Received);
    world
        .told(0, &["webhook", "rotate-secret", INSTANCE], "")
        .await;
    let new = world.hook(Hook::Received);
    assert_ne!(new, old);
    let text = json!({ "event": "webhookReceived", "instanceId": INSTANCE, "msgContent": {} });
    // The function knows the secret of before; it reads again what it does not know, after ten seconds.
    world.until_accepted(&new, &text).await;
    let answer = world.stack().post(&old, &text).await.expect("an answer");
    assert_eq!(answer.status, 200, "the old secret is valid for a while");
    // Halfway: one hook still has the old secret. Only two can be valid, so this is finished first.
    world.origins.change_account(INSTANCE, |account| {
        account.hooks.insert(Hook::Delivery, old.clone());
    });
    world
        .told(0, &["webhook", "rotate-secret", INSTANCE], "")
        .await;
    assert_eq!(world.hook(Hook::Received), new);
    assert_eq!(world.hook(Hook::Delivery), new);
    world
        .said(
            4,
            &["token", "rotate", INSTANCE],
            "invented-token-of-nobody",
        )
        .await;
    world
        .origins
        .register_instance(INSTANCE, "invented-token-after-it");
    world.said(1, &["instance", "check", INSTANCE], "").await;
    world
        .told(0, &["token", "rotate", INSTANCE], "invented-token-after-it")
        .await;
    world.told(0, &["instance", "check", INSTANCE], "").await;
}

async fn is_not_fooled_by_success_that_saves_nothing(world: &World) {
    let (old, text) = (
        world.hook(Hook::Received),
        json!({ "instanceId": INSTANCE }),
    );
    world.origins.set_hooks_forget(true);
    let said = world
        .told(1, &["webhook", "rotate-secret", INSTANCE], "")
        .await;
    assert_eq!(said["not_saved"].as_array().map(Vec::len), Some(4));
    world.origins.set_hooks_forget(false);
    // What W-API still has is still valid.
    let answer = world.stack().post(&old, &text).await.expect("an answer");
    assert_eq!(answer.status, 200);
    world.told(0, &["webhook", "register", INSTANCE], "").await;
    let points = world.told(0, &["webhook", "show", INSTANCE], "").await;
    assert_eq!(points[0]["leads"], "here");
}

async fn leaves(world: &World) {
    world.told(0, &["instance", "pause", INSTANCE], "").await;
    let paused = world.told(1, &["instance", "check", INSTANCE], "").await;
    assert_eq!(paused["checks"][0]["verdict"], "warn");
    world.told(0, &["instance", "resume", INSTANCE], "").await;
    world
        .told(0, &["webhook", "unregister", INSTANCE, "--yes"], "")
        .await;
    assert_eq!(world.hook(Hook::Received), "");
    world.said(2, &["instance", "remove", INSTANCE], "").await;
    world
        .told(0, &["instance", "remove", INSTANCE, "--yes"], "")
        .await;
    world
        .told(0, &["tenant", "remove", TENANT, "--yes"], "")
        .await;
    world.said(2, &["tenant", "show", TENANT], "").await;
}

impl World {
    /// Posts until the answer is 200: a new secret is known everywhere within seconds.
    async fn until_accepted(&self, url: &str, body: &Value) {
        let begun = std::time::Instant::now();
        loop {
            let answer = self.stack().post(url, body).await.expect("an answer");
            if answer.status == 200 {
                return;
            }
            assert!(begun.elapsed() < crate::WITHIN, "{answer:?}");
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }
}
