#!/usr/bin/env python3
"""Measures how long a newcomer waits, in a fresh clone of the last commit without any cache.

    dev/first_run.py          demo, tests cold and warm, two edits, disk: half an hour on 2 cores
    dev/first_run.py --ci     also .ci/run, cold (in a second clone) and warm: half an hour more
    dev/first_run.py --only demo,test

Prints the table, and writes it into CONTRIBUTING.md and dev/first-run.json, from which a first
`make demo` estimates its duration. Run it while nothing else runs.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULT = ROOT / "dev" / "first-run.json"

# Titles and limits of the measurements, in seconds (disk: in GB).
GOALS = {
    "demo": ("bare clone → all files stored (`make demo`)", 600),
    "test_cold": ("then `make test`, cold", 600),
    "test_warm": ("`make test`, warm, nothing changed", 240),
    "edit_media": ("an edit in `shared/media` → that crate's tests done", 30),
    "edit_download": ("an edit in `functions/download` → the whole path tested", 180),
    "ci_cold": ("`.ci/run`, cold", 1500),
    "ci_warm": ("`.ci/run`, warm", 480),
    "disk_gb": ("disk after `make demo` and `make test`", 5),
    "first_line": ("silence before the first line", 1),
    "longest_silence": ("longest silence of `make demo`", 15),
}


class Clone:
    """A checkout with its own home folder."""

    def __init__(self, folder):
        self.folder = folder / "checkout"
        home = folder / "home"
        home.mkdir(parents=True)
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(self.folder)], check=True)
        old_home = pathlib.Path.home()
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "CARGO_HOME": str(home / ".cargo"),
            "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(old_home / ".rustup")),
            "LOCAL_PORT": str(free_port()),
        }
        caches = ("PIP_CACHE_DIR", "XDG_CACHE_HOME", "CARGO_TARGET_DIR", "MAKEFLAGS", "MAKELEVEL")
        for name in caches:
            self.environment.pop(name, None)

    def run(self, *command):
        """Runs a command, shows its output, and returns each line with its time in seconds."""
        print(f"\n== {' '.join(command)}", flush=True)
        began = time.monotonic()
        child = subprocess.Popen(
            command, cwd=self.folder, env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        lines = []
        for line in child.stdout:
            lines.append((time.monotonic() - began, line.rstrip()))
            print(f"{lines[-1][0]:7.1f}  {lines[-1][1]}", flush=True)
        code = child.wait()
        lines.append((time.monotonic() - began, ""))
        if code != 0:
            sys.exit(f"{' '.join(command)} ended with exit code {code}")
        return lines

    def edit(self, path):
        """Makes a change that must be compiled and has no effect."""
        with open(self.folder / path, "a", encoding="utf-8") as file:
            file.write("\n// An edit.\n")

    def size_gb(self):
        command = ["du", "-sk", str(self.folder)]
        usage = subprocess.run(command, check=True, capture_output=True, text=True)
        return int(usage.stdout.split()[0]) / 1e6


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def total_seconds(lines):
    return lines[-1][0]


def measure(clone, only):
    figures = {}
    wants = lambda name: not only or name in only
    if wants("demo"):
        lines = clone.run("make", "demo")
        stored = [when for when, line in lines if line.startswith("✓ Waiting for the files")]
        whens = [0.0] + [when for when, _ in lines]
        figures["demo"] = stored[0] if stored else total_seconds(lines)
        figures["first_line"] = lines[0][0]
        figures["longest_silence"] = max(b - a for a, b in zip(whens, whens[1:]))
    if wants("test"):
        figures["test_cold"] = total_seconds(clone.run("make", "test"))
        figures["disk_gb"] = clone.size_gb()
        figures["test_warm"] = total_seconds(clone.run("make", "test"))
    if wants("edit"):
        # The first run compiles the crate's few dependencies with its own features.
        clone.run("make", "test", "P=media")
        clone.edit("shared/media/src/lib.rs")
        figures["edit_media"] = total_seconds(clone.run("make", "test", "P=media"))
        clone.edit("functions/download/src/lib.rs")
        figures["edit_download"] = total_seconds(clone.run("make", "test", "T=whole_path"))
    clone.run("make", "down")
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ci", action="store_true", help="also .ci/run, in its own clone")
    parser.add_argument("--only", default="", help="some of demo, test, edit")
    options = parser.parse_args()
    only = set(filter(None, options.only.split(",")))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="wapi-media-first-run-"))
    try:
        clone = Clone(folder / "first")
        figures = measure(clone, only)
        steps = json.loads((clone.folder / ".local" / "durations.json").read_text())
        if options.ci:
            shutil.rmtree(folder / "first")
            clone = Clone(folder / "ci")
            figures["ci_cold"] = total_seconds(clone.run("bash", ".ci/run"))
            figures["ci_warm"] = total_seconds(clone.run("bash", ".ci/run"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    write_report(figures, steps)


def write_report(figures, steps):
    try:
        result = json.loads(RESULT.read_text())
    except (OSError, ValueError):
        result = {}
    result["measured"] = f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}"
    rounded = {key: round(value, 1) for key, value in figures.items()}
    result.setdefault("figures", {}).update(rounded)
    # By command and step, as dev/start.py records them.
    result.update(steps)
    RESULT.write_text(json.dumps(result, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    page = ROOT / "CONTRIBUTING.md"
    before, rest = page.read_text().split("<!-- first-run -->\n")
    after = rest.split("<!-- /first-run -->\n")[1]
    shown_table = f"{build_table(result)}\n\n({result['measured']}.)\n"
    page.write_text(f"{before}<!-- first-run -->\n{shown_table}<!-- /first-run -->\n{after}")
    print("\n" + shown_table)


def build_table(result):
    lines = ["| what | measured | goal |", "|---|---|---|"]
    for key, (title, goal) in GOALS.items():
        if key in result["figures"]:
            figure = format_figure(key, result["figures"][key])
            lines.append(f"| {title} | {figure} | ≤ {format_figure(key, goal)} |")
    return "\n".join(lines)


def format_figure(key, value):
    if key == "disk_gb":
        return f"{value:g} GB"
    if value < 60:
        return f"{value:g} s"
    return f"{int(value) // 60} min {int(value) % 60:02} s"


if __name__ == "__main__":
    main()
