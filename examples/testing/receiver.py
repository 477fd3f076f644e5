"""A receiver that fails as it is told, and writes a line of JSON for each request.

    receiver.py PORT MODE FILE < SECRET

MODE is `works`, `fails` (three of ten requests) or `dead:SECONDS` (all of them at first). Needs the
library standardwebhooks, which verifies each request.
"""

import hashlib
import http.server
import json
import random
import sys
import threading
import time

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

FAILURES = 0.3


def make_handler(webhook, mode, lines):
    """The class that answers requests."""
    chance, lock, began = random.Random(18), threading.Lock(), time.time()
    name, _, seconds = mode.partition(":")

    def choose_status():
        if name == "dead" and time.time() < began + float(seconds):
            return 503
        return 500 if name == "fails" and chance.random() < FAILURES else 204

    class Handler(http.server.BaseHTTPRequestHandler):
        """Takes webhooks."""

        protocol_version = "HTTP/1.1"

        def do_POST(self):  # noqa: N802: the name is the library's
            """Verifies the bytes, writes the line, and answers."""
            body = self.rfile.read(int(self.headers["content-length"]))
            try:
                webhook.verify(body, dict(self.headers))
                is_verified = True
            except WebhookVerificationError:
                is_verified = False
            with lock:
                status = choose_status()
                line = {
                    "at": time.time(), "status": status, "id": self.headers["webhook-id"],
                    "is_verified": is_verified, "sha256": hashlib.sha256(body).hexdigest(),
                    "event": read_event(body),
                }
                lines.write(json.dumps(line) + "\n")
                lines.flush()
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Writes nothing to the terminal."""

    return Handler


def read_event(body):
    """The event of the stack that a body is; None for a webhook of W-API."""
    said = json.loads(body)
    return said if "schema_version" in said else None


def main():
    """Serves until it is killed."""
    port, mode, file = sys.argv[1:]
    webhook = Webhook(sys.stdin.readline().strip())
    with open(file, "a", encoding="utf-8") as lines:
        handler = make_handler(webhook, mode, lines)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), handler)
        server.serve_forever()


if __name__ == "__main__":
    main()
