"""After a conclusion: its advice ticked off, the outcome told to the expert, how satisfied everybody was."""
