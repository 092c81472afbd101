"""The networks of make_layer_reference.py, as architectures; some as torch models written out by hand too."""

import math

import torch
from torch import nn
from torch.nn import functional

ACTIVATIONS = {
    "linear": lambda s: s,
    "relu": functional.relu,
    "leaky_relu": lambda s: functional.leaky_relu(s, 0.01),
    "elu": functional.elu,
    "selu": functional.selu,
    "gelu": functional.gelu,
    "gelu_tanh": lambda s: functional.gelu(s, approximate="tanh"),
    "silu": functional.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": functional.softplus,
    "hardswish": functional.hardswish,
    "softmax": lambda s: functional.softmax(s, -1),
}


# --- networks -------------------------------------------------------------------------------------


def layer(kind, name="", activation=None, **more):
    """One layer of an architecture; what is not given is left out."""
    described = {"kind": kind}
    if name:
        described["name"] = name
    if activation:
        described["activation"] = activation
    return described | more


def dense(units, activation=None, name="", **more):
    return layer("dense", name, activation, units=units, **more)


def conv2d(filters, kernel, activation=None, name="", **more):
    return layer("conv2d", name, activation, filters=filters, kernel=kernel, **more)


def conv1d(filters, kernel, activation=None, name="", **more):
    return layer("conv1d", name, activation, filters=filters, kernel=kernel, **more)


def transposed(dimensions, filters, kernel, activation=None, name="", **more):
    return layer(f"conv_transpose{dimensions}d", name, activation, filters=filters, kernel=kernel, **more)


def take(which):
    return {"kind": "take_step", "which": which}


FLATTEN = {"kind": "flatten"}
ROWS, PLACES = {"kind": "steps", "of": "rows"}, {"kind": "steps", "of": "places"}
SEPARATE = {"separate": {"query": "q_proj", "key": "k_proj", "value": "v_proj", "output": "out_proj"}}


def networks():
    """Name, input shape, layers."""
    yield from dense_networks()
    yield from convolutional_networks()
    yield from residual_networks()
    yield from recurrent_networks()
    yield from attention_networks()


def dense_networks():
    names = [name for name in ACTIVATIONS if name != "softmax"]
    yield "activations", [5], [*(dense(5, name, f"fc_{name}") for name in names), dense(4, "softmax", "head")]
    yield "batch_norm_dense", [6], [
        dense(8, None, "fc1"), layer("batch_norm", "bn1", "relu"), dense(7, None, "fc2", bias=False),
        layer("batch_norm", "bn2", affine=False, epsilon=0.001), layer("activation", "act2", "tanh"),
        dense(5, "silu", "fc3"), layer("batch_norm", "bn3"), dense(4, None, "fc4", bias=False),
        layer("activation", "act4", "softmax")]
    yield "layer_and_group_norm_dense", [6], [
        layer("layer_norm", "norm0"), dense(8, None, "fc1"), layer("layer_norm", "norm1", "gelu_tanh"),
        dense(6, None, "fc2", bias=False), layer("group_norm", "norm2", "elu", groups=3),
        layer("layer_norm", "norm3", affine=False), dense(3, "softmax", "head")]
    yield "dense_autoencoder", [12], [
        dense(7, "selu", "encoder.0"), dense(3, "linear", "encoder.2"), dense(7, "softplus", "decoder.0"),
        dense(12, "sigmoid", "decoder.2")]


