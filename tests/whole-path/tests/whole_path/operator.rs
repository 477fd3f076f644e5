//! An operator's work with `wapi-media`: from a new tenant to stored files, and the mistakes on
//! the way.

use local::{CommandOutput, Method, ask_url};
use media::sha256::Sha256;
use serde_json::{Value, json};
use stand_in::{AnnouncedMedia, Hook, Kind, Spec};

use crate::{Account, RUNTIME, WORLD, World};

const TENANT: &str = "operated";
const INSTANCE: &str = "LITE-OPERAT-000001";
const TOKEN: &str = "invented-token-of-the-operated";
const ELSEWHERE: &str = "https://crm.example.invalid/hooks/5500900000001";

impl World {
    /// The command's output as JSON; it must exit with `code`.
    pub(crate) async fn run_json(&self, code: i32, arguments: &[&str], input: &str) -> Value {
        let said = self.run_command(code, arguments, input).await;
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("no JSON: {said:?}"))
    }

    pub(crate) async fn run_command(
        &self,
        code: i32,
        arguments: &[&str],
        input: &str,
    ) -> CommandOutput {
        let arguments = [arguments, &["--json"]].concat();
        let said = self.stack().try_wapi_media(&arguments, input).await;
        let said = said.expect("the command runs");
        assert_eq!(said.code, Some(code), "{arguments:?}: {said:?}");
        let all = format!("{}{}", said.out, said.err);
        assert!(!all.contains(TOKEN), "{arguments:?} shows the token");
        said
    }

    /// The audit table has a line about a complete run of each of these actions, with its caller.
    pub(crate) async fn check_trail(&self, tenant: &str, actions: &[&str]) {
        let lines = self.run_json(0, &["audit", "list", "--tenant", tenant], "").await;
        let lines = lines.as_array().expect("lines");
        for action in actions {
            // The newest line of an action may be about one that was refused.
            let its = || lines.iter().filter(|line| line["action"] == *action);
            assert!(its().any(|line| line["outcome"] == "complete"), "{action}: {lines:?}");
            let is_named =
                |line: &Value| line["who"].as_str().is_some_and(|who| who.starts_with("arn:"));
            assert!(its().all(is_named), "{action}: {lines:?}");
        }
    }

    fn hook_url(&self, hook: Hook) -> String {
        let account = self.origins.account(INSTANCE);
        account.hook(hook).unwrap_or_default().to_owned()
    }
}

#[test]
fn the_command_sets_up_a_tenant_alone() {
    let world = &*WORLD;
    RUNTIME.block_on(async {
        world.origins.register_instance(INSTANCE, TOKEN);
        check_registration(world).await;
        check_rules(world).await;
        check_hook_registration(world).await;
        check_storing(world).await;
        check_foreign_hooks(world).await;
        check_rotation(world).await;
        check_unsaved_hooks(world).await;
        check_removal(world).await;
    });
}

async fn check_registration(world: &World) {
    let unknown = world.run_command(2, &["instance", "add", INSTANCE, "--tenant", TENANT], TOKEN);
    assert!(unknown.await.err.contains("wapi-media tenant add operated"));
    world.run_json(0, &["tenant", "add", TENANT, "--dry-run"], "").await;
    world.run_json(0, &["tenant", "add", TENANT], "").await;
    world.run_command(2, &["tenant", "add", TENANT], "").await;
    // The token of another instance: W-API refuses it, and nothing is registered.
    let add = ["instance", "add", INSTANCE, "--tenant", TENANT];
    world.run_command(4, &add, "invented-token-of-nobody").await;
    world.run_command(2, &["instance", "show", INSTANCE], "").await;
    let added = world.run_json(0, &add, TOKEN).await;
    let url = added["webhook_url"].as_str().expect("a URL");
    assert!(url.starts_with(&world.stack().webhook_base()));
    let shown = world.run_command(0, &["instance", "show", INSTANCE], "").await;
    let secret = url.rsplit('/').next().expect("a secret");
    assert!(!shown.out.contains(secret), "the secret is shown again");
    let listed = world.run_json(0, &["instance", "list", "--tenant", TENANT], "");
    assert_eq!(listed.await[0]["instance"], INSTANCE);
}

