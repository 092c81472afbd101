"""Tests of the model of a file system, and of what is read from strace.

    python3 -m unittest discover tests/crash
"""
import random
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

from file_system import (
    FileSystem, Link, MakeFolder, Nothing, Open, Operation, Remove, Rename, Report, State, Sync, Truncate, Write,
    digest, lay_out, read_state,
)
from recording import Recorder, UnknownOperation, record

# A careful writer: it replaces `out/a` and says so.
CAREFUL = [
    Open(1, "out/.a.part", creates=True),
    Write(1, 0, b"ne"),
    Write(1, 2, b"w"),
    Sync(1, 3),
    Rename("out/.a.part", "out/a"),
    Open(2, "out"),
    Sync(2, 6),
    Report(),
]

# As a Python program.
CAREFUL_PROGRAM = """
import os
os.makedirs("out/b")
part = os.open("out/.a.part", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
os.write(part, b"n")
os.pwrite(part, b"ew", 1)
os.fsync(part)
os.rename("out/.a.part", "out/a")
folder = os.open("out", os.O_RDONLY)
os.fsync(folder)
os.rmdir("b", dir_fd=folder)
print("done")
"""


def states(operations: list[Operation], before: State) -> dict[str, State]:
    """The states after all operations, by name."""
    file_system = FileSystem(before)
    for operation in operations:
        file_system.replay(operation)
    return dict(file_system.states(random.Random(1), 20))


def breaks_a_promise(operations: list[Operation], before: State) -> bool:
    """Whether a crash may leave `out/a` neither old nor new, or not new after it was reported."""
    file_system, is_reported = FileSystem(before), False
    for operation in operations:
        file_system.replay(operation)
        is_reported |= isinstance(operation, Report)
        for _, state in file_system.states(random.Random(1), 20):
            allowed = [b"new"] if is_reported else [b"old", b"new"]
            if state.get("out/a") not in allowed:
                return True
    return False


