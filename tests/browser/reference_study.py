#!/usr/bin/env python3
"""Writes a study whose report is the same everywhere: tests/browser/reference_study.py FOLDER

FOLDER gets `study.toml` and 160 made-up checkpoints in `zoo`: 80 runs with two steps each, whose weights
are wider the better they are. Nothing is trained, so the numbers do not depend on the processor.
"""
import json
import random
import struct
import sys
from array import array
from pathlib import Path

WIDTHS = [12, 16, 8, 4]
RUNS, STEPS = 80, (1, 4)
STUDY = """
[study]
name = "reference"

[measure]
sources = ["zoo"]
twins = ["shuffle"]
strongest_links = 24

[populations]
width = 0.2

[[experiment]]
name = "low_vs_high"
target = { label = "test_accuracy", rule = "median" }
controls = ["shuffle"]
"""


def checkpoint(generator, labels, width):
    header, data = {"__metadata__": labels}, b""
    for layer, (n_in, n_out) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        for name, shape in ((f"fc{layer}.weight", [n_out, n_in]), (f"fc{layer}.bias", [n_out])):
            count = n_out * (n_in if len(shape) > 1 else 1)
            values = array("f", (generator.gauss(0.02, width) for _ in range(count))).tobytes()
            header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
            data += values
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def main():
    folder = Path(sys.argv[1])
    (folder / "zoo").mkdir(parents=True)
    (folder / "study.toml").write_text(STUDY)
    generator = random.Random(20)
    for run in range(RUNS):
        skill = run / (RUNS - 1)
        for step in STEPS:
            accuracy = round(0.1 + 0.85 * skill * step / max(STEPS) + 0.02 * generator.random(), 4)
            labels = {"run": f"run{run:02}", "step": str(step), "test_accuracy": str(accuracy),
                      "activation": ["relu", "tanh"][run % 2], "seed": str(run)}
            width = 0.1 + 0.4 * accuracy * (0.6 + 0.8 * generator.random())
            path = folder / "zoo" / f"run{run:02}-{step}.safetensors"
            path.write_bytes(checkpoint(generator, labels, width))


if __name__ == "__main__":
    main()
