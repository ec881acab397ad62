"""The errors that Outlay raises on purpose.

Each message is one sentence that says what was wrong, where, what was expected and what to do. The command line
prints the message alone and turns the class into an exit code: a `UserError` is 2, any other `OutlayError` is 1.
"""


class OutlayError(Exception):
    """The work failed for a reason that Outlay understands."""


class UserError(OutlayError):
    """What the user gave (a file, an option, a study, a question) is wrong; the message says how to mend it."""


class BudgetExhausted(OutlayError):
    """A request would cost more than what is left of the budget; raised inside a strategy, before anything is spent."""


class DeadlinePassed(BudgetExhausted):
    """A request was made after the run's deadline; raised inside a strategy, like an exhausted budget."""


class Unsupported(OutlayError):
    """A backend or a recorded pool cannot do what a strategy asks of it."""
