"""Where the client thinks it is talking to, and who it is: behind trusted proxies as told, else as seen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from weakref import WeakKeyDictionary

from gateway.auth.credentials import Credentials
from gateway.protocols.http import Headers, Peer, Request
from gateway.protocols.http.hosts import is_host
from gateway.protocols.trino.errors import BadRequest
from gateway.protocols.trino.header_values import single, utf8
from gateway.protocols.trino.headers import original_user_of, user_of

_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?")
_FORWARDED = re.compile(r'(proto|host)="?([^";,\s]+)"?', re.IGNORECASE)


class Addresses:
    """Answer what depends on proxies in front of the door."""

    def __init__(
        self, public_url: str | None = None, trusted: Sequence[str] = (), certificate_header: str | None = None
    ) -> None:
        """Trust `X-Forwarded-*` and the certificate header from these networks only. Raises ValueError for bad ones."""
        self._public = public_url.rstrip("/") if public_url else None
        self._trusted: tuple[IPv4Network | IPv6Network, ...] = tuple(ip_network(n, strict=False) for n in trusted)
        self._certificate_header = certificate_header
        self._shown: WeakKeyDictionary[Headers, tuple[Peer, Credentials]] = WeakKeyDictionary()

    def base(self, request: Request) -> str:
        """Return the base of the addresses handed out, without a trailing slash. Raises BadRequest."""
        if self._public is not None:
            return self._public
        scheme, host, prefix = "https" if request.peer.secure else "http", request.headers.get("host"), ""
        if self._trusted and self._is_trusted(request.peer.address):
            scheme, host, prefix = _forwarded(request, scheme, host)
        return _base(scheme, host, prefix)

    def client(self, request: Request) -> str | None:
        """Return the client's network address: the last one in X-Forwarded-For that no trusted proxy owns."""
        address = request.peer.address
        if not self._trusted or not self._is_trusted(address):
            return address
        chain = [hop.strip() for line in request.headers.all("x-forwarded-for") for hop in line.split(",")]
        for hop in reversed(chain):
            if _parse(hop) is None:
                break
            address = hop
            if not self._is_trusted(hop):
                break
        return address

    def credentials(self, request: Request) -> Credentials:
        """Return what the request shows of its sender. Raises BadRequest for what comes twice.

        Where a connection repeats its headers, which are then one object, they are read once.
        """
        known = self._shown.get(request.headers)
        if known is None or known[0] is not request.peer:
            known = self._shown[request.headers] = request.peer, self._read(request)
        return known[1]

    def _read(self, request: Request) -> Credentials:
        subject, secure = None, request.peer.secure
        if self._trusted and self._is_trusted(request.peer.address):
            secure = _forwarded(request, "https" if secure else "http", None)[0] == "https"
            if self._certificate_header is not None:
                subject = single(request.headers, self._certificate_header, 4_096)
        return Credentials(
            user=user_of(request.headers),
            original=original_user_of(request.headers),
            authorization=_once(request, "Authorization"),
            api_key=_once(request, "X-API-Key"),
            certificate_subject=subject,
            remote_address=self.client(request),
            secure=secure,
        )

    def _is_trusted(self, address: str | None) -> bool:
        parsed = _parse(address)
        return parsed is not None and any(parsed in network for network in self._trusted)


def shows_proof(shown: Credentials) -> bool:
    """Tell whether a request carries anything that could prove its sender, beyond a name."""
    return bool(shown.authorization or shown.api_key or shown.certificate_subject)


@lru_cache(maxsize=64)
def _base(scheme: str, host: str | None, prefix: str) -> str:
    if host is None or scheme not in ("http", "https") or not is_host(host) or not _PREFIX.fullmatch(prefix):
        raise BadRequest("The Host header is not usable")
    return f"{scheme}://{host}{prefix.rstrip('/')}"


def _once(request: Request, name: str) -> str | None:
    lines = request.headers.all(name.lower())
    if len(lines) > 1:
        raise BadRequest(f"{name} header must not be repeated")
    return utf8(lines[0], name) if lines and lines[0] else None


def _forwarded(request: Request, scheme: str, host: str | None) -> tuple[str, str | None, str]:
    """Return scheme, host and path prefix as the nearest proxy told them; `X-Forwarded-*` before `Forwarded`."""
    headers = request.headers
    standard = {k.lower(): v for k, v in _FORWARDED.findall((headers.get("forwarded") or "").split(",")[0])}
    scheme = _first(headers.get("x-forwarded-proto")) or standard.get("proto") or scheme
    host = _first(headers.get("x-forwarded-host")) or standard.get("host") or host
    port = _first(headers.get("x-forwarded-port"))
    if host and port and port.isdigit() and not re.search(r":\d+$", host):
        usual = {"http": "80", "https": "443"}.get(scheme.lower())
        host = host if port == usual else f"{host}:{port}"
    return scheme.lower(), host, _first(headers.get("x-forwarded-prefix")) or ""


def _first(value: str | None) -> str | None:
    return value.split(",")[0].strip() or None if value else None


def _parse(address: str | None) -> object:
    try:
        return ip_address(address) if address else None
    except ValueError:
        return None
