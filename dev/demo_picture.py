#!/usr/bin/env python3
"""Draws what `make demo` printed as a terminal: `make demo | dev/demo_picture.py > docs/images/demo.svg`."""

import html
import re
import sys

# Maximum numbers of lines that the picture shows of the tree and of the table.
TREE_LINES = 10
TABLE_ROWS = 5
LINE_HEIGHT = 19
CHARACTER_WIDTH = 7.83
COLOURS = {"✓": "#7ee787", "file": "#79c0ff", "All": "#7ee787"}


def select_lines(lines):
    """Returns the lines of the picture: all steps, parts of the tree and the table, the result."""
    steps = [line for line in lines if line.startswith("✓") and "compiling" not in line]
    tree = [line for line in lines if re.match(r"local-|[│ ]*[├└]── ", line)]
    cells = [[cell.strip() for cell in re.split("[│┆]", line)[1:-1]] for line in lines if "┆" in line]
    cells = cells[: TABLE_ROWS + 1]
    cells = [[shorten_name(row[0]), *row[1:]] for row in cells]
    widths = [max(map(len, column)) for column in zip(*cells)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in cells]
    result = [line for line in lines if line.startswith("All ")]
    return ["$ make demo", *steps, "", *tree[:TREE_LINES], "…", "", *table, "…", "", *result]


def shorten_name(name):
    """Returns a file's name without the middle of its id and its digest."""
    return re.sub(r"_(\w{8})\w+-\w{26}", r"_\1…", name)


def draw_svg(lines):
    """Returns the lines as the SVG of a terminal."""
    width = round(max(map(len, lines)) * CHARACTER_WIDTH) + 32
    height = len(lines) * LINE_HEIGHT + 56
    texts = []
    for n, line in enumerate(lines):
        colour = COLOURS.get(line.split(" ")[0], "#e6edf3")
        text = html.escape(line).replace(" ", "\u00a0")
        texts.append(f'<text x="16" y="{52 + n * LINE_HEIGHT}" fill="{colour}">{text}</text>')
    dots = "".join(f'<circle cx="{20 + n * 18}" cy="18" r="5.5" fill="{colour}"/>'
                   for n, colour in enumerate(("#ff5f57", "#febc2e", "#28c840")))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n'
            "<title>What make demo prints</title>\n"
            '<style>text{font:13px ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}</style>\n'
            f'<rect width="{width}" height="{height}" rx="10" fill="#0d1117" stroke="#30363d"/>\n{dots}\n'
            + "\n".join(texts) + "\n</svg>\n")


if __name__ == "__main__":
    print(draw_svg(select_lines(sys.stdin.read().splitlines())), end="")
