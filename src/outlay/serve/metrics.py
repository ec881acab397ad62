"""What a server tells Prometheus. Labels are words from short lists: never a text, a key, or anything else that a client sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from outlay.serve.outcome import Answered, Reason
from outlay.types import Cost

PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/models", "/v1/policy", "/healthz", "/readyz", "/metrics", "/")
TOKENS = {
    "prompt": "prompt_tokens",
    "cached": "cached_tokens",
    "generated": "generated_tokens",
    "verifier_prompt": "verifier_prompt_tokens",
    "verifier_generated": "verifier_generated_tokens",
    "pilot": "pilot",
    "retried": "retried",
    "cancelled": "cancelled",
}
"""The label of each kind of token, and the field of `Cost` that counts it (pilot, retried and cancelled are parts of generated)."""
GENERATIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The figures of one server.

    >>> metrics = Metrics()
    >>> metrics.spent(Cost(generated_tokens=5))
    >>> b'outlay_tokens_total{kind="generated"} 5.0' in metrics.page()
    True
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()

        def counter(name: str, says: str, *labels: str) -> Counter:
            return Counter(name, says, labels, registry=registry)

        def gauge(name: str, says: str, *labels: str) -> Gauge:
            return Gauge(name, says, labels, registry=registry)

        self.requests = counter("outlay_requests", "Requests by path and status.", "path", "status")
        self.seconds = Histogram(
            "outlay_request_seconds",
            "Time from a request to the end of its answer.",
            ("path",),
            registry=registry,
            buckets=SECONDS,
        )
        self.generations = Histogram(
            "outlay_generations", "Generations that an answer took.", registry=registry, buckets=GENERATIONS
        )
        self.tokens = counter("outlay_tokens", "Tokens by kind, of answered and of cancelled requests.", "kind")
        self.usd = counter("outlay_usd", "Dollars, by the prices that the server was given.")
        self.flops = counter("outlay_flops", "Floating-point operations, by the models' parameters.")
        self.stops = counter("outlay_stops", "Answers by what ended the spending.", "reason")
        self.expected = counter("outlay_expected_right", "Sum of the answers' confidences: right answers to expect.")
        self.with_confidence = counter("outlay_answers_with_confidence", "Answers that have a confidence.")
        self.upstream_errors = counter(
            "outlay_upstream_errors", "Failed calls upstream by kind, repeated ones among them.", "kind"
        )
        self.gone = counter("outlay_clients_gone", "Requests whose client went away before the answer.")
        self.running = gauge("outlay_running", "Requests under way.")
        self.waiting = gauge("outlay_waiting", "Requests in the queue.")
        self.draining = gauge("outlay_draining", "1 once the server was asked to end.")
        self.traces = counter("outlay_traces", "Traces that were kept, and that could not be.", "kept")
        self.evidence = gauge(
            "outlay_drift_evidence", "Evidence (e-value) that requests differ from the calibration's.", "statistic"
        )
        self.alarm = gauge("outlay_drift_alarm", "1 while the drift alarm is on.")
        self.observed = counter("outlay_drift_observed", "Answers that the drift monitor has seen.")
        for reason in get_args(Reason):
            self.stops.labels(reason)
        for kind in TOKENS:
            self.tokens.labels(kind)

    def ended(self, path: str, status: int, seconds: float) -> None:
        """A request ended."""
        path = path if path in PATHS else "other"
        self.requests.labels(path, str(status)).inc()
        self.seconds.labels(path).observe(seconds)

    def answered(self, answered: Answered) -> None:
        """An answer was found."""
        self.generations.observe(answered.generations)
        self.stops.labels(answered.stopped_by).inc()
        if answered.confidence is not None:
            self.expected.inc(answered.confidence)
            self.with_confidence.inc()
        self.spent(answered.cost)

    def spent(self, cost: Cost) -> None:
        """Something was spent, for an answer or in vain."""
        for kind, name in TOKENS.items():
            self.tokens.labels(kind).inc(getattr(cost, name))
        self.usd.inc(cost.usd)
        self.flops.inc(cost.flops)

    def drift(self, status: Any) -> None:
        """What the drift monitor says now."""
        by_statistic: Mapping[str, float] = status.by_statistic
        for statistic, evidence in by_statistic.items():
            self.evidence.labels(statistic).set(evidence)
        self.alarm.set(float(status.alarm))
        self.observed.inc()

    def page(self) -> bytes:
        """The page that Prometheus reads."""
        return generate_latest(self.registry)
