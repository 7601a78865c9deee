"""``edr``: endpoint agents behind a plain REST interface: find a host, isolate it, delete a file on it by its hash.

``GET /hosts?name=``, ``POST /hosts/ID/isolate`` and ``/release``, ``POST /hosts/ID/delete-file``; other products through ``http``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final
from urllib.parse import quote

from bartizan.errors import RefusedError
from bartizan.workbench.respond.connectors.web import Web, first, segment
from bartizan.workbench.respond.contract import Argument, Call, Change, State, Verb

_HOST: Final = Argument(name="host", kind="host", target=True)


class Edr(Web):
    """An endpoint detection service."""

    VERBS: ClassVar[Mapping[str, Verb]] = {
        "find": Verb(name="find", effect="read", doc="read whether a host is isolated", arguments=(_HOST,)),
        "isolate": Verb(
            name="isolate",
            effect="reversible",
            doc="cut a host off from the network",
            arguments=(_HOST,),
            compensation="release the host, if it was not isolated before",
        ),
        "delete_file": Verb(
            name="delete_file",
            effect="destructive",
            doc="delete a file on a host by its SHA-256",
            arguments=(_HOST, Argument(name="sha256", kind="sha256")),
            doubt="key",
        ),
    }

    def look(self, call: Call) -> State:
        """Find the host by name; raises RefusedError 404 ``no_such_host`` for none."""
        host = str(call.arguments["host"])
        found = first(self.read(f"/hosts?name={quote(host, safe='')}").value, "hosts")
        if not isinstance(found.get("id"), str) or str(found.get("name", "")).casefold() != host:
            raise RefusedError(f"{self.name} knows no host {host}", code="no_such_host", status=404)
        return {"id": found["id"], "isolated": found.get("isolated") is True}

    def forward(self, call: Call, now: State) -> tuple[Change, ...]:
        """Isolate a host that is not, or delete the file."""
        path = f"/hosts/{segment(now['id'])}"
        match call.verb:
            case "isolate":
                return () if now["isolated"] else (self.change("POST", f"{path}/isolate", {}),)
            case "delete_file":
                return (self.change("POST", f"{path}/delete-file", {"sha256": call.arguments["sha256"]}),)
            case _:
                return ()

    def back(self, call: Call, before: State, now: State) -> tuple[Change, ...]:
        """Release a host that this isolated."""
        if call.verb == "isolate" and now["isolated"] and not before.get("isolated"):
            return (self.change("POST", f"/hosts/{segment(now['id'])}/release", {}),)
        return ()
