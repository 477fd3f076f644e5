"""Installs and starts an example with the commands of its README, in a folder of its own."""

import hashlib
import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

from .report import wait_until

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent
ROOT = EXAMPLES.parent
WORK = ROOT / ".tools" / "examples"
# The port in the commands of each README.
README_PORT = "8000"


def read_commands(name):
    """The commands of a README's first block, without those that only change the folder."""
    text = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```sh\n(.*?)```", text, re.DOTALL)[1]
    block = re.sub(r"\\\n\s*", "", block)
    lines = [line.split(" #")[0].strip() for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "cd "))]


def free_port():
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Application:
    """An example: its copy under .tools/examples, and its process while it runs."""

    path, page = "/webhook/receive/", "/"
    max_start_seconds = 30
    # The answers to a wrong signature, and to a signed body that is no JSON.
    refused, no_json = (400, 401), range(200, 300)
    # Whether the same webhook several times at once is done once.
    is_atomic = True

    def __init__(self, name, path, report):
        self.name, self.report = name, report
        self.folder = WORK / name
        self.environment = dict(os.environ, PATH=path, PYTHONDONTWRITEBYTECODE="1")
        self.port, self.process = free_port(), None
        commands = read_commands(name)
        self.install_command, self.start_command = commands[0], None
        self.other_commands = []
        for command in commands[1:]:
            if command.endswith("&"):
                self.start_command = command.rstrip("& ")
            elif command.startswith("export "):
                # The secret is the test's own; what else is exported is in quotes or without.
                exported = re.findall(r"\b(?!WAPI_MEDIA_SECRET)(\w+)=(\S+)", command)
                self.environment.update(exported)
            elif self.start_command is None or command is commands[-1]:
                self.other_commands.append(command)
            # What stands between the two waits until it answers, as `start` does.
        self.log = WORK / f"{name}.log"

    @property
    def url(self):
        """The URL for the receiver."""
        return f"http://127.0.0.1:{self.port}{self.path}"

    def install(self):
        """Copies the example and installs its dependencies, unless that was done before."""
        source = EXAMPLES / self.name
        ignored = shutil.ignore_patterns(".venv", "node_modules", "*.sqlite3*", "__pycache__")
        kept = (".venv", "node_modules", ".installed")
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in self.folder.iterdir():
            if old.name not in kept:
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        shutil.copytree(source, self.folder, dirs_exist_ok=True, ignore=ignored)
        shutil.copy(EXAMPLES / "post.py", WORK)
        pins = [self.folder / one for one in ("requirements.txt", "package-lock.json")]
        pinned = self.install_command.encode() + b"".join(
            one.read_bytes() for one in pins if one.exists()
        )
        pinned = hashlib.sha256(pinned).hexdigest()
        stamp = self.folder / ".installed"
        if not stamp.exists() or stamp.read_text() != pinned:
            self.report.say(f"{self.name}: {self.install_command}")
            self.run(self.install_command)
            stamp.write_text(pinned)

    def run(self, command, **more):
        """Runs a command of the README in the copy. Fails with what it printed."""
        command = command.replace(README_PORT, str(self.port))
        environment = {**self.environment, **more}
        done = subprocess.run(
            command, shell=True, cwd=self.folder, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        if done.returncode:
            raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def prepare(self, database, secret):
        """Sets the environment, and runs what the README says before the start."""
        self.environment["DATABASE"] = str(database)
        self.environment.pop("WAPI_MEDIA_SECRET", None)
        if secret:
            self.environment["WAPI_MEDIA_SECRET"] = secret
        for command in self.other_commands[:-1]:
            self.run(command)

    def start(self):
        """Starts the application, and waits until it answers."""
        command = self.start_command.replace(README_PORT, str(self.port))
        with open(self.log, "a", encoding="utf-8") as log:
            # A session of its own, so that npm's child ends with it.
            self.process = subprocess.Popen(
                command, shell=True, cwd=self.folder, env=self.environment,
                stdout=log, stderr=log, start_new_session=True,
            )
        wait_until(f"{self.name} answers", self.is_up_or_gone, self.max_start_seconds)
        return self.process.poll() is None

    def is_up_or_gone(self):
        """Whether it answers, or has ended by itself."""
        if self.process.poll() is not None:
            return True
        try:
            return "<h1>Pictures</h1>" in (self.get_page() or "")
        except OSError:
            return False

    def stop(self):
        """Ends the process and its children at once, as a crash would."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def send(self, body, headers):
        """Posts these bytes with exactly these headers, and returns the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", self.path, body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def get_page(self):
        """The text of the page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", self.page)
            answer = connection.getresponse()
            text = answer.read().decode()
            return text if answer.status == 200 else None
        finally:
            connection.close()
