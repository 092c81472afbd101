"""A cluster on three hosts, whose lines are cut: all processes end in time, and the same commands go on.

Usage, from anywhere in a clone, as root:
    tests/network/check_network.py CNTFLOW              every case, all at the same time
    tests/network/check_network.py CNTFLOW --cases power_loss,short_cut
    --rounds N          how often (default 1)
    --checkpoints N     number of checkpoints (default 3,000)
    --require           an error instead of "skipped" where the system has no such networks

CNTFLOW is the program. Each case has three hosts of its own: network namespaces on this machine, which a
bridge joins. Each host runs one process of a cluster, which measures checkpoints with two twins. While it is
at work:

    power_loss          a host is dead: it says nothing any more, and its process is gone
    one_host_cut        nothing comes from or to a host, for 30 seconds
    all_cut             the same for all hosts
    one_way_loss        what one host sends to another is lost; what the other sends arrives
    short_cut           all are cut, for 3 seconds
    flapping            now and then a host is cut for a moment
    slow_line           packets take 50 ms, and one of a hundred is lost

In the first four, all processes end within 15 seconds, with the same exit code, and name one that was lost.
The same commands, started again, then end with the tables of an undisturbed run. In the last three the run
survives, and has these tables.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "chaos"))

from hosts import Network, Refused, address, close_all, why_not
from measured_zoo import DONE, OPTIONS, compare, write_zoo
from processes import Processes, cluster_commands

N_HOSTS = 3
LOST = 1
ADDRESSES = [f"{address(host)}:21000" for host in range(N_HOSTS)]

# Within this time after an event, in seconds, all processes that it touches have ended.
NOTICED = 15

# How long a cut lasts, in seconds, and one that is too short to be noticed.
CUT, SHORT_CUT = 30, 3


class Skipped(Exception):
    """The system cannot do what a case needs."""


class Case:
    """One cluster on its hosts."""

    def __init__(self, program, whole, name):
        self.whole, self.here = whole, whole / name
        self.here.mkdir()
        (self.here / "zoo").symlink_to(whole / "zoo")
        (self.here / "secret").write_text(random.randbytes(32).hex())
        command = [program, "measure", "zoo", "--out", "out", *OPTIONS, "--secret-file", "secret"]
        self.network = Network(name.replace("_", "-"), N_HOSTS)
        commands = cluster_commands(command, self.here, ADDRESSES)
        self.commands = [self.network.command_on(host, command) for host, command in enumerate(commands)]

    def start(self):
        self.processes = Processes(self.commands, self.here)

    def start_work(self):
        """Starts the cluster, and waits until something was committed."""
        self.start()
        tables = self.here / "out/tables/networks"
        deadline = time.monotonic() + NOTICED
        while not any(tables.glob("*.parquet")):
            assert time.monotonic() < deadline, f"nothing was committed\n{self.said()}"
            assert all(self.processes.are_running()), f"ended before anything was committed\n{self.said()}"
            time.sleep(0.02)
        time.sleep(random.uniform(0, 1))
        assert all(self.processes.are_running()), f"done too soon; take more checkpoints\n{self.said()}"
        self.began = time.monotonic()

    def said(self):
        return "\n".join(f"process {host}: {self.processes.said(host)}" for host in range(N_HOSTS))

    def wait_for_ends(self, lost_of):
        """Waits until processes have ended because others are lost, and returns how long that took.

        `lost_of` has for each process those that it may name.
        """
        ends = {}
        while len(ends) < len(lost_of):
            running = self.processes.are_running()
            took = time.monotonic() - self.began
            ends |= {host: took for host in lost_of if not running[host] and host not in ends}
            assert took < NOTICED, f"processes {sorted(lost_of.keys() - ends.keys())} still run\n{self.said()}"
            time.sleep(0.02)
        for host, lost in lost_of.items():
            assert self.processes.children[host].returncode == LOST, f"exit codes differ\n{self.said()}"
            named = [f"process {other} at {ADDRESSES[other]} was lost" for other in lost]
            said = self.processes.said(host)
            assert any(name in said for name in named), f"process {host} names none of {lost}\n{self.said()}"
        return "ended after " + ", ".join(f"{took:.1f}" for _, took in sorted(ends.items())) + " s"

    def require_survival(self):
        """Waits until the run has ended, as if nothing had happened."""
        codes = self.processes.wait()
        assert codes == [DONE] * N_HOSTS, f"exit codes {codes}\n{self.said()}"
        compare(self.whole / "out", self.here / "out")
        return f"done after {time.monotonic() - self.began:.1f} s"

    def go_on(self):
        """Starts the same commands again."""
        self.start()
        self.began = time.monotonic()
        return f"then {self.require_survival()}"

    def wait_for_end_of_cut(self):
        time.sleep(max(0, self.began + CUT - time.monotonic()))


def power_loss(case):
    case.start_work()
    lost = random.randrange(N_HOSTS)
    case.network.power_off(lost)
    ended = case.wait_for_ends({host: [lost] for host in range(N_HOSTS) if host != lost})
    case.network.power_on(lost)
    return f"host {lost}", ended, case.go_on()


def one_host_cut(case):
    case.start_work()
    lost = random.randrange(N_HOSTS)
    case.network.cut(lost)
    others = [host for host in range(N_HOSTS) if host != lost]
    ended = case.wait_for_ends({lost: others} | {host: [lost] for host in others})
    case.wait_for_end_of_cut()
    case.network.join(lost)
    return f"host {lost}", ended, case.go_on()


def all_cut(case):
    case.start_work()
    for host in range(N_HOSTS):
        case.network.cut(host)
    ended = case.wait_for_ends({host: [other for other in range(N_HOSTS) if other != host] for host in range(N_HOSTS)})
    case.wait_for_end_of_cut()
    for host in range(N_HOSTS):
        case.network.join(host)
    return ended, case.go_on()


def one_way_loss(case):
    case.start_work()
    sender, receiver = random.sample(range(N_HOSTS), 2)
    case.network.lose(sender, receiver)
    # Without answers of the receiver, the sender is lost to it as well.
    ended = case.wait_for_ends({host: [sender, receiver] for host in range(N_HOSTS)})
    case.network.find(sender, receiver)
    return f"from host {sender} to {receiver}", ended, case.go_on()


def short_cut(case):
    case.start_work()
    for host in range(N_HOSTS):
        case.network.cut(host)
    time.sleep(SHORT_CUT)
    for host in range(N_HOSTS):
        case.network.join(host)
    return (case.require_survival(),)


def flapping(case):
    case.start_work()
    n_cuts = 0
    while all(case.processes.are_running()):
        host = random.randrange(N_HOSTS)
        case.network.cut(host)
        time.sleep(random.uniform(0, 0.1))
        case.network.join(host)
        n_cuts += 1
        time.sleep(random.uniform(0, 0.5))
    return f"{n_cuts} cuts", case.require_survival()


def slow_line(case):
    try:
        case.network.worsen(milliseconds=50, percent_lost=1)
    except Refused as error:
        raise Skipped(f"the kernel has no netem ({error})") from error
    case.start_work()
    return (case.require_survival(),)


CASES = [power_loss, one_host_cut, all_cut, one_way_loss, short_cut, flapping, slow_line]


def run_case(program, whole, run):
    """Runs a case; returns whether all was well."""
    case = Case(program, whole, run.__name__)
    try:
        print(f"{run.__name__}: {', '.join(run(case))}", flush=True)
    except Skipped as reason:
        print(f"{run.__name__}: skipped: {reason}", flush=True)
    except (AssertionError, Refused, SystemExit):
        print(f"{run.__name__}: failed\n{traceback.format_exc()}", flush=True)
        return False
    finally:
        case.network.close()
    shutil.rmtree(case.here)
    return True


def end(number, _):
    """Ends this program by a signal. Without their networks all cases end at once."""
    close_all()
    sys.exit(128 + number)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda text: str(Path(text).resolve()))
    parser.add_argument("--cases", type=lambda text: text.split(","), default=[case.__name__ for case in CASES])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--checkpoints", type=int, default=3000)
    parser.add_argument("--require", action="store_true")
    options = parser.parse_args()
    reason = why_not()
    if reason is not None:
        print(f"skipped: {reason}")
        sys.exit(1 if options.require else 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder)
        write_zoo(whole / "zoo", options.checkpoints)
        alone = [options.program, "measure", "zoo", "--out", "out", *OPTIONS]
        assert Processes([alone], whole).wait(patience=3600) == [DONE]
        cases = [case for case in CASES if case.__name__ in options.cases]
        are_well = []
        for _ in range(options.rounds):
            with ThreadPoolExecutor(len(cases)) as pool:
                are_well += pool.map(lambda case: run_case(options.program, whole, case), cases)
    sys.exit(0 if all(are_well) else 1)


if __name__ == "__main__":
    main()
