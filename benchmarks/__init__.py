"""Speed and memory of Outlay beside other programs, in one run: `python -m benchmarks` (or `make bench`)."""
