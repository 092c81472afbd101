"""After a crash at any point the same command goes on, and loses nothing that was committed.

Usage, from anywhere in a clone:
    tests/crash/check_crash_points.py CNTFLOW                   a share of the crash points
    tests/crash/check_crash_points.py CNTFLOW --all --second 2  every crash point, and of runs after a crash
    tests/crash/check_crash_points.py CNTFLOW --scenario merge --every 3
    tests/crash/check_crash_points.py CNTFLOW --without-fsync folders

CNTFLOW is the program. `strace` must be installed. Small studies are run, and the operations by which
each changes its output folder are recorded. After each operation the power may fail. What is left then
is worked out by a model of a file system that loses what was not synced (file_system.py). Of each such
state:

    what earlier runs have committed is there, and once a result is printed, everything is
    `cntflow query` reads the committed rows
    the same command ends with the same exit code, and measures only what was not committed
    every table and every other file is that of the undisturbed run, and nothing else is left

With --second, runs that go on from such a state are recorded as well, and crash at each of their points.
With --without-fsync, operations that sync files or folders are left out of what was recorded. Then
states must be found that break a promise: the check would notice if the program forgot them. The
folders of states that fail are kept. All is faster with TMPDIR in memory.
"""
import argparse
import itertools
import json
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from file_system import (
    FileSystem, Folder, Nothing, Open, Operation, Report, State, Sync, Write, digest, lay_out, read_state,
)
from outcomes import Done, Outcome, Work, committed, networks_parts, require
from recording import record
from scenarios import OUT, SCENARIOS, WATCHED, Home, Scenario, settle, with_same_sources

# States that are in memory at a time.
N_AT_A_TIME = 64


@dataclass
class Recorded:
    """A run of a scenario's command to its end."""
    name: str
    scenario: Scenario
    home: Home
    before: State
    operations: list[Operation]
    expected: Outcome
    # What was done before, and must be kept.
    earlier: Done


@dataclass
class Crash:
    """A state that a crash leaves."""
    state: State
    # What was committed before.
    kept: Done
    is_reported: bool
    # Where and how, for messages.
    text: str


@dataclass
class Problem:
    """What is wrong with a state, and the folder where it can be looked at."""
    text: str
    where: str
    folder: Path

    @property
    def kind(self) -> str:
        """Alike for problems that begin alike: up to a colon, or to a number."""
        return re.split(r"[:\d]", self.text)[0]

    def __str__(self) -> str:
        return f"{self.where}: {self.text}; see {self.folder}"


def record_scenario(name: str, program: str, folder: Path) -> Recorded:
    """Runs a scenario, and records its command."""
    home = Home(folder / name, program)
    home.folder.mkdir()
    SCENARIOS[name].prepare(home)
    settle()
    return record_run(name, SCENARIOS[name], home, None)


def record_run(name: str, scenario: Scenario, home: Home, expected: Outcome | None) -> Recorded:
    """Records the command of a scenario. The model must end with what the program has left."""
    before = watched_state(home.folder)
    recording = record([home.program, *scenario.command], home.folder, WATCHED, home.folder.with_suffix(".log"))
    file_system = FileSystem(before)
    for operation in recording.operations:
        file_system.replay(operation)
    require(file_system.everything() == watched_state(home.folder), f"{name}: the recording is not complete")
    if expected is None:
        require(recording.code in (0, 3), f"{name}: ends with {recording.code}: {recording.output}")
        expected = Outcome.read(home.out, recording.code, scenario.twins)
    earlier = done_in(expected, before) if scenario.keeps_earlier else Done()
    return Recorded(name, scenario, home, before, recording.operations, expected, earlier)


def done_in(expected: Outcome, state: State) -> Done:
    """What is done in a state."""
    with tempfile.TemporaryDirectory() as folder:
        lay_out(state, Path(folder))
        return expected.done(Path(folder) / OUT)


def watched_state(folder: Path) -> State:
    state = read_state(folder)
    return {path: content for path, content in state.items() if path.split("/")[0] == WATCHED}


def without_fsync(recorded: Recorded, kind: str) -> list[Operation]:
    """The operations without those that sync files, or folders."""
    file_system = FileSystem(recorded.before)
    left = []
    for operation in recorded.operations:
        file_system.replay(operation)
        is_left_out = False
        if isinstance(operation, Sync):
            is_folder = isinstance(file_system.handles[operation.handle], Folder)
            is_left_out = is_folder == (kind == "folders")
        left.append(Nothing() if is_left_out else operation)
    return left


