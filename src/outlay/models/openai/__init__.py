"""Models behind OpenAI-compatible servers: `openai:http://localhost:8000/v1#MODEL`."""

from outlay.models.openai.calls import Patience
from outlay.models.openai.capabilities import Capabilities
from outlay.models.openai.concurrency import Concurrency
from outlay.models.openai.failures import ServerFailed
from outlay.models.openai.model import OpenAIModel

__all__ = ["Capabilities", "Concurrency", "OpenAIModel", "Patience", "ServerFailed"]
