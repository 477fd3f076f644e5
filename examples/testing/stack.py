"""The examples as receivers of a local stack, with the commands that a user would type."""

import base64
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import urllib.request
from html import unescape

from .applications import ROOT, free_port
from .checks import expect
from .report import wait_until

TENANT = "acme"
PHONE = "5500900000002"
# Four files and two webhooks without one, all of the same chat.
MEDIA = ("2026-image", "2026-sticker", "2026-document", "2026-voice")
POSTED = (*MEDIA, "text", "status")
MAX_WAIT_SECONDS = 180


def run(applications, report):
    """Deploys, adds each application as a receiver, posts, compares, and removes everything."""
    with tempfile.TemporaryDirectory() as place:
        stack = LocalStack(report)
        try:
            stack.start()
            for one in applications:
                report.check(f"{one.name}: it becomes a receiver", add, stack, one, place)
            for stem in POSTED:
                report.check(f"the stack takes events/{stem}.json", stack.post_event, stem)
            for one in applications:
                report.check(f"{one.name}: gets each webhook, signed", gets_webhooks, one)
                report.check(f"{one.name}: its links open the files", opens_links, stack, one)
            report.check("the stack erases the chat", stack.erase)
            for one in applications:
                report.check(f"{one.name}: shows none of it any more", shows_nothing, one)
        finally:
            for one in applications:
                one.stop()
            stack.stop()


def is_running():
    """Whether `make up` left a local stack running."""
    record = ROOT / ".local" / "stack" / "running.json"
    if not record.exists():
        return False
    process = json.loads(record.read_text(encoding="utf-8"))["process"]
    return pathlib.Path(f"/proc/{process}").exists()


class LocalStack:
    """The stack of `make up` and `make deploy-local`, with the stand-in for W-API."""

    def __init__(self, report):
        self.report = report
        self.environment = dict(os.environ, LOCAL_PORT=str(free_port()))
        self.stand_in, self.webhook_url, self.is_ours = None, None, False
        self.instance, self.control = None, None

    def call(self, command, text=None):
        """Runs a command in the repository's folder, and returns what it printed."""
        self.report.say(f"$ {command}")
        done = subprocess.run(
            command, shell=True, cwd=ROOT, env=self.environment, text=True, input=text,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        if done.returncode:
            raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stderr[-3000:]}")
        return done.stdout

    def wapi_media(self, arguments, text=None):
        """Runs the operator's command, and returns its JSON."""
        program = shlex.quote(str(self.binary("wapi-media")))
        return json.loads(self.call(f"{program} --json --yes {arguments}", text))

    def binary(self, name):
        """A program that cargo compiled."""
        target = pathlib.Path(self.environment.get("CARGO_TARGET_DIR", "target"))
        return ROOT / target / "debug" / name

    def start(self):
        """Starts an empty stack whose W-API is the stand-in, and registers an instance."""
        if is_running():
            raise SystemExit("a local stack is running, and this test deletes its data: make down")
        self.is_ours = True
        self.call("python3 dev/start.py down --forget")
        self.call("cargo build --quiet --locked --workspace --bin stand-in --bin wapi-media")
        self.stand_in = subprocess.Popen(
            [self.binary("stand-in"), "--events", "events"], cwd=ROOT, stdout=subprocess.PIPE
        )
        origins = json.loads(self.stand_in.stdout.readline())
        self.call("make up")
        bases = f"{origins['cdn']},{origins['cdn_fallback']}"
        said = self.call(f"make deploy-local WAPI_BASE_URL={origins['wapi']} CDN_BASE_URLS={bases}")
        for name, value in re.findall(r"export (\w+)='([^']*)'", said):
            self.environment[name] = value
        self.wapi_media(f"tenant add {TENANT}")
        self.instance = instance = origins["instance"]
        self.control = origins["wapi"].rsplit("/v1", 1)[0] + "/control"
        added = self.wapi_media(f"instance add {instance} --tenant {TENANT}", origins["token"])
        self.webhook_url = added["webhook_url"]
        self.wapi_media(f"webhook register {instance}")
        self.wapi_media(f"tenant set {TENANT} --links 7d")

    def post_event(self, stem):
        """Posts a recorded webhook, as W-API does."""
        body = (ROOT / "events" / f"{stem}.json").read_bytes()
        request = urllib.request.Request(
            self.webhook_url, body, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            expect(answer.status == 200, f"answered {answer.status}")

    def announce(self, spec):
        """A new media message at the stand-in: its webhook, and what its file is."""
        body = json.dumps(spec).encode()
        request = urllib.request.Request(
            f"{self.control}/announce", body, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def open_link(self, url):
        """The file behind a link. A link has AWS's address; here only its path is right."""
        base = self.environment["WAPI_MEDIA_WEBHOOK_BASE_URL"]
        local = f"{base}/m/{url.rsplit('/m/', 1)[1]}"
        with urllib.request.urlopen(local, timeout=30) as answer:
            return answer.read()

    def erase(self):
        """Erases the chat, of which receivers hear."""
        self.wapi_media(f"media erase --tenant {TENANT} --phone {PHONE} --group-media keep")

    def stop(self):
        """Ends what was started."""
        if self.stand_in:
            self.stand_in.terminate()
            self.stand_in.wait()
        if self.is_ours:
            self.call("python3 dev/start.py down --forget")


def add(stack, application, place):
    """Adds the application, starts it with the secret that was printed, and tests it."""
    url = f"--url {application.url}"
    added = stack.wapi_media(f"receiver add --tenant {TENANT} {url} --gets all")
    application.prepare(f"{place}/{application.name}.sqlite3", added["secret"])
    expect(application.start(), f"it ended at once, see {application.log}")
    tested = stack.wapi_media(f"receiver test {added['receiver']} --tenant {TENANT}")
    expect(200 <= tested["status"] < 300, f"its test was answered {tested}")


def gets_webhooks(application):
    """One for each that was posted, and the test."""
    def count():
        return int(re.search(r"Webhooks of W-API: (\d+)", application.get_page())[1])

    wait_until("all webhooks", lambda: count() >= len(POSTED) + 1, MAX_WAIT_SECONDS)
    expect(count() == len(POSTED) + 1, f"{count()} instead of {len(POSTED) + 1}")


def links_of(application):
    """The links on the page."""
    return [unescape(one) for one in re.findall(r'(?:src|href)="([^"]*)"', application.get_page())]


def opens_links(stack, application):
    """A file for each media message, with the SHA-256 that the webhook announced."""
    def has_all():
        return len(links_of(application)) >= len(MEDIA)

    wait_until("a link for each file", has_all, MAX_WAIT_SECONDS)
    opened = {hashlib.sha256(stack.open_link(one)).digest() for one in links_of(application)}
    expect(opened == set(map(announced_sha256, MEDIA)), "other files than were announced")


def announced_sha256(stem):
    """The SHA-256 in a recorded webhook."""
    text = (ROOT / "events" / f"{stem}.json").read_text(encoding="utf-8")
    return base64.b64decode(re.search(r'"fileSHA256": "([^"]*)"', text)[1])


def shows_nothing(application):
    """The page has no link any more."""
    wait_until("no link", lambda: not links_of(application), MAX_WAIT_SECONDS)
