"""A TCP relay in front of a real server, by which a test makes the server hang, talk nonsense, die or vanish."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

Mode = Literal["good", "hang", "nonsense", "cut", "gone"]
NONSENSE = b"HTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\n<html>the login page of a proxy</html>\n"
_CUT_BYTES = 3_000_000


class Relay:
    """Pass bytes on to `target` as `mode` says; the mode holds for what arrives after it was set."""

    def __init__(self, target: int) -> None:
        self.mode: Mode = "good"
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._forsaken: set[socket.socket] = set()

    def serve(self) -> None:
        """Accept until closed."""
        while True:
            try:
                ours, _ = self._listener.accept()
            except OSError:
                return
            if self.mode == "gone":
                _reset(ours)
            else:
                threading.Thread(target=self._talk, args=(ours,), daemon=True).start()

    def vanish(self) -> None:
        """Break what is open, and whatever comes, until the mode is set again."""
        self.mode = "gone"
        for each in tuple(self._open):
            _reset(each)

    def forsake(self) -> None:
        """Leave what is open silent for ever, whatever the mode becomes: as behind a router that forgot it."""
        self._forsaken |= self._open

    def close(self) -> None:
        """Let go of everything."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.vanish()

    def _talk(self, ours: socket.socket) -> None:
        with ours, socket.create_connection(("127.0.0.1", self._target)) as theirs:
            self._open |= {ours, theirs}
            passed = [0]  # of the present answer: drivers keep connections for the next statement
            back = threading.Thread(target=self._answer, args=(theirs, ours, passed), daemon=True)
            back.start()
            with suppress(OSError):
                while data := ours.recv(65_536):
                    if ours in self._forsaken:
                        continue
                    if self.mode == "nonsense":
                        ours.sendall(NONSENSE)
                        break
                    passed[0] = 0
                    theirs.sendall(data)
            _shut(theirs)
            back.join()
            self._open -= {ours, theirs}

    def _answer(self, theirs: socket.socket, ours: socket.socket, passed: list[int]) -> None:
        with suppress(OSError):
            while data := theirs.recv(65_536):
                passed[0] += len(data)
                if self.mode == "cut" and passed[0] > _CUT_BYTES:
                    _reset(ours)
                    return
                if self._speaks(ours):
                    ours.sendall(data)
        if self._speaks(ours):
            _shut(ours)

    def _speaks(self, ours: socket.socket) -> bool:
        return self.mode != "hang" and ours not in self._forsaken


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _reset(connection: socket.socket) -> None:
    """Break a connection off as a process that is killed does."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()


@contextmanager
def relaying(target: int) -> Iterator[Relay]:
    """Relay to a port of loopback until the block ends."""
    relay = Relay(target)
    thread = threading.Thread(target=relay.serve, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        relay.close()
        thread.join(5)
