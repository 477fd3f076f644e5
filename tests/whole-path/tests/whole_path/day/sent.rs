//! What is sent during the day: media in every state, to both tenants, by two people.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stand_in::{AnnouncedMedia, CdnScenario, Hook, Kind, Spec, WapiScenario};

use super::{ASKED, FAR, FIRST, LEAVING, MOVED, OTHER, Person, REMOVED, STAYING, take_inventory};
use crate::{Account, MAX_WAIT, PARKED_QUEUE, World, token_of, unix_now};

/// A job that is in the queue and that nobody has received when the person is erased.
pub(super) const QUEUED: &str = "3EB0DA0000000000000A";
/// A group of both people.
const GROUP: &str = "120363000000000021@g.us";
/// A job of the first tenant that names the instance after it has moved.
pub(super) const FOREIGN: &str = "3EB0DA0000000000000B";

/// More bytes than a message of the queue to a receiver has in itself.
const LARGE: usize = 200_000;

/// How long the queue keeps the unreceived job: longer than an erasure takes.
const QUEUED_FOR: u32 = 60;

/// What becomes of a media message by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stored,
    /// Retried within minutes: its job is in the queue.
    Retrying,
    /// Retried in an hour: its job is in the jobs table.
    Waiting,
    Parked,
    /// The tenant does not store stickers.
    Skipped,
}

/// A media message, and where it belongs.
struct Message {
    media: AnnouncedMedia,
    tenant: &'static str,
    is_leaving: bool,
    fate: Fate,
}

/// Everything that was sent.
pub(super) struct Sent(Vec<Message>);

impl Sent {
    fn select(&self, is_meant: impl Fn(&Message) -> bool) -> Vec<AnnouncedMedia> {
        self.0.iter().filter(|one| is_meant(one)).map(|one| one.media.clone()).collect()
    }

    /// The media of the person who leaves that the first tenant has.
    pub(super) fn of_leaving(&self) -> Vec<AnnouncedMedia> {
        self.select(|one| one.is_leaving && one.tenant == ASKED)
    }

    /// The media of the person who leaves that the other tenant has.
    pub(super) fn of_leaving_elsewhere(&self) -> Vec<AnnouncedMedia> {
        self.select(|one| one.is_leaving && one.tenant == OTHER)
    }

    /// The bytes of each stored file of the person who leaves, in an instance of the first tenant.
    /// The first one was deleted by somebody.
    pub(super) fn exportable(&self, instance: &str) -> Vec<Vec<u8>> {
        let all = self.select(|one| {
            one.is_leaving
                && (one.tenant, one.fate) == (ASKED, Fate::Stored)
                && one.media.instance == instance
        });
        let is_there = |one: &&AnnouncedMedia| one.spec.caption.as_deref() != Some(DELETED);
        let all = all.iter().filter(is_there);
        all.map(|one| one.plain.bytes().to_vec()).collect()
    }

    /// The message of a stored file of the person in the first instance.
    pub(super) fn linkable(&self) -> String {
        let all = self.select(|one| {
            one.is_leaving && one.fate == Fate::Stored && one.media.instance == FIRST
        });
        let is_there = |one: &&AnnouncedMedia| one.spec.caption.as_deref() != Some(DELETED);
        all.iter().find(is_there).expect("a file").message_id.clone()
    }

    /// Sends a media message of the person whose job fails. The queue hides the job for half a
    /// minute at first and longer each time, so it is sent just before the person is erased.
    pub(super) async fn send_retrying(&mut self, world: &World) {
        let url = world.origins.account(FIRST).hook(Hook::Received).expect("a hook").to_owned();
        let first = Account { id: FIRST.to_owned(), url };
        self.send(world, (&first, ASKED), &number_of(&LEAVING), Fate::Retrying).await;
        let sent = self.0.last().expect("it was sent");
        world.wait_for_retry(&sent.media).await;
    }

    /// Sends a job that the queue keeps for some time: a copy of another job of the person, under
    /// an id that nothing else knows.
    pub(super) async fn queue_unreceived(&self, world: &World) {
        let body = self.copy_job(world, QUEUED).await;
        let jobs = &world.stack().outputs().jobs_queue_url;
        world.stack().send_later(jobs, &body, QUEUED_FOR).await.expect("it is sent");
    }

