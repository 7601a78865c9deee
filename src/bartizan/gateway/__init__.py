"""The way of a request: dialect, identity, limits, policy, record, controls, model, controls, record, release.

Takes in OpenAI's and Anthropic's requests as a raw ASGI application. Gives out answers only after they were judged, in the client's
dialect, byte for byte as the model server wrote them where both speak the same one; and two facts in the ledger for every exchange.
Fails closed: what can't be understood, judged or recorded is refused.
"""

from bartizan.gateway.app import Gateway
from bartizan.gateway.safety import Safety
from bartizan.gateway.server import serve_config

__all__ = ["Gateway", "Safety", "serve_config"]