class Model(unittest.TestCase):
    before = {"out": None, "out/a": b"old"}

    def check(self, operations: list[Operation], expected: dict[str, State]):
        found = states(operations, self.before)
        for name, state in expected.items():
            self.assertEqual(found[name], {"out": None, **state}, name)

    def test_a_careful_writer_keeps_its_promises(self):
        self.assertFalse(breaks_a_promise(CAREFUL, self.before))

    def test_a_missing_sync_is_noticed(self):
        for index, operation in enumerate(CAREFUL):
            if isinstance(operation, Sync):
                careless = [*CAREFUL[:index], Nothing(), *CAREFUL[index + 1:]]
                self.assertTrue(breaks_a_promise(careless, self.before), operation)

    def test_a_folder_that_is_made_is_lost_unless_the_one_above_is_synced(self):
        made = [Open(1, "."), MakeFolder("out/b"), Open(2, "out/b/c", creates=True), Sync(2, 3), Open(3, "out/b"),
                Sync(3, 5)]
        self.check(made, {"only what was synced": {"out/a": b"old"}})
        self.check([*made, Sync(1, 6)], {"only what was synced": {"out/a": b"old"}})
        self.check([*made, Open(4, "out"), Sync(4, 7)], {
            "only what was synced": {"out/a": b"old", "out/b": None, "out/b/c": b""}})

    def test_a_name_without_its_bytes(self):
        self.check([Open(1, "out/b", creates=True), Write(1, 0, b"xyz")], {
            "only what was synced": {"out/a": b"old"},
            "names without data": {"out/a": b"old", "out/b": b""},
            "names with zeros": {"out/a": b"old", "out/b": b"\0\0\0"},
            "data without names": {"out/a": b"old"},
            "all that was issued": {"out/a": b"old", "out/b": b"xyz"},
        })

    def test_bytes_of_a_name_that_is_on_the_disk(self):
        self.check([Open(1, "out/a", truncates=True), Write(1, 0, b"n")], {
            "only what was synced": {"out/a": b"old"},
            "names with zeros": {"out/a": b"o"},
            "data without names": {"out/a": b"n"},
        })

    def test_a_mixture_keeps_the_first_bytes_of_a_file(self):
        found = states([Open(1, "out/a"), Write(1, 3, b"er"), Write(1, 5, b"!"), Truncate(1, 7)], self.before)
        whole = b"older!\0"
        kept = {state["out/a"] for name, state in found.items() if name.startswith("mixture")}
        self.assertTrue(all(whole.startswith(content) and len(content) >= 3 for content in kept), kept)
        self.assertGreater(len(kept), 3)

    def test_each_folder_loses_its_names_by_itself(self):
        before = {"x": None, "x/a": b"", "y": None, "y/b": b""}
        found = states([Remove("x/a"), Remove("y/b")], before)
        self.assertEqual(found["names of ./x alone"], {"x": None, "y": None, "y/b": b""})
        self.assertEqual(found["all names but those of ./x"], {"x": None, "x/a": b"", "y": None})

    def test_names_of_a_folder_are_kept_in_their_order(self):
        found = states([Remove("out/a"), MakeFolder("out/c"), Link("out/c", "out/d")], self.before)
        mixtures = [set(state) for name, state in found.items() if name.startswith("mixture")]
        possible = [{"out", "out/a"}, {"out"}, {"out", "out/c"}, {"out", "out/c", "out/d"}]
        self.assertTrue(all(state in possible for state in mixtures))
        self.assertTrue(all(state in mixtures for state in possible))

    def test_a_sync_covers_nothing_that_came_after_its_start(self):
        self.check([Open(1, "out/a"), Write(1, 0, b"n"), Write(1, 1, b"e"), Sync(1, 2)], {
            "only what was synced": {"out/a": b"nld"}})

    def test_a_move_to_another_folder_is_refused(self):
        with self.assertRaises(ValueError):
            states([MakeFolder("b"), Rename("out/a", "b/a")], self.before)

    def test_a_state_that_is_laid_out_is_read_again(self):
        state = {"a": None, "a/b": b"x", "a-": b"y", "c": None}
        with tempfile.TemporaryDirectory() as folder:
            lay_out(state, Path(folder))
            self.assertEqual(read_state(Path(folder)), state)
        self.assertNotEqual(digest(state), digest({**state, "c": b""}))


def recorded(*lines: str) -> list[Operation]:
    recorder = Recorder(Path("/home/study"), "out")
    for line in lines:
        recorder.read(line)
    return recorder.operations


def text(path: str) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in path.encode()) + '"'