async fn check_rules(world: &World) {
    let set = ["tenant", "set", TENANT, "--kinds", "image,document", "--retention", "90d"];
    let policy = world.run_json(0, &set, "").await["policy"].clone();
    assert_eq!(policy["kinds"], json!(["image", "document"]));
    assert_eq!(policy["chats"], json!(["person", "lid", "group", "other"]));
    let shown = world.run_json(0, &["tenant", "show", TENANT], "").await;
    assert_eq!(shown["policy"], policy);
    let instance = world.run_json(0, &["instance", "show", INSTANCE], "").await;
    assert_eq!(instance["policy"], policy, "the instance follows its tenant");
    world.run_command(2, &["tenant", "set", TENANT, "--kinds", "picture"], "").await;
    world.run_command(2, &["tenant", "remove", TENANT, "--yes"], "").await;
}

async fn check_hook_registration(world: &World) {
    let unset = world.run_json(1, &["instance", "check", INSTANCE], "").await;
    let failed = |check: &&Value| check["verdict"] == "fail";
    let checks = unset["checks"].as_array().expect("checks");
    let names: Vec<_> = checks.iter().filter(failed).map(|one| &one["name"]).collect();
    assert_eq!(names, ["hook received", "hook delivery"]);
    world.run_command(1, &["webhook", "verify", INSTANCE], "").await;
    world.run_json(0, &["webhook", "register", INSTANCE], "").await;
    let url = world.hook_url(Hook::Received);
    assert!(url.starts_with(&world.stack().webhook_base()));
    for hook in [Hook::Delivery, Hook::Connected, Hook::Disconnected] {
        assert_eq!(world.hook_url(hook), url);
    }
    assert_eq!(world.hook_url(Hook::ChatPresence), "");
    let shown = world.run_command(0, &["webhook", "show", INSTANCE], "").await;
    assert!(!shown.out.contains(url.rsplit('/').next().expect("a secret")));
    // On a second run nothing is left to change, and the secret stays.
    world.run_json(0, &["webhook", "register", INSTANCE], "").await;
    assert_eq!(world.hook_url(Hook::Received), url);
    let followed = world.run_json(0, &["webhook", "verify", INSTANCE], "").await;
    assert_eq!(followed["checks"].as_array().map(Vec::len), Some(3));
    let checks = world.run_json(0, &["instance", "check", INSTANCE], "").await;
    assert_eq!(checks["checks"][0]["verdict"], "ok");
}

async fn check_storing(world: &World) {
    let account = Account { id: INSTANCE.to_owned(), url: world.hook_url(Hook::Received) };
    // A message that is older than the retention would be skipped.
    let sent = |kind| Spec::of(kind).moment(crate::unix_now() - 60);
    let wanted = world.announce_media(&account, sent(Kind::Image));
    let unwanted = world.announce_media(&account, sent(Kind::Voice));
    world.post_announced(&account, &wanted).await;
    world.post_announced(&account, &unwanted).await;
    let (_, file) = world.wait_until_stored(&wanted).await;
    assert_eq!(file.tags.get("retention").map(String::as_str), Some("90d"));
    check_reading(world, &wanted).await;
    let skipped = world.wait_for_state(&unwanted, "skipped").await;
    let reason = skipped.text("reason").expect("a reason");
    assert_eq!(reason, "the tenant does not store media of this kind");
}

/// A file is read by a signed URL, or as a copy.
async fn check_reading(world: &World, stored: &AnnouncedMedia) {
    let presign = ["media", "presign", INSTANCE, &stored.message_id];
    let signed = world.run_json(0, &presign, "").await;
    let url = signed["url"].as_str().expect("a URL");
    let answer = ask_url(Method::GET, url, None).await.expect("an answer");
    assert_eq!(Sha256::from_data(&answer.bytes).to_hex(), stored.sha256_hex);
    let place = std::env::temp_dir().join(format!("operated-{}", std::process::id()));
    let output = place.display().to_string();
    let download = ["media", "download", INSTANCE, &stored.message_id, "-o", &output];
    world.run_json(0, &download, "").await;
    let copy = std::fs::read(&place).expect("a copy");
    assert_eq!(Sha256::from_data(&copy).to_hex(), stored.sha256_hex);
    std::fs::remove_file(place).expect("removed");
}

