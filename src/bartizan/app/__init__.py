"""Where everything is put together, once: rooms get what they need as constructor arguments from here.

Takes in settings and a data directory; composes the rooms for one process's role; supervises the processes of one machine.
Gives out ready ASGI applications to serve and an ``App`` that the command line, the tour and the benchmarks use without a socket.
"""

from bartizan.app.compose import App, Rooms, open_app, open_rooms, registry

__all__ = ["App", "Rooms", "open_app", "open_rooms", "registry"]
