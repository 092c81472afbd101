#!/usr/bin/env python3
"""Makes datasets/fashion-mnist-6k: 5,000 training and 1,000 test images of Fashion-MNIST, class by class, with a fixed
seed.

Usage: python3 datasets/fashion-mnist-6k/make.py          (needs apt-get and dpkg; Python's standard library only)

The images come from the Debian package `dataset-fashion-mnist`, which holds the four files as they were published.
`datasets/subset.py` says which ones are taken.
"""
import gzip
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import subset  # noqa: E402

PACKAGE = "dataset-fashion-mnist=0.0~git20200523.55506a9-1"
# SHA-256 of the four files of Fashion-MNIST, uncompressed.
ORIGINALS = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


def fetch_originals():
    """The four files of Fashion-MNIST as {name: bytes}, checked against ORIGINALS."""
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (package,) = Path(folder).glob("*.deb")
        subprocess.run(["dpkg", "--extract", package, folder], check=True)
        for name in ORIGINALS:
            path = Path(folder) / f"usr/share/datasets/fashion-mnist/{name}.gz"
            files[name] = gzip.decompress(path.read_bytes())
    subset.check_originals(files, ORIGINALS)
    return files


if __name__ == "__main__":
    subset.write_6k(fetch_originals(), Path(__file__).resolve().parent)
