"""What stands between the beats: the base rhythm, blocks, fibrillation, runs and pauses; alarms; short strips."""
