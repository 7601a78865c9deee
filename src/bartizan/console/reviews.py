"""The review queue, one item at a time and blind, and how good the reviewing is."""

from __future__ import annotations

from typing import Final, cast, get_args

import msgspec

from bartizan.console import filters
from bartizan.console.parts import Ask, Done, Page, Parts
from bartizan.errors import RefusedError
from bartizan.event import Label
from bartizan.monitor import Load, Quality, Shown, quality

LABELS: Final = get_args(Label)
CATEGORIES: Final = ("cyber", "fraud", "violence", "self-harm", "sexual", "hate", "privacy", "other")


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """The queue as JSON: the item to look at now, if any, and the reviewer's load."""

    item: Shown | None
    waiting: int
    load: Load


def queue(parts: Parts, ask: Ask) -> Page:
    """Show the next item, or why there is none."""
    load = parts.monitor.review.load(ask.who.id)
    item = None if load.rest else parts.monitor.review.next(ask.who)
    return _page(parts, ask, item, load)


def unmask(parts: Parts, ask: Ask) -> Page:
    """Show an item without masks; that it was asked for is on record."""
    item = parts.monitor.review.unmask(ask.path["id"], ask.who, reason=ask.field("reason"))
    return _page(parts, ask, item, parts.monitor.review.load(ask.who.id))


def decide(parts: Parts, ask: Ask) -> Done:
    """Take the reviewer's word."""
    label = ask.form.get("label", "")
    if label not in LABELS:
        raise RefusedError("there is no such label", code="bad_field", param="label", hint=", ".join(LABELS))
    category = ask.form.get("category", "")
    if category and category not in CATEGORIES:
        raise RefusedError("there is no such category", code="bad_field", param="category", hint=", ".join(CATEGORIES))
    began = ask.form.get("began", "")
    seconds = ask.at - float(began) if began.replace(".", "", 1).isdigit() and len(began) < 20 else 0.0
    parts.monitor.review.decide(ask.path["id"], cast("Label", label), ask.who, category=category, seconds=max(0.0, seconds))
    return Done(location="/review", notice="word-taken")


def shown(parts: Parts, ask: Ask) -> Page:
    """Show the quality of review: what was missed by stratum, catch rates, agreement. ``since`` narrows it to later plans."""
    since = filters.moment(ask.query, "since")
    body: Quality = quality(parts.monitor.queue, since=since or 0.0)
    given = {"since": ask.query["since"]} if since is not None else {}
    return Page(template="review_quality.html", title="Review quality", body=body, extra={"filters": given})


def _page(parts: Parts, ask: Ask, item: Shown | None, load: Load) -> Page:
    body = Next(item=item, waiting=len(parts.monitor.queue.waiting(ask.who.id)), load=load)
    return Page(template="review.html", title="Review", body=body, extra={"labels": LABELS, "categories": CATEGORIES, "began": ask.at})
