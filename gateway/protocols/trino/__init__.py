"""The Trino client protocol: statements in, pages out. `TrinoDoor` is the whole of it."""

from gateway.protocols.trino.ids import new_worker_id
from gateway.protocols.trino.ports import DoorSettings, NotPlanned, Planned, Ports
from gateway.protocols.trino.resource import TrinoDoor
from gateway.protocols.trino.tokens import TokenKey

__all__ = ["DoorSettings", "NotPlanned", "Planned", "Ports", "TokenKey", "TrinoDoor", "new_worker_id"]
