"""Serving: answers to questions that come one at a time, each with as much compute as a policy says.

`Spender` is the heart, with no server in it: it asks the policy what to do next, does it, tells whoever looks on, and ends in an
`Answered` whose account is the ledger's true sum. `application` puts OpenAI's API around it (extra `serve`); `outlay ask` uses it
in a terminal.
"""

from outlay.serve.engines import Awaiting, Engine, Inside, engine_for
from outlay.serve.outcome import Answered, Asked
from outlay.serve.spending import Spender

__all__ = ["Answered", "Asked", "Awaiting", "Engine", "Inside", "Spender", "engine_for"]