    /// The body of a waiting job of the person, with another message id.
    async fn copy_job(&self, world: &World, id: &str) -> String {
        let is_waiting =
            |one: &&Message| one.is_leaving && (one.tenant, one.fate) == (ASKED, Fate::Waiting);
        let known = &self.0.iter().find(is_waiting).expect("a waiting job").media.message_id;
        let entries = world.stack().scan(&world.stack().outputs().jobs_table).await;
        let entries = entries.expect("entries").into_iter();
        let mut bodies = entries.filter_map(|one| one["body"]["S"].as_str().map(str::to_owned));
        let body = bodies.find(|body| body.contains(known)).expect("its entry");
        body.replace(known, id)
    }
}

/// The caption of a file that somebody overwrote and deleted.
const DELETED: &str = "legenda de Contato Exemplo Apagavel";

/// The text of an attribute in an item's JSON.
pub(super) fn find_attribute(item: &str, name: &str) -> Option<Value> {
    serde_json::from_str::<Value>(item).ok()?.get(name).cloned()
}

/// A media message of a person, by number or by LID. The webhook names only that.
fn announce(world: &World, instance: &str, address: &str, fate: Fate) -> AnnouncedMedia {
    let person = if LEAVING.words().iter().any(|word| address.contains(word.as_str())) {
        &LEAVING
    } else {
        &STAYING
    };
    let old = unix_now() - 15 * 24 * 60 * 60;
    let gone = CdnScenario::Gone { status: 404 };
    let kind = if fate == Fate::Skipped { Kind::Sticker } else { Kind::Document };
    let spec = Spec::of(kind).instance(instance).chat(address).sender(address);
    let spec = spec.moment(unix_now() - 60).file_name(format!("{}.pdf", person.name));
    let spec = match fate {
        Fate::Stored | Fate::Skipped => spec,
        Fate::Retrying => {
            spec.wapi(WapiScenario::fail_500()).cdn(CdnScenario::Status { code: 503 })
        }
        Fate::Waiting => spec.wapi(WapiScenario::NotFound404).cdn(gone),
        // An old message is parked at once; a younger one is retried in an hour.
        Fate::Parked => spec.moment(old).wapi(WapiScenario::NotFound404).cdn(gone),
    };
    let is_first = instance == FIRST && address.contains(LEAVING.lid);
    let spec = if is_first { spec.caption(DELETED) } else { spec };
    let mut media = world.origins.announce(spec).expect("a file");
    let lid = if address.ends_with("@lid") { address } else { "" };
    media.webhook["sender"]["senderLid"] = json!(lid);
    media.webhook["sender"]["pushName"] = json!(person.name);
    media
}

fn lid_of(person: &Person) -> String {
    format!("{}@lid", person.lid)
}

fn number_of(person: &Person) -> String {
    format!("{}@s.whatsapp.net", person.phone)
}

impl World {
    async fn add_to_tenant(&self, tenant: &str, instance: &str) -> Account {
        let token = token_of(instance);
        self.origins.register_instance(instance, &token);
        self.run_json(0, &["instance", "add", instance, "--tenant", tenant], &token).await;
        self.run_json(0, &["webhook", "register", instance], "").await;
        let account = self.origins.account(instance);
        let url = account.hook(Hook::Received).expect("a hook").to_owned();
        Account { id: instance.to_owned(), url }
    }

    /// A text message that names a person's LID and number, which nothing else connects.
    async fn post_text(&self, account: &Account, person: &Person) {
        let lid = lid_of(person);
        let text = json!({
            "event": "webhookReceived", "instanceId": account.id, "messageId": "3EB0DA00000000000000",
            "moment": unix_now() - 60, "chat": { "id": lid }, "msgContent": { "conversation": "oi" },
            "sender": { "id": person.phone, "senderLid": lid, "pushName": person.name },
        });
        self.wait_until_accepted(&account.url, &text).await;
        self.wait_until_held("the pair of LID and number", |one, text| {
            one.contains("People") && text.contains(&account.id) && text.contains(person.phone)
        })
        .await;
    }

    /// A webhook of a person that is too large for the queue to a receiver.
    async fn post_large(&self, account: &Account, person: &Person) {
        let text = json!({
            "event": "webhookReceived", "instanceId": account.id, "messageId": "3EB0DA000000000000A1",
            "moment": unix_now() - 60, "chat": { "id": number_of(person) },
            "msgContent": { "conversation": "oi ".repeat(LARGE / 2) },
        });
        self.wait_until_accepted(&account.url, &text).await;
        self.wait_until_held("the body of a large webhook", |place, text| {
            place == "body" && text.contains(person.phone)
        })
        .await;
    }

