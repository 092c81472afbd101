"""A cluster under faults gives the tables of an undisturbed run.

Usage, from anywhere in a clone:
    tests/chaos/check_chaos.py CNTFLOW                  one seed
    tests/chaos/check_chaos.py CNTFLOW --seeds 1-20     several
    --checkpoints N     number of checkpoints (default 2,000)

CNTFLOW is the program. Three processes measure checkpoints with two twins. Each seed has a budget of
faults, which come one after the other at random times:

    kill      SIGKILL of a process
    stop      SIGSTOP of a process for 30 seconds
    write     a process in which files cannot grow beyond a random size, as on a full disk
    signal    SIGTERM of a process

When the processes have ended, the same commands are started again, until all of them have done everything.
Then every table equals that of one process without faults, and nothing else is left in the folder.
"""
import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from measured_zoo import DONE, OPTIONS, TWINS, compare, write_zoo
from processes import Processes, cluster_commands, free_addresses, limit_files

N_PROCESSES = 3


def disturb(attempt, fault, generator):
    """Waits a random time, and disturbs a process."""
    time.sleep(generator.uniform(0.02, 1.2))
    child = generator.choice(attempt.children)
    if child.poll() is not None:
        return False
    if fault == "kill":
        child.kill()
    elif fault == "signal":
        child.terminate()
    elif fault == "stop":
        child.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        others = [other for other in attempt.children if other is not child]
        while any(other.poll() is None for other in others):
            took = time.monotonic() - began
            assert took < 30, "a stopped process was not noticed"
            time.sleep(0.1)
        time.sleep(max(0, 30 - (time.monotonic() - began)))
        child.send_signal(signal.SIGCONT)
    return True


def start(command, here):
    return Processes(cluster_commands(command, here, free_addresses(N_PROCESSES)), here)


def run_seed(command, here, seed):
    """Runs one seed to its end; returns the faults that have happened and the number of attempts."""
    generator = random.Random(seed)
    # One stop, which takes half a minute; the rest in any order.
    budget = ["stop"] + generator.choices(["kill", "write", "signal"], k=4)
    generator.shuffle(budget)
    happened = []
    for attempt_number in range(1, 40):
        attempt = start(command, here)
        if budget and budget[-1] == "write":
            child = generator.choice(attempt.children)
            limit_files(child.pid, generator.choice([500, 5_000, 50_000, 200_000]))
            happened.append(budget.pop())
        elif budget and disturb(attempt, budget[-1], generator):
            happened.append(budget.pop())
        codes = attempt.wait()
        if codes == [DONE] * N_PROCESSES and not budget:
            return happened, attempt_number
        if codes == [DONE] * N_PROCESSES:
            # Done before all faults came: a new start has something to do.
            shutil.rmtree(here / "out" / "tables" / "twins" / TWINS[0])
    sys.exit(f"seed {seed}: not done after 39 attempts; see {here}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda text: str(Path(text).resolve()))
    parser.add_argument("--seeds", default="1-1")
    parser.add_argument("--checkpoints", type=int, default=2000)
    options = parser.parse_args()
    first, last = map(int, options.seeds.split("-"))
    command = [options.program, "measure", "zoo", "--out", "out", *OPTIONS]
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder)
        write_zoo(whole / "zoo", options.checkpoints)
        assert Processes([command], whole).wait(patience=3600) == [DONE]
        for seed in range(first, last + 1):
            here = whole / f"seed{seed}"
            here.mkdir()
            (here / "zoo").symlink_to(whole / "zoo")
            began = time.monotonic()
            faults, n_attempts = run_seed([*command, "--connect-timeout", "10"], here, seed)
            compare(whole / "out", here / "out")
            print(f"seed {seed}: {', '.join(faults)}; {n_attempts} attempts, {time.monotonic() - began:.0f} s: "
                  "the tables of an undisturbed run", flush=True)
            shutil.rmtree(here)


if __name__ == "__main__":
    main()