def convolutional_networks():
    yield "cnn_batch_norm_pool", [1, 6, 5], [
        conv2d(3, [3, 3], None, "conv1", padding=[1, 1], bias=False), layer("batch_norm", "bn1", "relu"),
        layer("max_pool2d", "pool1", window=[2, 2]), conv2d(4, [3, 2], None, "conv2", stride=[2, 1], padding=[1, 0]),
        layer("batch_norm", "bn2"), layer("activation", "relu2", "relu"), layer("global_average_pool", "gap"),
        dense(3, "softmax", "fc")]
    yield "cnn_depthwise", [4, 5, 3], [
        conv2d(4, [3, 3], "hardswish", "depthwise", groups=4, padding=[1, 2], dilation=[1, 2]),
        layer("batch_norm", "bn"), conv2d(4, [1, 1], None, "pointwise", bias=False),
        layer("group_norm", "gn", "silu", groups=2),
        conv2d(4, [2, 2], "leaky_relu", "grouped", groups=2, stride=[2, 1]),
        layer("adaptive_average_pool2d", "pool", output=[2, 3]), FLATTEN, dense(3, "linear", "fc")]
    yield "cnn_norms_on_places", [2, 5, 4], [
        conv2d(3, [2, 2], None, "conv1"), layer("layer_norm", "norm1", "relu"), layer("group_norm", "norm2", groups=3),
        layer("adaptive_max_pool2d", "pool", output=[3, 2]), conv2d(2, [2, 2], "relu", "conv2", padding=[1, 0]),
        layer("group_norm", "norm3", groups=1, affine=False), FLATTEN, dense(3, "softmax", "fc")]
    yield "cnn_average_pool", [2, 7, 6], [
        layer("average_pool2d", "pool0", window=[2, 2], stride=[1, 2], padding=[1, 1]),
        conv2d(3, [2, 2], "elu", "conv1"), layer("global_max_pool", "gmp"), dense(4, "softmax", "fc")]
    yield "cnn_1d", [2, 13], [
        conv1d(4, 3, None, "conv1", stride=2, padding=2, dilation=2, groups=2), layer("batch_norm", "bn1", "relu"),
        layer("max_pool1d", "pool1", window=3, stride=2, padding=1),
        conv1d(3, 2, "tanh", "conv2", padding=1, bias=False),
        layer("average_pool1d", "pool2", window=2, stride=1, padding=1), FLATTEN, dense(3, "softmax", "fc")]
    yield "cnn_1d_adaptive", [3, 11], [
        conv1d(3, 3, "gelu", "depthwise", groups=3), layer("adaptive_average_pool1d", "pool1", output=4),
        conv1d(4, 1, "relu", "conv2"), layer("adaptive_max_pool1d", "pool2", output=3), dense(3, "linear", "fc")]
    yield "cnn_1d_global", [3, 10], [
        layer("average_pool1d", "pool0", window=2), conv1d(5, 2, None, "conv1"), layer("layer_norm", "norm1", "silu"),
        layer("global_max_pool", "pool1"), dense(2, "softmax", "fc")]
    yield "cnn_1d_global_average", [1, 9], [
        conv1d(4, 3, "relu", "conv1"), layer("global_average_pool", "pool1"), dense(2, "softmax", "fc")]
    yield "transposed_2d", [2, 2, 1], [
        transposed(2, 4, [3, 2], "relu", "up1", stride=[2, 3], padding=[1, 0], output_padding=[1, 2], groups=2),
        transposed(2, 3, [2, 2], None, "up2", dilation=[2, 1], padding=[0, 1], bias=False),
        layer("batch_norm", "bn2", "tanh"), transposed(2, 1, [2, 3], "linear", "up3", stride=[1, 2], padding=[1, 2])]
    yield "transposed_1d", [3, 4], [
        transposed(1, 4, 3, "silu", "up1", stride=2, padding=1, output_padding=1),
        transposed(1, 4, 2, None, "up2", stride=3, groups=4), layer("group_norm", "gn2", "relu", groups=2),
        transposed(1, 2, 4, "sigmoid", "up3", padding=2, dilation=2, bias=False)]
    yield "conv_autoencoder", [1, 7, 6], [
        conv2d(3, [3, 3], None, "encoder.conv1", stride=[2, 2], padding=[1, 1]),
        layer("batch_norm", "encoder.bn1", "relu"),
        conv2d(4, [3, 3], "relu", "encoder.conv2", stride=[2, 2], padding=[1, 1]),
        transposed(2, 3, [3, 3], None, "decoder.up1", stride=[2, 2], padding=[1, 1], bias=False),
        layer("batch_norm", "decoder.bn1", "relu"),
        transposed(2, 1, [3, 3], "sigmoid", "decoder.up2", stride=[2, 2], padding=[1, 1], output_padding=[0, 1])]


