"""Subsets of MNIST-like data sets: so many images of each class, with a fixed seed.

Which images are taken depends on the seed and on the class alone: an image's place in its class is the SHA-256 of (seed,
split, index), and the first of each class are kept, in the data set's own order. Python's standard library only.
"""
import gzip
import hashlib
import io
import struct
import sys

SEED = 6000


def check_originals(files, expected):
    """Ends the program unless the files are those whose SHA-256 is expected."""
    for name, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        if digest != expected[name]:
            sys.exit(f"{name}: expected SHA-256 {expected[name]}, got {digest}")


def chosen(labels, split, per_class):
    """Indices of the images kept, ascending."""
    def place(index):
        return hashlib.sha256(f"{SEED}:{split}:{index}".encode()).digest()

    kept = []
    for kind in range(10):
        members = [index for index, label in enumerate(labels) if label == kind]
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


def write_6k(files, folder):
    """500 training and 100 test images of each of ten classes."""
    write_split(files, "train", 500, folder)
    write_split(files, "t10k", 100, folder)
