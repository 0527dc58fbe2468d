"""The command line: `penstock serve | demo | check-config | explain | token | doctor | migrate`."""

from gateway.cli.main import main

__all__ = ["main"]
