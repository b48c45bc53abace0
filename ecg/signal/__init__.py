"""The signal before any decision: whole numbers, what is noise, what is a pacing spike, what can be read."""
