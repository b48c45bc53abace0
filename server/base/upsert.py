"""INSERT ... ON CONFLICT, which SQLAlchemy has for each dialect by itself: the form that both of ours understand."""

from sqlalchemy.dialects.postgresql import insert as upsert

__all__ = ["upsert"]
