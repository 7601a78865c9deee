"""``state.db``: every room's tables that are folded from the ledger."""

from __future__ import annotations

from bartizan.app.compose import Rooms
from bartizan.gateway import projection
from bartizan.store.projection import Projection, Projections


def tables(rooms: Rooms) -> Projections:
    """Open the tables; ``catch_up`` folds what is new into them."""
    exchanges = Projection(
        name="exchanges",
        version=projection.VERSION,
        metadata=projection.METADATA,
        kinds=projection.KINDS,
        fold=projection.fold,
    )
    return Projections(rooms.data / "state.db", rooms.ledger, [exchanges])
