#!/usr/bin/env python3
"""Compiles and installs in parallel what a command needs, then runs the command.

    dev/start.py demo            the same as `make demo`
    dev/start.py test            the same as `make test`
    dev/start.py test --package=media --test=whole_path
    dev/start.py tools [NAME…]   only installs tools: local, build, checks

Both cargo and pip are slow the first time, so they run side by side. The first line appears at
once; further lines show the progress and the duration of the last run. Needs Python 3.11 or later
and only the standard library.
"""

import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

from test_runner import run_tests

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
TOOLS = ROOT / ".tools"
# Durations of earlier runs on this checkout, in seconds, by command and step.
HISTORY = LOCAL / "durations.json"
# Durations of a measured first run, for checkouts without a history.
MEASURED = ROOT / "dev" / "first-run.json"
PYTHON_MIN = (3, 11)
# The interval of progress lines without a terminal; on one, a line changes in place.
SECONDS_PER_LINE = 10.0
SECONDS_PER_FRAME = 0.2

FUNCTIONS = ["webhook", "download", "watch", "backfill", "deliver", "links", "events"]
# The binaries and tools that each command needs. All binaries are built with the features of the
# whole workspace, so that a dependency is compiled once for commands, functions and tests.
COMMANDS = {
    "demo": (["local", *FUNCTIONS], ["local"]),
    "chaos": (["local", "wapi-media", *FUNCTIONS], ["local"]),
    "up": (["local"], ["local"]),
    "deploy": (["local", *FUNCTIONS], ["local"]),
    "ls": (["local"], ["local"]),
    "logs": (["local"], ["local"]),
    "down": (["local"], ["local"]),
    "bench": (["bench"], ["build", "bench"]),
    "test": (None, ["local"]),
    "field": (None, ["local"]),
    "test-artefact": (None, ["local", "build"]),
}
ENVIRONMENTS = {
    "local": "the local AWS and the SAM command line",
    "build": "cargo-lambda and zig",
    "checks": "checkov and Node.js",
    "bench": "Node.js and the bench's Python packages",
}


class Failure(Exception):
    """An error that a person must correct; the text says what and how."""


def main(arguments):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    name, *rest = arguments or ["help"]
    if name == "tools":
        return build_and_install("tools", None, rest or ["local", "build"])
    if name not in COMMANDS:
        print(__doc__)
        return 2
    binaries, environments = COMMANDS[name]
    if name == "test":
        return run_tests(build_and_install(name, test_options(rest), environments), is_all=not rest)
    if name == "field":
        programs = build_and_install(name, test_options(["--test=whole_path"]), environments)
        program = next(one for one in programs if one["target"]["name"] == "whole_path")
        os.chdir(pathlib.Path(program["manifest_path"]).parent)
        os.execv(program["executable"], [program["executable"], "--nocapture", "field::"])
    if name == "test-artefact":
        build = [*test_options(["--test=artefact"]), "--features=whole-path/artefact"]
        return run_tests(build_and_install(name, build, environments))
    build = ["build", "--workspace"]
    if name == "bench":
        # Optimised, or its stand-ins would be what is measured.
        build = ["build", "--profile=bench", "--package=bench"]
    for binary in binaries:
        build += ["--bin", binary]
    # The first binary is the program. cargo names its path, because the folder is configurable.
    artifacts = build_and_install(name, build, environments)
    compiled = {one["target"]["name"]: one["executable"] for one in artifacts}
    program = compiled[binaries[0]]
    arguments = [name] if binaries[0] == "local" else []
    os.execv(program, [program, *arguments, *rest])


def test_options(options):
    """Returns cargo's options: the whole workspace, some packages, or some programs of it."""
    for option in options:
        if not option.startswith(("--package=", "--test=")):
            raise Failure(f"{option} is neither --package=NAME nor --test=NAME")
    packages = [one for one in options if one.startswith("--package=")]
    programs = [one for one in options if one.startswith("--test=")]
    return ["test", "--no-run", *(packages or ["--workspace"]), *programs]


def build_and_install(name, build, environments):
    """Compiles and installs side by side, and returns the executables that cargo built."""
    began = time.monotonic()
    check_python()
    jobs = [install for install in map(Install, environments) if install.is_needed()]
    if build is not None:
        check_cargo()
        jobs.insert(0, Compile(build))
    status = Status(name, jobs, began)
    status.begin()
    try:
        for job in jobs:
            job.start()
        while any(job.is_running() for job in jobs) and not any(job.failure for job in jobs):
            status.show()
            time.sleep(SECONDS_PER_FRAME)
    except KeyboardInterrupt:
        stop_jobs(jobs)
        raise
    failures = [job.failure for job in jobs if job.failure]
    stop_jobs(jobs)
    status.end(failed=bool(failures))
    if failures:
        raise Failure("\n".join(failures))
    save_durations(name, jobs)
    return next((job.executables for job in jobs if isinstance(job, Compile)), [])


