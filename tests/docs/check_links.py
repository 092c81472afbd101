#!/usr/bin/env python3
"""Checks that the documentation holds together, without running anything.

    tests/docs/check_links.py

Relative links lead to files, and anchors to headings. Every chapter is in SUMMARY.md. README has at
most 100 lines. Source files that ARCHITECTURE.md and CONTRIBUTING.md name exist: a path below a heading that names a
crate is relative to the crate's folder `src`, any other to the root of the repository.
"""

import re
import sys
from pathlib import Path

import markdown

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "docs" / "src"
README_LINES = 100
# A path in backticks: a file with one of these endings, or a folder with a slash behind it.
PATH = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:rs|py|md|toml|txt|ipynb)|(?:[\w.-]+/)+)`")
CRATE = re.compile(r"`(cntflow(?:-\w+)?)`")
# Documents whose paths are checked. Elsewhere a path may be one that the reader makes.
NAMES_FILES = ["ARCHITECTURE.md", "CONTRIBUTING.md"]


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *BOOK.glob("*.md")])


def dead_links(document: markdown.Document) -> list[str]:
    """Relative links that lead nowhere, and links out of the book, which the built book has no files for."""
    found = []
    for number, target in document.links:
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (document.path.parent / file).resolve() if file else document.path
        place = f"{document.path.relative_to(ROOT)}:{number}"
        if not path.exists():
            found.append(f"{place}: {target} does not exist")
        elif document.path.parent == BOOK and BOOK not in path.parents:
            found.append(f"{place}: {target} is not part of the book")
        elif anchor and anchor not in markdown.read(path).anchors:
            found.append(f"{place}: {path.name} has no heading for #{anchor}")
    return found


def not_in_summary() -> list[str]:
    listed = {target for _, target in markdown.read(BOOK / "SUMMARY.md").links}
    chapters = {path.name for path in BOOK.glob("*.md")} - {"SUMMARY.md"}
    return [f"docs/src/SUMMARY.md: {name} is missing" for name in sorted(chapters - listed)]


def missing_files(document: markdown.Document) -> list[str]:
    found, base = [], ROOT
    for number, line in document.prose:
        if heading := markdown.HEADING.match(line):
            crate = CRATE.search(heading.group(2))
            base = ROOT / "crates" / crate.group(1) / "src" if crate else ROOT
            continue
        for name in PATH.findall(line):
            if not any((folder / name).exists() for folder in [base, ROOT]):
                found.append(f"{document.path.name}:{number}: there is no {name} in {base.relative_to(ROOT) or '.'}")
    return found


def main() -> int:
    read = [markdown.read(path) for path in documents()]
    found = [problem for document in read for problem in dead_links(document)] + not_in_summary()
    found += [problem for document in read if document.path.name in NAMES_FILES for problem in missing_files(document)]
    lines = len(markdown.read(ROOT / "README.md").lines)
    if lines > README_LINES:
        found.append(f"README.md: {lines} lines, at most {README_LINES}")
    for problem in found:
        print(problem)
    print(f"{len(read)} documents, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
