"""The n8n workflow: its Code nodes outside n8n, or, if asked for, all of it in the real n8n."""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from . import checks, node
from .applications import EXAMPLES, WORK, Application, free_port
from .checks import NOW, OTHER_SECRET, RAW, SECOND, Receiver, expect, make_event, new_link

FOLDER = EXAMPLES / "n8n"
# The text of each Code node is also in a file, for reading.
CODE = {"Verify": "verify.js", "Row of the file": "file.js", "Page": "pictures.js"}
SECRET = "whsec_" + base64.b64encode(b"an invented secret of 32 bytes..").decode()


def test_code(path, report):
    """Runs the Code nodes under Node.js, with what n8n would give them."""
    def check(name, claim, *arguments):
        report.check(f"n8n: {name}", claim, *arguments)

    check("the workflow's code is that of the files", has_the_files)
    check("the workflow's connections lead to nodes", is_connected)
    check("only what has no schema_version counts as W-API's", counts_by_version)
    with CodeNodes(path) as nodes:
        right, other = SECRET, OTHER_SECRET
        # Of each receiver, only the headers are used here.
        make = Receiver(None, SECRET).headers
        for name, body, headers, is_signed in (
            ("a signed webhook is accepted, byte for byte", RAW, make(RAW), True),
            ("two signatures, the new one first, are accepted", RAW, make(RAW, right, other), True),
            ("two signatures, the new one last, are accepted", RAW, make(RAW, other, right), True),
            ("a body that was changed is refused", RAW + b" ", make(RAW), False),
            ("a signature with another secret is refused", RAW, make(RAW, other), False),
            ("an old timestamp is refused", RAW, make(RAW, at=1_700_000_000), False),
            ("a missing signature is refused", RAW, {}, False),
            ("a signature without version is refused", RAW,
             make(RAW) | {"webhook-signature": "x"}, False),
        ):
            check(name, verifies, nodes, body, headers, is_signed)
        check("what is no JSON is no error", takes_no_json, nodes, make)
        check("without a secret, nothing is believed", needs_a_secret, nodes, make)
        check("the row of a file has its link, that of an erased one nothing", makes_rows, nodes)
        check("the page shows what works, escaped", draws_page, nodes)


def has_the_files():
    """Otherwise somebody changed one of the two."""
    workflow = json.loads((FOLDER / "workflow.json").read_text(encoding="utf-8"))
    in_workflow = {
        one["name"]: one["parameters"]["jsCode"]
        for one in workflow["nodes"] if one["type"] == "n8n-nodes-base.code"
    }
    in_files = {name: (FOLDER / file).read_text("utf-8") for name, file in CODE.items()}
    expect(in_workflow == in_files, "they differ")


def is_connected():
    """Each connection is between nodes of the workflow."""
    workflow = json.loads((FOLDER / "workflow.json").read_text(encoding="utf-8"))
    names = {one["name"] for one in workflow["nodes"]}
    for source, outputs in workflow["connections"].items():
        targets = {one["node"] for output in outputs["main"] for one in output}
        expect({source} | targets <= names, f"{source} → {targets - names}")


def counts_by_version():
    """The events of instances and receivers are no webhooks of W-API either."""
    workflow = json.loads((FOLDER / "workflow.json").read_text(encoding="utf-8"))
    switch = next(one for one in workflow["nodes"] if one["name"] == "Type")
    rules = {one["outputKey"]: one["conditions"] for one in switch["parameters"]["rules"]["values"]}
    (condition,) = rules["W-API's webhook"]["conditions"]
    asked = condition["leftValue"], condition["operator"]["operation"]
    expect(asked == ("={{ $json.event.schema_version }}", "notExists"), f"it asks {asked}")


class Program(Application):
    """The real n8n with the workflow."""

    path = page = "/webhook/wapi-media"
    max_start_seconds = 120
    # n8n itself refuses what is no JSON, before the workflow: 422.
    refused, no_json = (400, 401, 422), (204, 422)
    is_atomic = False

    def __init__(self, report):
        path = node.find_path(report, node.OLDEST_OF_N8N)
        super().__init__("n8n", path, report)
        # Where there is no prebuilt binary, one is compiled with the headers beside `node`.
        root = pathlib.Path(shutil.which("node", path=path)).resolve().parent.parent
        if (root / "include" / "node").is_dir():
            self.environment["npm_config_nodedir"] = str(root)
        self.environment["N8N_DIAGNOSTICS_ENABLED"] = "false"

    def prepare(self, database, secret):
        """Its database is in a folder, and its Code nodes run in a process with a port."""
        self.environment["N8N_USER_FOLDER"] = f"{database}.n8n"
        self.environment["N8N_RUNNERS_BROKER_PORT"] = str(free_port())
        pathlib.Path(f"{database}.n8n").mkdir()
        super().prepare(database, secret)


