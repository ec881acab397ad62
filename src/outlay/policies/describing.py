"""What policies do, in words: the comment that opens a policy file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.strategies.names import METHODS, described

if TYPE_CHECKING:
    from outlay.policies.across_policy import AcrossPolicy
    from outlay.policies.parts import Choice, Measured
    from outlay.policies.per_bin_policy import PerBinPolicy
    from outlay.policies.policy import Policy
    from outlay.policies.rule_policy import RulePolicy
    from outlay.policies.sequential_policy import SequentialPolicy, Switch


def describe_bins(policy: PerBinPolicy) -> list[str]:
    """What a policy per difficulty bin does, in words, a line each."""
    lines = [made_for(policy), *_by_difficulty(policy)]
    for plan in policy.plans:
        several = len(plan.choices) > 1
        parts = [_chosen(choice, number if several else None) for number, choice in enumerate(plan.choices)]
        lines.append(f"Up to {plan.budget:g} generations: {'; '.join(parts)}{_achieved(plan.measured)}.")
    return [*lines, *_measured_on(policy)]


def describe_across(policy: AcrossPolicy) -> list[str]:
    """What a policy across questions does, in words, a line each."""
    lines = [made_for(policy), *_by_difficulty(policy)]
    if policy.kind == "router":
        lines.append(f"A router: by that a question goes to one of {', '.join(policy.models())}, which answers it.")
    for plan in policy.plans:
        several = len(plan.choices) > 1
        parts = [_chosen(choice, number if several else None) for number, choice in enumerate(plan.choices)]
        for number, (choice, share) in enumerate(zip(plan.dearer, plan.shares, strict=True)):
            if share > 0:
                parts[number] += f" (for {share:.0%} of them {_chosen(choice, None)})"
        lines.append(f"{plan.budget:g} generations on average: {'; '.join(parts)}{_achieved(plan.measured)}.")
    return [*lines, *_measured_on(policy)]


def describe_sequence(policy: SequentialPolicy) -> list[str]:
    """What a sequential policy does, in words, a line each."""
    looks = ", ".join(signal.name.replace("_", " ") for signal in policy.signals)
    lines = [made_for(policy), _drawing(policy)]
    lines.append(f"After each stage it stops where more is not worth its price, by {looks}.")
    lines += [_switching(switch) for switch in policy.switches]
    for plan in policy.plans:
        shares = [
            f"{share:.0%} after {stage.samples}"
            for stage, share in zip(plan.stages, plan.stops, strict=False)
            if share >= 0.005
        ]
        ends = f" questions end: {', '.join(shares)}" if shares else " it stops where the rule says"
        most = plan.stages[-1].samples
        lines.append(
            f"{plan.budget:g} generations on average, at most {most} samples, a generation priced at {plan.price:.2g} of an "
            f"answer:{ends}{_achieved(plan.measured)}."
        )
    return [*lines, *_measured_on(policy)]


def describe_rule(policy: RulePolicy) -> list[str]:
    """What a published stopping rule does, in words, a line each."""
    lines = [made_for(policy), _drawing(policy)]
    if policy.switch is not None:
        lines.append(_switching(policy.switch))
    for plan in policy.plans:
        if plan.threshold is None:
            rule = f"{plan.most} samples, whatever they show"
        else:
            least = f" after {plan.least} samples or more" if plan.least > 1 else ""
            end = "then it switches" if plan.hands_over else "then it answers"
            rule = (
                f"until {plan.signal.replace('_', ' ')} reaches {plan.threshold:g}{least}, at most {plan.most}; {end}"
            )
        lines.append(f"{plan.budget:g} generations on average: {rule}{_achieved(plan.measured)}.")
    return [*lines, *_measured_on(policy)]


def made_for(policy: Policy) -> str:
    """For which task, model and verifier a policy is."""
    return f"Outlay policy for the task {policy.task!r}, the model {policy.model!r} and " + (
        f"the verifier {policy.verifier!r}." if policy.verifier else "no verifier."
    )


def _by_difficulty(policy: PerBinPolicy) -> list[str]:
    source, bins = policy.difficulty, len(policy.edges) + 1
    if bins == 1:
        return []
    measure = {"score": "mean verifier score", "consensus": "agreement (share of the most frequent answer)"}[
        source.measure
    ]
    how = {
        "question": "its words alone, before anything is sampled",
        "pilot": f"the {measure} of {source.samples} first samples",
        "probe": f"{source.probe or 'a probe'}, which reads the question alone",
        "predicted": f"the {measure} of earlier samples, given by the caller",
        "oracle": "the true solve rate, given by the caller (a yardstick: no server knows it)",
    }[source.source]
    return [f"A question goes into one of {bins} difficulty bins (0 = easiest) by {how}; cost {source.cost:g}."]


def _chosen(choice: Choice, number: int | None) -> str:
    who = "" if number is None else f"bin {number}: "
    label, options = described(choice.strategy)
    told = f" ({', '.join(options)})" if options else ""
    if choice.model:
        counts = choice.generations if choice.cost is None else choice.cost
        return f"{who}{label}{told} by {choice.model}, which counts for {counts:.3g} generations"
    return f"{who}{label}{told} x {choice.generations}"


def _drawing(policy: SequentialPolicy | RulePolicy) -> str:
    _, options = described(policy.strategy)
    told = f" ({', '.join(options)})" if options else ""
    return (
        f"It draws samples{told} and looks at them in the order of asking; the answer is by {METHODS[policy.select]}."
    )


def _switching(switch: Switch) -> str:
    label, options = described(switch.strategy)
    told = f" ({', '.join(options)})" if options else ""
    return f"It may switch to {label}{told} x {switch.generations} by {switch.model}, which costs {switch.cost:g} generations."


def _achieved(measured: Measured | None) -> str:
    if measured is None:
        return ""
    accuracy = measured.accuracy
    return f" -> {accuracy.mean:.1%} right ({accuracy.low:.1%} to {accuracy.high:.1%}) at {measured.cost.mean:.1f} generations"


def _measured_on(policy: Policy) -> list[str]:
    calibrated = policy.calibrated
    if not calibrated.questions:
        return []
    how = "on" if policy.promise is not None and policy.promise.tested_on else "by cross-validation on"
    orders = f", over {calibrated.orders} random orders of their samples" if calibrated.orders else ""
    return [f"Measured {how} {calibrated.questions} questions{orders}; refuses other models."]