def stop_jobs(jobs):
    """Stops the jobs that still run."""
    for job in jobs:
        job.stop()


class Job:
    """A child process that reports its progress."""

    def __init__(self, title):
        self.title = title
        self.detail = "starting"
        self.failure = None
        self.seconds = None
        self.children = []
        self.thread = threading.Thread(target=self.work, daemon=True)

    def start(self):
        self.thread.start()

    def is_running(self):
        return self.thread.is_alive()

    def work(self):
        began = time.monotonic()
        try:
            self.run()
        except Failure as failure:
            self.failure = str(failure)
        except Exception as error:  # noqa: BLE001: a thread's exception would be lost
            self.failure = f"{self.title}: {error!r}"
        self.seconds = time.monotonic() - began

    def spawn(self, command, **options):
        # Its own session, so that everything it starts is stopped with it.
        child = subprocess.Popen(command, cwd=ROOT, start_new_session=True, **options)
        self.children.append(child)
        # Linux divides the processor between sessions, and each has a niceness of its own.
        if niceness := os.nice(0):
            try:
                pathlib.Path(f"/proc/{child.pid}/autogroup").write_text(str(niceness))
            except OSError:
                pass
        return child

    def stop(self):
        for child in self.children:
            if child.poll() is None:
                try:
                    os.killpg(child.pid, signal.SIGTERM)
                except ProcessLookupError:
                    pass


