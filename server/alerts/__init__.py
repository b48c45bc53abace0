"""Alerts of critical findings: raised, told step by step until a person answers, followed to the end."""

from server.alerts.escalation import Alerts, raise_alert
from server.alerts.ladder import AlertSettings, Step
from server.alerts.model import CriticalFinding
from server.alerts.store import open_of_recordings

__all__ = ["AlertSettings", "Alerts", "CriticalFinding", "Step", "open_of_recordings", "raise_alert"]
