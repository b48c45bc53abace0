"""What is fleeting: live samples from the gateway to whoever watches, in this process.

A listener takes a packet at once or keeps it in a bounded queue; when that is full the oldest packets go, and the
receiver sees the gap by the sample numbers. Nothing that must not be lost travels here (that is the event log). NATS
takes this place when outgrown.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
QUEUE_MAX = 64


class Sink(Protocol[T_contra]):
    """Whatever takes packets. `put` must not block; None: no more will come."""

    def put(self, packet: T_contra | None) -> None: ...


class Subscription(Generic[T]):
    """`async for packet in subscription`; `dropped` counts what a slow reader did not get."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[T | None] = asyncio.Queue(QUEUE_MAX)
        self.dropped = 0

    def put(self, packet: T | None) -> None:
        if self._queue.full():
            self._queue.get_nowait()
            self.dropped += 1
        self._queue.put_nowait(packet)

    def __aiter__(self) -> Subscription[T]:
        return self

    async def __anext__(self) -> T:
        packet = await self._queue.get()
        if packet is None:
            raise StopAsyncIteration
        return packet


class LocalBus(Generic[T]):
    def __init__(self) -> None:
        self._topics: defaultdict[str, set[Sink[T]]] = defaultdict(set)

    def has_listeners(self, topic: str) -> bool:
        """Whether anybody would hear a packet: making one costs more than asking."""
        return topic in self._topics

    def publish(self, topic: str, packet: T) -> None:
        for sink in self._topics.get(topic, ()):
            sink.put(packet)

    def end(self, topic: str) -> None:
        """No more packets will come: listeners finish after what is queued."""
        for sink in list(self._topics.get(topic, ())):
            sink.put(None)

    def attach(self, topic: str, sink: Sink[T]) -> None:
        """From now on `sink` is handed every packet in the same instant; it bounds itself."""
        self._topics[topic].add(sink)

    def detach(self, topic: str, sink: Sink[T]) -> None:
        self._topics[topic].discard(sink)
        if not self._topics[topic]:
            del self._topics[topic]

    @contextmanager
    def listening(self, topic: str) -> Iterator[Subscription[T]]:
        subscription: Subscription[T] = Subscription()
        self.attach(topic, subscription)
        try:
            yield subscription
        finally:
            self.detach(topic, subscription)