async fn check_foreign_hooks(world: &World) {
    let here = world.hook_url(Hook::Received);
    world.origins.change_account(INSTANCE, |account| {
        account.hooks.insert(Hook::Received, ELSEWHERE.to_owned());
    });
    let shown = world.run_command(1, &["webhook", "show", INSTANCE], "").await;
    assert!(shown.out.contains(ELSEWHERE));
    let asks = world.run_command(2, &["webhook", "register", INSTANCE], "").await;
    assert!(asks.err.contains(ELSEWHERE) && asks.err.contains("--yes"));
    assert_eq!(world.hook_url(Hook::Received), ELSEWHERE);
    let taken = world.run_command(0, &["webhook", "register", INSTANCE, "--yes"], "").await;
    assert!(taken.err.contains(ELSEWHERE), "the old URL is not printed");
    assert_eq!(world.hook_url(Hook::Received), here, "the existing secret changed");
    check_hidden_secret(world, &here).await;
}

/// The stack under a name that the command does not know: it does not recognise the URL, but
/// recognises the secret.
async fn check_hidden_secret(world: &World, here: &str) {
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
            let said = world.run_command(code, &command, "").await;
            let all = format!("{}{}", said.out, said.err);
            assert!(!all.contains(secret), "{command:?} shows the secret");
            assert!(all.contains("https://hooks.example.invalid"), "{all}");
        }
    }
    // Of foreign URLs a report shows only the host; a command that asks for them shows them
    // whole.
    world.origins.change_account(INSTANCE, |account| {
        account.hooks.insert(Hook::Received, ELSEWHERE.to_owned());
    });
    let checked = world.run_command(1, &["instance", "check", INSTANCE], "").await;
    assert!(checked.out.contains("https://crm.example.invalid/…"), "{}", checked.out);
    assert!(!checked.out.contains(ELSEWHERE));
    world.run_command(0, &["webhook", "register", INSTANCE, "--yes"], "").await;
}

async fn check_rotation(world: &World) {
    let old = world.hook_url(Hook::Received);
    world.run_json(0, &["webhook", "rotate-secret", INSTANCE], "").await;
    let new = world.hook_url(Hook::Received);
    assert_ne!(new, old);
    let text = json!({ "event": "webhookReceived", "instanceId": INSTANCE, "msgContent": {} });
    // The function caches the old secret; it reads an unknown one again after ten seconds.
    world.wait_until_accepted(&new, &text).await;
    let answer = world.stack().post_json(&old, &text).await.expect("an answer");
    assert_eq!(answer.status, 200, "the old secret is valid for a while");
    // Half done: one hook still has the old secret. Only two secrets can be valid, so this
    // rotation is finished first. Then a new secret is made: success means that it changed.
    world.origins.change_account(INSTANCE, |account| {
        account.hooks.insert(Hook::Delivery, old.clone());
    });
    let said = world.run_json(0, &["webhook", "rotate-secret", INSTANCE], "").await;
    assert_eq!(said["secret_replaced"], true);
    let third = world.hook_url(Hook::Received);
    assert!(third != new && third != old, "the secret is still valid");
    assert_eq!(world.hook_url(Hook::Delivery), third);
    world.wait_until_accepted(&third, &text).await;
    check_revocation(world, &text).await;
    world.run_command(4, &["token", "rotate", INSTANCE], "invented-token-of-nobody").await;
    world.origins.register_instance(INSTANCE, "invented-token-after-it");
    world.run_command(1, &["instance", "check", INSTANCE], "").await;
    world.run_json(0, &["token", "rotate", INSTANCE], "invented-token-after-it").await;
    world.run_json(0, &["instance", "check", INSTANCE], "").await;
}

/// A secret that somebody else knows: it ends, whether W-API answers or not.
async fn check_revocation(world: &World, text: &Value) {
    let leaked = world.hook_url(Hook::Received);
    let revoke = ["webhook", "rotate-secret", INSTANCE, "--compromised", "--yes"];
    let said = world.run_json(0, &revoke, "").await;
    assert_eq!((&said["secret_replaced"], &said["hooks_set"]), (&json!(true), &json!(true)));
    let new = world.hook_url(Hook::Received);
    assert_ne!(new, leaked);
    world.wait_until_accepted(&new, text).await;
    // W-API refuses every call about the instance.
    world.origins.register_instance(INSTANCE, "invented-token-that-nobody-knows");
    let said = world.run_json(4, &revoke, "").await;
    assert_eq!((&said["secret_replaced"], &said["hooks_set"]), (&json!(true), &json!(false)));
    assert_eq!(said["next"], format!("wapi-media webhook register {INSTANCE}"));
    world.origins.register_instance(INSTANCE, TOKEN);
    world.run_json(0, &["webhook", "register", INSTANCE], "").await;
    let registered = world.hook_url(Hook::Received);
    assert_ne!(registered, new);
    world.wait_until_accepted(&registered, text).await;
    check_two_rotations(world, text).await;
}

