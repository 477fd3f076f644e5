#!/usr/bin/env python3
"""Posts many webhooks to a local stack with three receivers, of which two fail, and counts.

    examples/many.py                          1,000 webhooks; one receiver is dead for two minutes
    examples/many.py --count 200 --dead 30    fewer, and for half a minute

One receiver works, one fails for three of ten requests, and one is dead at first. It takes up to an
hour: of what fails six times in a row, the next attempt is half an hour later. Each must get each
webhook byte for byte, and a media.stored with a link to the file for each media message. What
they get is verified by the Standard Webhooks library of Python, which is installed as for the
FastAPI example.
"""

import argparse
import collections
import hashlib
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from testing.applications import Application, free_port
from testing.checks import expect
from testing.report import Report, wait_until
from testing.stack import TENANT, LocalStack

KINDS = ("image", "voice", "document", "sticker")
# Every fourth webhook announces a file; the others are such events, with odd white space.
OTHERS = (
    '{"event":"webhookReceived","instanceId":"%s","messageId":"TEXT%d", "moment":%d,\n'
    '  "chat":{"id":"5500900000002"},"msgContent":{"conversation":"ol\u00e1, n\u00ba %d"}}',
    '{ "event" : "webhookStatus", "instanceId":"%s", "messageId":"STATUS%d","moment":%d,"n":%d}',
    '{"event":"webhookPresence","instanceId":"%s","presence":"composing %d","moment":%d,"n":%d}\n',
)
POSTERS = 8
MAX_WAIT_SECONDS = 5400


