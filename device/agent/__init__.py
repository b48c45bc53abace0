"""The clinic's agent: takes ECG files from where other programs leave them and brings each to the hub, once.

`settings` what is configured, `store` its queue on the disk, `folder` and `inlets` where files come from, `check`
what is said of a file before the patient leaves, `line` the connection to the hub, `status` the page on this machine,
`app` all of it together. Runs on Windows and Linux with Python alone; nothing of the server is imported.
"""
