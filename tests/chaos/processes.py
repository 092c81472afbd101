"""Processes of a cluster, and what is done to them."""

import random
import resource
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

# Not of a seed: the same seed may run twice at a time.
PORTS = random.Random()

# A process that is silent for ten seconds is lost, and the others end within fifteen. What has not
# ended after this time never will.
PATIENCE = 90


def free_addresses(n):
    """Ports below those of outgoing connections, which could take one before it is used."""
    sockets = []
    while len(sockets) < n:
        try:
            sockets.append(socket.create_server(("127.0.0.1", PORTS.randrange(10_000, 30_000))))
        except OSError:
            pass
    addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    return addresses


def cluster_commands(command, here, addresses):
    """The command of each process of a cluster. `hosts`, which is written here, has their addresses."""
    (here / "hosts").write_text("\n".join(addresses))
    return [[*command, "--hosts", "hosts", "--process", str(process)] for process in range(len(addresses))]


class Processes:
    """Processes that are started together. Each has a log, to which later ones append."""

    def __init__(self, commands, here, environment=None):
        self.here, self.children, self.log_starts = here, [], []
        for process, command in enumerate(commands):
            with open(self.log(process), "a") as log:
                self.log_starts.append(log.tell())
                child = subprocess.Popen(command, cwd=here, env=environment, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.DEVNULL, stderr=log, preexec_fn=outlive_limits)
                self.children.append(child)

    def log(self, process):
        return self.here / f"log{process}"

    def said(self, process):
        """What a process has printed to stderr."""
        with open(self.log(process)) as log:
            log.seek(self.log_starts[process])
            return log.read()

    def are_running(self):
        return [child.poll() is None for child in self.children]

    def kill(self):
        for child in self.children:
            child.kill()

    def wait(self, patience=PATIENCE):
        """Waits until all have ended, and returns their exit codes."""
        deadline = time.monotonic() + patience
        while any(self.are_running()):
            if time.monotonic() > deadline:
                said = "\n".join(map(self.said, range(len(self.children))))
                late = [process for process, runs in enumerate(self.are_running()) if runs]
                self.kill()
                sys.exit(f"{self.here}: processes {late} did not end within {patience} s\n{said}")
            time.sleep(0.02)
        return [child.returncode for child in self.children]


def outlive_limits():
    """Makes writing beyond a limit of the system an error, as on a full disk, and not a signal."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def limit_files(process, size):
    """Files that a process writes cannot grow beyond this size, until `unlimit_files`."""
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def unlimit_files(process):
    with suppress(ProcessLookupError):
        resource.prlimit(process, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
