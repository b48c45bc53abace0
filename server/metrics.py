"""The hub's numbers for a monitoring system, in Prometheus' text form. Counts and ages only, never a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

METRICS = {
    "http_problems": "Refused requests, by error code.",
    "device_refusals": "Refused device connections, by error code.",
    "commits": "Transactions on the disk since the start.",
    "dead_letters": "Events that no reaction could handle since the start.",
    "pool_restarts": "Pools of processes lost since the start.",
    "live_watched": "Live recordings whose monitor runs now.",
    "live_unwatched": "Live recordings that nobody watches now: too many, or their monitor failed.",
    "live_dropped": "Stretches of live recordings that the monitors did not see, because they could not keep up.",
    "monitor_restarts": "Processes of the monitors lost since the start.",
    "open_pages": "Browser pages connected now.",
    "media_seats": "Pages whose sound and picture the forwarder passes on now.",
    "device_connections": "Device connections now.",
    "recordings_unfinished": "Recordings that devices have begun and not ended.",
    "device_frames_damaged": "Frames of devices that came with a wrong checksum and were asked for again.",
    "disk_full": "1: the disk is full and nothing is accepted.",
    "disk_free_bytes": "Bytes left on the disk of the data folder.",
    "reserve_spent": "1: the room kept for alerts and sign-off is in use; ordinary commands and devices wait.",
    "unclean_stop": "1: the hub before this one was killed, lost power or was refused by its disk.",
    "journal_damage": "Damages found in the journal since the start.",
}
"""Every number by name; the reference page is made from it."""


COUNTERS = frozenset({"http_problems", "device_refusals"})
"""The ones that come as counters by code; Prometheus writes `_total` behind their names."""


def page(counts: Mapping[str, Mapping[str, int]], gauges: Mapping[str, float]) -> bytes:
    """`counts`: name to error code to count. `gauges`: name to its value now."""
    registry = CollectorRegistry()
    registry.register(_Numbers(counts, gauges))
    return generate_latest(registry)


class _Numbers(Collector):
    def __init__(self, counts: Mapping[str, Mapping[str, int]], gauges: Mapping[str, float]) -> None:
        self._counts, self._gauges = counts, gauges

    def collect(self) -> Iterable[Metric]:
        for name, by_code in self._counts.items():
            family = CounterMetricFamily(f"xinlian_{name}", METRICS[name], labels=("code",))
            for code, count in by_code.items():
                family.add_metric((code,), count)
            yield family
        for name, value in self._gauges.items():
            yield GaugeMetricFamily(f"xinlian_{name}", METRICS[name], value=value)
