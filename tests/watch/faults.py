"""What may happen to a program that watches a study.

    end         SIGTERM, or SIGKILL of a program without processes of its own, and a new start
    kill        SIGKILL of one of three processes
    stop        SIGSTOP of one of three processes, for 12 to 20 seconds
    hang        SIGSTOP of one of three processes for ever
    write       files of a process cannot grow beyond a random size, as on a full disk, for two seconds
    calls       some calls of the object store fail, whoever makes them
"""

import os
import signal
import time

from faulty_store import RETRIES, Fault
from processes import limit_files, unlimit_files

# Longest time until the program has ended one that hangs, in seconds.
PATIENCE = 60

# How long the next calls may take to come, in seconds: all sources are looked at twice meanwhile.
CALLS = 5

CALL_KINDS = ["GET", "HEAD", "LIST", "PUT", "DELETE"]
CALL_FAULTS = [(503, RETRIES + 1), (403, 1), ("reset", 1), ("lost", 1), ("late", 1)]


class Faults:
    """Faults in random order: each happens once to each watcher that it can happen to, then all again."""

    def __init__(self, watchers, proxy, generator):
        self.watchers, self.proxy, self.generator = watchers, proxy, generator
        self.left = []

    def next(self):
        """Lets the next one happen, from beginning to end, and returns what it was."""
        if not self.left:
            self.left = [(watcher, fault) for watcher in self.watchers for fault in self.faults_of(watcher)]
            self.generator.shuffle(self.left)
        watcher, fault = self.left.pop()
        watcher.is_disturbed = True
        return f"{watcher.name}: {fault(watcher)}"

    def faults_of(self, watcher):
        faults = [self.end, self.write]
        if self.proxy is not None:
            faults += [self.calls, self.calls]
        if len(watcher.processes()) > 1:
            faults += [self.kill, self.stop, self.hang]
        return faults

    def end(self, watcher):
        watcher.end_and_start(self.generator)
        return "end"

    def kill(self, watcher):
        process = self.generator.choice(watcher.processes())
        os.kill(process, signal.SIGKILL)
        wait_for_new_start(watcher, process)
        return "kill"

    def stop(self, watcher):
        process, seconds = self.generator.choice(watcher.processes()), self.generator.uniform(12, 20)
        os.kill(process, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(process, signal.SIGCONT)
        wait_for_new_start(watcher, process)
        return f"stop for {seconds:.0f} s"

    def hang(self, watcher):
        process = self.generator.choice(watcher.processes())
        os.kill(process, signal.SIGSTOP)
        wait_for_new_start(watcher, process)
        return "hang"

    def write(self, watcher):
        process, size = self.generator.choice(watcher.processes()), self.generator.choice([500, 5_000, 50_000])
        limit_files(process, size)
        time.sleep(2)
        unlimit_files(process)
        return f"no more than {size} bytes"

    def calls(self, _):
        faults = [Fault(call, *self.generator.choice(CALL_FAULTS), skip=self.generator.randrange(4))
                  for call in self.generator.sample(CALL_KINDS, 3)]  # fmt: skip
        for watcher in self.watchers:
            watcher.is_disturbed = True
        self.proxy.inject(*faults)
        time.sleep(CALLS)
        self.proxy.inject()
        while self.proxy.n_late > 0:
            time.sleep(0.1)
        struck = [fault for fault in faults if fault.path is not None]
        if any(fault.call == "GET" and isinstance(fault.kind, int) for fault in struck):
            self.retry_failed()
        return "calls " + ", ".join(f"{fault.call} {fault.kind}" for fault in struck)

    def retry_failed(self):
        """A checkpoint that could not be read is a failed row until it changes, or until a start like this."""
        for watcher in self.watchers:
            if not watcher.has_ended():
                watcher.end(signal.SIGTERM)
            watcher.start("--retry-failed")


def wait_for_new_start(watcher, process):
    """Waits until a process is gone: the program has ended, or has started all of its processes again."""
    began = time.monotonic()
    while not watcher.has_ended() and process in watcher.processes():
        assert time.monotonic() - began < PATIENCE, f"{watcher.name}: {process} is still there; see {watcher.here}"
        time.sleep(0.05)
    watcher.forget()
