"""What is refused, and how a client is told: OpenAI's error object with the status that its clients expect.

A refusal's message may repeat what the client sent; logs get its `code` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from outlay.errors import OutlayError, UserError
from outlay.models.openai.failures import CONTEXT, ServerFailed

KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class Refusal(Exception):
    """A request that gets an error instead of an answer.

    >>> Refusal(400, "n is a whole number", param="n").body()["error"]["param"]
    'n'
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param = status, message, param
        self.code = code or {400: "invalid_value", 404: "not_found", 500: "server_error"}.get(status, "refused")
        self.headers = dict(headers or {})

    @property
    def kind(self) -> str:
        """OpenAI's `type` of error."""
        return KINDS.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")

    def body(self) -> dict[str, Any]:
        """The error object."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}


class NothingInTime(OutlayError):
    """The deadline struck before there was anything to answer with."""


def refusal_of(error: OutlayError, upstream: str | None) -> Refusal:
    """How a client is told of an error: what it can mend is a 400; what the server at `upstream` did is a 502 without its URL.

    >>> refusal_of(UserError("no server answers at http://inside:8000/v1"), "http://inside:8000/v1").message
    "the model's server does not answer as it should"
    """
    said = str(error)
    if isinstance(error, NothingInTime):
        return Refusal(504, said, code="deadline_passed")
    theirs = upstream is not None and upstream in said
    if theirs and CONTEXT.search(said):
        return Refusal(
            400, "the messages and their answer are longer than the model's context", code="context_length_exceeded"
        )
    if theirs or isinstance(error, ServerFailed):
        return Refusal(502, "the model's server does not answer as it should", code="upstream_error")
    if isinstance(error, UserError):
        return Refusal(400, said, code="invalid_question")
    return Refusal(500, "the server failed at this request; it is not the request's fault")
