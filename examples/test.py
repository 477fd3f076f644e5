#!/usr/bin/env python3
"""Tests the examples: installs each as its README says, starts it, and posts to it.

    examples/test.py                   all examples; n8n's Code node without n8n
    examples/test.py django express    some of them
    examples/test.py --stack           as receivers of a local stack, with the operator's commands
    examples/test.py --n8n             the workflow in the real n8n, which is installed first (3 GB)

Needs Python 3.11 with venv; for Express and n8n it installs Node.js if the one on the path is too
old. Everything is installed into .tools/examples.
"""

import argparse
import base64
import fcntl
import os
import secrets
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from post import sign
from testing import checks, n8n, node, stack
from testing.applications import WORK, Application
from testing.report import Report

WITH_A_PAGE = ("django", "fastapi", "express")
NAMES = (*WITH_A_PAGE, "n8n")
# The published example of Standard Webhooks, as a literal.
KNOWN = (
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
    b'{"test": 2432232314}', "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
)


def main():
    """Reads the command line and runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--stack", action="store_true", help="as receivers of a local stack")
    parser.add_argument("--n8n", action="store_true", help="with the real n8n")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no example is called {', '.join(sorted(unknown))}")
    # So that what was started is ended, whoever ends the test.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    WORK.mkdir(parents=True, exist_ok=True)
    with open(WORK / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Two tests at once would change each other's copies.
        return run_tests(options, options.names or list(NAMES))


def run_tests(options, names):
    """Installs the examples and tests them. Returns the exit code."""
    report = Report()
    report.check("post.py signs as the specification's example", signs_as_known)
    applications, path = install(names, report)
    if options.stack:
        if options.n8n and "n8n" in names:
            applications.append(n8n.Program(report))
            report.check("n8n: it can be installed", applications[-1].install)
        stack.run(applications, report)
        return report.end()
    for application in applications:
        test_application(application, report)
    if "n8n" in names:
        n8n.test_program(report) if options.n8n else n8n.test_code(path, report)
    return report.end()


def install(names, report):
    """Installs the examples side by side. Returns those with a page, and the path with Node.js."""
    usual, applications = os.environ["PATH"], []
    # The Code node of n8n needs what Express has: Node.js and the library.
    wanted = [one for one in WITH_A_PAGE if one in names or (one == "express" and "n8n" in names)]
    with ThreadPoolExecutor() as pool:
        path = pool.submit(node.find_path, report) if "express" in wanted else None
        started = {}
        for name in sorted(wanted, key="express".__eq__):
            path_of_it = path.result() if name == "express" else usual
            one = Application(name, path_of_it, report)
            started[one] = pool.submit(one.install)
        for one, done in started.items():
            before = report.failed
            report.check(f"{one.name}: its dependencies can be installed", done.result)
            if one.name in names and report.failed == before:
                applications.append(one)
    return applications, path.result() if path else usual


def signs_as_known():
    """The test's own signatures against a literal."""
    secret, webhook_id, timestamp, body, expected = KNOWN
    signature = sign(secret, webhook_id, timestamp, body)
    checks.expect(signature == expected, signature)


def new_secret():
    """A secret as the stack makes them."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def test_application(application, report):
    """All checks of an application with a page."""
    secret = new_secret()

    def check(claim, *arguments):
        report.check(f"{application.name}: {claim}", *arguments)

    with tempfile.TemporaryDirectory() as place:
        try:
            check("it does not take unsigned media events", is_closed, application, place)
            application.prepare(f"{place}/receiver.sqlite3", secret)
            check("it starts", starts, application)
            check("the README's last command shows a picture", shows_first, application)
            receiver = checks.Receiver(application, secret)
            checks.check_signatures(receiver, check)
            checks.check_repetitions(receiver, check)
            checks.check_media_events(receiver, check)
        finally:
            application.stop()


def starts(application):
    """It answers on its port."""
    checks.expect(application.start(), f"it ended at once, see {application.log}")


def shows_first(application):
    """The command posts an invented event, whose picture is in its link."""
    application.run(application.other_commands[-1])
    checks.expect("data:image/svg+xml" in application.get_page(), "the page has no picture")


def is_closed(application, place):
    """Without a secret, Django takes W-API's webhooks only, as before; the others do not start."""
    application.prepare(f"{place}/closed.sqlite3", None)
    began = application.start()
    try:
        if application.name != "django":
            checks.expect(not began, "it starts without a secret")
            return
        receiver = checks.Receiver(application, checks.OTHER_SECRET)
        checks.accepts(receiver, checks.RAW, {"content-type": "application/json"})
        link, file_id = checks.new_link()
        receiver.post_event(checks.make_event("media.stored", file_id, link, checks.NOW))
        checks.expect(not receiver.shows(link), "it believes an unsigned media event")
    finally:
        application.stop()


if __name__ == "__main__":
    sys.exit(main())
