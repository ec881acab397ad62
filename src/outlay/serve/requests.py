"""What clients may ask, field by field: OpenAI's requests, and our own fields under `outlay`.

Fields that are not listed are left alone: they go upstream as they are where a request passes through. Types and ranges are
OpenAI's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_validator

from outlay.registry import nearest

MOST_CHOICES, MOST_STOPS = 128, 4


def _encodable(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("the text holds half a surrogate pair, which is no character") from None
    if "\x00" in text:
        raise ValueError("the text holds the character U+0000, which no model reads")
    return text


Text = Annotated[StrictStr, AfterValidator(_encodable)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class SpendingBudget(BaseModel):
    """The most that this request may spend."""

    model_config = ConfigDict(extra="forbid")

    generations: StrictInt | None = Field(None, ge=1, le=1_000_000, description="complete solutions' worth of sampling")
    tokens: StrictInt | None = Field(None, ge=1, description="generated tokens, never exceeded")
    flops: Number | None = Field(None, gt=0, description="floating-point operations, never exceeded")


class Spending(BaseModel):
    """Our own fields of a request."""

    model_config = ConfigDict(extra="forbid")

    budget: SpendingBudget | None = Field(None, description="the most that this request may spend")
    target_confidence: Number | None = Field(
        None, gt=0, lt=1, description="go on through the policy's budgets until P(right) is at least this"
    )
    max_cost_usd: Number | None = Field(None, gt=0, description="dollars, never exceeded; the server must know prices")
    deadline_seconds: Number | None = Field(
        None, gt=0, le=86_400, description="answer with the best so far when this time has passed"
    )
    explain: StrictBool = Field(False, description="show all candidates and the uniform alternative with the answer")
    progress: StrictBool = Field(False, description="a stream's comments tell each candidate, score and decision")

    @model_validator(mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            for name in value:
                if name not in cls.model_fields:
                    raise ValueError(
                        f'there is no field "{str(name)[:40]}" under `outlay`: {nearest(str(name)[:40], cls.model_fields)}'
                    )
        return value


class StreamOptions(BaseModel):
    """How a stream ends."""

    model_config = ConfigDict(extra="allow")

    include_usage: StrictBool | None = Field(None, description="one more chunk, with the usage")


class Part(BaseModel):
    """A part of a message."""

    model_config = ConfigDict(extra="allow")

    type: StrictStr
    text: Text | None = None


class Message(BaseModel):
    """A message of a conversation."""

    model_config = ConfigDict(extra="allow")

    role: Literal["developer", "system", "user", "assistant", "tool", "function"]
    content: Text | list[Part] | None = None

    def only_text(self) -> str | None:
        """The text, parts joined by line breaks; None where there is something else than text."""
        if self.content is None or isinstance(self.content, str):
            return self.content
        texts = [part.text if part.type == "text" else None for part in self.content]
        return None if not texts or None in texts else "\n".join(text for text in texts if text is not None)


class Generating(BaseModel):
    """What both kinds of request share."""

    model_config = ConfigDict(extra="allow")

    model: StrictStr = Field(max_length=512, description="one of GET /v1/models; `outlay` always works")
    n: StrictInt | None = Field(None, ge=1, le=MOST_CHOICES, description="answers; each is spent on by the policy")
    max_tokens: StrictInt | None = Field(None, ge=1, description="tokens of the longest answer")
    temperature: Number | None = Field(
        None, ge=0, le=2, description="used where one sample passes through; else the policy's"
    )
    top_p: Number | None = Field(
        None, gt=0, le=1, description="used where one sample passes through; else the policy's"
    )
    stop: Text | list[Text] | None = Field(None, description="the answer ends before the first of these")
    seed: Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)] | None = Field(None, description="of the samples")
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    outlay: Spending | None = Field(None, description="what may be spent")

    @model_validator(mode="after")
    def _fits(self) -> Generating:
        if isinstance(self.stop, list) and len(self.stop) > MOST_STOPS:
            raise ValueError(f"`stop` may hold at most {MOST_STOPS} texts")
        if self.stream_options is not None and not self.stream:
            raise ValueError("`stream_options` is for streams: set `stream` to true or leave it out")
        return self

    @property
    def stops(self) -> Sequence[str]:
        """The stop texts that are not empty."""
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return [text for text in given if text]

    @property
    def longest(self) -> int | None:
        """Tokens of the longest answer, by whichever name it was given."""
        return self.max_tokens


class ChatRequest(Generating):
    """POST /v1/chat/completions."""

    messages: list[Message] = Field(min_length=1, max_length=10_000)
    max_completion_tokens: StrictInt | None = Field(None, ge=1, description="the newer name of `max_tokens`")
    tools: list[dict[str, Any]] | None = Field(None, description="one sample is passed through where there are any")
    functions: list[dict[str, Any]] | None = None
    response_format: dict[str, Any] | None = Field(
        None, description="one sample is passed through where it asks for JSON"
    )
    logprobs: StrictBool | None = Field(None, description="given where one sample passes through")
    audio: dict[str, Any] | None = None
    modalities: list[StrictStr] | None = None

    @property
    def longest(self) -> int | None:
        """Tokens of the longest answer, by whichever name it was given."""
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens

    def question(self) -> str | None:
        """The text of the last message where it is the user's and text alone; None otherwise."""
        last = self.messages[-1]
        return last.only_text() if last.role == "user" else None

    def needs_one_sample(self) -> str | None:
        """Why candidates of this request cannot be voted on, so that one sample is all there is to draw; None where they can."""
        if self.tools or self.functions:
            return "tools"
        if self.response_format and self.response_format.get("type") not in (None, "text"):
            return "response_format"
        if self.audio or (self.modalities and self.modalities != ["text"]):
            return "modalities"
        if self.question() is None:
            return "messages"
        return None


class CompletionRequest(Generating):
    """POST /v1/completions."""

    prompt: Text | list[Text] = Field(description="a text, or several that are answered one by one")
    logprobs: StrictInt | None = Field(None, ge=0, le=100, description="given where one sample passes through")
    echo: StrictBool | None = None
    suffix: Text | None = None
    best_of: StrictInt | None = Field(None, ge=1, le=MOST_CHOICES)

    @property
    def prompts(self) -> Sequence[str]:
        """The texts that are asked."""
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt

    def needs_one_sample(self) -> str | None:
        """As for a chat."""
        return "suffix" if self.suffix else "echo" if self.echo else None
