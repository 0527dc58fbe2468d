"""The relay in front of a Trino cluster."""

from engines.trino.credentials import Basic, Bearer, Credentials, NoCredentials
from engines.trino.engine import TrinoEngine
from engines.trino.http import Timeouts

__all__ = ["Basic", "Bearer", "Credentials", "NoCredentials", "Timeouts", "TrinoEngine"]
