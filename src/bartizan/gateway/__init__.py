"""The way in: stand-in of the console branch until the gateway branch lands here; keep that one.

Gives out the projection of exchanges and refusals (``bartizan.gateway.projection``).
"""

__all__: list[str] = []
