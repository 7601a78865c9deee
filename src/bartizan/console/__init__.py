"""Pages for people: what the gateway saw and did, how controls and the record stand, who holds what, what waits for a person.

Takes in the ledger, the directory, the casebook, policy, the control registry and the projections. Gives out one ASGI app for a
listener of its own: every page also answers ``.json``, every act is a form that works without JavaScript, and each route's action
is decided by policy. Personal text is shown only on request, after the reading itself is on record.
"""

from bartizan.console.app import Console

__all__ = ["Console"]