def residual_networks():
    yield "residual_cnn", [1, 4, 3], [
        conv2d(2, [3, 3], None, "conv1", padding=[1, 1], bias=False), layer("batch_norm", "bn1", "relu"),
        conv2d(2, [3, 3], None, "conv2", padding=[1, 1], bias=False), layer("batch_norm", "bn2", "relu"),
        conv2d(2, [3, 3], None, "conv3", padding=[1, 1], bias=False), layer("batch_norm", "bn3"),
        layer("add", "sum1", "relu", **{"from": "bn1"}),
        conv2d(4, [3, 3], None, "conv4", stride=[2, 2], padding=[1, 1], bias=False), layer("batch_norm", "bn4", "relu"),
        conv2d(4, [3, 3], None, "conv5", padding=[1, 1], bias=False), layer("batch_norm", "bn5"),
        {"kind": "branch", "from": "sum1"}, conv2d(4, [1, 1], None, "short", stride=[2, 2], bias=False),
        layer("batch_norm", "short_bn"), layer("add", "sum2", "relu", **{"from": "bn5"}),
        layer("global_average_pool"), dense(3, "softmax", "fc")]
    yield "residual_dense", [5], [
        dense(5, "relu", "fc1"), dense(5, "tanh", "fc2"), layer("add", "after_tanh", **{"from": "fc1"}),
        dense(5, None, "fc3"), layer("add", "sum3", "gelu", **{"from": "after_tanh"}),
        dense(5, None, "fc4", bias=False), layer("add", "sum4", **{"from": "input"}),
        layer("add", "sum5", **{"from": "fc2"}), layer("activation", "act5", "relu"), layer("layer_norm", "norm"),
        dense(3, "softmax", "fc")]
    yield "residual_pool", [2, 4, 4], [
        conv2d(3, [3, 3], "relu", "conv1", padding=[1, 1]),
        layer("average_pool2d", "pool", window=[3, 3], stride=[1, 1], padding=[1, 1]),
        layer("add", "sum", "hardswish", **{"from": "conv1"}), FLATTEN, dense(3, "linear", "fc")]


def recurrent_networks():
    yield "elman", [5, 4], [layer("elman", "rnn", units=6), take("last"), dense(3, "softmax", "fc")]
    yield "elman_relu_stacked_bidirectional", [4, 3], [
        layer("elman", "rnn", "relu", units=4, layers=2, bidirectional=True), take("final"), dense(3, "softmax", "fc")]
    yield "elman_last", [6, 3], [dense(4, "silu", "fc"), layer("elman", "rnn", units=5, bias=False)]
    yield "lstm", [5, 3], [layer("lstm", "lstm", units=5), take("last"), dense(3, "softmax", "fc")]
    yield "lstm_stacked_bidirectional", [4, 3], [
        layer("lstm", "lstm", units=3, layers=2, bidirectional=True), take("mean"), dense(3, "softmax", "fc")]
    yield "gru_stacked_without_biases", [5, 4], [
        layer("gru", "gru", units=4, layers=2, bias=False), FLATTEN, dense(2, "linear", "fc")]
    yield "gru_bidirectional", [5, 3], [
        layer("gru", "gru", units=4, bidirectional=True), take("final"), dense(3, "softmax", "fc")]
    yield "gru_last", [4, 3], [layer("gru", "gru", units=4)]
    yield "text_lstm", [6], [
        layer("embedding", "embedding", tokens=11, units=4), layer("lstm", "lstm", units=5), take("last"),
        dense(3, "softmax", "fc")]
    yield "text_mean", [7], [
        layer("embedding", "embedding", tokens=9, units=5), take("mean"),
        dense(4, "relu", "fc1"), dense(2, "softmax", "fc2")]
    yield "image_rows_lstm", [2, 5, 3], [ROWS, layer("lstm", "lstm", units=4), take("last"), dense(3, "softmax", "fc")]
    yield "conv_gru", [2, 9], [
        conv1d(4, 3, "relu", "conv"), PLACES, layer("gru", "gru", units=3), take("last"), dense(2, "softmax", "fc")]
    yield "lstm_residual", [4, 3], [
        dense(5, "linear", "project"), layer("lstm", "lstm", units=5), layer("add", "sum", **{"from": "project"}),
        layer("layer_norm", "norm"), take("last"), dense(3, "softmax", "fc")]


