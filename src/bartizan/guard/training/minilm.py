"""all-MiniLM-L6-v2 in plain torch: load its published weights, tune them if wanted, export them to ONNX with eight-bit weights.

The network is BERT (arXiv 1810.04805) with 6 layers of 384; its sentence vector is the mean over tokens, of length 1.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

WIDTH, LAYERS, HEADS, INNER, PLACES = 384, 6, 12, 1536, 512


class Layer(nn.Module):
    """Self-attention and feed-forward, each with a residual and a norm after it."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, eps=1e-12), nn.LayerNorm(WIDTH, eps=1e-12)
        self.up, self.down = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Return the layer's output; ``bias`` keeps padding out of the attention."""
        count, length, _ = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(count, length, HEADS, WIDTH // HEADS).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        seen = torch.softmax(q @ k.transpose(-1, -2) / (WIDTH // HEADS) ** 0.5 + bias, dim=-1) @ v
        x = self.norm1(x + self.out(seen.transpose(1, 2).reshape(count, length, WIDTH)))
        y: Tensor = self.norm2(x + self.down(nn.functional.gelu(self.up(x))))
        return y


class MiniLM(nn.Module):
    """Token numbers and their mask in, sentence vectors out."""

    def __init__(self, words: int, layers: int = LAYERS) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(words, WIDTH), nn.Embedding(PLACES, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(layers))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return one vector of length 1 for each row of token numbers."""
        x = self.norm(self.words(ids) + self.places(torch.arange(ids.shape[1]))[None])
        bias = (1.0 - mask[:, None, None, :].float()) * -1e4
        for layer in self.layers:
            x = layer(x, bias)
        share = mask[:, :, None].float()
        pooled = (x * share).sum(1) / share.sum(1).clamp(min=1e-9)
        return nn.functional.normalize(pooled, dim=-1)


def load(path: Path) -> MiniLM:
    """Read the published weights, a file of safetensors."""
    stored = read_safetensors(path)
    model = MiniLM(stored["embeddings.word_embeddings.weight"].shape[0])
    kinds = stored["embeddings.token_type_embeddings.weight"][0]
    state = {
        "words.weight": stored["embeddings.word_embeddings.weight"],
        "places.weight": stored["embeddings.position_embeddings.weight"] + kinds,
        "norm.weight": stored["embeddings.LayerNorm.weight"],
        "norm.bias": stored["embeddings.LayerNorm.bias"],
    }
    names = {
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "out": "attention.output.dense",
        "norm1": "attention.output.LayerNorm",
        "up": "intermediate.dense",
        "down": "output.dense",
        "norm2": "output.LayerNorm",
    }
    for number in range(LAYERS):
        for ours, theirs in names.items():
            for part in ("weight", "bias"):
                state[f"layers.{number}.{ours}.{part}"] = stored[f"encoder.layer.{number}.{theirs}.{part}"]
    model.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in state.items()})
    return model.eval()


def read_safetensors(path: Path) -> Mapping[str, Any]:
    """Return the float arrays of a file: eight bytes of length, a JSON header, the arrays."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = msgspec.json.decode(data[8 : 8 + size])
    header.pop("__metadata__", None)
    found = {}
    for name, entry in header.items():
        if entry["dtype"] == "F32":
            start, end = entry["data_offsets"]
            found[name] = np.frombuffer(data[8 + size + start : 8 + size + end], dtype="<f4").reshape(entry["shape"]).copy()
    return found


def export(model: MiniLM, target: Path) -> None:
    """Write the network as ONNX with dynamic eight-bit weights, embeddings included."""
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415 - imports onnx, which loading needs not

    ids = torch.ones((2, 9), dtype=torch.int64)
    axes = {"ids": {0: "n", 1: "t"}, "mask": {0: "n", 1: "t"}, "vectors": {0: "n"}}
    with tempfile.TemporaryDirectory() as folder:
        plain = str(Path(folder) / "plain.onnx")
        torch.onnx.export(
            model,
            (ids, ids),
            plain,
            input_names=["ids", "mask"],
            output_names=["vectors"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
        quantize_dynamic(plain, str(target), weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)
