"""The files that pages load: ours and the vendored ones, read once, each under an address that changes with its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

_FILES: Final = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "vendor/htmx-4.0.1.min.js": "text/javascript; charset=utf-8",
    "vendor/uplot-1.6.32.min.js": "text/javascript; charset=utf-8",
    "vendor/uplot-1.6.32.min.css": "text/css; charset=utf-8",
}


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One file: its bytes, media type and address."""

    data: bytes
    media_type: str
    url: str


@cache
def assets() -> Mapping[str, Asset]:
    """Return every asset by its name."""
    root = resources.files("bartizan.console").joinpath("assets")
    found: dict[str, Asset] = {}
    for name, media_type in _FILES.items():
        data = root.joinpath(name).read_bytes()
        found[name] = Asset(data=data, media_type=media_type, url=f"/assets/{name}?v={hashlib.sha256(data).hexdigest()[:12]}")
    return MappingProxyType(found)


async def asset(request: Request) -> Response:
    """Answer one asset; what is not in the list does not exist, so no path leads out of the folder."""
    found = assets().get(request.path_params["name"])
    if found is None:
        return Response(status_code=404)
    return Response(found.data, media_type=found.media_type, headers={"cache-control": "public, max-age=31536000, immutable"})
