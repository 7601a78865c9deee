"""The sentence encoder: texts to vectors through onnxruntime, on the thread that asks and no other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bartizan.errors import ControlError
from bartizan.guard.learned.weights import Weights, read_file, read_weights
from bartizan.guard.learned.wordpiece import WordPiece

MODEL: Final = "encoder.onnx"
VOCABULARY: Final = "vocab.txt"
TOKENS: Final = 112
"""Tokens of a text that are looked at: about 450 characters of English. What is longer is given as windows."""
_TOGETHER: Final = 8


class Encoder:
    """all-MiniLM-L6-v2 (Apache-2.0) in eight bits. One intra-op thread, no spinning; threads may share it."""

    def __init__(self, model: bytes, vocabulary: Sequence[str]) -> None:
        import onnxruntime  # noqa: PLC0415 - 40 ms and 20 MB that only the second stage pays
        from onnxruntime.capi import onnxruntime_pybind11_state as errors  # noqa: PLC0415 - the same

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            self._tokens = WordPiece(vocabulary)
        except (
            errors.InvalidProtobuf,
            errors.InvalidGraph,
            errors.Fail,
            errors.NotImplemented,
            RuntimeError,
            ValueError,
            KeyError,
        ) as error:
            raise ControlError(f"loading the sentence encoder: {error}") from error

    @classmethod
    def load(cls, directory: Path | None = None, *, weights: Weights | None = None) -> Encoder:
        """Load the shipped encoder, or that of a directory of weights; raises ControlError when a file is missing, changed or odd."""
        weights = weights or read_weights(directory)
        model = read_file(weights.directory, MODEL, weights.manifest)
        words = read_file(weights.directory, VOCABULARY, weights.manifest)
        return cls(model, words.decode("utf-8").splitlines())

    @classmethod
    def of(cls, directory: Path) -> Encoder:
        """Load an encoder that no manifest vouches for, to train with."""
        try:
            return cls((directory / MODEL).read_bytes(), (directory / VOCABULARY).read_text(encoding="utf-8").splitlines())
        except OSError as error:
            raise ControlError(f"reading the sentence encoder in {directory}: {error}") from error

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector of length 1 for each text."""
        numbers = [self._tokens(text, TOKENS) for text in texts]
        order = sorted(range(len(numbers)), key=lambda at: len(numbers[at]))
        vectors = np.zeros((len(numbers), 384), dtype=np.float32)
        for first in range(0, len(order), _TOGETHER):
            chosen = order[first : first + _TOGETHER]
            ids = np.zeros((len(chosen), max(len(numbers[at]) for at in chosen)), dtype=np.int64)
            mask = np.zeros_like(ids)
            for row, at in enumerate(chosen):
                ids[row, : len(numbers[at])] = numbers[at]
                mask[row, : len(numbers[at])] = 1
            vectors[chosen] = self._session.run(None, {"ids": ids, "mask": mask})[0]
        return vectors
