"""An answer that came whole and says nothing out of the ordinary, read line by line from memory.

Pages of one statement differ in their bodies; of the lines above nearly all are the same bytes each time. Whatever is
not plain is left to the parser: another status, pieces, chunks, a length that comes twice, a blank too many.
"""

from __future__ import annotations

import re
from functools import lru_cache

from engines.trino.answers import Answer

_LONGEST_HEAD = 8_192
_STATUS = b"HTTP/1.1 200 OK"
_NAME, _VISIBLE = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+", rb"[!-~\x80-\xff]"
_LINE = re.compile(rb"(%b): ?((?:%b(?:[\t -~\x80-\xff]*%b)?)?)" % (_NAME, _VISIBLE, _VISIBLE)).fullmatch
_PARSED = frozenset({"transfer-encoding", "trailer", "upgrade", "te", "proxy-connection"})
"""Lines that mean more than they say."""


def plain_answer(data: bytes, most: int) -> Answer | None:
    """Return the answer that `data` is, neither more nor less; None where the parser has to say.

    A body of more than `most` bytes is the parser's, too.
    """
    end = data.find(b"\r\n\r\n", 0, _LONGEST_HEAD)
    if end < 0:
        return None
    status, *lines = data[:end].split(b"\r\n")
    if status != _STATUS:
        return None
    length, headers = None, []
    for line in lines:
        header = _header(line)
        if header is None:
            return None
        if header[0] == "content-length":
            if length is not None or not header[1].isdecimal():
                return None
            length = int(header[1])
        headers.append(header)
    if length is None or length > most or len(data) != end + 4 + length:
        return None
    return Answer(200, tuple(headers), data[end + 4 :])


@lru_cache(maxsize=1_024)
def _header(line: bytes) -> tuple[str, str] | None:
    """Return a header's name in lower case and its value; None for one that is not plain."""
    found = _LINE(line)
    if found is None:
        return None
    name, value = found[1].decode("ascii").lower(), found[2].decode("latin-1")
    closes = name == "connection" and value.lower() != "keep-alive"
    return None if name in _PARSED or closes else (name, value)