    /// Waits until something is held whose place and text are as described.
    async fn wait_until_held(&self, what: &str, is_meant: impl Fn(&str, &str) -> bool) {
        let begun = Instant::now();
        loop {
            let all = take_inventory(self).await;
            if all.iter().any(|one| is_meant(&one.place, &one.text)) {
                return;
            }
            assert!(begun.elapsed() < MAX_WAIT, "{what} is not there: {all:#?}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// A webhook that is cut in the middle of a person's number's address.
    async fn post_cut(&self, account: &Account, person: &Person) {
        let body =
            format!("{{\"event\":\"webhookReceived\",\"chat\":{{\"id\":\"{}@s.wh", person.phone);
        let answer = self.stack().post_bytes(&account.url, body.into()).await.expect("an answer");
        assert_eq!(answer.body, json!({ "unread": "bad_body" }));
    }
}

/// The application of the first tenant, which is paused: everything for it rests from the
/// beginning.
async fn add_paused_receiver(world: &World) {
    let add = ["receiver", "add", "--tenant", ASKED, "--url", "http://127.0.0.1:9/hooks"];
    let added = world.run_json(0, &[&add[..], &["--gets", "all"]].concat(), "").await;
    let id = added["receiver"].as_str().expect("an id");
    world.run_json(0, &["receiver", "pause", id, "--tenant", ASKED], "").await;
}

/// Sends everything and waits until each media message is where it is to be.
pub(super) async fn send_all(world: &World) -> Sent {
    for tenant in [ASKED, OTHER] {
        world.run_json(0, &["tenant", "add", tenant], "").await;
        world.run_json(0, &["tenant", "set", tenant, "--kinds", "document"], "").await;
    }
    add_paused_receiver(world).await;
    let [first, removed, moved] = [
        world.add_to_tenant(ASKED, FIRST).await,
        world.add_to_tenant(ASKED, REMOVED).await,
        world.add_to_tenant(ASKED, MOVED).await,
    ];
    let far = world.add_to_tenant(OTHER, FAR).await;
    let (leaving, staying) = (lid_of(&LEAVING), lid_of(&STAYING));
    let mut sent = Sent(Vec::new());
    // LIDs first: nothing connects them with a number yet.
    for account in [&first, &removed, &moved] {
        sent.send(world, (account, ASKED), &leaving, Fate::Stored).await;
    }
    sent.send(world, (&first, ASKED), &staying, Fate::Stored).await;
    sent.wait_for_all(world).await;
    for account in [&first, &removed, &moved, &far] {
        world.post_text(account, &LEAVING).await;
    }
    world.post_text(&first, &STAYING).await;
    for person in [&LEAVING, &STAYING] {
        world.post_large(&first, person).await;
    }
    sent.send_by_number(world, [&first, &removed, &moved]).await;
    sent.send_to_many(world, &first).await;
    sent.wait_for_all(world).await;
    leave_traces(world, &sent.0[0].media).await;
    for instance in [REMOVED, MOVED] {
        world.run_json(0, &["instance", "remove", instance, "--yes"], "").await;
    }
    let moved = world.add_to_tenant(OTHER, MOVED).await;
    world.post_text(&moved, &LEAVING).await;
    sent.send_elsewhere(world, [&moved, &far]).await;
    sent.wait_for_all(world).await;
    sent.park_foreign(world).await;
    wait_for_bodies(world).await;
    sent
}

impl Sent {
    async fn send(
        &mut self,
        world: &World,
        (account, tenant): (&Account, &'static str),
        address: &str,
        fate: Fate,
    ) {
        let media = announce(world, &account.id, address, fate);
        world.post_announced(account, &media).await;
        let is_leaving = media.webhook["sender"]["pushName"] == LEAVING.name;
        self.0.push(Message { media, tenant, is_leaving, fate });
    }

    async fn send_by_number(&mut self, world: &World, [first, removed, moved]: [&Account; 3]) {
        let (leaving, staying) = (number_of(&LEAVING), number_of(&STAYING));
        for fate in [Fate::Stored, Fate::Waiting, Fate::Parked, Fate::Skipped] {
            self.send(world, (first, ASKED), &leaving, fate).await;
        }
        let short = format!("{}@s.whatsapp.net", LEAVING.short);
        self.send(world, (first, ASKED), &short, Fate::Stored).await;
        for fate in [Fate::Stored, Fate::Waiting, Fate::Skipped] {
            self.send(world, (first, ASKED), &staying, fate).await;
        }
        // Not in the first instance, whose parked jobs an operator tries to drop.
        self.send(world, (removed, ASKED), &staying, Fate::Parked).await;
        for account in [removed, moved] {
            self.send(world, (account, ASKED), &leaving, Fate::Stored).await;
            self.send(world, (account, ASKED), &leaving, Fate::Parked).await;
        }
        world.post_cut(first, &LEAVING).await;
        world.post_cut(first, &STAYING).await;
    }

    /// A file of each person to a group, and a message of the person who leaves that has two files.
    async fn send_to_many(&mut self, world: &World, account: &Account) {
        for person in [&LEAVING, &STAYING] {
            let mut media = announce(world, &account.id, &number_of(person), Fate::Stored);
            media.webhook["isGroup"] = json!(true);
            media.webhook["chat"]["id"] = json!(GROUP);
            world.post_announced(account, &media).await;
            let is_leaving = person.name == LEAVING.name;
            self.0.push(Message { media, tenant: ASKED, is_leaving, fate: Fate::Stored });
        }
        let address = number_of(&LEAVING);
        let mut first = announce(world, &account.id, &address, Fate::Stored);
        let mut second = announce(world, &account.id, &address, Fate::Stored);
        let content = second.webhook["msgContent"].take();
        first.webhook["msgContent"]["documentWithCaptionMessage"] = json!({ "message": content });
        second.message_id.clone_from(&first.message_id);
        let answer = world.post_webhook(account, &first.webhook).await;
        assert_eq!((answer.status, answer.body), (200, json!({ "queued": 2 })));
        for media in [first, second] {
            self.0.push(Message { media, tenant: ASKED, is_leaving: true, fate: Fate::Stored });
        }
    }

    async fn send_elsewhere(&mut self, world: &World, [moved, far]: [&Account; 2]) {
        let (leaving, staying) = (number_of(&LEAVING), number_of(&STAYING));
        self.send(world, (moved, OTHER), &leaving, Fate::Stored).await;
        self.send(world, (moved, OTHER), &staying, Fate::Stored).await;
        for fate in [Fate::Stored, Fate::Waiting, Fate::Parked] {
            self.send(world, (far, OTHER), &leaving, fate).await;
            self.send(world, (far, OTHER), &staying, fate).await;
        }
        world.post_cut(far, &LEAVING).await;
    }

    async fn wait_for_all(&self, world: &World) {
        for Message { media, fate, .. } in &self.0 {
            match fate {
                // Once it was stored, somebody may have deleted it.
                Fate::Stored => drop(world.wait_for_state(media, "stored").await),
                Fate::Parked => drop(world.wait_for_state(media, "parked").await),
                Fate::Skipped => drop(world.wait_for_state(media, "skipped").await),
                Fate::Retrying | Fate::Waiting => drop(world.wait_for_retry(media).await),
            }
        }
    }

    /// A job of the former tenant is parked, and nothing else knows it.
    async fn park_foreign(&self, world: &World) {
        let body = self.copy_job(world, FOREIGN).await.replace(FIRST, MOVED);
        let jobs = &world.stack().outputs().jobs_queue_url;
        world.stack().send_later(jobs, &body, 0).await.expect("it is sent");
        let parked = &world.stack().outputs().parked_queue_url;
        let parked = parked.rsplit('/').next().expect("a name");
        world
            .wait_until_held("the foreign job", |place, text| {
                place.ends_with(parked) && text.contains(FOREIGN)
            })
            .await;
    }
}

/// Waits until the unread webhooks are parked.
async fn wait_for_bodies(world: &World) {
    let begun = Instant::now();
    for (tenant, count) in [(ASKED, 2), (OTHER, 1)] {
        loop {
            let alone = PARKED_QUEUE.lock().await;
            let list = ["parked", "list", "--tenant", tenant, "--class", "unread"];
            let found = world.run_json(0, &list, "").await;
            drop(alone);
            if found.as_array().map(Vec::len) == Some(count) {
                break;
            }
            assert!(begun.elapsed() < MAX_WAIT, "{found}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// What people and crashes leave of a file: another version, a delete marker, an open upload.
async fn leave_traces(world: &World, media: &AnnouncedMedia) {
    let record = world.wait_for_state(media, "stored").await;
    let key = record.text("object_key").expect("a key");
    world.stack().bucket().leave_traces(key).await.expect("traces");
}
