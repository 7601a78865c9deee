"""Every error that bartizan raises on purpose; one family per catcher, not per cause.

The message says what was being done, to which thing and where; ``hint`` says what a person can do about it.
"""

from typing import ClassVar


class BartizanError(Exception):
    """Root of every error of ours; anything else that escapes a room is a bug."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(BartizanError):
    """Start-up settings are wrong; caught by the command line, which prints ``source:line``."""

    def __init__(self, message: str, *, hint: str = "", source: str = "", line: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.source = source
        self.line = line

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}: " if self.line else f"{self.source}: " if self.source else ""
        return where + self.message


class RefusedError(BartizanError):
    """A request is refused; caught by the request edge, which answers in the client's dialect and records it.

    ``code`` is a stable machine-readable word (``invalid_api_key``, ``tier_not_granted``), ``status`` the HTTP status,
    ``retry_after_s`` set where waiting helps, ``case`` where there is a case file that can be read and appealed.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int = 400,
        hint: str = "",
        param: str = "",
        retry_after_s: float | None = None,
        case: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.status = status
        self.param = param
        self.retry_after_s = retry_after_s
        self.case = case


class StoreError(BartizanError):
    """The store can't read or write; the gateway stops serving rather than serve unrecorded."""


class VerificationError(BartizanError):
    """The ledger does not prove what it claims; raised by every verifier, total over hostile bytes."""


class ControlError(BartizanError):
    """A control can't load or judge; the runner turns it into what the control's ``on_error`` says."""


class UpstreamError(BartizanError):
    """A model can't be reached or broke its protocol; ``retryable`` only before the first byte of an answer."""

    def __init__(self, message: str, *, hint: str = "", code: str = "upstream_error", status: int = 502, retryable: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.status = status
        self.retryable = retryable


class WorkError(BartizanError):
    """A durable job or a sandboxed child failed; caught by the worker edge."""

    retryable: ClassVar[bool] = False
