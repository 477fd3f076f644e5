//! Records that another version, a bug or a person wrote: every verb shows them and goes on.

use serde_json::{Value, json};

use crate::{PARKED_QUEUE, World, on_the_stack};

/// Writes an item, whatever is there.
pub(crate) async fn put_item(world: &World, table: &str, item: Value) {
    let asked = json!({ "TableName": table, "Item": item });
    let endpoint = world.stack().endpoint();
    let put = endpoint.call_json("dynamodb", "DynamoDB_20120810.PutItem", &asked);
    put.await.expect("it is written");
}

/// Writes a record of a later version, one that lacks almost everything, one whose numbers are out
/// of range, and an erase mark.
async fn put_odd_records(world: &World, instance: &str, tenant: &str) {
    let table = &world.stack().outputs().media_table;
    let text = |text: &str| json!({ "S": text });
    let now = json!({ "N": crate::unix_now().to_string() });
    let id = text(instance);
    for item in [
        json!({ "instance": id, "message": text("3EB0LATER"),
            "message_id": text("3EB0LATER#ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
            "tenant": text(tenant), "chat": text("5500900000001"), "kind": text("hologram"),
            "state": text("lent"),
            "class": text("of tomorrow"), "strategy": text("by post"),
            "moment": { "N": "3093527980800" },
            "attempts": text("none yet"), "updated_at": now,
            "word\u{1b}[2J": text("\u{202e}new") }),
        json!({
            "instance": id, "message_id": text("3EB0BARE"), "moment": now,
            "updated_at": text("yesterday")
        }),
        json!({ "instance": id, "message_id": text("3EB0RANGE"), "tenant": text(tenant),
            "kind": text(""),
            "chat": text("5500900000001"), "state": text("stored"),
            "object_key": text("../../secret"),
            "size_bytes": { "N": "9e40" }, "moment": { "N": "-5" }, "stored_at": { "N": "-9e18" },
            "updated_at": now }),
        json!({
            "instance": id, "message_id": text("3EB0GONE"), "state": text("erased"),
            "forget_at": now
        }),
    ] {
        put_item(world, table, item).await;
    }
}

#[test]
fn no_record_stops_a_command() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        let _held = PARKED_QUEUE.lock().await;
        let (id, tenant) = (account.id.as_str(), format!("tenant-{}", account.id.to_lowercase()));
        put_odd_records(world, id, &tenant).await;
        check_verbs(world, id, &tenant).await;
        world.run_json(0, &["media", "show", id, "3EB0GONE"], "").await;
        world.run_command(2, &["media", "presign", id, "3EB0GONE"], "").await;
        check_text_output(world, id).await;
        check_erase(world, id).await;
    });
}

/// Runs the verbs that read records: each exits with 1 and names what it could not read.
async fn check_verbs(world: &World, id: &str, tenant: &str) {
    let scratch = std::env::temp_dir().join(format!("odd-records-{}", std::process::id()));
    std::fs::create_dir(&scratch).expect("a folder");
    let at = scratch.display();
    for (command, word) in [
        (format!("media find --instance {id}"), "lent"),
        (format!("media show {id} 3EB0LATER"), "none yet"),
        (format!("media show {id} 3EB0BARE"), "yesterday"),
        (format!("media show {id} 3EB0RANGE"), "90000000000000"),
        (format!("stats --tenant {tenant} --recount"), "\"other\":1"),
        (format!("doctor --instance {id} --lang pt-BR --html {at}/page.html"), "3EB0LATER"),
        (format!("media export --instance {id} --chat 5500900000001 -o {at}/chat"), "\"absent\":1"),
        (format!("media erase --instance {id} --message 3EB0BARE --yes"), "found"),
    ] {
        let arguments: Vec<_> = command.split(' ').collect();
        let said = world.run_command(1, &arguments, "").await;
        assert!(said.out.contains(word), "{command}: {said:?}");
        let steers = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!said.out.contains(steers), "{command}: {said:?}");
    }
    std::fs::remove_dir_all(&scratch).expect("the folder");
}

async fn check_text_output(world: &World, id: &str) {
    let said = world.stack().try_wapi_media(&["media", "find", "--instance", id], "").await;
    let said = said.expect("the command runs");
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("lent") && said.out.contains("3EB0BARE"), "{said:?}");
    // Which, and what of it.
    assert!(said.err.contains("2 records"), "{said:?}");
    assert!(said.err.contains("3EB0BARE: ") && said.err.contains("state lent"), "{said:?}");
}

/// A record that names its instance can be erased, whatever else it holds. Its erase mark stays,
/// because its job may still be queued.
async fn check_erase(world: &World, id: &str) {
    for message in ["3EB0LATER", "3EB0RANGE"] {
        let erase = ["media", "erase", "--instance", id, "--message", message, "--yes"];
        let erased = world.run_json(0, &erase, "").await;
        assert_eq!(erased["removed"]["records"], 1, "{message}: {erased}");
    }
}
