#!/usr/bin/env python3
"""Checks how the crates and their files depend on each other.

    tests/rooms/check_rooms.py [--show]

- A crate depends only on crates above it in CRATES, the order of ARCHITECTURE.md.
- No crate holds more than a fifth of the lines of all crates, tests apart.
- Files that import each other in a circle are listed, with the reason, in circles.txt. There are at
  most eight such circles. One that is gone must leave the list.

The imports are read from the text of the files: `use` declarations, and paths that begin with a
child module. `pub use` counts as handing on, not as an import, so a circle that only `pub use`
closes is not seen. Tests are left out. Exit code 1 where a rule is broken; every breach is printed.
`--show` prints the circles with the imports that make them.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CIRCLES = Path(__file__).with_name("circles.txt")

# Each crate may use those before it.
CRATES = [
    "cntflow-network",
    "cntflow-metrics",
    "cntflow-storage",
    "cntflow-catalog",
    "cntflow-formats",
    "cntflow-architecture",
    "cntflow-sources",
    "cntflow-tables",
    "cntflow-zoo",
    "cntflow-dataflow",
    "cntflow-statistics",
    "cntflow-models",
    "cntflow-experiments",
    "cntflow-report",
    "cntflow-serve",
    "cntflow",
]
# Share of all lines that one crate may hold.
LARGEST_SHARE = 0.20
MOST_CIRCLES = 8


def dependencies(crate: str) -> list[str]:
    """The crates of this workspace that a crate depends on, tests aside."""
    manifest = (ROOT / "crates" / crate / "Cargo.toml").read_text()
    section = manifest.split("[dependencies]", 1)[1].split("\n[", 1)[0]
    return re.findall(r"^(cntflow-\w+)\.workspace", section, re.M)


def crate_breaches() -> list[str]:
    """Dependencies on crates that stand below, and crates that CRATES does not know."""
    breaches = []
    present = {path.parent.name for path in ROOT.glob("crates/*/Cargo.toml")}
    breaches += [f"crate {crate} is not in the order of CRATES" for crate in sorted(present - set(CRATES))]
    for crate in CRATES:
        if crate not in present:
            breaches.append(f"there is no crate {crate}")
            continue
        above = CRATES[: CRATES.index(crate)]
        for used in dependencies(crate):
            if used not in above:
                breaches.append(f"{crate} depends on {used}, which does not stand above it")
    return breaches


def size_breaches() -> list[str]:
    """Crates that hold too large a share of the lines, tests apart."""
    lines = {crate: sum(len(text.splitlines()) for text in Crate(crate).texts.values()) for crate in CRATES}
    total = sum(lines.values())
    return [
        f"{crate} has {n} of {total} lines, {n / total:.1%}; at most {LARGEST_SHARE:.0%} are allowed"
        for crate, n in lines.items()
        if n > LARGEST_SHARE * total
    ]


def module_of(path: Path, source: Path) -> tuple[str, ...]:
    """The module path of a file: `store/fetch.rs` is `("store", "fetch")`, the crate's root is `()`."""
    parts = list(path.relative_to(source).with_suffix("").parts)
    if parts[-1] in ("mod", "lib", "main"):
        parts.pop()
    return tuple(parts)


def split_group(text: str) -> list[str]:
    """The parts of `a, b::{c, d}` at the commas outside of braces."""
    parts, depth, start = [], 0, 0
    for index, sign in enumerate(text):
        depth += (sign == "{") - (sign == "}")
        if sign == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def flatten(tree: str) -> list[list[str]]:
    """All paths of a `use` tree as lists of names; `as` names are dropped."""
    tree = tree.strip()
    group = re.fullmatch(r"(.*?)\{(.*)\}", tree, re.S)
    if not group:
        return [tree.split(" as ")[0].strip().split("::")]
    before = [name for name in group[1].split("::") if name]
    paths = [before + path for part in split_group(group[2]) for path in flatten(part)]
    return [path[:-1] if path[-1] == "self" else path for path in paths]


def without_tests(text: str) -> str:
    """The text up to its unit tests, without comments."""
    text = text.split("#[cfg(test)]\nmod ", 1)[0]
    return re.sub(r"//[^\n]*", "", text)


