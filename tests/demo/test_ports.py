"""Ports that are given out: each to one who asks, also where many processes ask at once."""

from __future__ import annotations

import subprocess
import sys

from gateway.demo.ports import free_port

MANY = 60
ASK = f"from gateway.demo.ports import free_port; print(*[free_port() for _ in range({MANY})], flush=True); input()"


def test_no_port_is_given_twice_while_its_holder_lives() -> None:
    held = [free_port() for _ in range(MANY)]
    others = [
        subprocess.Popen([sys.executable, "-c", ASK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    for other in others:
        assert other.stdout is not None
        held += map(int, other.stdout.readline().split())
    for other in others:
        other.communicate("\n", timeout=30)
    assert len(set(held)) == len(held) == MANY * 9
