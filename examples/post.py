#!/usr/bin/env python3
"""Posts one invented, signed event to a receiver, so that an example can be tried without a stack.

    post.py http://127.0.0.1:8000/webhook/receive/                       media.stored, a picture
    post.py http://127.0.0.1:8000/webhook/receive/ --type media.erased   removes it again
    post.py http://127.0.0.1:8000/webhook/receive/ --body text.json      W-API's webhook in a file

The secret is in WAPI_MEDIA_SECRET. Needs only Python's standard library: the signature is computed
as the specification of Standard Webhooks says.
"""

import argparse
import base64
import datetime
import hashlib
import hmac
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.request

MAX_START_SECONDS = 10
# A picture in a URL of its own, so that nothing has to serve it.
DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="240" height="160">'
    '<rect width="240" height="160" fill="#2b7a5f"/>'
    '<circle cx="120" cy="80" r="48" fill="#ffd84d"/></svg>'
)
PICTURE = "data:image/svg+xml;base64," + base64.b64encode(DRAWING.encode()).decode()


def new_id(prefix):
    """An id as the stack makes them: 32 characters of a-z and 2-7."""
    return prefix + base64.b32encode(secrets.token_bytes(20)).decode().lower()


def sign(secret, webhook_id, timestamp, body):
    """The signature over these bytes: `v1,` and the base64 of the HMAC."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def make_headers(secret, webhook_id, body, timestamp=None):
    """The headers of a webhook that is posted now, or at this time."""
    timestamp = int(time.time()) if timestamp is None else timestamp
    return {
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, webhook_id, timestamp, body),
    }


def make_event(event_type, file_id, link, at=None):
    """A media event, as docs/schemas/media-event-1.json describes it."""
    at = at or datetime.datetime.now(datetime.timezone.utc)
    moment = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    data = {
        "tenant": "acme",
        "instance": "LITE-AAAAAA-BBBBBB",
        "message_id": "3EB01509D0D4BC6DD2B8",
        "file_id": file_id,
    }
    if event_type == "media.stored":
        later = (at + datetime.timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
        data |= {
            "kind": "image", "direction": "in", "moment": moment, "mimetype": "image/svg+xml",
            "size": len(DRAWING), "sha256": hashlib.sha256(DRAWING.encode()).hexdigest(),
            "integrity": "mac+sha256", "strategy": "cdn", "bucket": "example-bucket",
            "key": "acme/example", "chat": "5500900000001", "chat_phone": "5500900000001",
            "link": {"url": link, "ends_at": later},
        }
    return {
        "id": new_id("msg_"), "type": event_type, "timestamp": moment,
        "schema_version": 1, "data": data,
    }


def post(url, body, headers):
    """Posts the body, and returns the status and the text of the answer."""
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def post_patiently(url, body, headers):
    """Posts the body to a receiver that may still be starting."""
    last = time.monotonic() + MAX_START_SECONDS
    while True:
        try:
            return post(url, body, headers)
        except urllib.error.URLError:
            if time.monotonic() > last:
                raise
            time.sleep(0.2)


def main():
    """Reads the command line and posts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="the URL of the receiver")
    parser.add_argument("--type", default="media.stored", help="the type of the media event")
    parser.add_argument("--file-id", default="file_" + "a" * 32, help="which file it is about")
    parser.add_argument("--body", help="a file whose bytes are posted instead of a media event")
    options = parser.parse_args()
    secret = os.environ.get("WAPI_MEDIA_SECRET", "")
    if not secret.startswith("whsec_"):
        sys.exit("WAPI_MEDIA_SECRET is not set. It begins with whsec_")
    if options.body:
        with open(options.body, "rb") as file:
            webhook_id, body = new_id("msg_"), file.read()
    else:
        event = make_event(options.type, options.file_id, PICTURE)
        webhook_id, body = event["id"], json.dumps(event).encode()
    status, text = post_patiently(options.url, body, make_headers(secret, webhook_id, body))
    print(f"{webhook_id} was answered {status} {text}".rstrip())
    return 0 if 200 <= status < 300 else 1


if __name__ == "__main__":
    sys.exit(main())
