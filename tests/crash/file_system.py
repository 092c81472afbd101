"""A file system that loses what was not synced, as far as POSIX allows it.

A file has bytes that are on the disk, and changes that are not yet. A folder likewise has names that
are on the disk, and changes of names that are not yet. Syncing a file makes its bytes safe, but not its
name. Syncing a folder makes the names in it safe. A crash keeps of each file and of each folder the
first few of its changes: none, some or all. What it keeps of one says nothing of another.
"""
import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

# What a crash leaves, by path: the bytes of a file, `None` for a folder.
State = dict[str, bytes | None]


@dataclass(frozen=True)
class Open:
    """Opens a file or a folder. Later operations name it by `handle`."""
    handle: int
    path: str
    creates: bool = False
    truncates: bool = False


@dataclass(frozen=True)
class Write:
    """Writes `data` at `offset`; `None` is the end of the file."""
    handle: int
    offset: int | None
    data: bytes


@dataclass(frozen=True)
class Truncate:
    """Makes a file shorter, or longer by zeros."""
    handle: int
    length: int


@dataclass(frozen=True)
class Sync:
    """Ends a sync of a file or a folder. It covers the first `n_before` operations of the log: others
    were not done yet when it began."""
    handle: int
    n_before: int


@dataclass(frozen=True)
class MakeFolder:
    path: str


@dataclass(frozen=True)
class Rename:
    path: str
    target: str


@dataclass(frozen=True)
class Link:
    path: str
    target: str


@dataclass(frozen=True)
class Remove:
    """Removes the name of a file or of an empty folder."""
    path: str


@dataclass(frozen=True)
class Report:
    """The program prints a result."""


@dataclass(frozen=True)
class Nothing:
    """Takes the place of an operation that is left out."""


Operation = Open | Write | Truncate | Sync | MakeFolder | Rename | Link | Remove | Report | Nothing


@dataclass(eq=False)
class File:
    synced: bytes = b""
    # Writes and truncations, each with its index in the log.
    pending: list[tuple[int, Write | Truncate]] = field(default_factory=list)

    def content(self, n_changes: int | None = None) -> bytes:
        """The bytes after the first few pending changes; after all by default."""
        content = bytearray(self.synced)
        for _, change in self.pending[:n_changes]:
            if isinstance(change, Truncate):
                content = content[:change.length].ljust(change.length, b"\0")
            else:
                offset = len(content) if change.offset is None else change.offset
                content = content.ljust(offset, b"\0")
                content[offset:offset + len(change.data)] = change.data
        return bytes(content)

    def zero_filled(self) -> bytes:
        """The size of all changes with the bytes of none."""
        length = len(self.content())
        return self.synced[:length].ljust(length, b"\0")

    def torn(self, generator: random.Random) -> bytes:
        """The first few changes, and some bytes of the next one."""
        n = generator.randint(0, len(self.pending))
        content = self.content(n)
        longer = self.content(n + 1)
        return longer[:generator.randint(min(len(content), len(longer)), len(longer))]

    def sync(self, n_before: int):
        n = sum(index < n_before for index, _ in self.pending)
        self.synced = self.content(n)
        self.pending = self.pending[n:]


@dataclass(eq=False)
class Folder:
    synced: dict[str, "File | Folder"] = field(default_factory=dict)
    # Names that are set or (`None`) removed at once, each change with its index in the log.
    pending: list[tuple[int, dict[str, "File | Folder | None"]]] = field(default_factory=list)

    def entries(self, n_changes: int | None = None) -> dict[str, "File | Folder"]:
        """The names after the first few pending changes; after all by default."""
        entries = dict(self.synced)
        for _, change in self.pending[:n_changes]:
            entries.update(change)
        return {name: node for name, node in entries.items() if node is not None}

    def sync(self, n_before: int):
        n = sum(index < n_before for index, _ in self.pending)
        self.synced = self.entries(n)
        self.pending = self.pending[n:]