def is_point(operations: list[Operation], index: int) -> bool:
    """Whether a crash after this operation may leave other states than before. Writes to a file that
    follow each other are one point."""
    operation = operations[index]
    if isinstance(operation, Nothing) or (isinstance(operation, Open) and not operation.creates):
        return False
    if isinstance(operation, Write) and index + 1 < len(operations):
        following = operations[index + 1]
        return not (isinstance(following, Write) and following.handle == operation.handle)
    return True


def chosen_points(operations: list[Operation], every: int, seed: int) -> set[int]:
    """Each so many-th point, and the last."""
    points = [index for index in range(len(operations)) if is_point(operations, index)]
    return {*points[seed % every::every], points[-1]}


def crashes(recorded: Recorded, points: set[int], seed: int, n_mixtures: int) -> Iterator[Crash]:
    """The states after these points, each once."""
    file_system, kept = FileSystem(recorded.before), recorded.earlier
    paths, seen, is_reported = {}, set(), False
    for index, operation in enumerate(recorded.operations):
        file_system.replay(operation)
        if isinstance(operation, Open):
            paths[operation.handle] = operation.path
        if isinstance(operation, Sync) and is_commit(paths[operation.handle]):
            kept |= done_in(recorded.expected, file_system.everything())
        if isinstance(operation, Report):
            kept, is_reported = recorded.expected.everything, True
        if index not in points:
            continue
        generator = random.Random(f"{seed} {index}")
        for label, state in file_system.states(generator, n_mixtures):
            key = digest(state), kept, is_reported
            if key not in seen:
                seen.add(key)
                text = f"after operation {index} ({describe(operation, paths)}), {label}"
                yield Crash(state, kept, is_reported, text)


def is_commit(path: str) -> bool:
    """Whether a sync of this folder commits: rows, or the catalog of trained runs."""
    return path == OUT or path.endswith("/networks")


def describe(operation: Operation, paths: dict[int, str]) -> str:
    match operation:
        case Write(handle, _, data):
            return f"{len(data)} bytes to {paths[handle]}"
        case Sync(handle, _):
            return f"sync of {paths[handle]}"
        case Open(path=path):
            return f"open {path}"
    return str(operation)


def check(recorded: Recorded, crash: Crash, folder: Path):
    """Goes on from a state.

    Raises an exception if anything is not as it must be.
    """
    expected = recorded.expected
    home = with_same_sources(recorded.home, folder)
    lay_out(crash.state, folder)
    done = expected.done(home.out)
    lost = crash.kept.without(done)
    require(not lost, f"lost: {len(lost)} checkpoints and runs, {', '.join(lost[:3])}, ...")
    require_readable(home)
    ended = home.run(recorded.scenario.command)
    require(ended.returncode == expected.code, f"ends with {ended.returncode}: {ended.stderr.strip()}")
    expected.require_same(home.out)
    if recorded.scenario.keeps_earlier:
        require_nothing_twice(Work.read(ended.stdout), done, crash, expected)


def require_nothing_twice(work: Work, done: Done, crash: Crash, expected: Outcome):
    """What was committed before was not done again."""
    n_left = len(expected.everything.checkpoints - done.checkpoints)
    require(work.measured == n_left, f"measures {work.measured} checkpoints where {n_left} were not committed")
    n_left = len(expected.everything.runs - done.runs)
    require(work.trained == n_left, f"trains {work.trained} runs where {n_left} were not committed")
    require(not (crash.is_reported and work.evaluated), "evaluates experiments again")


def require_readable(home: Home):
    """The rows that are committed can be read."""
    if not networks_parts(home.out / "tables"):
        return
    query = home.run(["query", OUT, "SELECT checkpoint FROM networks", "--format", "json"])
    require(query.returncode == 0, f"cannot be read: {query.stderr.strip()}")
    names = [row["checkpoint"] for row in json.loads(query.stdout)]
    rows = committed(home.out / "tables")
    require(sorted(names) == sorted(rows), f"query reads {len(names)} rows where {len(rows)} are committed")


def problem_of(recorded: Recorded, crash: Crash, folder: Path) -> Problem | None:
    """What is wrong with a state; its folder stays then."""
    try:
        check(recorded, crash, folder)
    # Parts may be damaged in any way.
    except Exception as error:
        return Problem(str(error) or repr(error), crash.text, folder)
    shutil.rmtree(folder)
    return None


