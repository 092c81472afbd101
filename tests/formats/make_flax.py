"""Writes files as flax does, and the same arrays as .npz by their paths: make_flax.py FOLDER."""

import pathlib
import sys

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import serialization, traverse_util
from flax.training.train_state import TrainState

SHORT_CHUNK = 40


class Mlp(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.Dense(8)(x))
        return nn.Dense(3)(x)


class Cnn(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.Conv(4, (3, 3), padding="VALID")(x)
        x = nn.relu(nn.BatchNorm(use_running_average=True)(x))
        x = nn.Conv(5, (2, 2), padding="VALID")(x)
        x = nn.relu(x)
        return nn.Dense(3)(x.mean((1, 2)))


def drawn(tree, random):
    """The same tree with values that are the same on every machine."""
    return jax.tree_util.tree_map(lambda x: jnp.asarray(random.uniform(0.1, 1, x.shape), x.dtype), tree)


def note(folder, name, tree):
    flat = traverse_util.flatten_dict(serialization.to_state_dict(tree), sep="/")
    real = {key: np.asarray(value) for key, value in flat.items() if np.ndim(value) and jnp.issubdtype(value.dtype, jnp.floating)}
    np.savez_compressed(folder / f"{name}.npz", **{key: value.astype(np.float32) for key, value in real.items()})


def save(folder, name, tree):
    (folder / f"{name}.msgpack").write_bytes(serialization.to_bytes(tree))
    note(folder, name, tree)


def write_kinds(folder):
    numbers = np.arange(6).reshape(2, 3)
    tree = {
        "reals": {name: jnp.asarray(numbers, name) for name in ("float16", "bfloat16", "float32")} | {"float64": numbers / 3},
        "whole": {name: numbers.astype(name) for name in ("int8", "uint8", "int32", "int64", "bool")},
        "scalar": np.float32(0.25),
        "step": 7,
        "half": -0.5,
        "name": "kinds",
        "yes": True,
        "complex": 1 + 2j,
        "empty": {},
        "none": None,
    }
    (folder / "kinds.msgpack").write_bytes(serialization.msgpack_serialize(tree))
    note(folder, "kinds", {"reals": tree["reals"]})


def write_chunked(folder):
    """Arrays beyond 1 GiB are in pieces; here those beyond 40 bytes."""
    usual, serialization.MAX_CHUNK_SIZE = serialization.MAX_CHUNK_SIZE, SHORT_CHUNK
    save(folder, "chunked", {"a": {"kernel": np.arange(24, dtype=np.float32).reshape(4, 6)}, "b": np.ones(3, np.float32)})
    serialization.MAX_CHUNK_SIZE = usual


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(18)
    key = jax.random.key(0)
    mlp = drawn(Mlp().init(key, jnp.ones((1, 6))), random)
    save(folder, "mlp", mlp)
    save(folder, "cnn", drawn(Cnn().init(key, jnp.ones((1, 8, 8, 2))), random))
    state = TrainState.create(apply_fn=Mlp().apply, params=mlp["params"], tx=optax.adam(1e-3))
    save(folder, "train_state", state.apply_gradients(grads=mlp["params"]))
    write_kinds(folder)
    write_chunked(folder)


if __name__ == "__main__":
    main()
