"""An AWS on this machine (`aws`), and what runs of this project on it (`demo`)."""
