"""Starting everything on one machine, and telling the person who did what they have now."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from bartizan.app.directory import lock_directory, prepare
from bartizan.app.first_run import FirstKey, first_key
from bartizan.app.supervise import Order, Supervisor
from bartizan.config import Settings, load
from bartizan.errors import BartizanError, ConfigError

LOCAL_MODEL: Final = "smollm2-135m"
"""The local model's name (``model.local.MODEL_NAME``; importing that here would load what only the child needs)."""

Say = Callable[[str], None]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What ``bartizan up`` was asked to do; None means what the settings say."""

    data: Path
    config: Path | None
    port: int | None = None
    console_port: int | None = None
    observe: bool = False
    local: bool = True


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What runs now, as ``--json`` prints it. ``admin_key`` is there only at the very first start."""

    gateway: str
    console: str
    model: str
    data: str
    observe: bool
    pids: dict[str, int]
    seconds: float
    admin_key: str = ""


def run_up(options: Options, *, say: Say, emit: Callable[[Any], None] | None) -> int:
    """Start everything, print where it is, and stay until stopped; returns the exit code."""
    begun = time.monotonic()
    settings = load(options.config)
    prepare(options.data)
    with lock_directory(options.data):
        key = first_key(options.data, settings)
        with Supervisor(options.data / "run", say=say) as supervisor:
            running = _start(options, settings, supervisor, begun, key, say)
            _announce(running, key, say)
            if emit:
                emit(running)
            return supervisor.watch()


def _start(options: Options, settings: Settings, supervisor: Supervisor, begun: float, key: FirstKey | None, say: Say) -> Running:
    order = Order(
        role="gateway",
        data=str(options.data.resolve()),
        config=str(options.config.resolve()) if options.config else "",
        observe=options.observe,
    )
    replace = msgspec.structs.replace
    model_port, model_name = 0, ", ".join(settings.upstreams) or "none"
    if weights := _local_model(options, settings, say):
        model = supervisor.start(replace(order, role="model", model_file=str(weights)))
        model_port, model_name = model.port, LOCAL_MODEL
    supervisor.start(replace(order, role="keeper"))
    supervisor.start(replace(order, role="monitor"))
    if settings.respond.connectors:
        _responder(supervisor, replace(order, role="responder"), say)
    gateway_port = settings.gateway.port if options.port is None else options.port
    gateway = supervisor.start(replace(order, host=settings.gateway.host, port=gateway_port, model_port=model_port))
    console_port = settings.console.port if options.console_port is None else options.console_port
    console = supervisor.start(replace(order, role="console", host=settings.console.host, port=console_port))
    return Running(
        gateway=f"http://{settings.gateway.host}:{gateway.port}",
        console=f"http://{settings.console.host}:{console.port}",
        model=model_name,
        data=str(options.data),
        observe=options.observe,
        pids={"up": os.getpid()} | {str(role): pid for role, pid in supervisor.pids().items()},
        seconds=round(time.monotonic() - begun, 2),
        admin_key=key.secret if key else "",
    )


def _responder(supervisor: Supervisor, order: Order, say: Say) -> None:
    if importlib.util.find_spec("dbos") is None:
        say("responses are not carried out: durable work is not installed (pip install 'bartizan[work]')")
        return
    supervisor.start(order)


def _local_model(options: Options, settings: Settings, say: Say) -> Path | None:
    """Return the local model's weights, fetched if need be; None when there is no local model to run."""
    if not options.local or settings.upstreams:
        return None
    if importlib.util.find_spec("xllamacpp") is None:
        raise ConfigError(
            "there is no model to answer: no upstream is configured and the local model is not installed",
            hint="pip install 'bartizan[local]', or name an upstream in bartizan.toml, or start with --no-local",
        )
    from bartizan.model import local  # noqa: PLC0415 - only where there is one

    try:
        return local.ensure(options.data / "models", say=say)
    except BartizanError as error:
        raise ConfigError(f"the local model can't be had: {error}", hint=error.hint or "start with --no-local") from error


def _announce(running: Running, key: FirstKey | None, say: Say) -> None:
    say("")
    say(
        f"  bartizan is up in {running.seconds:g} s"
        + ("   (observe: nothing is blocked, everything is recorded)" if running.observe else "")
    )
    say("")
    say(f"  gateway   {running.gateway}/v1   OpenAI and Anthropic protocols")
    say(f"  console   {running.console}")
    say(f"  model     {running.model}")
    say(f"  data      {running.data}")
    if key:
        say("")
        say(f"  admin key {key.secret}")
        say("            shown this once; keep it. It opens the console and may ask the model.")
        say("")
        say("  try it:")
        body = msgspec.json.encode({"model": running.model, "messages": [{"role": "user", "content": "Hello"}]}).decode()
        say(f"  curl {running.gateway}/v1/chat/completions -H 'Authorization: Bearer {key.secret}' -d '{body}'")
    say("")
    say("  stop with Ctrl-C")
