"""Writes small PyTorch and NumPy files with expected.json: shape and values (as f32) of every real tensor, by file."""

import collections
import json
import pathlib
import pickle
import sys

import numpy as np
import torch
from torch import nn

out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(0)
expected = {}


def note(name, tensors):
    def listed(value):
        value = value.detach().to(torch.float32).numpy() if torch.is_tensor(value) else np.asarray(value, np.float32)
        return {"shape": list(value.shape), "values": value.ravel().tolist()}

    expected[name] = {key: listed(value) for key, value in tensors.items()}


def save(name, value, tensors, **options):
    torch.save(value, out / name, **options)
    note(name, tensors)


mlp = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
state = mlp.state_dict()
save("state.pt", state, state)
save("legacy.pt", state, state, _use_new_zipfile_serialization=False)
for protocol in (2, 3, 4, 5):
    save(f"protocol{protocol}.pt", state, state, pickle_protocol=protocol)
save("module.pt", mlp, state)
parallel = nn.DataParallel(mlp).state_dict()
save("parallel.pt", parallel, parallel)
optimizer = torch.optim.Adam(mlp.parameters())
mlp(torch.ones(1, 4)).sum().backward()
optimizer.step()
state = {key: value.clone() for key, value in mlp.state_dict().items()}
nested = {"model_state_dict": state, "optimizer_state_dict": optimizer.state_dict(), "epoch": 3, "test_acc": 0.9}
save("training.pt", nested, {f"model_state_dict.{key}": value for key, value in state.items()})
base = torch.arange(12.0).reshape(3, 4)
views = {"base": base, "tied": base, "turned": base.T, "part": base[1:, 1:3], "row": base[2], "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3)}
save("views.pt", views, views)
save("views_legacy.pt", views, views, _use_new_zipfile_serialization=False)
kinds = {str(dtype)[6:]: torch.arange(5).to(dtype) for dtype in (torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int8, torch.uint8, torch.bool)}
save("kinds.pt", kinds, {key: kinds[key] for key in ("float16", "bfloat16", "float64")})
save("list.pt", [base, base[0]], {"0": base, "1": base[0]})
save("tensor.pt", base, {"tensor": base})
weight = torch.arange(4.0)
losses = np.array([0.5, 0.25])
beside = {
    "state": {("fc", 0): weight, None: weight + 1, torch.float32: weight + 2, b"bytes": weight + 3},
    "losses": losses,
    "best": np.float64(0.93),
    "epoch": np.int64(-7),
    "on": {torch.device("cpu")},
}
keyed = {"state.(fc, 0)": weight, "state.None": weight + 1, "state.torch.float32": weight + 2, "state.<key 3>": weight + 3}
save("beside.pt", beside, keyed)
save("beside_legacy.pt", beside, keyed, _use_new_zipfile_serialization=False)
for protocol in (2, 5):
    arrays = {"fc.weight": np.arange(6, dtype=">f4").reshape(2, 3), "fc.bias": np.ones(2, np.float32)}
    save(f"arrays{protocol}.pt", arrays, arrays, pickle_protocol=protocol)

a = np.arange(6, dtype=np.float32).reshape(2, 3)
for name, value in {"c": a, "fortran": np.asfortranarray(a), "big": a.astype(">f8"), "scalar": np.float32(3), "half": a.astype("f2")}.items():
    np.save(out / f"{name}.npy", value)
    note(f"{name}.npy", {"array": value})
np.savez(out / "stored.npz", a=a, b=a.T)
np.savez_compressed(out / "deflated.npz", a=a, b=a.T)
for name in ("stored.npz", "deflated.npz"):
    note(name, {"a": a, "b": a.T})
objects = np.empty(2, object)
objects[0], objects[1] = a, a[0]
np.save(out / "objects.npy", objects, allow_pickle=True)
note("objects.npy", {"0": a, "1": a[0]})
plain = collections.OrderedDict(w=[a, np.asfortranarray(a)], accuracy=0.5)
for protocol in (2, 3, 4, 5):
    text = pickle.dumps(plain, protocol)
    (out / f"plain{protocol}.pickle").write_bytes(text)
    note(f"plain{protocol}.pickle", {"w.0": a, "w.1": a})
    if protocol < 4:
        name = f"numpy1_plain{protocol}.pickle"
        (out / name).write_bytes(text.replace(b"numpy._core", b"numpy.core"))
        note(name, {"w.0": a, "w.1": a})
(out / "expected.json").write_text(json.dumps(expected))