class Compile(Job):
    """cargo, whose progress bar is parsed and shown as part of the status line."""

    PROGRESS = re.compile(r"Building \[[=> ]*\] (\d+)/(\d+)(?:: (.*))?")
    NOISE = re.compile(
        r"^\s*(Compiling|Downloading|Downloaded|Updating|Locking|Finished|Blocking|Fresh|Executable"
        r"|Checking|Building|Adding|Fetch|warning: unused manifest)\b"
    )

    def __init__(self, arguments):
        super().__init__("compiling")
        self.arguments = arguments
        self.done = 0
        self.total = 0
        self.compiled = 0
        self.executables = []

    def run(self):
        command = ["cargo", *self.arguments, "--locked", "--message-format=json-render-diagnostics"]
        environment = dict(
            os.environ,
            CARGO_TERM_PROGRESS_WHEN="always",
            CARGO_TERM_PROGRESS_WIDTH="120",
            CARGO_TERM_COLOR="never",
        )
        self.detail = "reading the lock file"
        child = self.spawn(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        said = []
        reader = threading.Thread(target=self.read_progress, args=(child.stderr, said), daemon=True)
        reader.start()
        for line in child.stdout:
            self.read_message(line)
        code = child.wait()
        reader.join()
        if code != 0:
            raise Failure("".join(said) + f"cargo {self.arguments[0]} ended with exit code {code}")

    def read_message(self, line):
        message = json.loads(line) if line.startswith("{") else {}
        if message.get("reason") != "compiler-artifact":
            return
        self.compiled += not message["fresh"]
        if message.get("executable"):
            self.executables.append(message)

    def read_progress(self, stream, said):
        """Parses stderr, where a carriage return ends cargo's progress bar."""
        text = ""
        while character := stream.read(1):
            if character not in "\r\n":
                text += character
                continue
            progress = self.PROGRESS.search(text)
            if progress:
                self.done, self.total = int(progress[1]), int(progress[2])
                self.detail = (progress[3] or "").removesuffix("...").strip()
            elif text.strip() and not self.NOISE.match(text):
                said.append(text + "\n")
            elif text.strip() and not self.total:
                self.detail = " ".join(text.split()[:2]).lower()
            text = ""

    def progress(self):
        count = f" {self.done} of {self.total}" if self.total else ""
        return f"{self.title}{count} ({self.detail})" if self.detail else f"{self.title}{count}"


class Install(Job):
    """A virtual environment with the pinned packages of a file in dev/requirements."""

    def __init__(self, name):
        super().__init__(f"installing {ENVIRONMENTS[name]}")
        self.folder = TOOLS / name
        self.requirements = ROOT / "dev" / "requirements" / f"{name}.txt"
        self.pinned = hashlib.sha256(self.requirements.read_bytes()).hexdigest()
        self.stamp = self.folder / ".installed"

    def is_needed(self):
        return not self.stamp.is_file() or self.stamp.read_text().strip() != self.pinned

    def run(self):
        log = LOCAL / "logs" / f"install-{self.folder.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        TOOLS.mkdir(exist_ok=True)
        self.detail = "waiting for another installation"
        with open(TOOLS / f"{self.folder.name}.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.is_needed():
                self.install(log)

    def install(self, log):
        with open(log, "w", encoding="utf-8") as out:
            self.detail = "virtual environment"
            # Without --clear, files of another version would stay.
            self.call([sys.executable, "-m", "venv", "--clear", str(self.folder)], out, log)
            # The files name every package, so --no-deps installs nothing that is not pinned.
            pip = [str(self.folder / "bin" / "python3"), "-m", "pip", "install", "--no-deps"]
            pip += ["--no-input", "--disable-pip-version-check", "--no-compile"]
            # And nothing whose hash is not in the file: no package is built from its source.
            pip += ["--require-hashes", "--only-binary=:all:", "--progress-bar=off"]
            self.call([*pip, "--requirement", str(self.requirements)], out, log)
        self.stamp.write_text(self.pinned + "\n")

    def call(self, command, out, log):
        child = self.spawn(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        last = []
        for line in child.stdout:
            out.write(line)
            last = [*last[-15:], line]
            if words := re.match(r"(?:Collecting|Downloading|Installing) (\S+)", line.strip()):
                self.detail = words[0].split("==")[0].split("-cp")[0].lower()[:60]
        if code := child.wait():
            raise Failure(
                f"{self.title} failed (exit code {code}). Is the Python package index reachable?\n"
                + "".join(last)
                + f"All of it: {log}"
            )

    def progress(self):
        return f"{self.title} ({self.detail})"


class Status:
    """The line that shows the progress of all jobs."""

    def __init__(self, name, jobs, began):
        self.name, self.jobs, self.began = name, jobs, began
        self.is_terminal = sys.stdout.isatty()
        self.last_line = 0.0
        self.before = last_duration(name, jobs)

    def begin(self):
        titles = " and ".join(job.title for job in self.jobs)
        before = f" It took {format_clock(self.before)} {self.when_measured()}." if self.before else ""
        if titles:
            say(f"… {self.name}: {titles}.{before}")

    def when_measured(self):
        return "last time" if HISTORY.is_file() else "when it was measured on 2 cores"

    def text(self):
        running = [job.progress() for job in self.jobs if job.is_running()]
        of = f" of about {format_clock(self.before)}" if self.before else ""
        return f"{format_clock(time.monotonic() - self.began)}{of}: " + " · ".join(running)

    def show(self):
        now = time.monotonic()
        if self.is_terminal:
            width = shutil.get_terminal_size().columns - 1
            sys.stdout.write("\r\033[K" + self.text()[:width])
            sys.stdout.flush()
        elif now - self.last_line >= SECONDS_PER_LINE:
            self.last_line = now
            say("  " + self.text())

    def end(self, failed):
        if self.is_terminal:
            sys.stdout.write("\r\033[K")
        sign = "✗" if failed else "✓"
        for job in self.jobs:
            count = f" {job.compiled} crates" if isinstance(job, Compile) else ""
            seconds = f" ({job.seconds:.1f} s)" if job.seconds is not None else ""
            say(f"{sign} {job.title}{count}{seconds}")


def last_duration(name, jobs):
    """Returns the seconds of the last run's longest job; the jobs run side by side."""
    try:
        history = json.loads((HISTORY if HISTORY.is_file() else MEASURED).read_text())
    except (OSError, ValueError):
        return None
    seconds = [history.get(f"{name}: {job.title}") for job in jobs]
    known = [one for one in seconds if one]
    return max(known, default=None)


def save_durations(name, jobs):
    """Writes the jobs' seconds into the history, by command and job."""
    try:
        history = json.loads(HISTORY.read_text())
    except (OSError, ValueError):
        history = {}
    for job in jobs:
        history[f"{name}: {job.title}"] = round(job.seconds, 1)
    LOCAL.mkdir(exist_ok=True)
    HISTORY.write_text(json.dumps(history, indent=1, sort_keys=True) + "\n")


def check_python():
    """Fails if Python is too old or cannot make virtual environments."""
    if sys.version_info[:2] < PYTHON_MIN:
        least = ".".join(map(str, PYTHON_MIN))
        raise Failure(
            f"Python {least} or later is needed; this is {sys.version.split()[0]}. "
            "Remedy: name another one: PYTHON=python3.12 make …"
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        remedy = "apt install python3-venv (Debian, Ubuntu)"
        raise Failure(f"Python has no venv module. Remedy: {remedy}.") from error


def check_cargo():
    """Fails if cargo is not installed."""
    if shutil.which("cargo") is None:
        raise Failure(
            "cargo is missing. Remedy: install Rust 1.95 or later from https://rustup.rs "
            "and open a new shell."
        )


def format_clock(seconds):
    """Returns `minutes:seconds`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def say(text):
    print(text, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]) or 0)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
