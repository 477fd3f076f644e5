//! A media link opens its file for anyone, until it is removed or the file is erased.

use local::{Method, UrlAnswer, ask_url};
use media::sha256::Sha256;
use stand_in::{AnnouncedMedia, Kind, Spec};

use crate::{PARKED_QUEUE, RUNTIME, WORLD, World, unix_now};

const TENANT: &str = "sharing";
const INSTANCE: &str = "LITE-SHARED-000001";
const TOKEN: &str = "invented-token-of-the-sharing";
const PHONE: &str = "5500966660000";

/// What nobody may learn more than: a wrong token, a removed link, an erased file.
const NOT_FOUND: &str = r#"{"error":"not_found"}"#;

#[test]
fn a_link_lives_until_it_is_removed_or_its_file_is() {
    let world = &*WORLD;
    RUNTIME.block_on(async {
        let account = world.operator_account(TENANT, INSTANCE, TOKEN).await;
        let jid = format!("{PHONE}@s.whatsapp.net");
        let spec = Spec::of(Kind::Image).chat(jid.as_str()).sender(jid).moment(unix_now() - 60);
        let sent = world.announce_media(&account, spec);
        world.post_announced(&account, &sent).await;
        world.wait_until_stored(&sent).await;
        let link = ["media", "link", INSTANCE, &sent.message_id];
        let refused = world.run_command(2, &link, "").await;
        assert!(refused.err.contains("tenant set sharing --links 7d"), "{refused:?}");
        world.run_json(0, &["tenant", "set", TENANT, "--links", "7d"], "").await;
        world.run_command(2, &[&link[..], &["--for", "8days"]].concat(), "").await;
        let [first, second] = [make_link(world, &link).await, make_link(world, &link).await];
        check_file(&first, &sent).await;
        let shown = ["media", "show", INSTANCE, &sent.message_id];
        let shown = &world.run_json(0, &shown, "").await[0]["media_links"];
        assert_eq!((&shown["open"], &shown["openings"]), (&2.into(), &3.into()), "{shown}");
        let (before, token) = first.rsplit_once("/m/").expect("a token");
        let other = if token.starts_with('A') { "B" } else { "A" };
        assert_nothing(&format!("{before}/m/{other}{}", &token[1..])).await;
        let removed = ["media", "unlink", INSTANCE, &sent.message_id];
        assert_eq!(world.run_json(0, &removed, "").await["removed"], 2);
        assert_nothing(&first).await;
        assert_nothing(&second).await;
        world.check_trail(TENANT, &["media link", "media unlink"]).await;
        check_erased(world, &link).await;
    });
}

async fn make_link(world: &World, link: &[&str]) -> String {
    let made = world.run_json(0, link, "").await;
    made["url"].as_str().expect("a URL").to_owned()
}

async fn open(method: Method, url: &str, range: Option<&str>) -> UrlAnswer {
    let redirect = ask_url(method.clone(), url, None).await.expect("an answer");
    assert_eq!(redirect.status, 302, "{redirect:?}");
    assert!(redirect.bytes.is_empty());
    let to = redirect.location.expect("a location");
    ask_url(method, &to, range).await.expect("an answer")
}

/// The whole file, its beginning, and its headers.
async fn check_file(url: &str, sent: &AnnouncedMedia) {
    let whole = open(Method::GET, url, None).await;
    assert_eq!(whole.status, 200);
    assert_eq!(Sha256::from_data(&whole.bytes).to_hex(), sent.sha256_hex);
    let disposition = whole.disposition.as_deref().unwrap_or_default();
    assert!(disposition.starts_with("inline; filename="), "{disposition}");
    assert!(
        disposition.contains(&sent.message_id) && disposition.contains(".jpg"),
        "{disposition}"
    );
    let begin = open(Method::GET, url, Some("bytes=0-9")).await;
    assert_eq!((begin.status, &begin.bytes[..]), (206, &whole.bytes[..10]));
    let head = open(Method::HEAD, url, None).await;
    assert_eq!((head.status, head.bytes.len()), (200, 0));
}

async fn assert_nothing(url: &str) {
    let answer = ask_url(Method::GET, url, None).await.expect("an answer");
    let text = String::from_utf8(answer.bytes).expect("text");
    assert_eq!((answer.status, text.as_str()), (404, NOT_FOUND), "{url}");
}

/// Nothing is left of the link either.
async fn check_erased(world: &World, link: &[&str]) {
    let url = make_link(world, link).await;
    let table = world.stack().outputs().links_table.clone();
    let ours = async || {
        let items = world.stack().scan(&table).await.expect("the links");
        items.into_iter().filter(|item| item["instance"]["S"] == INSTANCE).count()
    };
    assert_eq!(ours().await, 1);
    let _alone = PARKED_QUEUE.lock().await;
    let erase = ["media", "erase", "--tenant", TENANT, "--phone", PHONE, "--group-media", "keep"];
    world.run_json(0, &[&erase[..], &["--yes"]].concat(), "").await;
    assert_nothing(&url).await;
    assert_eq!(ours().await, 0);
}