def test_program(report):
    """The workflow in n8n, with the checks of the other examples that hold for it."""
    program, failed = Program(report), report.failed
    report.check("n8n: it can be installed", program.install)
    if report.failed > failed:
        return

    def check(name, claim, *arguments):
        report.check(f"n8n: {name}", claim, *arguments)

    with tempfile.TemporaryDirectory() as place:
        try:
            check("without a secret, nothing is believed", believes_nothing, program, place)
            program.prepare(f"{place}/open", SECRET)
            check("it starts", program.start)
            check("the README's last command shows a picture", shows_first, program)
            receiver = Receiver(program, SECRET)
            checks.check_signatures(receiver, check)
            checks.check_repetitions(receiver, check)
            checks.check_media_events(receiver, check)
        finally:
            program.stop()


def believes_nothing(program, place):
    """Each execution fails."""
    program.prepare(f"{place}/closed", None)
    expect(program.start(), f"it ended at once, see {program.log}")
    try:
        receiver = Receiver(program, SECRET)
        expect(receiver.post(RAW, receiver.headers(RAW)) >= 500, "it was accepted")
        expect(receiver.count() == 0, "its work was done")
    finally:
        program.stop()


def shows_first(program):
    """The command posts an invented event, whose picture is in its link."""
    program.run(program.other_commands[-1])
    expect("data:image/svg+xml" in program.get_page(), "the page has no picture")


class CodeNodes:
    """A process that runs Code nodes."""

    def __init__(self, path):
        modules = str(WORK / "express" / "package.json")
        program = EXAMPLES / "testing" / "code_node.mjs"
        self.command = ["node", program, FOLDER / "workflow.json", modules]
        self.environment = dict(os.environ, PATH=path)

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, env=self.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def run(self, node, body=b"", headers=None, secret=SECRET, nodes=None):
        """The output of a Code node."""
        case = {
            "node": node, "body": base64.b64encode(body).decode(), "headers": headers or {},
            "env": {"WAPI_MEDIA_SECRET": secret} if secret else {},
            "nodes": {name: [{"json": one} for one in all] for name, all in (nodes or {}).items()},
        }
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def verifies(nodes, body, headers, is_signed):
    """The node says whether it is signed, and says no more of what is not."""
    (item,) = nodes.run("Verify", body, headers)
    expect(item["json"]["isSigned"] is is_signed, f"{item}")
    if is_signed:
        expect(item["json"]["event"] == json.loads(body), "it is another event")
        expect(item["json"]["webhookId"] == headers["webhook-id"], "it has another id")
    else:
        expect(list(item["json"]) == ["isSigned"], f"{item}")


def takes_no_json(nodes, make):
    """It is signed, and of no type."""
    for body in (b"caf\xc3\xa9 }", b"null", b"", b"[]"):
        (item,) = nodes.run("Verify", body, make(body))
        expect(item["json"]["isSigned"], f"{body} is refused")
        expect(item["json"]["type"] == "undefined", f"{item}")


def needs_a_secret(nodes, make):
    """The execution fails, and is answered 500."""
    answer = nodes.run("Verify", RAW, make(RAW), secret=None)
    expect("error" in answer, f"{answer}")


def makes_rows(nodes):
    """Rows for the table."""
    link, file_id = new_link()
    for event_type, expected in (("media.stored", link), ("media.erased", "")):
        event = make_event("media.stored", file_id, link, NOW)
        verified = {"type": event_type, "event": event}
        (item,) = nodes.run("Row of the file", nodes={"Verify": [verified]})
        row = item["json"]
        expect(row["link"] == expected and row["file_id"] == file_id, f"{row}")
        expect(row["told_at"] == NOW.timestamp() * 1000, f"{row}")
        expect(row["is_erased"] == (event_type == "media.erased"), f"{row}")
    kept = {name for name, value in row.items() if value not in ("", None)}
    expect(kept == {"file_id", "told_at", "is_erased"}, f"the erased file keeps {kept}")


def draws_page(nodes):
    """Tables without rows give one empty item each."""
    ended = (NOW - SECOND).timestamp() * 1000
    rows = [
        {"kind": "image", "link": "https://a/1", "link_ends_at": None},
        {"kind": "image", "link": "https://a/2", "link_ends_at": ended},
        {"kind": "document", "link": "https://a/3\"><b>", "link_ends_at": None},
        {},
    ]
    (item,) = nodes.run("Page", nodes={"Files": rows, "Webhooks of W-API": [{}]})
    html = item["json"]["html"]
    expect('<img src="https://a/1" referrerpolicy="no-referrer"' in html, html)
    expect("https://a/2" not in html and "<b>" not in html, html)
    expect("Webhooks of W-API: 0" in html, html)
