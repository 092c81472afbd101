"""Writes a GGUF file with a tensor of each type, and the same elements by the package gguf itself: make_gguf.py FOLDER.

`types.gguf` is written by gguf.GGUFWriter; `types.npz` has what gguf.quants.dequantize makes of every tensor that is read.
`mlp.gguf` is a network of two dense layers whose kernels are quantised.
"""

import pathlib
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind
from gguf import quants

ROWS, N = 3, 256
# Types that the package itself can make of numbers.
QUANTISED = (Kind.Q4_0, Kind.Q4_1, Kind.Q5_0, Kind.Q5_1, Kind.Q8_0, Kind.BF16)
# Types of which it only reads: random bits, with the offsets of the f16 scales in a block.
RANDOM = {Kind.Q2_K: (80, 82), Kind.Q3_K: (108,), Kind.Q4_K: (0, 2), Kind.Q5_K: (0, 2), Kind.Q6_K: (208,)}
NOT_READ = (Kind.TQ2_0, Kind.IQ4_NL)
WHOLE = {"i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64}


def random_blocks(random, kind, scales):
    _, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (ROWS, size), dtype=np.uint8)
    for offset in scales:
        values = random.uniform(-2, 2, (ROWS, 1)).astype(np.float16)
        blocks[:, offset : offset + 2] = values.view(np.uint8)
    return blocks


def q8_k(random):
    """Blocks that only ggml's own arithmetic uses, which the package does not know."""
    scales = random.uniform(-2, 2, (ROWS, 1)).astype(np.float32)
    elements = random.integers(-128, 128, (ROWS, N), dtype=np.int8)
    sums = elements.reshape(ROWS, 16, 16).sum(-1, dtype=np.int16)
    blocks = np.concatenate([scales.view(np.uint8), elements.view(np.uint8), sums.view(np.uint8)], axis=1)
    return blocks, scales * elements.astype(np.float32)


def add_metadata(writer):
    writer.add_description("numbers and texts")
    writer.add_uint32("of.u32", 7)
    writer.add_int8("of.i8", -7)
    writer.add_float32("of.f32", 0.25)
    writer.add_float64("of.f64", -1e-3)
    writer.add_bool("of.bool", True)
    writer.add_uint64("of.u64", 1 << 40)
    writer.add_array("of.sizes", [3, 5, 8])
    writer.add_array("tokenizer.ggml.tokens", [f"token {i}" for i in range(100)])
    writer.add_array("tokenizer.ggml.scores", [i / 4 for i in range(100)])


def write_types(folder):
    random = np.random.default_rng(16)
    writer = gguf.GGUFWriter(folder / "types.gguf", "types")
    add_metadata(writer)
    expected = {}
    numbers = random.uniform(-3, 3, (ROWS, N)).astype(np.float32)
    for name, dtype in {"f32": np.float32, "f16": np.float16, "f64": np.float64}.items():
        writer.add_tensor(name, numbers.astype(dtype))
        expected[name] = numbers.astype(dtype).astype(np.float32)
    for name, dtype in WHOLE.items():
        writer.add_tensor(name, np.arange(6, dtype=dtype).reshape(2, 3))
    for kind in QUANTISED:
        blocks = quants.quantize(numbers, kind)
        writer.add_tensor(kind.name.lower(), blocks, raw_dtype=kind)
        expected[kind.name.lower()] = quants.dequantize(blocks, kind)
    for kind, scales in RANDOM.items():
        blocks = random_blocks(random, kind, scales)
        writer.add_tensor(kind.name.lower(), blocks, raw_dtype=kind)
        expected[kind.name.lower()] = quants.dequantize(blocks, kind)
    blocks, expected["q8_k"] = q8_k(random)
    writer.add_tensor("q8_k", blocks, raw_dtype=Kind.Q8_K)
    for kind in NOT_READ:
        size, n_bytes = gguf.GGML_QUANT_SIZES[kind]
        writer.add_tensor(kind.name.lower(), np.zeros((ROWS, N // size * n_bytes), np.uint8), raw_dtype=kind)
    turned = numbers[:2, :24].reshape(2, 3, 4, 2)
    writer.add_tensor("four_dimensions", turned)
    expected["four_dimensions"] = turned
    close(writer)
    np.savez_compressed(folder / "types.npz", **expected)


def write_mlp(folder):
    random = np.random.default_rng(17)
    writer = gguf.GGUFWriter(folder / "mlp.gguf", "mlp")
    expected = {}
    for name, shape in {"fc1": (8, 64), "fc2": (3, 8)}.items():
        kernel = random.uniform(-1, 1, shape).astype(np.float32)
        bias = random.uniform(-1, 1, shape[:1]).astype(np.float32)
        if shape[1] % 32 == 0:
            blocks = quants.quantize(kernel, Kind.Q8_0)
            writer.add_tensor(f"{name}.weight", blocks, raw_dtype=Kind.Q8_0)
            kernel = quants.dequantize(blocks, Kind.Q8_0)
        else:
            writer.add_tensor(f"{name}.weight", kernel)
        writer.add_tensor(f"{name}.bias", bias)
        expected |= {f"{name}.weight": kernel, f"{name}.bias": bias}
    close(writer)
    np.savez_compressed(folder / "mlp.npz", **expected)


def write_big_endian(folder):
    writer = gguf.GGUFWriter(folder / "big_endian.gguf", "types", False, gguf.GGUFEndian.BIG)
    writer.add_tensor("f32", np.arange(4, dtype=np.float32))
    close(writer)


def close(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_types(folder)
    write_mlp(folder)
    write_big_endian(folder)


if __name__ == "__main__":
    main()