def attention_networks():
    yield "attention", [4, 5], [
        dense(6, "linear", "embed"), layer("attention", "attn", heads=2), layer("add", "sum", **{"from": "embed"}),
        layer("layer_norm", "norm"), FLATTEN, dense(3, "softmax", "fc")]
    yield "attention_separate", [4, 6], [
        layer("attention", "attn", heads=3, bias=False, projections=SEPARATE), layer("layer_norm", "norm", "relu"),
        layer("attention", "attn2", heads=1, projections=SEPARATE), take("mean"), dense(3, "softmax", "fc")]
    yield "transformer", [5], [
        layer("embedding", "embedding", tokens=10, units=6), layer("position_embedding", "position"),
        layer("transformer_encoder", "blocks.0", heads=2, feed_forward=9),
        layer("transformer_encoder", "blocks.1", "gelu", heads=3, feed_forward=7), take("mean"),
        dense(3, "softmax", "fc")]
    yield "transformer_norm_first", [5, 3], [
        dense(6, "linear", "embed"), layer("position_embedding", "position"),
        layer("transformer_encoder", "blocks.0", "gelu", heads=2, feed_forward=8, norm_first=True, epsilon=1e-6),
        layer("transformer_encoder", "blocks.1", "silu", heads=1, feed_forward=7, norm_first=True,
              projections=SEPARATE),
        layer("layer_norm", "norm"), take("last"), dense(3, "softmax", "fc")]
    yield "transformer_without_biases", [4, 6], [
        layer("transformer_encoder", "block", heads=2, feed_forward=7, bias=False), take("mean"),
        dense(2, "softmax", "fc", bias=False)]
    yield "vision_transformer", [1, 6, 4], [
        conv2d(6, [3, 2], "linear", "patch", stride=[3, 2]), PLACES, layer("class_token", "cls_token"),
        layer("position_embedding", "pos_embed"),
        layer("transformer_encoder", "blocks.0", "gelu", heads=2, feed_forward=8, norm_first=True, projections="qkv"),
        layer("transformer_encoder", "blocks.1", "gelu", heads=3, feed_forward=7, norm_first=True, projections="qkv"),
        layer("layer_norm", "norm"), take("first"), dense(3, "softmax", "head")]
    yield "row_transformer", [1, 4, 5], [
        ROWS, dense(4, "linear", "embed"), layer("class_token", "cls"), layer("position_embedding", "pos"),
        layer("transformer_encoder", "block", heads=1, feed_forward=5), take("first"), dense(3, "softmax", "head")]
    yield "tokens_after_relu", [3, 4], [
        dense(5, "relu", "fc"), layer("position_embedding", "pos"), layer("class_token", "cls"),
        dense(4, "relu", "fc2"), layer("class_token", "cls2"), take("mean"), dense(3, "softmax", "head")]


# --- models written out by hand, against which the ones walked layer by layer are checked ---------


class ResidualCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2)
        self.conv2, self.bn2 = nn.Conv2d(2, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2)
        self.conv3, self.bn3 = nn.Conv2d(2, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2)
        self.conv4, self.bn4 = nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4)
        self.conv5, self.bn5 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.short, self.short_bn = nn.Conv2d(2, 4, 1, stride=2, bias=False), nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        stem = torch.relu(self.bn1(self.conv1(x)))
        block = torch.relu(stem + self.bn3(self.conv3(torch.relu(self.bn2(self.conv2(stem))))))
        main = self.bn5(self.conv5(torch.relu(self.bn4(self.conv4(block)))))
        block = torch.relu(main + self.short_bn(self.short(block)))
        return torch.softmax(self.fc(block.mean((2, 3))), 1)


class TextLstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.lstm, self.fc = nn.Embedding(11, 4), nn.LSTM(4, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, tokens):
        _, (hidden, _) = self.lstm(self.embedding(tokens.long()))
        return torch.softmax(self.fc(hidden[-1]), 1)