/// Two operators at once: whatever they report, W-API is left with a secret that is valid, and one
/// that reports a new secret has made one.
async fn check_two_rotations(world: &World, text: &Value) {
    let before = world.hook_url(Hook::Received);
    let rotate = ["webhook", "rotate-secret", INSTANCE, "--json"];
    let command = || world.stack().try_wapi_media(&rotate, "");
    let (one, other) = tokio::join!(command(), command());
    let ended = [one, other].map(|said| said.expect("the command runs"));
    let is_well = ended.iter().any(|said| said.code == Some(0));
    let after = world.hook_url(Hook::Received);
    assert!(!is_well || after != before, "{ended:?}");
    assert_eq!(world.hook_url(Hook::Delivery), after, "{ended:?}");
    world.wait_until_accepted(&after, text).await;
}

async fn check_unsaved_hooks(world: &World) {
    let (old, text) = (world.hook_url(Hook::Received), json!({ "instanceId": INSTANCE }));
    // Of this instance alone: other tests register theirs at the same time.
    world.origins.change_account(INSTANCE, |account| account.forgets_hooks = true);
    let said = world.run_json(1, &["webhook", "rotate-secret", INSTANCE], "").await;
    assert_eq!(said["not_saved"].as_array().map(Vec::len), Some(4));
    world.origins.change_account(INSTANCE, |account| account.forgets_hooks = false);
    // The secret that W-API still has is still valid.
    let answer = world.stack().post_json(&old, &text).await.expect("an answer");
    assert_eq!(answer.status, 200);
    world.run_json(0, &["webhook", "register", INSTANCE], "").await;
    let points = world.run_json(0, &["webhook", "show", INSTANCE], "").await;
    assert_eq!(points[0]["leads"], "here");
}

async fn check_removal(world: &World) {
    world.run_json(0, &["instance", "pause", INSTANCE], "").await;
    let paused = world.run_json(1, &["instance", "check", INSTANCE], "").await;
    assert_eq!(paused["checks"][0]["verdict"], "warn");
    world.run_json(0, &["instance", "resume", INSTANCE], "").await;
    world.run_json(0, &["webhook", "unregister", INSTANCE, "--yes"], "").await;
    assert_eq!(world.hook_url(Hook::Received), ELSEWHERE, "it is given back");
    world.run_command(2, &["instance", "remove", INSTANCE], "").await;
    world.run_json(0, &["instance", "remove", INSTANCE, "--yes"], "").await;
    world.run_json(0, &["tenant", "remove", TENANT, "--yes"], "").await;
    world.run_command(2, &["tenant", "show", TENANT], "").await;
    let receivers = world.run_json(0, &["receiver", "list", "--tenant", TENANT], "").await;
    assert_eq!(receivers, json!([]), "they go with their tenant");
    world
        .check_trail(
            TENANT,
            &[
                "tenant add",
                "tenant set",
                "tenant remove",
                "instance add",
                "instance pause",
                "instance resume",
                "instance remove",
                "media presign",
                "media download",
                "token rotate",
                "webhook register",
                "webhook revoke-secret",
                "webhook rotate-secret",
                "webhook show",
                "webhook unregister",
            ],
        )
        .await;
}

impl World {
    /// Posts until the answer is 200: a new secret is known everywhere within seconds.
    pub(crate) async fn wait_until_accepted(&self, url: &str, body: &Value) {
        let begun = std::time::Instant::now();
        loop {
            let answer = self.stack().post_json(url, body).await.expect("an answer");
            if answer.status == 200 {
                return;
            }
            assert!(begun.elapsed() < crate::MAX_WAIT, "{answer:?}");
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }
}
