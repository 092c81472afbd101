"""Hosts on a network of their own: namespaces that a bridge joins, on one machine."""

import atexit
import os
import shutil
import signal
import subprocess

# Those that were made, so that none is left behind.
NETWORKS = []


class Network:
    """`n` hosts, each a namespace with the address 10.77.0.(1 + index). A hub has the bridge.

    The names in a namespace are its own, so that several networks do not meet.
    """

    def __init__(self, name, n):
        start = f"cntflow-{os.getpid()}-{name}"
        self.hub, self.hosts = f"{start}-hub", [f"{start}-{host}" for host in range(n)]
        NETWORKS.append(self)
        for namespace in self.namespaces():
            ip("netns", "add", namespace)
        ip("-n", self.hub, "link", "add", "bridge", "type", "bridge", "forward_delay", "0")
        ip("-n", self.hub, "link", "set", "bridge", "up")
        for host, namespace in enumerate(self.hosts):
            ip("-n", self.hub, "link", "add", port(host), "type", "veth", "peer", "name", "line", "netns", namespace)
            ip("-n", self.hub, "link", "set", port(host), "master", "bridge", "up")
            ip("-n", namespace, "address", "add", f"{address(host)}/24", "dev", "line")
            for device in ("lo", "line"):
                ip("-n", namespace, "link", "set", device, "up")

    def namespaces(self):
        return [self.hub, *self.hosts]

    def command_on(self, host, command):
        """The command that runs another one on a host."""
        return ["ip", "netns", "exec", self.hosts[host], *command]

    def cut(self, host):
        """Nothing comes from or to a host any more, without a sign to anybody."""
        ip("-n", self.hub, "link", "set", port(host), "nomaster")

    def join(self, host):
        """The end of a cut."""
        ip("-n", self.hub, "link", "set", port(host), "master", "bridge")

    def power_off(self, host):
        """The line of a host is dead, and its processes are gone."""
        ip("-n", self.hub, "link", "set", port(host), "down")
        kill_all(self.hosts[host])

    def power_on(self, host):
        ip("-n", self.hub, "link", "set", port(host), "up")

    def lose(self, sender, receiver):
        """What one host sends to another is lost: it goes to a device that is not there."""
        ip("-n", self.hosts[sender], "neighbour", "replace", address(receiver), "lladdr", "02:00:00:00:00:01",
           "nud", "permanent", "dev", "line")  # fmt: skip

    def find(self, sender, receiver):
        """The end of `lose`."""
        ip("-n", self.hosts[sender], "neighbour", "delete", address(receiver), "dev", "line")

    def worsen(self, milliseconds, percent_lost):
        """Delays what every host sends, and loses some of it.

        Raises `Refused` if the system cannot.
        """
        for namespace in self.hosts:
            run("tc", "-n", namespace, "qdisc", "add", "dev", "line", "root", "netem",
                "delay", f"{milliseconds}ms", "loss", f"{percent_lost}%")  # fmt: skip

    def close(self):
        """Ends what runs on the hosts, and removes them."""
        for namespace in self.namespaces():
            if os.path.exists(f"/var/run/netns/{namespace}"):
                kill_all(namespace)
                ip("netns", "delete", namespace)


class Refused(Exception):
    """The system does not do what it is asked for."""


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Refused(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def ip(*arguments):
    return run("ip", *arguments)


def port(host):
    """The end of a host's line at the bridge."""
    return f"port{host}"


def address(host):
    return f"10.77.0.{1 + host}"


def kill_all(namespace):
    for process in ip("netns", "pids", namespace).split():
        try:
            os.kill(int(process), signal.SIGKILL)
        except ProcessLookupError:
            pass


@atexit.register
def close_all():
    for network in NETWORKS:
        network.close()


def why_not():
    """Why this system has no such networks, or None."""
    if shutil.which("ip") is None:
        return "there is no program 'ip' (on Debian and Ubuntu: apt-get install iproute2)"
    try:
        Network("trial", 1).close()
    except Refused as error:
        return str(error)
    return None
