#!/usr/bin/env python3
"""Refuses comments that are wider than 100 columns.

    tests/comments/check_width.py [--wrap] [FILE...]

Without files it checks every tracked source file. rustfmt breaks code but not comments, so nothing
else does this. A line that cannot be broken is allowed: a row of a Markdown table, or one word such
as a URL. With --wrap, paragraphs of whole-line comments that are too wide are wrapped in place.
"""

import argparse
import re
import subprocess
import sys
import textwrap
from itertools import groupby
from pathlib import Path

WIDTH = 100
ROOT = Path(__file__).resolve().parents[2]

# Marks that start a comment, by the ending of the file. A file without an ending is a shell script
# if it says so.
MARKS = {".rs": "//", ".py": "#", ".toml": "#", ".sh": "#", ".yml": "#"}
TRAILING = {"//": re.compile(r"[;,{}()\]]\s+// "), "#": re.compile(r"[\w)\]}\"']\s+# ")}
TABLE_ROW = re.compile(r"\s*(//[/!]|#)\s*\|")


def mark_of(path: Path) -> str | None:
    if path.suffix in MARKS:
        return MARKS[path.suffix]
    if path.suffix:
        return None
    with path.open(errors="replace") as file:
        first = file.readline()
    return "#" if first.startswith("#!") and ("bash" in first or "python" in first) else None


def is_comment(line: str, mark: str) -> bool:
    return line.lstrip().startswith(mark) or bool(TRAILING[mark].search(line))


def is_unbreakable(line: str, mark: str) -> bool:
    words = line.split()
    return bool(TABLE_ROW.match(line)) or (words[0].startswith(mark) and len(words) <= 2)


def too_wide(path: Path, mark: str) -> list[tuple[int, int]]:
    """Line numbers and widths of the comments of a file that are too wide."""
    lines = enumerate(path.read_text(errors="replace").splitlines(), 1)
    wide = ((number, line) for number, line in lines if len(line) > WIDTH)
    return [(number, len(line)) for number, line in wide if is_comment(line, mark) and not is_unbreakable(line, mark)]


# Indentation and mark of a line that is a comment and nothing else, and its text.
WHOLE_LINE = {"//": re.compile(r"(\s*//[/!]?)( .*|)$"), "#": re.compile(r"(\s*#)( .*|)$")}
LIST_ITEM = re.compile(r"([-*]|\d+\.) ")
STRUCTURE = re.compile(r"#+ |\||```|<!--|\[[^]]+\]: \S+$")


def paragraphs(texts: list[str]) -> list[list[str]]:
    """Splits the texts of neighbouring comment lines into paragraphs, list items and lines that stand alone."""
    parts: list[list[str]] = []
    in_code = joins = False
    for text in texts:
        stripped = text.strip()
        fence = stripped.startswith("```")
        in_item = bool(parts) and joins and bool(LIST_ITEM.match(parts[-1][0].strip()))
        preformatted = text.startswith("    ") and not in_item
        alone = in_code or fence or preformatted or not stripped or bool(STRUCTURE.match(stripped))
        in_code ^= fence
        if alone or not joins or LIST_ITEM.match(stripped):
            parts.append([text])
        else:
            parts[-1].append(text)
        joins = not alone
    return parts


def wrapped(part: list[str], prefix: str) -> list[str]:
    """The lines of a paragraph, wrapped where one of them is too wide."""
    if all(len(prefix) + len(text) <= WIDTH for text in part):
        return [prefix + text for text in part]
    if len(part) == 1 and STRUCTURE.match(part[0].strip()):
        return [prefix + part[0]]
    indent = " " * (len(part[0]) - len(part[0].lstrip()))
    item = LIST_ITEM.match(part[0].strip())
    hanging = indent + " " * len(item.group(0)) if item else indent
    words = " ".join(text.strip() for text in part)
    lines = textwrap.wrap(words, WIDTH - len(prefix), initial_indent=indent, subsequent_indent=hanging,
                          break_long_words=False, break_on_hyphens=False)
    return [prefix + line for line in lines]


def wrap_file(path: Path, mark: str) -> None:
    """Wraps the comments of a file that are too wide, and nothing else."""
    whole = WHOLE_LINE[mark]

    def prefix_of(line: str) -> str | None:
        match = whole.match(line)
        return match.group(1) if match and not line.startswith("#!") else None

    result: list[str] = []
    for prefix, lines in groupby(path.read_text().split("\n"), key=prefix_of):
        if prefix is None:
            result.extend(lines)
            continue
        texts = [whole.match(line).group(2) for line in lines]
        for part in paragraphs(texts):
            result.extend(wrapped(part, prefix))
    path.write_text("\n".join(result))


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and "data" not in path.relative_to(ROOT).parts]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wrap", action="store_true", help="wrap in place what can be wrapped")
    parser.add_argument("file", nargs="*", type=Path)
    arguments = parser.parse_args()
    paths = arguments.file or tracked()
    checked = wide = 0
    for path in paths:
        mark = mark_of(path)
        if mark is None:
            continue
        checked += 1
        if arguments.wrap and too_wide(path, mark):
            wrap_file(path, mark)
        for number, width in too_wide(path, mark):
            wide += 1
            print(f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:{number}: comment is {width} columns wide, "
                  f"at most {WIDTH}")
    print(f"{checked} files, {wide} comments too wide")
    return 1 if wide else 0


if __name__ == "__main__":
    sys.exit(main())
