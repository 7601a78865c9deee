"""``bartizan review``: draw a sample, look at the next item blind, say what it is, and see how good the reviewing is."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, emit, safe, say

app = typer.Typer(help="Sampled review by people: draw, look, decide, and how good it is.", no_args_is_help=True)

Item = Annotated[str, typer.Argument(help="Item id")]


@app.command()
def draw(
    budget: Annotated[int, typer.Option(min=0, help="Items with canaries; 0 for what the profile allows")] = 0,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Draw from everything that ended since the last plan. An operator's duty; `bartizan up` does it every week."""
    from bartizan.cli.office import columns, office
    from bartizan.policy import Resource

    with office(data, config) as desk:
        desk.permit(desk.enter(key), "control.change", Resource(type="Control", id="review"))
        plan = desk.monitor.drawer.draw(budget=budget)
    if plan is None:
        say("nothing ended since the last plan")
        return
    if json:
        emit(plan)
        return
    rows = [
        {"stratum": part.stratum, "exchanges": part.size, "drawn": part.drawn, "assumed": f"{part.assumed:.3g}"} for part in plan.strata
    ]
    sys.stdout.write(columns(rows) + "\n")


@app.command("next")
def next_(data: Data = None, config: Settings = None, key: Key = "", json: Json = False) -> None:
    """Show the next item that waits for you, masked; whose it is and what any control said is not told."""
    from bartizan.cli.office import office

    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "content.read")
        seen = desk.monitor.review.next(actor)
    if json:
        emit(seen)
    elif seen is None:
        say("nothing waits for you")
    else:
        sys.stdout.write(f"{seen.item}\n\n{safe(seen.text) if not seen.erased else '(erased)'}\n")
        say(f"\nbartizan review decide {seen.item} harmful|benign|unsure")


@app.command()
def decide(
    item: Item,
    label: Annotated[str, typer.Argument(help="harmful, benign or unsure")],
    category: Annotated[str, typer.Option(help="Of misuse, if harmful")] = "",
    seconds: Annotated[float, typer.Option(min=0, help="How long it took you")] = 0.0,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Say what an item is. Your word counts once and can't be taken back."""
    from typing import get_args

    from bartizan.cli.office import office
    from bartizan.event import Label

    if label not in get_args(Label):
        raise typer.BadParameter("harmful, benign or unsure")
    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "content.read")
        desk.monitor.review.decide(item, label, actor, category=category, seconds=seconds)  # type: ignore[arg-type]  # checked above
    say(f"{safe(item)}: {label}")


@app.command()
def unmask(
    item: Item,
    reason: Annotated[str, typer.Option("--reason", help="Why it can't be judged masked; goes on record")],
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Show an item without masks; that you asked is on record first."""
    from bartizan.cli.office import office

    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "content.read")
        seen = desk.monitor.review.unmask(item, actor, reason=reason)
    sys.stdout.write(f"{safe(seen.text)}\n")


@app.command()
def quality(
    prometheus: Annotated[bool, typer.Option("--prometheus", help="As metrics in Prometheus' text format")] = False,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Show what was missed by stratum, each reviewer's catch rate and their agreement, all with 95 % intervals."""
    from bartizan.cli.office import columns, office
    from bartizan.monitor import metrics
    from bartizan.monitor import quality as work_out

    with office(data, config) as desk:
        desk.permit(desk.enter(key), "case.list")
        found = work_out(desk.monitor.queue)
    if prometheus:
        sys.stdout.write(metrics(found).decode())
        return
    if json:
        emit(found)
        return
    rows = [
        {
            "stratum": each.stratum,
            "if harmful": "missed" if each.missed else "caught",
            "exchanges": each.estimate.size,
            "settled": each.estimate.settled,
            "harmful": each.estimate.harmful,
            "rate": f"{each.estimate.rate:.3g}",
            "95 %": f"{each.estimate.rate_low:.3g} to {each.estimate.rate_high:.3g}",
        }
        for each in found.strata
    ]
    people = [
        {
            "reviewer": each.reviewer,
            "looks": each.looks,
            "caught": f"{each.caught} of {each.bad}",
            "95 %": f"{each.catch_low:.2f} to {each.catch_high:.2f}",
            "false alarms": f"{each.imagined} of {each.good}",
        }
        for each in found.reviewers
    ]
    miss, kappa = found.miss, found.agreement
    sys.stdout.write(
        f"missed: {miss.rate:.3g} of {miss.size} exchanges that nothing noticed ({miss.rate_low:.3g} to {miss.rate_high:.3g})\n"
        f"agreement: kappa {kappa.kappa:.2f} ({kappa.low:.2f} to {kappa.high:.2f}) over {kappa.items} items\n\n"
        f"{columns(rows)}\n\n{columns(people)}\n"
    )


@app.command()
def trends(data: Data = None, config: Settings = None, key: Key = "", json: Json = False) -> None:
    """Show what many accounts do, by week; no figure is about a few. Who may read texts may read it, and that is on record."""
    import time

    from bartizan.app.tables import tables
    from bartizan.cli.office import columns, office
    from bartizan.event import ContentRead, envelope
    from bartizan.gateway.projection.trends import seen
    from bartizan.monitor.trends import trends as work_out
    from bartizan.monitor.trends import window

    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "content.read")
        desk.ledger.append_now(envelope(ContentRead(entries=(), purpose="trends"), tenant=actor.tenant, actor=actor.id))
        first, this = window(time.time())
        projections = tables(desk.rooms)
        try:
            projections.catch_up()
            with projections.read() as connection:
                rows = seen(connection, actor.tenant, first=first, this=this)
        finally:
            projections.close()
        found = work_out(rows, least=desk.settings.monitor.trend_accounts, first=first, this=this)
    if json:
        emit(found)
        return
    for stretch in found.stretches:
        lines = [
            {
                "what was noticed": "  " * len(each.path) + (each.path[-1] if each.path else "all exchanges"),
                "exchanges": each.n,
                "accounts": f">= {each.accounts}",
            }
            for each in stretch.figures
        ]
        since, until = (time.strftime("%Y-%m-%d", time.gmtime(at)) for at in (stretch.since, stretch.until - 1))
        sys.stdout.write(f"{since} to {until}\n{columns(lines)}\n\n")
    say(f"{found.hidden} of {found.weeks} weeks had too little to show; a figure is about {found.least} accounts or more")
