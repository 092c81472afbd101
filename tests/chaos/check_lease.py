"""The lease of an output folder on an object store keeps two runs apart, whatever becomes of its renewals.

Usage, from anywhere in a clone:
    tests/chaos/check_lease.py CNTFLOW

CNTFLOW is the program. A run writes to a bucket of an S3 server on loopback, and another one is started with
the same command:

    lost_renewal    The store renews the lease of the first run, and the answer is lost. The other is refused.
    stopped_owner   The first run is stopped for longer than its lease, so that the other one takes the folder
                    over. Then the first ends with an error, and the tables are those of an undisturbed run.
"""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "object_stores"))

from faulty_store import BUCKET, Fault, copy_to_disk, keys, servers
from measured_zoo import DONE, OPTIONS, compare, write_zoo
from processes import Processes

FAILED = 1

# Longer than a lease, which is 3 seconds.
STOP = 6


class Bucket:
    """The bucket, and runs that write to the same folder in it."""

    def __init__(self, program, whole, proxy, s3, name):
        self.whole, self.proxy, self.s3, self.name = whole, proxy, s3, name
        self.command = [program, "measure", "zoo", "--out", f"s3://{BUCKET}/{name}", *OPTIONS]

    def start(self, name):
        here = self.whole / self.name / name
        here.mkdir(parents=True)
        (here / "zoo").symlink_to(self.whole / "zoo")
        return Processes([self.command], here, self.proxy.environment(self.whole / "cache"))

    def start_first(self):
        """Starts the first run, and waits until it has committed something."""
        first = self.start("first")
        while not keys(self.s3, f"{self.name}/tables/networks"):
            assert first.are_running() == [True], f"done too soon\n{first.said(0)}"
            time.sleep(0.02)
        return first


def lost_renewal(bucket):
    first = bucket.start_first()
    fault = Fault("PUT", "lost", 1, f"/{BUCKET}/{bucket.name}/.lock-p000")
    bucket.proxy.inject(fault)
    while fault.times > 0:
        time.sleep(0.02)
    second = bucket.start("second")
    assert second.wait() == [FAILED], f"the folder was taken\n{first.said(0)}\n{second.said(0)}"
    assert "is using this folder" in second.said(0), second.said(0)
    assert first.are_running() == [True], f"done too soon\n{first.said(0)}"
    first.kill()


def stopped_owner(bucket):
    first = bucket.start_first()
    first.children[0].send_signal(signal.SIGSTOP)
    second = bucket.start("second")
    time.sleep(STOP)
    first.children[0].send_signal(signal.SIGCONT)
    codes = first.wait() + second.wait()
    assert codes == [FAILED, DONE], f"exit codes {codes}\n{first.said(0)}\n{second.said(0)}"
    copy_to_disk(bucket.s3, f"{bucket.name}/", bucket.whole / bucket.name / "out")
    compare(bucket.whole / "out", bucket.whole / bucket.name / "out")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda text: str(Path(text).resolve()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, servers() as (proxy, s3):
        whole = Path(folder)
        write_zoo(whole / "zoo", 1000)
        alone = [options.program, "measure", "zoo", "--out", "out", *OPTIONS]
        assert Processes([alone], whole).wait() == [DONE]
        # A slow store: the first run is not done before the second one has decided.
        proxy.delay = 0.3
        for case in (lost_renewal, stopped_owner):
            began = time.monotonic()
            case(Bucket(options.program, whole, proxy, s3, case.__name__))
            print(f"{case.__name__}: {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