class FileSystem:
    """Replays operations, and says what a crash may leave."""

    def __init__(self, state: State):
        self.root = Folder()
        self.handles: dict[int, File | Folder] = {}
        self.n_operations = 0
        for path, content in sorted(state.items()):
            folder, name = self.place(path)
            folder.synced[name] = Folder() if content is None else File(content)

    def node(self, path: str) -> File | Folder:
        node = self.root
        for name in path.split("/"):
            if name != ".":
                node = node.entries()[name]
        return node

    def place(self, path: str) -> tuple[Folder, str]:
        """The folder that has the path, and the name in it."""
        above, _, name = path.rpartition("/")
        return self.node(above or "."), name

    def rename(self, path: str, names: dict[str, File | Folder | None]):
        folder, _ = self.place(path)
        folder.pending.append((self.n_operations, names))

    def change(self, operation: Write | Truncate):
        self.handles[operation.handle].pending.append((self.n_operations, operation))

    def replay(self, operation: Operation):
        match operation:
            case Open():
                self.open(operation)
            case Write() | Truncate():
                self.change(operation)
            case Sync(handle, n_before):
                self.handles[handle].sync(n_before)
            case MakeFolder(path):
                self.rename(path, {self.place(path)[1]: Folder()})
            case Remove(path):
                self.rename(path, {self.place(path)[1]: None})
            case Rename(path, target):
                self.move(path, target)
            case Link(path, target):
                self.rename(target, {self.place(target)[1]: self.node(path)})
            case Report() | Nothing():
                pass
        self.n_operations += 1

    def open(self, operation: Open):
        folder, name = self.place(operation.path)
        if operation.creates and name not in folder.entries():
            self.rename(operation.path, {name: File()})
        self.handles[operation.handle] = self.node(operation.path)
        if operation.truncates:
            self.change(Truncate(operation.handle, 0))

    def move(self, path: str, target: str):
        (folder, name), (other, new_name) = self.place(path), self.place(target)
        if folder is not other:
            raise ValueError(f"{path} is moved to another folder, which is not one step: {target}")
        self.rename(path, {name: None, new_name: self.node(path)})

    def folders(self) -> Iterator[tuple[str, Folder]]:
        """All folders with their paths."""
        found = [(".", self.root)]
        while found:
            path, folder = found.pop()
            yield path, folder
            for name, node in folder.entries().items():
                if isinstance(node, Folder):
                    found.append((f"{path}/{name}", node))

    def state(self, names: Callable[[Folder], int | None], data: Callable[[File], bytes]) -> State:
        """What is left if of each folder that many changes survive, and these bytes of each file."""
        state: State = {}

        def visit(folder: Folder, path: str):
            for name, node in folder.entries(names(folder)).items():
                if isinstance(node, Folder):
                    state[f"{path}{name}"] = None
                    visit(node, f"{path}{name}/")
                else:
                    state[f"{path}{name}"] = data(node)

        visit(self.root, "")
        return state

    def everything(self) -> State:
        """What is left without a crash, or after the program was killed."""
        return self.state(all_names, all_data)

    def states(self, generator: random.Random, n_mixtures: int) -> Iterator[tuple[str, State]]:
        """What a crash may leave now, each with a name."""
        yield "only what was synced", self.state(no_names, synced_data)
        yield "all that was issued", self.everything()
        yield "names without data", self.state(all_names, synced_data)
        yield "names with zeros", self.state(all_names, File.zero_filled)
        yield "data without names", self.state(no_names, all_data)
        pending = [(path, folder) for path, folder in self.folders() if folder.pending]
        for path, ahead in pending:
            yield f"names of {path} alone", self.state(lambda f: None if f is ahead else 0, all_data)
            yield f"all names but those of {path}", self.state(lambda f: 0 if f is ahead else None, all_data)
        for number in range(n_mixtures):
            yield f"mixture {number}", self.state(
                lambda folder: generator.randint(0, len(folder.pending)), lambda file: file.torn(generator))


def no_names(_folder: Folder) -> int:
    return 0


def all_names(_folder: Folder) -> None:
    return None


def synced_data(file: File) -> bytes:
    return file.synced


def all_data(file: File) -> bytes:
    return file.content()


def read_state(folder: Path) -> State:
    """The state that a folder is in."""
    return {str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
            for path in folder.rglob("*")}


def lay_out(state: State, folder: Path):
    """Makes a folder of a state."""
    for path, content in sorted(state.items()):
        if content is None:
            (folder / path).mkdir()
        else:
            (folder / path).write_bytes(content)


def digest(state: State) -> str:
    """Equal for equal states."""
    hasher = hashlib.blake2b(digest_size=16)
    for path, content in sorted(state.items()):
        kind = "folder" if content is None else f"file of {len(content)} bytes"
        hasher.update(f"{path}\n{kind}\n".encode() + (content or b""))
    return hasher.hexdigest()
