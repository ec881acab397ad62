"""Training on one's own traces: `outlay train probe`."""