class Recordings(unittest.TestCase):
    def test_calls_of_two_threads(self):
        operations = recorded(
            f'1 openat(AT_FDCWD, {text("out/a")}, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 4',
            f'2 openat(AT_FDCWD, {text("/home/study/out")}, O_RDONLY|O_CLOEXEC <unfinished ...>',
            f'1 write(4, {text("abc")}, 3) = 2',
            '2 <... openat resumed>) = 5',
            '2 fsync(5 <unfinished ...>',
            f'1 rename({text("out/a")}, {text("out/b")}) = 0',
            '2 <... fsync resumed>) = 0',
            f'1 unlinkat(5, {text("b")}, 0) = 0',
        )
        self.assertEqual(operations, [
            Open(1, "out/a", creates=True), Write(1, 0, b"ab"), Open(2, "out"), Rename("out/a", "out/b"),
            Sync(2, 3), Remove("out/b")])

    def test_a_name_is_used_before_its_call_is_seen_to_end(self):
        operations = recorded(
            f'1 openat(AT_FDCWD, {text("out")}, O_RDONLY|O_CLOEXEC) = 4',
            f'1 mkdir({text("out/a")}, 0777 <unfinished ...>',
            f'3 mkdir({text("out/a")}, 0777) = -1 EEXIST (File exists)',
            f'2 openat(AT_FDCWD, {text("out/a/b")}, O_WRONLY|O_CREAT, 0600) = 5',
            '2 fsync(4 <unfinished ...>',
            '3 fsync(4) = 0',
            '1 <... mkdir resumed>) = 0',
            '2 <... fsync resumed>) = 0',
        )
        self.assertEqual(operations, [
            Open(1, "out"), MakeFolder("out/a"), Open(2, "out/a/b", creates=True), Sync(1, 3), Sync(1, 3)])

    def test_a_number_is_used_again(self):
        operations = recorded(
            f'1 openat(AT_FDCWD, {text("out/a")}, O_WRONLY|O_CREAT, 0600) = 4',
            '1 close(4 <unfinished ...>',
            f'2 openat(AT_FDCWD, {text("/tmp/other")}, O_WRONLY|O_CREAT, 0600) = 4',
            '1 <... close resumed>) = 0',
            f'2 write(4, {text("abc")}, 3) = 3',
        )
        self.assertEqual(operations, [Open(1, "out/a", creates=True)])

    def test_positions_are_followed(self):
        operations = recorded(
            f'1 openat(AT_FDCWD, {text("out/a")}, O_WRONLY) = 4',
            f'1 writev(4, [{{iov_base={text("ab")}, iov_len=2}}, {{iov_base={text("c")}, iov_len=1}}], 2) = 3',
            '1 fcntl(4, F_DUPFD_CLOEXEC, 3) = 6',
            f'1 write(6, {text("d")}, 1) = 1',
            '1 lseek(4, 1, SEEK_SET) = 1',
            f'1 write(6, {text("e")}, 1) = 1',
            f'1 write(1, {text("result")}, 6) = 6',
        )
        self.assertEqual(operations[1:], [Write(1, 0, b"abc"), Write(1, 3, b"d"), Write(1, 1, b"e"), Report()])

    def test_what_fails_or_is_elsewhere_changes_nothing(self):
        self.assertEqual(recorded(
            f'1 mkdir({text("out")}, 0777) = -1 EEXIST (File exists)',
            f'1 unlink({text("/tmp/a")}) = 0',
            f'1 mkdir({text("out/../elsewhere")}, 0777) = 0',
            '1 --- SIGCHLD {si_signo=SIGCHLD} ---',
            '1 +++ exited with 0 +++',
        ), [])

    def test_a_thread_that_ends_with_the_process(self):
        self.assertEqual(recorded(
            f'1 mkdir({text("out")}, 0777 <unfinished ...>',
            f'2 unlink({text("out/a")} <unfinished ...>',
            '1 <... ??? resumed>)                = ?',
            '3 <... ??? resumed>)                = ?',
            '2 <... unlink resumed>)                = ?',
            '1 +++ exited with 0 +++',
        ), [])

    def test_what_is_not_known_is_an_error(self):
        for line in [
            f'1 symlink({text("a")}, {text("out/b")}) = 0',
            '1 fallocate(4, 0, 0, 100) = 0',
            f'1 rename({text("/tmp/a")}, {text("out/b")}) = 0',
            '1 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 7',
        ]:
            with self.assertRaises(UnknownOperation, msg=line):
                recorded(line)

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_a_program_is_recorded(self):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder).resolve()
            (home / "root").mkdir()
            ended = record([sys.executable, "-c", CAREFUL_PROGRAM], home / "root", "out", home / "log")
            self.assertEqual((ended.code, ended.output), (0, "done\n"))
            self.assertIsInstance(ended.operations[-1], Report)
            file_system = FileSystem({})
            for operation in ended.operations:
                file_system.replay(operation)
            self.assertEqual(file_system.everything(), read_state(home / "root"))
            self.assertEqual(file_system.everything(), {"out": None, "out/a": b"new"})


if __name__ == "__main__":
    unittest.main()
