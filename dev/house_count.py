#!/usr/bin/env python3
"""Counts what a reader meets first in the code: lengths, names, documentation and comments.

    dev/house_count.py            the table, for the product, each of its parts, and the tests
    dev/house_count.py --names    also the one-word functions and the types named by a participle

The product is `shared/`, `functions/` and `cli/` without `tests/` folders and `#[cfg(test)]` items.
The count relies on rustfmt: an item ends at the closing brace in the column of its first line. A
function is counted from its signature to its brace. Test names are counted in all Rust files.
"""

import pathlib
import re
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PARTS = {
    "product": ["shared", "functions", "cli"],
    "shared": ["shared"],
    "functions": ["functions"],
    "cli": ["cli"],
    "tests and dev": ["tests", "dev"],
}
FUNCTION = re.compile(r"^(\s*)(?:pub(?:\([^)]*\))? )?(?:const )?(?:async )?(?:unsafe )?fn (\w+)")
TYPE = re.compile(r"^\s*(?:pub(?:\([^)]*\))? )?(?:struct|enum|trait|type|union) (\w+)")
# A module says on line 1 of its file what it is.
ITEM = "(?:fn|struct|enum|trait|type|const|static)"
PUBLIC = re.compile(rf"^\s*pub (?:const |async |unsafe )*{ITEM} ")
COMMENT = re.compile(r"^\s*//")
MAX_COLUMNS = 100
MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 450
# Nouns and adjectives that end as participles do.
NOT_PARTICIPLES = {
    "Need", "Seed", "Speed", "Feed", "Bed", "Thread", "Embed", "Token", "Screen", "Kitchen",
}
# Participles that do not end in -ed.
PARTICIPLES = {
    "Taken", "Seen", "Then", "Written", "Found", "Meant", "Said", "Made", "Given", "Left", "Sent",
    "Told", "Kept", "Lost", "Known", "Read", "Held", "Done", "Spent", "Brought", "Bought", "Gone",
    "Shown", "Unsaid",
}


class File:
    """A Rust file, without the items that only tests compile if `is_product`."""

    def __init__(self, path, is_product):
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines()
        self.lines = remove_tests(lines) if is_product else lines
        self.functions = list(list_functions(self.lines))


def remove_tests(lines):
    """Returns the lines without items under `#[cfg(test)]`."""
    kept, n = [], 0
    while n < len(lines):
        if lines[n].strip() == "#[cfg(test)]":
            n = find_item_end(lines, n + 1) + 1
            continue
        kept.append(lines[n])
        n += 1
    return kept


def find_item_end(lines, first):
    """Returns the last line of the item that begins at `first`."""
    indent = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
    for n in range(first, len(lines)):
        line = lines[n]
        if line.rstrip().endswith(";") and "{" not in line and n == first:
            return n
        if re.match(rf"^{indent}}}[;)]*$", line) or (n == first and line.rstrip().endswith("}")):
            return n
    return len(lines) - 1


def list_functions(lines):
    """Yields the name and length of each function, and whether it is a test."""
    for n, line in enumerate(lines):
        found = FUNCTION.match(line)
        if not found:
            continue
        end = n
        while end < len(lines) and not lines[end].rstrip().endswith((";", "{", "}")):
            end += 1
        if end < len(lines) and lines[end].rstrip().endswith(";"):
            continue
        last = find_item_end(lines, n)
        before = [one.strip() for one in lines[max(0, n - 6) : n]]
        is_test = any(one.startswith(("#[test]", "#[tokio::test")) for one in before[-4:])
        yield found[2], last - n + 1, is_test


def list_files(folders, is_product):
    """Yields the Rust files of the folders; of the product, those outside `tests` folders."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.rs")):
            inside = path.relative_to(ROOT).parts
            if "target" in inside or (is_product and "tests" in inside):
                continue
            yield File(path, is_product)


def is_participle(name):
    words = re.findall(r"[A-Z][a-z0-9]*", name)
    if len(words) != 1 or name in NOT_PARTICIPLES:
        return False
    return name in PARTICIPLES or name.endswith("ed")


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0


def percentage(part, whole):
    return 100 * len(part) / len(whole) if whole else 0


def is_documented(lines, n):
    while n > 0 and lines[n - 1].strip().startswith(("#[", ")]", "///")):
        n -= 1
        if lines[n].strip().startswith("///"):
            return True
    return False


def count_all(all_files):
    """Returns the rows of the table, the one-word functions and the participle types."""
    code = [one for file in all_files for one in file.functions if not one[2]]
    lengths = [length for _, length, _ in code]
    lines = [line for file in all_files for line in file.lines]
    comments = [line for line in lines if COMMENT.match(line)]
    plain = [line for line in comments if not re.match(r"^\s*//[/!]", line)]
    types = [found[1] for line in lines if (found := TYPE.match(line))]
    public = [
        is_documented(file.lines, n)
        for file in all_files
        for n, line in enumerate(file.lines)
        if PUBLIC.match(line)
    ]
    tests = [name for file in all_files for name, _, is_test in file.functions if is_test]
    words = [len(name.strip("_").split("_")) for name in tests]
    sizes = [len(file.lines) for file in all_files]
    one_word = [name for name, _, _ in code if "_" not in name.strip("_")]
    participles = [name for name in types if is_participle(name)]
    rows = {
        "files": len(sizes),
        "lines": sum(sizes),
        "functions": len(code),
        "function lines, median / p90 / max": f"{statistics.median(lengths):g} / "
        f"{percentile(lengths, 0.9)} / {max(lengths)}",
        f"functions above {MAX_FUNCTION_LINES} lines": sum(n > MAX_FUNCTION_LINES for n in lengths),
        f"files above {MAX_FILE_LINES} lines": sum(n > MAX_FILE_LINES for n in sizes),
        "one-word function names": f"{percentage(one_word, code):.0f} %",
        "types named by a participle": len(participles),
        "public items documented": f"{percentage([one for one in public if one], public):.0f} %",
        "comment lines that are not docs": f"{percentage(plain, lines):.1f} %",
        f"lines above {MAX_COLUMNS} columns": sum(len(line) > MAX_COLUMNS for line in lines),
        f"comment lines above {MAX_COLUMNS} columns": sum(
            len(line) > MAX_COLUMNS for line in comments
        ),
        "tests": len(tests),
        "words in a test name, median / max": f"{statistics.median(words):g} / {max(words)}"
        if words
        else "-",
    }
    return rows, sorted(set(one_word)), sorted(set(participles))


def main():
    counted = {
        part: count_all(list(list_files(folders, part != "tests and dev")))
        for part, folders in PARTS.items()
    }
    width = max(len(name) for name in counted["product"][0])
    print(" " * width, *(f"{part:>14}" for part in counted))
    for name in counted["product"][0]:
        print(f"{name:<{width}}", *(f"{rows[name]!s:>14}" for rows, _, _ in counted.values()))
    every = list(list_files(["shared", "functions", "cli", "tests", "dev"], False))
    words = [
        len(name.split("_")) for file in every for name, _, is_test in file.functions if is_test
    ]
    print(f"{len(words)} tests in all, {statistics.median(words):g} words at the median")
    if "--names" in sys.argv:
        for part, (_, one_word, participles) in counted.items():
            print(f"\n{part}, one word: {' '.join(one_word)}")
            print(f"{part}, participles: {' '.join(participles)}")


if __name__ == "__main__":
    main()
