"""Mail, as EML or as Outlook's MSG: headers and body as one document, attachments as files of their own."""

from __future__ import annotations

import email
import email.policy
import io
from email.message import Message
from typing import Final

import msgspec
import olefile

from bartizan.workbench.intel.caps import Caps, DocumentError
from bartizan.workbench.intel.document import Document
from bartizan.workbench.intel.parse.build import Builder
from bartizan.workbench.intel.parse.markup import visible

_HEADERS: Final = ("From", "To", "Cc", "Subject", "Date", "Reply-To", "Return-Path", "X-Originating-IP", "Received")
_MOST_PARTS: Final = 500
_OLE: Final = "__substg1.0_"


class Mail(msgspec.Struct, frozen=True):
    """The message, and its attachments as (name, bytes)."""

    document: Document
    attached: tuple[tuple[str, bytes], ...]


def read(data: bytes, name: str, caps: Caps) -> Mail:
    """Return an EML file's message; raises DocumentError."""
    try:
        message = email.message_from_bytes(data, policy=email.policy.compat32)
    except RecursionError as error:
        raise DocumentError(f"{name}: mail in mail without end", code="too_deep") from error
    made = Builder(name, "message/rfc822", data, caps)
    heads = [f"{head}: {_text(value)}" for head in _HEADERS for value in (message.get_all(head) or [])[:20]]
    made.title = _text(message.get("Subject", ""))
    plain: list[str] = []
    markup: list[str] = []
    attached: list[tuple[str, bytes]] = []
    for place, part in enumerate(message.walk()):
        if place > _MOST_PARTS:
            raise DocumentError(f"{name}: more than {_MOST_PARTS} parts in one message", code="too_many_files")
        if part.is_multipart():
            continue
        kind, content = part.get_content_type(), _content(part)
        if part.get_filename() or kind not in {"text/plain", "text/html"}:
            attached.append((_text(part.get_filename() or kind), content))
        else:
            (markup if kind == "text/html" else plain).append(_decoded(part, content))
    if not heads and not "".join(plain + markup).strip():
        raise DocumentError(f"{name}: this is no mail message", code="malformed_mail")
    _body(made, heads, plain, markup, name)
    return Mail(made.document(), tuple(attached))


def read_msg(data: bytes, name: str, caps: Caps) -> Mail:
    """Return an Outlook message; raises DocumentError."""
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as ole:
            return _msg(ole, data, name, caps)
    except (OSError, ValueError, IndexError, TypeError, AttributeError, KeyError, OverflowError, olefile.olefile.OleFileError) as error:
        raise DocumentError(f"{name}: this Outlook file can't be read: {str(error)[:200]}", code="malformed_msg") from error


def _msg(ole: olefile.OleFileIO, data: bytes, name: str, caps: Caps) -> Mail:
    made = Builder(name, "application/vnd.ms-outlook", data, caps)
    subject, sender = _property(ole, "", "0037"), _property(ole, "", "5D01") or _property(ole, "", "0C1F")
    body, heads = _property(ole, "", "1000"), _property(ole, "", "007D")
    markup = _raw(ole, f"{_OLE}10130102").decode("utf-8", "replace") or _property(ole, "", "1013")
    if not subject and not body and not markup:
        raise DocumentError(f"{name}: there is no message in this Outlook file", code="malformed_msg")
    made.title = subject
    _body(
        made, [f"From: {sender}", f"Subject: {subject}", *heads.splitlines()[:60]], [body] if body else [], [markup] if markup else [], name
    )
    attached = []
    for folder in sorted({entry[0] for entry in ole.listdir() if entry[0].startswith("__attach_version1.0_")})[:_MOST_PARTS]:
        label = _property(ole, f"{folder}/", "3707") or _property(ole, f"{folder}/", "3704") or folder
        attached.append((label, _raw(ole, f"{folder}/{_OLE}37010102")))
    return Mail(made.document(), tuple(attached))


def _body(made: Builder, heads: list[str], plain: list[str], markup: list[str], name: str) -> None:
    """Write headers and body; a text part beside a markup part is what no reader's program shows, so the markup counts."""
    shown = list(plain)
    if markup:
        shown = []
        for each in markup:
            seen, hidden, _, _ = visible(each, name)
            shown.append(seen)
            for why, words in hidden.items():
                made.flag("hidden_text", detail=why, text="\n".join(words))
        if plain and _differs("".join(plain), "".join(shown)):
            made.flag("hidden_text", detail="the plain-text part says something else than the part that is shown", text="\n".join(plain))
    made.page("\n".join([*heads, "", *shown]))


def _differs(plain: str, shown: str) -> bool:
    words, seen = plain.split(), set(shown.split())
    return len(words) > 5 and sum(word in seen for word in words) < 0.6 * len(words)


def _content(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _decoded(part: Message, content: bytes) -> str:
    try:
        return content.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        return content.decode("utf-8", "replace")


def _text(value: object) -> str:
    try:
        pieces = email.header.decode_header(str(value))
        return " ".join(str(email.header.make_header(pieces)).split())
    except (LookupError, ValueError, UnicodeError):
        return " ".join(str(value).split())


def _property(ole: olefile.OleFileIO, folder: str, tag: str) -> str:
    wide = _raw(ole, f"{folder}{_OLE}{tag}001F")
    return wide.decode("utf-16-le", "replace") if wide else _raw(ole, f"{folder}{_OLE}{tag}001E").decode("cp1252", "replace")


def _raw(ole: olefile.OleFileIO, path: str) -> bytes:
    return bytes(ole.openstream(path).read()) if ole.exists(path) else b""
