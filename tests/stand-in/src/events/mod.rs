//! The events of `events/`: the catalogue they are generated from, and how they are served.
//!
//! A file's stem is the seed of its media file, so the stand-in generates the same bytes and keys
//! whenever it loads the file.

mod media;
mod other;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::{Value, json};

use crate::announce::AnnouncedMedia;
use crate::scenario::{CdnScenario, WapiScenario};
use crate::spec::Spec;
use crate::state::State;

/// One event, whose media file is served if it has one.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// The file's name without `.json`.
    pub stem: String,
    /// The body that W-API would post.
    pub webhook: Value,
    /// The media file, if the event has one.
    pub announced: Option<AnnouncedMedia>,
}

/// The source of an event of the catalogue.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A media message. The seed is the stem.
    Media(Box<Spec>),
    /// Any other event, as it is posted.
    Other(Value),
}

/// Every event of `events/`, by stem, in the order of their moments.
///
/// # Errors
/// If a media file that an event quotes cannot be generated.
pub fn catalogue() -> Result<Vec<(String, Entry)>> {
    let mut all = media::media_events();
    all.extend(other::other_events()?);
    Ok(all)
}

/// The repository's `events/` folder.
pub fn committed_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events")
}

/// Writes the whole catalogue into a folder, one file per event.
///
/// # Errors
/// If a media file cannot be generated or a file cannot be written.
pub fn write_catalogue(dir: &Path) -> Result<usize> {
    let all = catalogue()?;
    let count = all.len();
    for (stem, entry) in all {
        let mut text = serde_json::to_string_pretty(&build_webhook(entry)?)?;
        text.push('\n');
        let path = dir.join(format!("{stem}.json"));
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(count)
}

fn build_webhook(entry: Entry) -> Result<Value> {
    Ok(match entry {
        Entry::Media(spec) => AnnouncedMedia::from_spec(*spec)?.webhook,
        Entry::Other(webhook) => webhook,
    })
}

/// Serves the media file of one event and logs its webhook.
pub(crate) fn load_event(
    state: &State,
    stem: &str,
    wapi: WapiScenario,
    cdn: CdnScenario,
) -> Result<Event> {
    let entry = catalogue()?
        .into_iter()
        .find_map(|(known, entry)| (known == stem).then_some(entry))
        .with_context(|| format!("no event is called {stem}"))?;
    serve_event(state, stem, entry, wapi, cdn)
}

fn serve_event(
    state: &State,
    stem: &str,
    entry: Entry,
    wapi: WapiScenario,
    cdn: CdnScenario,
) -> Result<Event> {
    Ok(match entry {
        Entry::Other(webhook) => {
            redaction::plant_event(&webhook);
            if let Some(instance) = webhook.get("instanceId").and_then(Value::as_str) {
                state.log_webhook(instance, &webhook, None);
            }
            Event { stem: stem.to_owned(), webhook, announced: None }
        }
        Entry::Media(spec) => {
            let announced = state.announce_media(Spec { wapi, cdn, ..*spec })?;
            Event {
                stem: stem.to_owned(),
                webhook: announced.webhook.clone(),
                announced: Some(announced),
            }
        }
    })
}

/// Serves the media file of every event in a folder.
pub(crate) fn load_folder(
    state: &State,
    dir: &Path,
    scenarios: impl Fn(&str) -> (WapiScenario, CdnScenario),
) -> Result<Vec<Event>> {
    let mut catalogue = catalogue()?;
    let mut events = Vec::new();
    for (stem, written) in read_folder(dir)? {
        let Some(place) = catalogue.iter().position(|(known, _)| *known == stem) else {
            bail!("{stem}.json is not in the catalogue of events");
        };
        let (_, entry) = catalogue.swap_remove(place);
        let (wapi, cdn) = scenarios(&stem);
        let event = serve_event(state, &stem, entry, wapi, cdn)?;
        if event.webhook != written {
            bail!("{stem}.json differs from the catalogue; see events/README.md");
        }
        events.push(event);
    }
    Ok(events)
}

/// Reads the event files of a folder, sorted by stem.
///
/// # Errors
/// If the folder or a file cannot be read, or a file is not JSON.
pub fn read_folder(dir: &Path) -> Result<Vec<(String, Value)>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut events = Vec::new();
    for path in paths {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let event =
            serde_json::from_slice(&text).with_context(|| format!("{} as JSON", path.display()))?;
        events.push((stem, event));
    }
    Ok(events)
}

/// The parts of an event that differ from message to message.
pub(crate) struct Envelope<'a> {
    pub(crate) event: &'a str,
    pub(crate) instance: &'a str,
    pub(crate) message_id: &'a str,
    pub(crate) from_me: bool,
    pub(crate) group: bool,
    pub(crate) chat: &'a str,
    pub(crate) sender: &'a str,
    pub(crate) moment: i64,
    pub(crate) content: Value,
}

/// A message event as W-API posts it. Every person in it is invented.
pub(crate) fn build_envelope(parts: &Envelope<'_>) -> Value {
    let sender_lid = if parts.from_me {
        "100000000000001@lid"
    } else if parts.chat.ends_with("@lid") {
        parts.chat
    } else {
        "200000000000002@lid"
    };
    json!({
        "event": parts.event,
        "instanceId": parts.instance,
        "connectedPhone": "5500900000001",
        "connectedLid": "100000000000001@lid",
        "isGroup": parts.group,
        "messageId": parts.message_id,
        "fromMe": parts.from_me,
        "chat": { "id": parts.chat, "profilePicture": "https://pps.example.invalid/p.jpg" },
        "sender": {
            "id": parts.sender,
            "senderLid": sender_lid,
            "profilePicture": "",
            "pushName": "Contato Exemplo",
            "verifiedBizName": "",
        },
        "moment": parts.moment,
        "fromApi": false,
        "msgContent": parts.content,
    })
}
