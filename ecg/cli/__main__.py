"""`python -m ecg.cli`: the command line without its installed name."""

from ecg.cli import main

main()
