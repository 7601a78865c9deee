"""CloudTrail, ECS and OCSF: one object a record, its fields flat and under Sigma's names too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import msgspec

from bartizan.workbench.triage.ingest import windows
from bartizan.workbench.triage.ingest.caps import Caps
from bartizan.workbench.triage.ingest.flat import flat, text
from bartizan.workbench.triage.ingest.item import Claim, Parsed
from bartizan.workbench.triage.ingest.names import alias, tables
from bartizan.workbench.triage.ingest.times import seconds
from bartizan.workbench.triage.record import SEVERITIES, LogSource, Severity

_Object = dict[str, object]
_WHOLE: Final = ("requestParameters", "responseElements", "additionalEventData")
_FINDINGS: Final = (2001, 2002, 2003, 2004, 2005, 2006)
"""OCSF's classes of findings."""


def is_cloudtrail(found: Mapping[str, object]) -> bool:
    """Say whether this is one record of AWS CloudTrail."""
    return "eventSource" in found and "eventName" in found and "eventTime" in found


def from_cloudtrail(found: _Object, caps: Caps) -> Parsed:
    """Return a record of CloudTrail; parameters are there as fields and, since rules look into them, as one JSON text."""
    fields = flat(found, caps)
    for name in _WHOLE:
        if isinstance(found.get(name), (dict, list)):
            fields.setdefault(name, msgspec.json.encode(found[name]).decode())
    return Parsed("cloudtrail", seconds(found.get("eventTime")), LogSource("aws", "", "cloudtrail"), fields)


def is_ecs(found: Mapping[str, object]) -> bool:
    """Say whether this follows the Elastic Common Schema."""
    if "@timestamp" not in found:
        return False
    return "ecs" in found or "ecs.version" in found or isinstance(found.get("event"), dict) or "event.category" in found


def from_ecs(found: _Object, caps: Caps) -> Parsed:
    """Return an ECS document, its product from the operating system or the module that it names."""
    fields = flat(found, caps)
    alias(fields, tables().ecs)
    user, domain = fields.get("User"), fields.get("user.domain")
    if isinstance(user, str) and isinstance(domain, str) and "\\" not in user:
        fields["User"] = f"{domain}\\{user}"
    path, data = fields.get("registry.path"), fields.get("Details")
    if isinstance(path, str) and isinstance(data, tuple):
        fields["Details"] = " ".join(map(str, data))
    system = (text(fields.get("host.os.type")) or text(fields.get("host.os.family"))).lower()
    product = {"darwin": "macos", "debian": "linux", "redhat": "linux", "ubuntu": "linux"}.get(system, system)
    if not product and ("Channel" in fields or "Windows" in text(fields.get("event.provider"))):
        product = "windows"
    module = text(fields.get("event.module")).lower()
    if not product or module in {"aws", "azure", "gcp", "okta", "github", "m365", "o365", "zeek", "suricata"}:
        product = {"o365": "m365"}.get(module, module) or product
    kinds, types = _words(fields.get("event.category")), _words(fields.get("event.type"))
    category = next(
        (known for one in kinds for kind in (*types, "") if (known := tables().ecs_categories.get(f"{one} {kind}".strip()))), ""
    )
    channel = fields.get("Channel")
    service = (
        windows.names().services.get(channel.lower(), "")
        if isinstance(channel, str)
        else text(fields.get("event.dataset")).rpartition(".")[2]
    )
    claim = None
    if text(fields.get("event.kind")) in {"alert", "signal"}:
        claim = Claim(
            tool=text(fields.get("event.module")) or text(fields.get("event.provider")) or "ecs",
            rule=text(fields.get("rule.id")) or text(fields.get("rule.name")) or text(fields.get("event.code")) or "alert",
            title=text(fields.get("rule.name")) or text(fields.get("message")) or "alert",
            level=level(fields.get("event.severity"), 100),
            host=text(fields.get("host.name")),
            techniques=_words(fields.get("threat.technique.id")),
        )
    return Parsed("ecs", seconds(found.get("@timestamp")), LogSource(product, category, service), fields, claim)


def is_ocsf(found: Mapping[str, object]) -> bool:
    """Say whether this follows the Open Cybersecurity Schema Framework."""
    return isinstance(found.get("class_uid"), int) and ("metadata" in found or "category_uid" in found)


def from_ocsf(found: _Object, caps: Caps) -> Parsed:
    """Return an OCSF event; a finding is an alert of the product that it names."""
    fields = flat(found, caps)
    alias(fields, tables().ocsf)
    number = found.get("class_uid")
    classes = tables().ocsf_classes
    category = classes.get(f"{number} {found.get('activity_id')}") or classes.get(str(number), "")
    system = text(fields.get("device.os.type") or fields.get("device.os.name")).lower()
    product = next((name for name in ("windows", "linux", "macos") if name in system), "")
    if not product:
        product = {"amazon web services": "aws"}.get(text(fields.get("cloud.provider")).lower(), text(fields.get("cloud.provider")).lower())
    service = "cloudtrail" if product == "aws" and number == 6003 else text(fields.get("metadata.product.name")).lower()
    claim = None
    if number in _FINDINGS:
        claim = Claim(
            tool=text(fields.get("metadata.product.name")) or "ocsf",
            rule=text(fields.get("finding_info.analytic.uid")) or text(fields.get("finding_info.uid")) or "finding",
            title=text(fields.get("finding_info.title")) or text(fields.get("message")) or "finding",
            level=_ocsf_level(found.get("severity_id")),
            host=text(fields.get("device.hostname")),
            techniques=_words(fields.get("finding_info.attacks.technique.uid")) or _words(fields.get("attacks.technique.uid")),
        )
    return Parsed("ocsf", seconds(found.get("time")), LogSource(product, category, service), fields, claim)


def level(value: object, most: int) -> Severity:
    """Return one of Sigma's words for a number out of ``most``; a fifth each."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        return "medium"
    return SEVERITIES[min(int(value * 5 / most), 4)]


def _ocsf_level(value: object) -> Severity:
    return SEVERITIES[min(value - 1, 4)] if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 7 else "medium"


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return tuple(one for one in cast("tuple[object, ...]", value) if isinstance(one, str))
    return (value,) if isinstance(value, str) and value else ()
