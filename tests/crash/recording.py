"""Records the operations by which a program changes a folder, in their order, with strace."""
import os
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from file_system import Link, MakeFolder, Open, Operation, Remove, Rename, Report, Sync, Truncate, Write

# All calls that take a path or a descriptor, and those that start threads and processes.
TRACED = "trace=%file,%desc,%process"

# Longer than any write.
LONGEST_TEXT = 1 << 28

# Calls that change no byte and no name. A call that is neither here nor handled ends the recording.
HARMLESS = set("""
    access faccessat faccessat2 stat lstat fstat newfstatat statx statfs fstatfs readlink readlinkat getcwd
    read pread64 readv preadv preadv2 getdents64 fadvise64 readahead
    chmod fchmod fchmodat utimensat flock ioctl
    pipe2 eventfd2 poll ppoll select pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait timerfd_create
    inotify_init1 inotify_add_watch inotify_rm_watch
    execve wait4 exit exit_group kill tgkill rt_sigqueueinfo pidfd_send_signal sync_file_range
""".split())

STANDARD_OUTPUT = 1

TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')


class UnknownOperation(Exception):
    """The program has done something of which it is not known what it changes."""


@dataclass
class Opened:
    """An open file or folder of those that are watched."""
    handle: int
    path: str
    position: int = 0
    appends: bool = False


@dataclass
class Call:
    """A system call. Its descriptor and what was done before are those of its start."""
    name: str
    text: str
    opened: Opened | None
    n_before: int
    result: int = 0

    @property
    def arguments(self) -> list[str]:
        # Texts are hexadecimal: no comma is in one.
        return self.text.split(", ")

    @property
    def bytes(self) -> list[bytes]:
        """The texts among the arguments."""
        texts = TEXT.findall(self.text)
        if any(dots for _, dots in texts):
            raise UnknownOperation(f"{self.name}: the recording has only a part of what was written")
        return [bytes.fromhex(text.replace("\\x", "")) for text, _ in texts]


