"""Where the beats are and what each of them is."""
