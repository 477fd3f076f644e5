"""A receiver in FastAPI: takes W-API's webhooks and media events, each once, and shows pictures."""

import json
import logging
import os
import sqlite3
import time
from contextlib import contextmanager
from datetime import datetime
from html import escape
from typing import Annotated

from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse
from standardwebhooks import Webhook, WebhookVerificationError

log = logging.getLogger("uvicorn.error")

# What `wapi-media receiver add` printed: whsec_… Without it, the application does not start.
webhook = Webhook(os.environ["WAPI_MEDIA_SECRET"])
DATABASE = os.environ.get("DATABASE", "receiver.sqlite3")
# A webhook is tried again for so long.
KEPT_SECONDS = 3 * 24 * 60 * 60

TABLES = """
CREATE TABLE IF NOT EXISTS done_webhook (webhook_id TEXT PRIMARY KEY, done_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS done_at ON done_webhook (done_at);
CREATE TABLE IF NOT EXISTS wapi_webhook (event TEXT NOT NULL, received_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS media_file (
    file_id TEXT PRIMARY KEY, told_at REAL NOT NULL, is_erased INTEGER NOT NULL,
    kind TEXT, sent_at REAL, link TEXT, link_ends_at REAL
);
"""
# Events come in any order: the later time is true, and in the same second the erasure. So an erased
# file stays in the table, without its data.
SAVE_IF_LATER = """
INSERT INTO media_file VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (file_id) DO UPDATE SET
    told_at = excluded.told_at, is_erased = excluded.is_erased, kind = excluded.kind,
    sent_at = excluded.sent_at, link = excluded.link, link_ends_at = excluded.link_ends_at
WHERE (excluded.told_at, excluded.is_erased) >= (media_file.told_at, media_file.is_erased)
"""


@contextmanager
def open_transaction():
    """A transaction that writes: all of it is kept, or nothing."""
    database = sqlite3.connect(DATABASE, timeout=10, isolation_level="IMMEDIATE")
    try:
        with database:
            yield database
    finally:
        database.close()


with open_transaction() as database:
    database.executescript(TABLES)

app = FastAPI()


async def read_body(request: Request) -> bytes:
    """The bytes as they came. Parsed and written again, they would differ."""
    return await request.body()


# Not `async`: FastAPI runs it in a thread, because it waits for the database.
@app.post("/webhook/receive/", status_code=204)
def receive(
    request: Request, body: Annotated[bytes, Depends(read_body)], after_the_answer: BackgroundTasks
) -> None:
    """Keeps what came, and answers within seconds. The rest is done after the answer."""
    try:
        webhook.verify(body, dict(request.headers), json_parse=False)
    except (WebhookVerificationError, ValueError):  # ValueError: a header is not base64.
        raise HTTPException(401, "the signature is wrong") from None
    do_once(request.headers["webhook-id"], body)
    after_the_answer.add_task(forget_old_webhooks)


def do_once(webhook_id: str, body: bytes) -> None:
    """Handles a webhook, unless it is done. If that fails, its id is not kept either."""
    with open_transaction() as database:
        mark = "INSERT INTO done_webhook VALUES (?, ?) ON CONFLICT DO NOTHING"
        if database.execute(mark, (webhook_id, time.time())).rowcount == 1:
            handle(database, parse(body))


def forget_old_webhooks() -> None:
    """Removes the ids of webhooks that cannot come again."""
    with open_transaction() as database:
        oldest = time.time() - KEPT_SECONDS
        database.execute("DELETE FROM done_webhook WHERE done_at < ?", (oldest,))


def parse(body: bytes) -> dict:
    """The object in the body. What is no JSON will never be, so that it is not worth a 500."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        log.warning("a webhook of %d bytes is not JSON", len(body))
        return {}
    return event if isinstance(event, dict) else {}


def handle(database: sqlite3.Connection, event: dict) -> None:
    """Does the work of one webhook. An unknown type is no error: later versions may add some."""
    event_type = str(event.get("type"))
    if event_type == "media.stored":
        save_file(database, event)
    elif event_type == "media.erased":
        erase_file(database, event)
    elif "schema_version" not in event:
        # What W-API posted, byte for byte. This stands for your own work with it.
        row = (str(event.get("event")), time.time())
        database.execute("INSERT INTO wapi_webhook VALUES (?, ?)", row)


def save_file(database: sqlite3.Connection, event: dict) -> None:
    """Keeps the link of a stored file. There is none if the tenant has no links."""
    data = event["data"]
    link = data.get("link", {})
    ends_at = read_time(link["ends_at"]) if "ends_at" in link else None
    row = (data["kind"], read_time(data["moment"]), link.get("url"), ends_at)
    told_at = read_time(event["timestamp"])
    database.execute(SAVE_IF_LATER, (data["file_id"], told_at, False, *row))


def erase_file(database: sqlite3.Connection, event: dict) -> None:
    """Removes all that is known of a file. If you made a copy, remove it here too."""
    told_at = read_time(event["timestamp"])
    row = (event["data"]["file_id"], told_at, True, None, None, None, None)
    database.execute(SAVE_IF_LATER, row)


def read_time(text: str) -> float:
    """A time of an event, in seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


@app.get("/")
def show_pictures() -> HTMLResponse:
    """The page: the latest files whose links still work."""
    find = """SELECT kind, link FROM media_file
        WHERE link IS NOT NULL AND (link_ends_at IS NULL OR link_ends_at > ?)
        ORDER BY sent_at DESC LIMIT 50"""
    with open_transaction() as database:
        files = database.execute(find, (time.time(),)).fetchall()
        (webhooks,) = database.execute("SELECT count(*) FROM wapi_webhook").fetchone()
    shown = "\n".join(show_file(kind, link) for kind, link in files)
    return HTMLResponse(f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<title>Pictures</title>
<h1>Pictures</h1>
<p>Webhooks of W-API: {webhooks}</p>
{shown or "<p>No file has arrived yet.</p>"}
</html>""")


def show_file(kind: str, link: str) -> str:
    """A file on the page. Whoever has its link can open it, so no other site may learn it."""
    if kind in ("image", "sticker"):
        style = 'referrerpolicy="no-referrer" loading="lazy" width="240" alt=""'
        return f'<img src="{escape(link)}" {style}>'
    return f'<a href="{escape(link)}" referrerpolicy="no-referrer">{escape(kind)}</a>'
