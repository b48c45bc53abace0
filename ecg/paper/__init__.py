"""ECG paper at true scale: drawn, and what is written on it."""
