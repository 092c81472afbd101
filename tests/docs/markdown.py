"""Markdown as far as the checks of the documentation need it: fenced blocks, headings and links."""

import re
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(r"^(\s*)(```+|~~~+)\s*(\S*)\s*$")
HEADING = re.compile(r"^(#+) (.+?)\s*$")
LINK = re.compile(r"!?\[[^]]*\]\(([^)\s]+)\)")
INLINE_CODE = re.compile(r"`([^`]*)`")


@dataclass
class Block:
    """A fenced block: its language, the words behind it, and the text."""

    path: Path
    line: int
    language: str
    words: list[str]
    text: str

    @property
    def place(self) -> str:
        return f"{self.path.name}:{self.line}"


@dataclass
class Document:
    path: Path
    lines: list[str]
    blocks: list[Block] = field(default_factory=list)
    # Lines outside of blocks, with their numbers.
    prose: list[tuple[int, str]] = field(default_factory=list)

    @property
    def headings(self) -> list[str]:
        matches = (HEADING.match(line) for _, line in self.prose)
        return [match.group(2) for match in matches if match]

    @property
    def anchors(self) -> set[str]:
        return {anchor(heading) for heading in self.headings}

    @property
    def inline_code(self) -> list[tuple[int, str]]:
        return [(number, code) for number, line in self.prose for code in INLINE_CODE.findall(line)]

    @property
    def links(self) -> list[tuple[int, str]]:
        return [(number, target) for number, line in self.prose for target in LINK.findall(INLINE_CODE.sub("", line))]


def anchor(heading: str) -> str:
    """The anchor that GitHub and mdBook give a heading."""
    text = re.sub(r"[^\w\- ]", "", heading.lower())
    return text.strip().replace(" ", "-")


def read(path: Path) -> Document:
    """Reads a document; a block that is never closed is an error."""
    document = Document(path, path.read_text().splitlines())
    opened: tuple[int, str, str, str] | None = None
    text: list[str] = []
    for number, line in enumerate(document.lines, 1):
        fence = FENCE.match(line)
        if opened is None and fence:
            opened, text = (number, fence.group(1), fence.group(2), fence.group(3)), []
        elif opened is None:
            document.prose.append((number, line))
        elif fence and fence.group(2).startswith(opened[2]) and not fence.group(3):
            language, *words = opened[3].split(",")
            document.blocks.append(Block(path, opened[0], language, words, "\n".join(text) + "\n"))
            opened = None
        else:
            text.append(line.removeprefix(opened[1]))
    if opened is not None:
        raise ValueError(f"{path}:{opened[0]}: this block is never closed")
    return document
