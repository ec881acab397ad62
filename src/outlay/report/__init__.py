"""The report: one HTML file that tells what a run found, to somebody who has not read the paper.

It is built from `summary.json` alone, opens without a network, and leaves out every part that the summary does not
support. Nothing is estimated here: all numbers and intervals are the summary's.
"""

from outlay.report.page import render, write_report

__all__ = ["render", "write_report"]
