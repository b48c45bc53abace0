"""Remote consultations: asked, accepted, held in a room over one ECG, concluded and signed by both sides."""

from server.consult.room import Rooms
from server.consult.service import Consultations, ConsultSettings, topic_kind

__all__ = ["ConsultSettings", "Consultations", "Rooms", "topic_kind"]