def main():
    """Runs the whole thing, and returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="webhooks (1000)")
    parser.add_argument("--dead", type=int, default=120, help="seconds of the dead one (120)")
    options = parser.parse_args()
    report = Report()
    library = Application("fastapi", "/usr/bin:/bin", report)
    library.install()
    stack, receivers = LocalStack(report), []
    with tempfile.TemporaryDirectory() as place:
        try:
            stack.start()
            modes = ("works", "fails", f"dead:{options.dead}")
            receivers = [Receiver(stack, library, mode, place) for mode in modes]
            posted, files = post_all(stack, options.count, report)
            report.say(f"{len(posted)} webhooks are accepted, {len(files)} of them with a file")
            for one in receivers:
                report.check(f"{one.mode}: gets every byte of every webhook", one.has_all, posted)
                report.check(f"{one.mode}: hears of every file", one.hears_of, files)
                report.check(f"{one.mode}: every signature is right", one.is_verified)
            report.check("every link opens its file", open_links, stack, receivers[0], files)
            report.check("the one that works waits for nobody", in_time, receivers[0], posted)
            for one in receivers:
                report.say(f"{one.mode}: {one.describe(posted)}")
        finally:
            for one in receivers:
                one.process.kill()
            stack.stop()
    return report.end()


class Receiver:
    """A receiver in a process of its own, which writes a line for each request."""

    def __init__(self, stack, library, mode, place):
        self.mode, port = mode, free_port()
        self.lines = pathlib.Path(place) / f"{mode.replace(':', '-')}.jsonl"
        url = f"http://127.0.0.1:{port}/hooks"
        added = stack.wapi_media(f"receiver add --tenant {TENANT} --url {url} --gets all")
        program = pathlib.Path(__file__).parent / "testing" / "receiver.py"
        python = library.folder / ".venv" / "bin" / "python"
        self.process = subprocess.Popen(
            [python, program, str(port), mode, self.lines], stdin=subprocess.PIPE, text=True
        )
        self.process.stdin.write(added["secret"] + "\n")
        self.process.stdin.flush()
        wait_until(f"{mode} answers", self.lines.exists, 30)

    def requests(self):
        """What came so far."""
        return [json.loads(line) for line in self.lines.read_text().splitlines()]

    def taken(self):
        """What was answered 2xx."""
        return [one for one in self.requests() if one["status"] < 300]

    def has_all(self, posted):
        """Fails unless each body was taken, byte for byte."""
        def missing():
            return set(posted) - {one["sha256"] for one in self.taken()}

        wait_until("every webhook", lambda: not missing(), MAX_WAIT_SECONDS)

    def events(self):
        """The media.stored that were taken, by the id of their message."""
        events = [one["event"] for one in self.taken() if one["event"]]
        stored = [one for one in events if one["type"] == "media.stored"]
        return {one["data"]["message_id"]: one for one in stored}

    def hears_of(self, files):
        """Fails unless each file was announced with the SHA-256 that the sender announced."""
        wait_until("every event", lambda: set(files) <= set(self.events()), MAX_WAIT_SECONDS)
        for message_id, event in self.events().items():
            expect(event["data"]["sha256"] == files[message_id], f"another file: {message_id}")

    def is_verified(self):
        """Fails if the library refused a request, or if no request came."""
        requests = self.requests()
        wrong = [one for one in requests if not one["is_verified"]]
        expect(requests and not wrong, f"{len(wrong)} of {len(requests)} are not verified")

    def delays(self, posted):
        """The seconds from the acceptance of each webhook to its first taking."""
        first = {}
        for one in self.taken():
            first.setdefault(one["sha256"], one["at"])
        return sorted(first[digest] - at for digest, at in posted.items() if digest in first)

    def describe(self, posted):
        """A line about what came and when."""
        requests, delays = self.requests(), self.delays(posted)
        statuses = collections.Counter(one["status"] for one in requests)
        ids = collections.Counter(one["id"] for one in self.taken())
        more = sum(count - 1 for count in ids.values())
        middle = statistics.median(delays)
        return (f"{len(requests)} requests, answered {dict(statuses)}; {more} taken again; "
                f"after {middle:.1f} s in the middle, {delays[-1]:.1f} s at most")


def post_all(stack, count, report):
    """Posts all webhooks. Returns when each was accepted, by its SHA-256, and the files."""
    files, posted = {}, {}

    def post_one(number):
        body, file = make_body(stack, number)
        request = urllib.request.Request(
            stack.webhook_url, body, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            expect(answer.status == 200, f"answered {answer.status}")
        posted[hashlib.sha256(body).hexdigest()] = time.time()
        files.update(file)
        if number % 100 == 99:
            report.say(f"{number + 1} of {count} posted")

    with ThreadPoolExecutor(POSTERS) as pool:
        list(pool.map(post_one, range(count)))
    expect(len(posted) == count, f"{len(posted)} different bodies")
    return posted, files


def make_body(stack, number):
    """The n-th webhook, and its file: the SHA-256 by the message's id."""
    if number % 4 == 0:
        spec = {"kind": KINDS[number // 4 % len(KINDS)], "seed": f"many {number}"}
        announced = stack.announce(spec)
        body = json.dumps(announced["webhook"], ensure_ascii=False, indent=number % 3).encode()
        return body, {announced["message_id"]: announced["sha256_hex"]}
    text = OTHERS[number % 3] % (stack.instance, number, int(time.time()), number)
    return text.encode(), {}


def open_links(stack, receiver, files):
    """Fails unless the link in each event leads to the announced bytes."""
    events = receiver.events()

    def open_one(message_id):
        link = events[message_id]["data"]["link"]["url"]
        digest = hashlib.sha256(open_patiently(stack, link)).hexdigest()
        expect(digest == files[message_id], f"other bytes: {message_id}")

    with ThreadPoolExecutor(POSTERS) as pool:
        list(pool.map(open_one, files))


def open_patiently(stack, link):
    """The file of a link. A local AWS without time answers 503: try again."""
    for _ in range(10):
        try:
            return stack.open_link(link)
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            time.sleep(3)
    return stack.open_link(link)


def in_time(receiver, posted):
    """Fails if a webhook came late to the receiver that works: the queue is never full."""
    latest = receiver.delays(posted)[-1]
    expect(latest < 30, f"one came after {latest:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
