"""What can be wrong with this machine or data directory, each with what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

from bartizan.config import Settings, UpstreamSettings, load
from bartizan.control import Failed, Loaded, Skipped
from bartizan.errors import BartizanError, ConfigError

_LOW_DISK: Final = 1 << 30
_SLOW_SYNC_MS: Final = 50.0
_SKEW_S: Final = 300.0


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One check's result; ``do`` is empty when there is nothing to do."""

    check: str
    state: Literal["ok", "warn", "fail"]
    found: str
    do: str = ""


def examine(data: Path, config: Path | None) -> list[Finding]:
    """Run every check; none changes anything, none raises."""
    findings: list[Finding] = [_python()]
    try:
        settings = load(config)
        findings.append(Finding(check="settings", state="ok", found=str(config) if config else "defaults, no file"))
    except ConfigError as error:
        settings = Settings()
        findings.append(Finding(check="settings", state="fail", found=str(error), do=error.hint or "correct the file"))
    checks: tuple[Callable[[Path, Settings], Iterator[Finding]], ...] = (_directory, _disk, _ports, _upstreams, _record, _controls)
    for check in checks:
        try:
            findings += check(data, settings)
        except BartizanError as error:
            findings.append(Finding(check=check.__name__.strip("_"), state="fail", found=str(error), do=error.hint))
    return findings


def _python() -> Finding:
    found = f"Python {sys.version.split()[0]} on {sys.platform}"
    if platform.system() == "Linux":
        return Finding(check="python", state="ok", found=found)
    return Finding(check="python", state="warn", found=found, do="Linux is what bartizan is tested on")


def _directory(data: Path, _settings: Settings) -> Iterator[Finding]:
    if not data.exists():
        yield Finding(check="data", state="ok", found=f"{data} is not there yet", do="bartizan up creates it")
        return
    mode = stat.S_IMODE(data.stat().st_mode)
    loose = [path for path in [data, *data.rglob("*")] if not path.is_symlink() and path.stat().st_mode & 0o077]
    if loose:
        yield Finding(check="data", state="fail", found=f"others may read {loose[0]}", do=f"chmod -R go-rwx {data}")
    else:
        yield Finding(check="data", state="ok", found=f"{data} is private (mode {mode:o})")


def _disk(data: Path, _settings: Settings) -> Iterator[Finding]:
    where = data if data.exists() else Path()
    free = shutil.disk_usage(where).free
    found = f"{free / (1 << 30):.1f} GiB free"
    if free < _LOW_DISK:
        yield Finding(check="disk", state="fail", found=found, do="free some space: when the record can't be written, requests are refused")
    else:
        yield Finding(check="disk", state="ok", found=found)
    milliseconds = _sync_ms(where)
    found = f"{milliseconds:.1f} ms a durable write"
    if milliseconds > _SLOW_SYNC_MS:
        yield Finding(
            check="disk speed", state="warn", found=found, do="two durable writes stand in every request; a faster disk shortens each"
        )
    else:
        yield Finding(check="disk speed", state="ok", found=found)


def _sync_ms(where: Path) -> float:
    path = where / f".bartizan-doctor-{os.getpid()}"
    taken = []
    try:
        with path.open("wb", buffering=0) as file:
            for _ in range(7):
                begun = time.perf_counter()
                file.write(b"x" * 4096)
                os.fdatasync(file.fileno())
                taken.append((time.perf_counter() - begun) * 1000)
    except OSError:
        return float("inf")
    finally:
        path.unlink(missing_ok=True)
    return sorted(taken)[len(taken) // 2]


def _ports(data: Path, settings: Settings) -> Iterator[Finding]:
    running = _is_running(data)
    for name, host, port in (
        ("gateway", settings.gateway.host, settings.gateway.port),
        ("console", settings.console.host, settings.console.port),
    ):
        with socket.socket() as probe:
            probe.settimeout(1.0)
            answered = probe.connect_ex((host, port)) == 0
        where = f"{host}:{port}"
        if answered and running:
            yield Finding(check=f"{name} port", state="ok", found=f"{where} answers")
        elif answered:
            yield Finding(
                check=f"{name} port", state="fail", found=f"{where} is taken", do=f"set [{name}] port, or stop what listens there"
            )
        else:
            yield Finding(check=f"{name} port", state="ok", found=f"{where} is free")


def _is_running(data: Path) -> bool:
    from bartizan.app.directory import lock_directory  # noqa: PLC0415 - keeps the checks above usable where fcntl is missing

    if not (data / "run").exists():
        return False
    try:
        with lock_directory(data):
            return False
    except ConfigError:
        return True


def _upstreams(data: Path, settings: Settings) -> Iterator[Finding]:
    if not settings.upstreams:
        weights = list((data / "models").glob("*.gguf")) if data.exists() else []
        found = "none configured; the local model answers" if weights else "none configured; the local model is fetched at the first start"
        yield Finding(check="upstreams", state="ok", found=found)
    for name, upstream in settings.upstreams.items():
        if upstream.key is not None:
            upstream.key.reveal()
        trouble = _unreachable(name, upstream)
        if trouble:
            yield Finding(check=f"upstream {name}", state="fail", found=trouble, do="check its address, key and certificate")
        else:
            yield Finding(check=f"upstream {name}", state="ok", found=f"{upstream.url} answers")


def _unreachable(name: str, upstream: UpstreamSettings) -> str:
    """Return why a model server can't be used, or an empty string; asks it for its models."""
    import asyncio  # noqa: PLC0415 - heavy

    from bartizan.model import Timeouts, Upstreams  # noqa: PLC0415 - heavy

    async def ask() -> str:
        one = msgspec.structs.replace(upstream, models=())
        upstreams = Upstreams.of({name: one}, timeouts=Timeouts(connect_s=3.0, first_byte_s=5.0, chunk_s=5.0, total_s=10.0))
        try:
            return "; ".join(str(error) for error in await upstreams.refresh())
        finally:
            upstreams.close()

    return asyncio.run(ask())


def _record(data: Path, settings: Settings) -> Iterator[Finding]:
    if not (data / "ledger.db").exists():
        yield Finding(check="record", state="ok", found="empty; the first start begins it")
        return
    from bartizan.ledger import Ledger  # noqa: PLC0415 - heavy

    ledger = Ledger.open(data, role="doctor", settings=settings.ledger)
    try:
        checkpoint = ledger.checkpoint()
        last = max((entry.at for _, entry in ledger.events(after=checkpoint.size - 2)), default=0.0)
        yield Finding(check="record", state="ok", found=f"{checkpoint.size} entries", do="bartizan ledger verify proves them")
        ahead = last - time.time()
        if ahead > _SKEW_S:
            yield Finding(
                check="clock",
                state="fail",
                found=f"{ahead:.0f} s behind the newest record",
                do="set the clock (NTP); records never go back in time",
            )
        else:
            yield Finding(check="clock", state="ok", found="not behind the record")
    finally:
        ledger.close()


def _controls(_data: Path, settings: Settings) -> Iterator[Finding]:
    from bartizan.app.compose import registry  # noqa: PLC0415 - heavy

    for loading in registry(settings).loadings:
        match loading:
            case Loaded():
                yield Finding(check=f"control {loading.descriptor.id}", state="ok", found=f"version {loading.descriptor.version} loaded")
            case Skipped():
                yield Finding(check=f"control {loading.id}", state="ok", found=f"skipped: {loading.reason}")
            case Failed():
                yield Finding(check=f"control {loading.id}", state="fail", found=loading.reason, do="repair it, or take it out of [guard]")