def problems(recorded: Recorded, found: Iterator[Crash], folder: Path, n_processes: int) -> Iterator[Problem | None]:
    """Checks states, a few at the same time; says of each what is wrong."""
    numbers, folder = itertools.count(), Path(tempfile.mkdtemp(dir=folder))
    with ThreadPoolExecutor(n_processes) as executor:
        while some := list(itertools.islice(found, N_AT_A_TIME)):
            tasks = [(crash, folder / f"state-{next(numbers)}") for crash in some]
            yield from executor.map(lambda task: problem_of(recorded, *task), tasks)


def check_run(recorded: Recorded, folder: Path, options: argparse.Namespace) -> int:
    """Checks the chosen points of a run; returns the number of states that fail."""
    began = time.monotonic()
    points = chosen_points(recorded.operations, options.every, options.seed)
    n_points = sum(is_point(recorded.operations, index) for index in range(len(recorded.operations)))
    found = crashes(recorded, points, options.seed, options.mixtures)
    n_states, failed = 0, Counter()
    for problem in problems(recorded, found, folder, options.processes):
        n_states += 1
        if problem is None:
            continue
        failed[problem.kind] += 1
        if failed[problem.kind] == 1:
            print(f"{recorded.name}: {problem}", flush=True)
        else:
            shutil.rmtree(problem.folder)
    print(f"{recorded.name}: {len(recorded.operations)} operations, {len(points)} of {n_points} points, "
          f"{n_states} states, {failed.total()} of them fail, {time.monotonic() - began:.0f} s", flush=True)
    return failed.total()


def second_runs(recorded: Recorded, folder: Path, options: argparse.Namespace) -> Iterator[Recorded]:
    """Recordings of runs that go on after a crash, which may crash as well."""
    points = chosen_points(recorded.operations, 1, 0)
    all_crashes = list(crashes(recorded, points, options.seed, options.mixtures))
    generator = random.Random(f"{options.seed} {recorded.name}")
    for crash in generator.sample(all_crashes, min(options.second, len(all_crashes))):
        home = with_same_sources(recorded.home, Path(tempfile.mkdtemp(dir=folder)) / "home")
        lay_out(crash.state, home.folder)
        print(f"{recorded.name}: goes on {crash.text}, and crashes once more")
        yield record_run(f"{recorded.name}, second", recorded.scenario, home, recorded.expected)


def check_notices(recorded: Recorded, folder: Path, options: argparse.Namespace) -> bool:
    """Whether a state fails without these syncs."""
    recorded.operations = without_fsync(recorded, options.without_fsync)
    points = chosen_points(recorded.operations, options.every, options.seed)
    found = crashes(recorded, points, options.seed, options.mixtures)
    noticed = next((problem for problem in problems(recorded, found, folder, options.processes) if problem), None)
    print(f"{recorded.name} without syncs of {options.without_fsync}: {noticed or 'nothing fails'}", flush=True)
    return noticed is not None


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda text: str(Path(text).resolve()))
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="only this one; may be repeated")
    parser.add_argument("--every", type=int, default=20, metavar="K", help="each K-th point (default 20)")
    parser.add_argument("--all", action="store_const", const=1, dest="every", help="every point")
    parser.add_argument("--seed", type=int, default=1, help="which points, and what the mixtures keep")
    parser.add_argument("--mixtures", type=int, default=3, help="random states at each point (default 3)")
    parser.add_argument("--second", type=int, default=0, metavar="N",
                        help="of each scenario, runs after a crash that crash as well (default 0)")
    parser.add_argument("--processes", type=int, default=2, help="states that are tried at the same time (default 2)")
    parser.add_argument("--without-fsync", choices=["files", "folders"], help="without what syncs these")
    return parser.parse_args()


def main():
    options = parse_arguments()
    folder = Path(tempfile.mkdtemp(prefix="crash-")).resolve()
    results = []
    for name in options.scenario or SCENARIOS:
        recorded = record_scenario(name, options.program, folder)
        if options.without_fsync:
            results.append(check_notices(recorded, folder, options))
            continue
        results.append(check_run(recorded, folder, options) == 0)
        for second in second_runs(recorded, folder, options):
            results.append(check_run(second, folder, options) == 0)
    if not all(results):
        sys.exit(f"failed; see {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
