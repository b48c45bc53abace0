"""Critical values: what was seen, in whole numbers, and the rules of a profile that are judged on it."""
