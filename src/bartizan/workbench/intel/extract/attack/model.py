"""The classifier: is this sentence a technique, and which. Sparse linear weights in eight bits, made by ``scripts/train_attack.py``."""

from __future__ import annotations

import io
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import zstandard

from bartizan.workbench.intel.extract.attack.features import Rows, features

_LARGEST: Final = 128 << 20
_BATCH: Final = 128


class Model(msgspec.Struct, frozen=True):
    """``place[f]`` is the row of feature ``f`` in ``weights``, or the last row, which is zero.

    Two heads share the features: the first asks whether, against sentences that show nothing; the second only which.
    """

    labels: tuple[str, ...]
    idf: npt.NDArray[np.float32]
    place: npt.NDArray[np.int32]
    weights: tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]
    scale: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    slope: npt.NDArray[np.float32]
    """Two numbers for each head: a score times the first plus the second is the log-odds of being right."""
    alone: npt.NDArray[np.bool_]
    """The labels that single statements were annotated with: the others are their rarer parts."""
    threshold: float
    """The probability from which a technique is stated."""
    mix: float
    """How much the first head counts where the best technique of one statement is chosen."""

    @property
    def count(self) -> int:
        """Return how many labels there are; in ``scale`` and ``bias`` the second head follows the first."""
        return len(self.labels)

    def scores(self, sentences: list[bytes], head: int = 0) -> npt.NDArray[np.float32]:
        """Return the scores of one head, a row for each sentence; the same sentence is looked at once."""
        numbers: dict[bytes, int] = {}
        which = [numbers.setdefault(sentence, len(numbers)) for sentence in sentences]
        different = list(numbers)
        made = [self._batch(features(different[start : start + _BATCH], self.idf), head) for start in range(0, len(different), _BATCH)]
        return np.concatenate(made)[which] if made else np.empty((0, self.count), np.float32)

    def _batch(self, rows: Rows, head: int) -> npt.NDArray[np.float32]:
        weights = self.weights[head]
        part = slice(head * self.count, (head + 1) * self.count)
        total = np.zeros((len(rows.starts) - 1, self.count), np.float32)
        places = self.place[rows.features]
        for number in range(len(total)):
            one = slice(int(rows.starts[number]), int(rows.starts[number + 1]))
            total[number] = rows.weights[one] @ weights[places[one]].astype(np.float32)
        scores: npt.NDArray[np.float32] = total * self.scale[part] + self.bias[part]
        return scores

    def probabilities(self, scores: npt.NDArray[np.float32], head: int) -> npt.NDArray[np.float32]:
        """Turn the scores of one head into probabilities."""
        odds = scores * self.slope[2 * head] + self.slope[2 * head + 1]
        result: npt.NDArray[np.float32] = 1.0 / (1.0 + np.exp(-odds))
        return result


@cache
def shipped() -> Model:
    """Return the model in the package."""
    return decode(files("bartizan.workbench.intel.extract.attack").joinpath("data", "model.npz.zst").read_bytes())


def decode(raw: bytes) -> Model:
    """Read a model from the bytes that training wrote; arrays only, nothing that could run."""
    unpacked = zstandard.ZstdDecompressor().decompress(raw, max_output_size=_LARGEST)
    with np.load(io.BytesIO(unpacked), allow_pickle=False) as arrays:
        kept, size = arrays["kept"], int(arrays["size"])
        weights = np.concatenate([arrays["weights"], np.zeros((1, arrays["weights"].shape[1]), np.int8)])
        place = np.full(size, len(kept), dtype=np.int32)
        place[kept] = np.arange(len(kept), dtype=np.int32)
        return Model(
            tuple(str(label) for label in arrays["labels"]),
            arrays["idf"].astype(np.float32),
            place,
            (np.ascontiguousarray(weights[:, : len(arrays["labels"])]), np.ascontiguousarray(weights[:, len(arrays["labels"]) :])),
            arrays["scale"],
            arrays["bias"],
            arrays["slope"],
            arrays["alone"],
            float(arrays["threshold"]),
            float(arrays["mix"]),
        )
