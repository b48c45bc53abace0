"""Joining a hub by a one-time code."""

from device.enrol.errors import EnrolmentRefused, HubNotReached
from device.enrol.join import Joined, enrol, new_key_file

__all__ = ["EnrolmentRefused", "HubNotReached", "Joined", "enrol", "new_key_file"]
