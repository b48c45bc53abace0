"""Calls for help out of an open room (CONS-11)."""
