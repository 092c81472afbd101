"""Writes the same networks in every format: make_fixtures.py FOLDER; --compare COMMITTED MADE compares two such folders.

Of each network a folder: `network.json` has its architecture, inputs, torch's outputs in f32, and all tensors in torch's layout,
numbers as hex of little-endian f32; the files beside hold the same tensors.
"""

import argparse
import json
import logging
import warnings
from pathlib import Path

import torch

import compare
import keras_files
import networks
import torch_files


def hex_of(tensor):
    return tensor.detach().contiguous().numpy().astype("<f4").tobytes().hex()


def described(network):
    with torch.no_grad():
        outputs = network.module(network.inputs)
    tensors = {name: {"shape": list(tensor.shape), "f32": hex_of(tensor)} for name, tensor in network.tensors.items()}
    return {
        "architecture": network.architecture,
        "inputs": hex_of(network.inputs),
        "outputs": hex_of(outputs),
        "tensors": tensors,
    }


def make(folder):
    # Warnings of old formats, which are what is wanted here.
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    torch.manual_seed(networks.SEED)
    torch.set_num_threads(1)
    torch.backends.mha.set_fastpath_enabled(False)
    for name in networks.NETWORKS:
        network = networks.make(name)
        own = folder / name
        own.mkdir(parents=True, exist_ok=True)
        (own / "network.json").write_text(json.dumps(described(network), indent=1) + "\n")
        torch_files.write(network, own)
        keras_files.write(network, own)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compare", nargs=2, type=Path, metavar=("COMMITTED", "MADE"))
    parser.add_argument("folder", nargs="?", type=Path)
    arguments = parser.parse_args()
    if arguments.compare:
        raise SystemExit(compare.folders(*arguments.compare))
    if not arguments.folder:
        parser.error("name a folder")
    make(arguments.folder)


if __name__ == "__main__":
    main()
