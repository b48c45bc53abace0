"""Images of a patient: DICOM, photos and papers, taken in by a worker and shown frame by frame."""

from server.images.service import Images

__all__ = ["Images"]
