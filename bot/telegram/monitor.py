"""Whether the bot lives, whether it is ready, and its figures, over HTTP on a port of their own."""

from __future__ import annotations

from collections.abc import Callable

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from bot.telegram.counts import Counts

__all__ = ["serve_figures"]


class _Health(RequestHandler):
    def get(self) -> None:
        """The event loop answers: that is what it says."""
        self.finish("ok\n")


class _Ready(RequestHandler):
    def initialize(self, is_ready: Callable[[], bool]) -> None:
        """Keep whom to ask."""
        self._is_ready = is_ready

    def get(self) -> None:
        """200 once questions are answered, 503 before."""
        if self._is_ready():
            self.finish("ready\n")
        else:
            self.set_status(503)
            self.finish("not ready yet\n")


class _Figures(RequestHandler):
    def initialize(self, counts: Counts) -> None:
        """Keep the figures."""
        self._counts = counts

    def get(self) -> None:
        """The figures, as Prometheus reads them."""
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.finish(self._counts.text())


def serve_figures(listen: str, counts: Counts, is_ready: Callable[[], bool]) -> Callable[[], None]:
    """Serve `/healthz`, `/readyz` and `/metrics` at `listen`, "host:port", in the running event loop; what ends it."""
    host, _, port = listen.rpartition(":")
    application = Application(
        [
            ("/healthz", _Health),
            ("/readyz", _Ready, {"is_ready": is_ready}),
            ("/metrics", _Figures, {"counts": counts}),
        ],
        log_function=lambda handler: None,
    )
    server = HTTPServer(application)
    server.listen(int(port), host.strip("[]"))
    return server.stop
