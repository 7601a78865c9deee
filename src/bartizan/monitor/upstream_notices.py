"""A model provider's own safety webhooks: their signature is checked, a repeat is seen, and what they say becomes a fact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from bartizan.errors import RefusedError
from bartizan.event import Envelope, UpstreamNoticeReceived, kind_of
from bartizan.monitor.enforcement import Followed
from bartizan.monitor.signing import is_signed

_KINDS: Final = frozenset({"safety.warning_issued", "safety.deactivation_issued"})
_MOST: Final = 64 << 10


class _Data(msgspec.Struct, frozen=True):
    id: str


class _Notice(msgspec.Struct, frozen=True):
    id: str
    type: str
    created_at: float
    data: _Data


class UpstreamNotices:
    """Reads webhooks. ``secret`` gives an upstream's signing secret, None for one that has none configured."""

    def __init__(self, ledger: Followed, secret: Callable[[str], str | None]) -> None:
        self._secret = secret
        self._seen: set[tuple[str, str]] = set()
        self.received: list[UpstreamNoticeReceived] = []
        ledger.subscribe((kind_of(UpstreamNoticeReceived),), self._fold)

    def read(self, upstream: str, headers: Mapping[bytes, bytes], body: bytes, *, at: float) -> UpstreamNoticeReceived | None:
        """Return the fact to record, None for a repeat; raises RefusedError 401 ``bad_signature``, 400 ``invalid_notice``, 404."""
        secret = self._secret(upstream)
        if secret is None:
            raise RefusedError("no such upstream sends notices here", code="not_found", status=404)
        webhook_id = headers.get(b"webhook-id", b"").decode("latin-1")
        timestamp = headers.get(b"webhook-timestamp", b"").decode("latin-1")
        signature = headers.get(b"webhook-signature", b"").decode("latin-1")
        if len(body) > _MOST or not is_signed(secret, webhook_id=webhook_id, timestamp=timestamp, signature=signature, body=body, at=at):
            raise RefusedError("the webhook's signature does not hold", code="bad_signature", status=401)
        try:
            notice = msgspec.json.decode(body, type=_Notice)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RefusedError(f"the webhook can't be read: {error}", code="invalid_notice") from error
        if notice.type not in _KINDS or len(notice.id) > 200 or len(notice.data.id) > 128:
            raise RefusedError("the webhook is of no kind that is taken", code="invalid_notice", hint=", ".join(sorted(_KINDS)))
        if (upstream, notice.id) in self._seen:
            return None
        return UpstreamNoticeReceived(
            upstream=upstream, notice=notice.id, kind=notice.type, upstream_case=notice.data.id, created_at=notice.created_at
        )

    def _fold(self, _seq: int, entry: Envelope) -> None:
        fact = entry.body
        if isinstance(fact, UpstreamNoticeReceived) and (fact.upstream, fact.notice) not in self._seen:
            self._seen.add((fact.upstream, fact.notice))
            self.received.append(fact)
