"""The reading room: the worklist, claims, the report and its paper. `main.py` takes its routes and reactions."""

from server.reading.content import Measured, measured_of_analysis
from server.reading.paper import check_fonts
from server.reading.reactions import reactions
from server.reading.routes import routes
from server.reading.service import Reading, ReadingSettings
from server.reading.signing import signed_codes

__all__ = [
    "Measured",
    "Reading",
    "ReadingSettings",
    "check_fonts",
    "measured_of_analysis",
    "reactions",
    "routes",
    "signed_codes",
]
