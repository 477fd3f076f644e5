// What the receiver keeps, in SQLite: which webhooks are done, W-API's webhooks, and media files.

import { DatabaseSync } from "node:sqlite";

// A webhook is tried again for so long.
const KEPT_MS = 3 * 24 * 60 * 60 * 1000;

const database = new DatabaseSync(process.env.DATABASE ?? "receiver.sqlite3");
database.exec(`
  PRAGMA busy_timeout = 10000;
  CREATE TABLE IF NOT EXISTS done_webhook (webhook_id TEXT PRIMARY KEY, done_at INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS done_at ON done_webhook (done_at);
  CREATE TABLE IF NOT EXISTS wapi_webhook (event TEXT NOT NULL, received_at INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS media_file (
    file_id TEXT PRIMARY KEY, told_at INTEGER NOT NULL, is_erased INTEGER NOT NULL,
    kind TEXT, sent_at INTEGER, link TEXT, link_ends_at INTEGER
  );
`);

const markDone = database.prepare(
  "INSERT INTO done_webhook VALUES (?, ?) ON CONFLICT DO NOTHING",
);
const forgetOld = database.prepare("DELETE FROM done_webhook WHERE done_at < ?");
const addWapiWebhook = database.prepare("INSERT INTO wapi_webhook VALUES (?, ?)");
// Events come in any order: the later time is true, and in the same second the erasure. So an
// erased file stays in the table, without its data.
const saveFile = database.prepare(`
  INSERT INTO media_file VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (file_id) DO UPDATE SET
    told_at = excluded.told_at, is_erased = excluded.is_erased, kind = excluded.kind,
    sent_at = excluded.sent_at, link = excluded.link, link_ends_at = excluded.link_ends_at
  WHERE (excluded.told_at, excluded.is_erased) >= (media_file.told_at, media_file.is_erased)
`);
const findFiles = database.prepare(`
  SELECT kind, link FROM media_file
  WHERE link IS NOT NULL AND (link_ends_at IS NULL OR link_ends_at > ?)
  ORDER BY sent_at DESC LIMIT 50
`);
const countWebhooks = database.prepare("SELECT count(*) AS webhooks FROM wapi_webhook");

/** Does the work of a webhook, unless it is done. If that fails, its id is not kept either. */
export function doOnce(webhookId, work) {
  database.exec("BEGIN IMMEDIATE");
  try {
    if (markDone.run(webhookId, Date.now()).changes === 1) {
      work();
    }
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}

/** Removes the ids of webhooks that cannot come again. */
export function forgetOldWebhooks() {
  forgetOld.run(Date.now() - KEPT_MS);
}

/** Notes that a webhook of W-API came. */
export function noteWapiWebhook(event) {
  addWapiWebhook.run(event, Date.now());
}

/** Saves the state of a file, unless a later event was here before. Times are in milliseconds. */
export function saveIfLater(file) {
  const { fileId, toldAt, isErased, kind, sentAt, link, linkEndsAt } = file;
  const state = [kind, sentAt, link, linkEndsAt].map((value) => value ?? null);
  saveFile.run(fileId, toldAt, isErased, ...state);
}

/** The latest files whose links still work, and how many webhooks of W-API came. */
export function listFiles() {
  return { files: findFiles.all(Date.now()), ...countWebhooks.get() };
}
