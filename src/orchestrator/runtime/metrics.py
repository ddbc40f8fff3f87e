"""Prometheus metrics, one registry a server, as several servers share a process.

A core counts in plain numbers; nothing in it knows of Prometheus. At scrape time a
``CoreCollector`` asks the core for its numbers and gives them their public names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Receive, Scope, Send

Labels = tuple[str, ...]
Read = Callable[[], Iterable[Metric]]


class CoreCollector(Collector):
    """Reads metric families from a function each time Prometheus asks."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client."""
        return self._read()

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not read a core that is still being built."""
        return ()


def new_registry(read: Read | None = None) -> CollectorRegistry:
    """A registry with the process's own figures, and those that ``read`` returns."""
    registry = CollectorRegistry()
    for kind in (ProcessCollector, PlatformCollector, GCCollector):
        kind(registry=registry)
    if read is not None:
        registry.register(CoreCollector(read))
    return registry


def gauge(name: str, help_text: str, value: float) -> Metric:
    """A number that goes up and down."""
    return GaugeMetricFamily(name, help_text, value=value)


def counter(name: str, help_text: str, value: float) -> Metric:
    """A number that only grows; ``name`` without the suffix "_total"."""
    return CounterMetricFamily(name, help_text, value=value)


def labelled_gauge(
    name: str, help_text: str, labels: Labels, values: Iterable[tuple[Labels, float]]
) -> Metric:
    """One number for each combination of label values."""
    family = GaugeMetricFamily(name, help_text, labels=labels)
    for label_values, value in values:
        family.add_metric(label_values, value)
    return family


def labelled_counter(
    name: str, help_text: str, labels: Labels, values: Iterable[tuple[Labels, float]]
) -> Metric:
    """One growing number for each combination of label values."""
    family = CounterMetricFamily(name, help_text, labels=labels)
    for label_values, value in values:
        family.add_metric(label_values, value)
    return family


def endpoint(registry: CollectorRegistry) -> ASGIApp:
    """The bare-ASGI endpoint /metrics, in the text or OpenMetrics format, as the client accepts."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
        encode, content_type = choose_encoder(accept.decode("latin-1"))
        body = encode(registry)
        headers = [
            (b"content-type", content_type.encode()),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer
