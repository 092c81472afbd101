"""A model with the names, shapes and shards of Llama 7B, whose weights are holes of sparse files.

    tests/object_stores/large_model.py FOLDER

writes the folder: it has 13.5 GB and takes a few kilobytes of a disk.
"""

import json
import struct
import sys
from pathlib import Path

LAYERS, WIDTH, INNER, VOCABULARY = 32, 4096, 11008, 32000
# As transformers shards it: at most 5 GB each.
MOST_BYTES = 5_000_000_000
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": WIDTH,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 32,
    "vocab_size": VOCABULARY,
    "torch_dtype": "bfloat16",
}


def tensors():
    """Yields the names and shapes of all tensors, 291 of them."""
    yield "model.embed_tokens.weight", [VOCABULARY, WIDTH]
    for layer in range(LAYERS):
        start = f"model.layers.{layer}"
        yield f"{start}.input_layernorm.weight", [WIDTH]
        yield f"{start}.mlp.down_proj.weight", [WIDTH, INNER]
        yield f"{start}.mlp.gate_proj.weight", [INNER, WIDTH]
        yield f"{start}.mlp.up_proj.weight", [INNER, WIDTH]
        yield f"{start}.post_attention_layernorm.weight", [WIDTH]
        for projection in "koqv":
            yield f"{start}.self_attn.{projection}_proj.weight", [WIDTH, WIDTH]
    yield "model.norm.weight", [WIDTH]
    yield "lm_head.weight", [VOCABULARY, WIDTH]


def bytes_of(shape):
    """Bytes of a tensor of bfloat16."""
    product = 2
    for size in shape:
        product *= size
    return product


def shards():
    """Yields name, beginning, size in bytes and tensors of each shard; the rest of it is zeros."""
    groups, taken = [[]], 0
    for name, shape in tensors():
        if taken + bytes_of(shape) > MOST_BYTES:
            groups.append([])
            taken = 0
        groups[-1].append((name, shape))
        taken += bytes_of(shape)
    for number, group in enumerate(groups, 1):
        header, offset = {"__metadata__": {"format": "pt"}}, 0
        for name, shape in group:
            end = offset + bytes_of(shape)
            header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, end]}
            offset = end
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        start = struct.pack("<Q", len(text)) + text
        file_name = f"model-{number:05}-of-{len(groups):05}.safetensors"
        yield file_name, start, len(start) + offset, [name for name, _ in group]


def index():
    """The index of the shards, as text."""
    shard_of = {tensor: name for name, _, _, names in shards() for tensor in names}
    total = sum(bytes_of(shape) for _, shape in tensors())
    return json.dumps({"metadata": {"total_size": total}, "weight_map": shard_of}, indent=2)


def write_folder(folder):
    """Writes config, index and shards."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2))
    (folder / "model.safetensors.index.json").write_text(index())
    for name, start, size, _ in shards():
        with open(folder / name, "wb") as file:
            file.write(start)
            file.truncate(size)


if __name__ == "__main__":
    write_folder(Path(sys.argv[1]))
