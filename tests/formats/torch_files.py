"""What torch, safetensors and torch's ONNX exporter write of a network."""

import copy
import json
from unittest import mock

import onnx
import torch
from safetensors.torch import save_file
from torch import nn


def write(network, folder):
    state = network.module.state_dict()
    torch.save(state, folder / "state_dict.pt")
    torch.save(state, folder / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(training(network), folder / "training.pt")
    torch.save(network.module, folder / "module.pt")
    write_legacy_module(network, folder)
    write_safetensors(network, folder)
    write_onnx(network, folder)


def write_legacy_module(network, folder):
    """The module in the form before 1.6, which has the source of each class, here one line of it, and the path of that source."""
    of_class = lambda kind: ([f"class {kind.__name__}\n"], 1, f"{kind.__module__}.py")  # noqa: E731
    with mock.patch("torch.serialization.get_source_lines_and_file", of_class):
        torch.save(network.module, folder / "module_legacy.pt", _use_new_zipfile_serialization=False)


def training(network):
    """What training scripts save: the weights with the prefix of `nn.DataParallel`, and Adam's state after a step beside."""
    module = nn.DataParallel(copy.deepcopy(network.module))
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
    loss = module.train()(network.inputs).square().mean()
    loss.backward()
    optimizer.step()
    # The step changed the weights; the file is to hold the same as the others.
    module.module.load_state_dict(network.module.state_dict())
    return {
        "epoch": 1,
        "model_state_dict": module.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "loss": loss.item(),
        "best_accuracy": 0.5,
    }


def write_safetensors(network, folder):
    state = network.module.state_dict()
    save_file(state, folder / "plain.safetensors")
    metadata = {"format": "pt", "architecture": json.dumps(network.architecture)}
    save_file(state, folder / "metadata.safetensors", metadata=metadata)
    shards = folder / "sharded"
    shards.mkdir(exist_ok=True)
    names = list(state)
    place = {}
    for i, part in enumerate((names[: len(names) // 2], names[len(names) // 2 :]), start=1):
        file = f"model-{i:05}-of-00002.safetensors"
        save_file({name: state[name] for name in part}, shards / file, metadata={"format": "pt"})
        place |= dict.fromkeys(part, file)
    total = sum(tensor.nbytes for tensor in state.values())
    index = {"metadata": {"total_size": total}, "weight_map": place}
    (shards / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def write_onnx(network, folder):
    """Both exporters, neither folding batch norms into the convolutions before them."""
    training = torch.onnx.TrainingMode.PRESERVE if network.name == "cnn" else torch.onnx.TrainingMode.EVAL
    names = {"input_names": ["input"], "output_names": ["output"]}
    torch.onnx.export(
        network.module, (network.inputs[:1],), folder / "torchscript.onnx", dynamo=False, training=training, **names)
    program = torch.onnx.export(
        network.module, (network.inputs,), dynamo=True, optimize=False, verbose=False, **names,
        dynamic_shapes=({0: torch.export.Dim("batch")},))
    model = program.model_proto
    forget_where_it_was_made(model)
    onnx.save(model, folder / "dynamo.onnx")


def forget_where_it_was_made(model):
    """Drops what the exporter notes of each node for debugging, paths of this machine among it."""
    for part in (model, model.graph, *model.functions, *model.graph.node, *model.graph.initializer, *model.graph.input,
                 *model.graph.output, *model.graph.value_info):
        del part.metadata_props[:]