class Recorder:
    """Makes operations of the lines of strace."""

    def __init__(self, root: Path, watched: str):
        self.root, self.watched = root, watched
        self.operations: list[Operation] = []
        self.descriptors: dict[int, Opened] = {}
        self.unfinished: dict[str, Call] = {}
        self.n_handles = 0

    def read(self, line: str):
        thread, _, text = line.strip().partition(" ")
        text = text.strip()
        if text.startswith(("---", "+++")):
            return
        if text.startswith("<... ??? resumed>"):
            # The process has ended while the thread was about to make a call.
            self.unfinished.pop(thread, None)
            return
        if resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", text):
            call = self.unfinished.pop(thread)
            call.text += resumed[1]
            self.end(call)
            return
        name, _, arguments = text.partition("(")
        if arguments.endswith("<unfinished ...>"):
            self.unfinished[thread] = self.begin(name, arguments.removesuffix("<unfinished ...>").rstrip())
        else:
            self.end(self.begin(name, arguments))

    def begin(self, name: str, text: str) -> Call:
        first = re.match(r"\d+", text)
        opened = self.descriptors.get(int(first[0])) if first else None
        call = Call(name, text, opened, len(self.operations))
        if name == "close":
            # Now: another thread may get the number before this call is seen to end.
            self.descriptors.pop(int(first[0]), None)
        return call

    def end(self, call: Call):
        ended = re.match(r"(.*)\) += (\S+)", call.text)
        if not ended:
            raise UnknownOperation(f"{call.name}({call.text[:200]}")
        call.text = ended[1]
        if call.name == "close" or ended[2] == "?" or ended[2].startswith("-"):
            return
        call.result = int(ended[2], 0)
        handler = getattr(self, f"on_{call.name}", None)
        if handler:
            handler(call)
        elif call.name not in HARMLESS:
            raise UnknownOperation(f"{call.name}({call.text[:200]}")

    def add(self, operation: Operation):
        self.operations.append(operation)

    def add_name(self, call: Call, operation: MakeFolder | Rename | Link, name: str):
        """Adds what makes a name. Another thread may have used the name before the call was seen to end."""
        later = range(call.n_before, len(self.operations))
        index = next((i for i in later if uses(self.operations[i], name)), len(self.operations))
        self.operations.insert(index, operation)
        for i in range(index + 1, len(self.operations)):
            moved = self.operations[i]
            if isinstance(moved, Sync) and moved.n_before > index:
                self.operations[i] = replace(moved, n_before=moved.n_before + 1)
        for unfinished in self.unfinished.values():
            unfinished.n_before += unfinished.n_before > index

    def path(self, folder: str, text: bytes) -> str | None:
        """The path relative to the root, if it is watched."""
        path = text.decode()
        if folder != "AT_FDCWD" and not path.startswith("/"):
            above = self.descriptors.get(int(folder))
            if above is None:
                return None
            path = f"{above.path}/{path}"
        path = os.path.relpath(self.root / path, self.root)
        is_watched = path == "." or path.split("/")[0] == self.watched
        return path if is_watched else None

    def on_open(self, call: Call):
        self.opens(call, self.path("AT_FDCWD", call.bytes[0]), call.arguments[1])

    def on_openat(self, call: Call):
        self.opens(call, self.path(call.arguments[0], call.bytes[0]), call.arguments[2])

    def opens(self, call: Call, path: str | None, flags: str):
        if path is None:
            return
        flags = flags.split("|")
        if "O_TMPFILE" in flags:
            raise UnknownOperation(f"a file without a name in {path}")
        self.n_handles += 1
        self.descriptors[call.result] = Opened(self.n_handles, path, appends="O_APPEND" in flags)
        self.add(Open(self.n_handles, path, "O_CREAT" in flags, "O_TRUNC" in flags))

    def on_write(self, call: Call):
        if opened := call.opened:
            data = b"".join(call.bytes)[:call.result]
            self.add(Write(opened.handle, None if opened.appends else opened.position, data))
            opened.position += len(data)
        elif int(call.arguments[0]) == STANDARD_OUTPUT:
            self.add(Report())

    on_writev = on_write

    def on_pwrite64(self, call: Call):
        if call.opened:
            data = call.bytes[0][:call.result]
            self.add(Write(call.opened.handle, int(call.arguments[-1]), data))

    def on_lseek(self, call: Call):
        if call.opened:
            call.opened.position = call.result

    def on_ftruncate(self, call: Call):
        if call.opened:
            self.add(Truncate(call.opened.handle, int(call.arguments[1])))

    def on_fsync(self, call: Call):
        if call.opened:
            self.add(Sync(call.opened.handle, call.n_before))

    on_fdatasync = on_fsync

    def on_dup(self, call: Call):
        if call.opened:
            self.descriptors[call.result] = call.opened

    on_dup2 = on_dup3 = on_dup

    def on_fcntl(self, call: Call):
        if call.arguments[1].startswith("F_DUPFD"):
            self.on_dup(call)

    def on_mmap(self, call: Call):
        descriptor = call.arguments[4]
        is_ours = descriptor.isdigit() and int(descriptor) in self.descriptors
        if is_ours and "MAP_SHARED" in call.arguments[3] and "PROT_WRITE" in call.arguments[2]:
            raise UnknownOperation("a watched file is mapped to be written")

    def on_clone(self, call: Call):
        if "CLONE_FILES" not in call.text:
            raise UnknownOperation("another process, whose descriptors are not known")

    on_clone3 = on_clone

    def on_mkdir(self, call: Call):
        self.makes(call, self.path("AT_FDCWD", call.bytes[0]))

    def on_mkdirat(self, call: Call):
        self.makes(call, self.path(call.arguments[0], call.bytes[0]))

    def makes(self, call: Call, path: str | None):
        if path is not None:
            self.add_name(call, MakeFolder(path), path)

    def on_unlink(self, call: Call):
        self.removes(self.path("AT_FDCWD", call.bytes[0]))

    on_rmdir = on_unlink

    def on_unlinkat(self, call: Call):
        self.removes(self.path(call.arguments[0], call.bytes[0]))

    def removes(self, path: str | None):
        if path is not None:
            self.add(Remove(path))

    def on_rename(self, call: Call):
        self.names(call, Rename, *(self.path("AT_FDCWD", text) for text in call.bytes))

    def on_renameat(self, call: Call):
        folders = call.arguments[0], call.arguments[2]
        self.names(call, Rename, *map(self.path, folders, call.bytes))

    def on_renameat2(self, call: Call):
        if "RENAME_EXCHANGE" in call.arguments[4]:
            raise UnknownOperation("two files change their names")
        self.on_renameat(call)

    def on_link(self, call: Call):
        self.names(call, Link, *(self.path("AT_FDCWD", text) for text in call.bytes))

    def on_linkat(self, call: Call):
        folders = call.arguments[0], call.arguments[2]
        self.names(call, Link, *map(self.path, folders, call.bytes))

    def names(self, call: Call, kind: type[Rename] | type[Link], path: str | None, target: str | None):
        if (path is None) != (target is None):
            raise UnknownOperation(f"a name comes into the folder or leaves it: {path}, {target}")
        if path is not None:
            self.add_name(call, kind(path, target), target)


def uses(operation: Operation, name: str) -> bool:
    """Whether an operation needs that a name is there."""
    paths = [getattr(operation, key, None) for key in ("path", "target")]
    return any(path is not None and (path == name or path.startswith(f"{name}/")) for path in paths)


@dataclass
class Recording:
    operations: list[Operation]
    code: int
    output: str


def record(command: list[str], root: Path, watched: str, log: Path) -> Recording:
    """Runs a command in the folder `root`, and records what it does to the folder `watched` in it."""
    tracer = ["strace", "-f", "-xx", "--seccomp-bpf", "-s", str(LONGEST_TEXT), "-o", str(log), "-e", TRACED]
    run = subprocess.run([*tracer, *command], cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    recorder = Recorder(root, watched)
    with open(log) as lines:
        for line in lines:
            recorder.read(line)
    return Recording(recorder.operations, run.returncode, run.stdout)