class Crate:
    """The files of a crate with what each imports."""

    def __init__(self, name: str):
        source = ROOT / "crates" / name / "src"
        self.files = {module_of(path, source): path for path in sorted(source.rglob("*.rs"))}
        self.files = {module: path for module, path in self.files.items() if "tests" not in module}
        self.texts = {module: without_tests(path.read_text()) for module, path in self.files.items()}
        self.exports = {module: self.exported(module) for module in self.files}

    def uses(self, module: tuple[str, ...], public: bool) -> list[list[str]]:
        found = re.findall(r"^(pub(?:\([^)]*\))? )?use ([^;]+);", self.texts[module], re.M)
        return [path for visible, tree in found if bool(visible) == public for path in flatten(tree)]

    def exported(self, module: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        """Names that a file hands on, with their absolute paths."""
        paths = [self.absolute(module, path) for path in self.uses(module, public=True)]
        return {path[-1]: path for path in paths if path}

    def absolute(self, module: tuple[str, ...], path: list[str]) -> tuple[str, ...] | None:
        """A path from the crate's root; `None` of paths into other crates."""
        base, rest = list(module), list(path)
        if rest[0] == "crate":
            return tuple(rest[1:])
        if rest[0] not in ("self", "super"):
            return module + tuple(rest) if module + (rest[0],) in self.files else None
        while rest and rest[0] in ("self", "super"):
            if rest.pop(0) == "super":
                base.pop()
        return tuple(base + rest)

    def file_of(self, path: tuple[str, ...], depth: int = 0) -> tuple[str, ...] | None:
        """The module whose file defines what a path names, followed through what files hand on."""
        for end in range(len(path), -1, -1):
            module = path[:end]
            if module in self.files:
                name = path[end] if end < len(path) else None
                onward = self.exports[module].get(name)
                if onward and onward != path and depth < 8:
                    return self.file_of(onward + path[end + 1 :], depth + 1)
                return module
        return None

    def imports(self, module: tuple[str, ...]) -> dict[tuple[str, ...], set[str]]:
        """The files that a file imports, with the names."""
        paths = [self.absolute(module, path) for path in self.uses(module, public=False)]
        text = re.sub(r"^(pub(?:\([^)]*\))? )?use [^;]+;", "", self.texts[module], flags=re.M)
        children = {known[-1] for known in self.files if known and known[:-1] == module}
        for child, name in re.findall(r"(?<![\w:])(\w+)::(\w+)", text):
            if child in children:
                paths.append(module + (child, name))
        for tail in re.findall(r"(?<!\w)crate::((?:\w+::)*\w+)", text):
            paths.append(tuple(tail.split("::")))
        found: dict[tuple[str, ...], set[str]] = {}
        for path in paths:
            target = self.file_of(path) if path else None
            if target is not None and target != module:
                found.setdefault(target, set()).add(path[-1])
        return found


def circles(edges: dict) -> list[set]:
    """Strongly connected components of more than one file (Tarjan)."""
    order, low, stack, found = {}, {}, [], []

    def visit(node):
        order[node] = low[node] = len(order)
        stack.append(node)
        for target in edges[node]:
            if target not in order:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], order[target])
        if low[node] == order[node]:
            component = set()
            while True:
                component.add(last := stack.pop())
                if last == node:
                    break
            if len(component) > 1:
                found.append(component)

    for node in edges:
        if node not in order:
            visit(node)
    return found


def found_circles(show: bool) -> set[str]:
    """Every circle as a line: its files, sorted, separated by spaces."""
    lines = set()
    for name in CRATES:
        crate = Crate(name)
        edges = {module: crate.imports(module) for module in crate.files}
        for component in circles(edges):
            path = lambda module: str(crate.files[module].relative_to(ROOT / "crates"))
            lines.add(" ".join(sorted(path(module) for module in component)))
            for module in sorted(component) if show else ():
                for target, names in sorted(edges[module].items()):
                    if target in component:
                        print(f"{path(module)} -> {path(target)}: {', '.join(sorted(names))}")
            if show:
                print()
    return lines


def circle_breaches(show: bool) -> list[str]:
    """Circles without a reason, reasons without a circle, and too many of them."""
    listed = [line for line in CIRCLES.read_text().splitlines() if line and not line.startswith("#")]
    known = {line.split(": ", 1)[0] for line in listed}
    found = found_circles(show)
    breaches = [f"a circle that circles.txt does not list: {line}" for line in sorted(found - known)]
    breaches += [f"circles.txt lists a circle that is gone: {line}" for line in sorted(known - found)]
    if len(found) > MOST_CIRCLES:
        breaches.append(f"{len(found)} circles between files; at most {MOST_CIRCLES} are allowed")
    return breaches


def main() -> int:
    show = "--show" in sys.argv[1:]
    breaches = crate_breaches() + size_breaches() + circle_breaches(show)
    for breach in breaches:
        print(breach, file=sys.stderr)
    if not breaches:
        print(f"{len(CRATES)} crates in order, {len(found_circles(False))} circles between files")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
