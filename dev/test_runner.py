"""Runs the compiled test programs in parallel, one per processor, the slowest first.

cargo runs test programs one after another, and ours mostly wait: for a local AWS, for a due retry.
Each program runs in its package's folder with the variables that cargo sets, so that the result is
that of `cargo test --workspace`.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
HISTORY = ROOT / ".local" / "test-durations.json"
RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", re.MULTILINE)
# The programs to start first while no durations are recorded.
SLOW = ["whole_path", "worlds", "roles", "seeds", "batch", "origins"]
SECONDS_PER_LINE = 15.0


class Program:
    """One test program and its result."""

    def __init__(self, name, folder, command):
        self.name, self.folder, self.command = name, folder, command
        self.seconds = self.code = None
        self.passed = self.failed = self.ignored = 0
        self.output = ""

    @classmethod
    def from_artifact(cls, artifact):
        """A program that cargo compiled."""
        target = artifact["target"]
        folder = pathlib.Path(artifact["manifest_path"]).parent
        # A library and a binary of one package may share a name but are two programs.
        kind = "" if target["kind"][0] == "test" else f" ({target['kind'][0]})"
        name = f"{folder.relative_to(ROOT).as_posix()}::{target['name']}{kind}"
        return cls(name, folder, [artifact["executable"]])

    @classmethod
    def from_documentation(cls):
        """The examples in the documentation, which rustdoc compiles."""
        command = ["cargo", "test", "--workspace", "--doc", "--quiet", "--locked"]
        return cls("examples in the documentation", ROOT, command)

    def run(self):
        environment = dict(os.environ, CARGO_MANIFEST_DIR=str(self.folder))
        began = time.monotonic()
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as out:
            self.code = subprocess.call(
                self.command, cwd=self.folder, env=environment,
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            )
            out.seek(0)
            self.output = out.read()
        self.seconds = time.monotonic() - began
        for passed, failed, ignored in RESULT.findall(self.output):
            self.passed += int(passed)
            self.failed += int(failed)
            self.ignored += int(ignored)
        # A program that ended without a result line (a crash, a signal) has failed.
        if self.code != 0 and self.failed == 0:
            self.failed = 1

    def format_result(self):
        """Returns one line, after the output if the program failed."""
        if self.code == 0:
            return f"✓ {self.name}: {self.passed} passed ({self.seconds:.1f} s)"
        output = self.output.rstrip()
        return f"{output}\n✗ {self.name}: {self.failed} failed, exit code {self.code}"


def run_tests(artifacts, is_all=False):
    """Runs the programs, prints a line for each and the sum, and returns the exit code."""
    programs = [Program.from_artifact(one) for one in artifacts if one["profile"]["test"]]
    if not programs:
        print("error: cargo built no test program", file=sys.stderr)
        return 1
    if is_all:
        programs.append(Program.from_documentation())
    before = load_durations()
    programs.sort(key=lambda one: (-before.get(one.name, guess_duration(one.name)), one.name))
    waiting, running, ended = list(programs), [], []
    lock, began = threading.Lock(), time.monotonic()

    def run_waiting():
        while True:
            with lock:
                if not waiting:
                    return
                program = waiting.pop(0)
                running.append(program)
            program.run()
            with lock:
                running.remove(program)
                ended.append(program)
                print(program.format_result(), flush=True)

    count = os.cpu_count() or 1
    workers = [threading.Thread(target=run_waiting, daemon=True) for _ in range(count)]
    for worker in workers:
        worker.start()
    last = time.monotonic()
    while any(worker.is_alive() for worker in workers):
        time.sleep(0.1)
        if time.monotonic() - last >= SECONDS_PER_LINE:
            last = time.monotonic()
            with lock:
                names = ", ".join(one.name.split("::")[-1] for one in running)
                print(f"  {len(ended)} of {len(programs)} programs; running: {names}", flush=True)
    passed, failed = sum(one.passed for one in ended), sum(one.failed for one in ended)
    save_durations(before, ended)
    for program in ended:
        if program.code != 0:
            print(f"failed: {program.name}")
    print(f"{len(ended)} test programs in {time.monotonic() - began:.0f} s")
    print(f"\n{passed} passed, {failed} failed", flush=True)
    return 1 if failed or passed == 0 else 0


def guess_duration(name):
    """Returns a number that puts slow programs first while no durations are recorded."""
    return next((1000.0 - n for n, slow in enumerate(SLOW) if slow in name), 0.0)


def load_durations():
    """Returns the seconds of earlier runs, by program."""
    try:
        return json.loads(HISTORY.read_text())
    except (OSError, ValueError):
        return {}


def save_durations(before, programs):
    """Writes the seconds of these programs beside those of earlier runs."""
    before.update({one.name: round(one.seconds, 1) for one in programs})
    HISTORY.parent.mkdir(exist_ok=True)
    HISTORY.write_text(json.dumps(before, indent=1, sort_keys=True) + "\n")
