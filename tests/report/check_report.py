#!/usr/bin/env python3
"""Checks the numbers of a report against the tables.

    tests/report/check_report.py PROGRAM FOLDER [--cells N] [--seed N]

Takes cells at random from all tables of FOLDER/report.html (50 by default), asks `cntflow query` the
SQL that stands beside each, and compares. A number of the page has six significant digits. Every
figure must have its SQL, every drawing a title and a description, and the page may load nothing.
"""
import argparse
import csv
import io
import random
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

# The page shows six digits.
TOLERANCE = 1e-5
MOST_BYTES = 5_000_000


class Page(HTMLParser):
    """The figures of a page: id, SQL and the rows of the table."""

    def __init__(self):
        super().__init__()
        self.figures, self.problems = [], []
        self.cell = self.sql = None

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag in ("link", "img", "iframe", "object") or "src" in attributes:
            self.problems.append(f"<{tag}>")
        if tag == "figure":
            self.figures.append({"id": attributes["id"], "sql": "", "header": [], "rows": []})
        elif tag == "tr" and self.figures:
            self.figures[-1]["rows"].append([])
        elif tag in ("td", "th"):
            self.cell = ""
        elif tag == "code" and attributes.get("class") == "sql":
            self.sql = ""
        elif tag == "svg" and attributes.get("role") == "img":
            for name in ("aria-labelledby", "aria-describedby"):
                if not attributes.get(name):
                    self.problems.append(f"a drawing without {name}")

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data
        elif self.sql is not None:
            self.sql += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.figures[-1]["rows"][-1].append(self.cell)
            self.cell = None
        elif tag == "code" and self.sql is not None:
            self.figures[-1]["sql"], self.sql = self.sql, None


def answer(program, folder, sql):
    command = [program, "query", folder, sql, "--format", "csv"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return list(csv.reader(io.StringIO(result.stdout)))


def is_same(shown, value):
    """Whether a cell of the page is a value of an answer."""
    try:
        number = float(value)
    except ValueError:
        return shown == {"true": "yes", "false": "no"}.get(value, value)
    return abs(float(shown) - number) <= TOLERANCE * abs(number)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("folder")
    parser.add_argument("--cells", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    html = (Path(arguments.folder) / "report.html").read_text()
    page = Page()
    page.feed(html)
    problems = page.problems
    if len(html.encode()) > MOST_BYTES:
        problems.append(f"{len(html.encode())} bytes, more than {MOST_BYTES}")
    if re.search(r"(src|href)=\"(?!#)", re.sub(r"<script.*?</script>", "", html, flags=re.S)):
        problems.append("something is loaded or linked")
    problems += [f"figure {figure['id']} has no SQL" for figure in page.figures if not figure["sql"]]
    cells = [(figure, row, column) for figure in page.figures
             for row in range(1, len(figure["rows"])) for column in range(len(figure["rows"][0]))]
    if len(cells) < arguments.cells:
        problems.append(f"only {len(cells)} cells in all tables")
    chosen = random.Random(arguments.seed).sample(cells, min(arguments.cells, len(cells)))
    answers = {}
    for figure, row, column in chosen:
        sql = figure["sql"]
        if sql not in answers:
            answers[sql] = answer(arguments.program, arguments.folder, sql)
        shown, value = figure["rows"][row][column], answers[sql][row][column]
        if not is_same(shown, value):
            problems.append(f"figure {figure['id']}, row {row}, {figure['rows'][0][column]}: {shown}, by its SQL {value}")
    if problems:
        sys.exit("\n".join(problems))
    print(f"{len(page.figures)} figures; {len(chosen)} cells of {len(answers)} of them are what their SQL says")


if __name__ == "__main__":
    main()
