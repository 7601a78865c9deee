"""``scim``: users of a directory (RFC 7644): find one, disable one; undone by enabling again who was enabled before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final
from urllib.parse import quote

from bartizan.errors import RefusedError
from bartizan.workbench.respond.connectors.web import Web, first, segment
from bartizan.workbench.respond.contract import Argument, Call, Change, State, Verb

_PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_ACCOUNT: Final = (Argument(name="account", kind="account", target=True),)


class Scim(Web):
    """A SCIM 2.0 service provider, such as an identity provider's."""

    VERBS: ClassVar[Mapping[str, Verb]] = {
        "find": Verb(name="find", effect="read", doc="read whether a user is active", arguments=_ACCOUNT),
        "disable": Verb(
            name="disable",
            effect="reversible",
            doc="set a user inactive, which ends their sign-ins",
            arguments=_ACCOUNT,
            compensation="set the user active again, if active before",
        ),
    }

    def look(self, call: Call) -> State:
        """Find the user by name; raises RefusedError 404 ``no_such_user`` for none."""
        account = str(call.arguments["account"])
        escaped = account.replace("\\", "\\\\")
        wanted = quote(f'userName eq "{escaped}"', safe="")
        found = first(self.read(f"/Users?filter={wanted}").value, "Resources")
        if not isinstance(found.get("id"), str) or str(found.get("userName", "")).casefold() != account.casefold():
            raise RefusedError(f"{self.name} knows no user {account}", code="no_such_user", status=404)
        return {"id": found["id"], "active": found.get("active", True) is True}

    def forward(self, call: Call, now: State) -> tuple[Change, ...]:
        """Set an active user inactive."""
        return (self._set(now, active=False),) if call.verb == "disable" and now["active"] else ()

    def back(self, call: Call, before: State, now: State) -> tuple[Change, ...]:  # noqa: ARG002 - the protocol's
        """Set a user active who was."""
        return (self._set(now, active=True),) if before.get("active") and not now["active"] else ()

    def _set(self, now: State, *, active: bool) -> Change:
        body = {"schemas": [_PATCH], "Operations": [{"op": "replace", "path": "active", "value": active}]}
        return self.change("PATCH", f"/Users/{segment(now['id'])}", body)
