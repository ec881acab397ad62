"""Studies: whole experiments as data, from samples to the summary of what they show."""