class GruBidirectional(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru, self.fc = nn.GRU(3, 4, batch_first=True, bidirectional=True), nn.Linear(8, 3)

    def forward(self, x):
        _, hidden = self.gru(x)
        return torch.softmax(self.fc(torch.cat([hidden[0], hidden[1]], 1)), 1)


class QkvAttention(nn.Module):
    """Attention as timm's vision transformers name it."""

    def __init__(self, units, heads, bias):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(units, 3 * units, bias=bias), nn.Linear(units, units, bias=bias)

    def project(self, x):
        return self.qkv(x).chunk(3, -1)

    def rest(self, q, k, v):
        n, steps, units = q.shape
        q, k, v = (t.view(n, steps, self.heads, units // self.heads).transpose(1, 2) for t in (q, k, v))
        weights = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(units // self.heads), -1)
        return self.proj((weights @ v).transpose(1, 2).reshape(n, steps, units))

    def forward(self, x):
        return self.rest(*self.project(x))


class SeparateAttention(QkvAttention):
    """Attention with four modules of names of their own."""

    def __init__(self, units, heads, bias, names):
        nn.Module.__init__(self)
        self.heads, self.names = heads, names
        for name in names.values():
            setattr(self, name, nn.Linear(units, units, bias=bias))

    def project(self, x):
        return [getattr(self, self.names[what])(x) for what in ("query", "key", "value")]

    @property
    def proj(self):
        return getattr(self, self.names["output"])


class TimmBlock(nn.Module):
    def __init__(self, units, heads, feed_forward):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(units), nn.LayerNorm(units)
        self.self_attn = QkvAttention(units, heads, True)
        self.linear1, self.linear2 = nn.Linear(units, feed_forward), nn.Linear(feed_forward, units)

    def forward(self, x):
        x = x + self.self_attn(self.norm1(x))
        return x + self.linear2(functional.gelu(self.linear1(self.norm2(x))))


class VisionTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(1, 6, (3, 2), stride=(3, 2))
        self.cls_token, self.pos_embed = nn.Parameter(torch.zeros(1, 1, 6)), nn.Parameter(torch.zeros(1, 5, 6))
        self.blocks = nn.Sequential(TimmBlock(6, 2, 8), TimmBlock(6, 3, 7))
        self.norm, self.head = nn.LayerNorm(6), nn.Linear(6, 3)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        return torch.softmax(self.head(self.norm(self.blocks(x))[:, 0]), 1)


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.position = nn.Embedding(10, 6), nn.Parameter(torch.zeros(1, 5, 6))
        self.blocks = nn.Sequential(
            nn.TransformerEncoderLayer(6, 2, 9, dropout=0.0, batch_first=True),
            nn.TransformerEncoderLayer(6, 3, 7, dropout=0.0, batch_first=True, activation="gelu"))
        self.fc = nn.Linear(6, 3)

    def forward(self, tokens):
        return torch.softmax(self.fc(self.blocks(self.embedding(tokens.long()) + self.position).mean(1)), 1)


class ConvAutoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Module(), nn.Module()
        self.encoder.conv1, self.encoder.bn1 = nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.BatchNorm2d(3)
        self.encoder.conv2 = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.decoder.up1 = nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, bias=False)
        self.decoder.bn1 = nn.BatchNorm2d(3)
        self.decoder.up2 = nn.ConvTranspose2d(3, 1, 3, stride=2, padding=1, output_padding=(0, 1))

    def forward(self, x):
        code = torch.relu(self.encoder.conv2(torch.relu(self.encoder.bn1(self.encoder.conv1(x)))))
        return torch.sigmoid(self.decoder.up2(torch.relu(self.decoder.bn1(self.decoder.up1(code)))))


BY_HAND = {"residual_cnn": ResidualCnn, "text_lstm": TextLstm, "gru_bidirectional": GruBidirectional,
           "vision_transformer": VisionTransformer, "transformer": Transformer, "conv_autoencoder": ConvAutoencoder}
