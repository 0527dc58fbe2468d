"""A lean HTTP/1.1 server for the path that clients poll: asyncio.Protocol and httptools, behind one interface."""

from gateway.protocols.http.limits import HttpLimits
from gateway.protocols.http.messages import Headers, Peer, Request, Response, text_response
from gateway.protocols.http.server import Handler, HttpServer

__all__ = ["Handler", "Headers", "HttpLimits", "HttpServer", "Peer", "Request", "Response", "text_response"]
