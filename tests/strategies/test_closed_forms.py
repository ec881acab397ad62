"""Expected accuracies on a Markov chain of steps, by formula or enumeration, beside the same through the real driver."""

import math
from itertools import pairwise, product

import pytest

from markov import World, drawn, searched, simulated, weighted_accuracy, whole_solution
from outlay.strategies import (
    DVTS,
    BeamSearch,
    BestOfN,
    Lookahead,
    MajorityVote,
    ParticleFilter,
    Rebase,
    Revisions,
    TreeSearch,
    WeightedBestOfN,
)

WORLDS = [World(), World(right=0.5, recovers=0.0, depth=2, accuracy=0.95)]
worlds = pytest.mark.parametrize("world", WORLDS, ids=["fair", "hard"])


def check(world, strategy, n, expected, questions=800):
    """The simulated accuracy is within three standard errors of the expected one."""
    correct = [trace.correct for trace in simulated(world, strategy, n, questions)]
    error = math.sqrt(expected * (1 - expected) / questions)
    assert sum(correct) / questions == pytest.approx(expected, abs=3 * error)


def independent(world, n):
    """Rows of n whole solutions."""
    p, a = whole_solution(world), world.accuracy
    chances = {(r, t): (p if r else 1 - p) * (a if r == t else 1 - a) for r, t in product((True, False), repeat=2)}
    return {row: math.prod(chances[one] for one in row) for row in product(chances, repeat=n)}


@worlds
@pytest.mark.parametrize("n", [1, 6])
def test_best_of_n_by_formula(world, n):
    p, a = whole_solution(world), world.accuracy
    taken = p * a + (1 - p) * (1 - a)
    some = 1 - (1 - taken) ** n
    check(world, BestOfN(), n, some * p * a / taken + (1 - some) * p * (1 - a) / (1 - taken))


@worlds
@pytest.mark.parametrize("n", [4, 5])
def test_majority_by_the_binomial(world, n):
    p = whole_solution(world)
    chances = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    check(world, MajorityVote(), n, sum(chances[k] * (2 * k > n) + chances[k] / 2 * (2 * k == n) for k in range(n + 1)))


@worlds
@pytest.mark.parametrize("n", [5])
@pytest.mark.parametrize("form", [WeightedBestOfN(), TreeSearch(width=8)], ids=["sampled", "a tree of one level"])
def test_weighted_best_of_n_by_enumeration(world, n, form):
    check(world, form, n, weighted_accuracy(world, independent(world, n)))


def kept(n, width):
    """Beam search's deal: the best n / width in the order of asking, each with its share of the places."""

    def deal(row):
        best = sorted(range(n), key=lambda i: not row[i][1])[: max(n // width, 1)]
        yield [best[place % len(best)] for place in sorted(range(n), key=lambda place: place % len(best))], 1.0

    return deal


@worlds
@pytest.mark.parametrize(("n", "width"), [(4, 2), (4, 4), (3, 2)])
def test_beam_search_by_enumeration(world, n, width):
    check(world, BeamSearch(width=width), n, weighted_accuracy(world, searched(world, n, kept(n, width))))


@worlds
def test_lookahead_along_greedy_steps_is_worth_half_as_many_beams(world):
    """A greedy step is as right as the one before, so a rollout shows no more than its candidate's own value does."""
    check(world, Lookahead(width=2, steps=1), 8, weighted_accuracy(world, searched(world, 4, kept(4, 2))))


@worlds
@pytest.mark.parametrize(("n", "width"), [(4, 2), (4, 4)])
def test_dvts_by_enumeration(world, n, width):
    one = searched(world, width, kept(width, width))
    rows = {(): 1.0}
    for _ in range(n // width):
        rows = merged((row + more, chance * one[more]) for row, chance in rows.items() for more in one)
    check(world, DVTS(width=width), n, weighted_accuracy(world, rows))


def merged(pairs):
    """Rows of the same candidates are one, whatever their order: for a vote it makes no difference."""
    rows = {}
    for row, chance in pairs:
        key = tuple(sorted(row))
        rows[key] = rows.get(key, 0.0) + chance
    return rows


def balanced(n, world, temperature):
    """REBASE's deal: shares in proportion to exp(value / temperature), rounded by largest remainders."""

    def deal(row):
        weights = [math.exp((world.high if taken else world.low) / temperature) for _, taken in row]
        quotas = [n * weight / sum(weights) for weight in weights]
        places = [int(quota) for quota in quotas]
        for i in sorted(range(n), key=lambda i: places[i] - quotas[i])[: n - sum(places)]:
            places[i] += 1
        yield [i for i in range(n) for _ in range(places[i])], 1.0

    return deal


@worlds
@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_rebase_by_enumeration(world, temperature):
    rows = searched(world, 4, balanced(4, world, temperature))
    check(world, Rebase(temperature=temperature), 4, weighted_accuracy(world, rows))


def multinomially(n, world):
    """Each place goes to a particle with a chance in proportion to its odds."""

    def deal(row):
        odds = [p / (1 - p) for p in (world.high if taken else world.low for _, taken in row)]
        for parents in product(range(n), repeat=n):
            yield sorted(parents), math.prod(odds[i] / sum(odds) for i in parents)

    return deal


def systematically(n, world):
    """Evenly spaced points, the offset anywhere: the ways between the offsets at which one of them passes a boundary."""

    def deal(row):
        odds = [p / (1 - p) for p in (world.high if taken else world.low for _, taken in row)]
        ends = [sum(odds[: i + 1]) / sum(odds) for i in range(n)]
        turns = sorted({0.0, 1.0, *(n * end % 1 for end in ends[:-1])})
        for low, high in pairwise(turns):
            points = [(place + (low + high) / 2) / n for place in range(n)]
            yield [next(i for i in range(n) if point < ends[i]) for point in points], high - low

    return deal


@worlds
@pytest.mark.parametrize(("resampling", "deal"), [("multinomial", multinomially), ("systematic", systematically)])
def test_particle_filtering_by_enumeration(world, resampling, deal):
    rows = searched(world, 3, deal(3, world))
    check(world, ParticleFilter(resampling=resampling), 3, weighted_accuracy(world, rows))


# ---- chains of revisions

CHAINS = [World(depth=1), World(depth=1, right=0.3, stays=0.62, repairs=0.25, accuracy=0.7)]
chains = pytest.mark.parametrize("world", CHAINS, ids=["repairing", "spoiling"])


@chains
def test_right_answers_by_position_in_a_chain(world):
    settled = world.repairs / (1 - world.stays + world.repairs)
    traces = simulated(world, Revisions(chains=1), 6)
    for position in range(6):
        expected = settled + (world.right - settled) * (world.stays - world.repairs) ** position
        found = [trace.solution_correct[position] for trace in traces]
        error = math.sqrt(expected * (1 - expected) / len(found))
        assert sum(found) / len(found) == pytest.approx(expected, abs=3 * error)


def chain(world, length):
    """Rows of a chain's attempts with their probabilities."""
    rows = {(): 1.0}
    for position in range(length):
        following = {}
        for row, so_far in rows.items():
            before = [world.right] if position == 0 else [world.stays if row[-1][0] else world.repairs]
            for right, taken in product((True, False), repeat=2):
                chance = before[0] if right else 1 - before[0]
                chance *= world.accuracy if taken == right else 1 - world.accuracy
                following[(*row, (right, taken))] = so_far * chance
        rows = following
    return rows


@chains
@pytest.mark.parametrize("length", [2, 5])
def test_the_majority_of_a_chain(world, length):
    expected = 0.0
    for row, chance in chain(world, length).items():
        right = sum(one for one, _ in row)
        expected += chance * (0.5 if 2 * right == length else float(2 * right > length))
    check(world, Revisions(chains=1), length, expected)


@chains
def test_a_verifier_chooses_within_each_chain_then_across_their_winners(world):
    winners = {}
    for row, chance in chain(world, 2).items():
        mass = {side: sum(world.high if t else world.low for r, t in row if r == side) for side in (True, False)}
        tie = abs(mass[True] - mass[False]) < 1e-9
        for side in (True, False):
            share = 0.5 if tie else float(mass[side] > mass[not side])
            if share:
                best = any(t for r, t in row if r == side)
                winners[(side, best)] = winners.get((side, best), 0.0) + chance * share
    rows = merged(((a, b), winners[a] * winners[b]) for a in winners for b in winners)
    check(world, Revisions(chains=2, selection="verifier"), 4, weighted_accuracy(world, rows))


def test_probabilities_sum_to_one():
    world = WORLDS[0]
    for rows in (drawn(world, [True, False]), searched(world, 3, multinomially(3, world)), independent(world, 3)):
        assert math.fsum(rows.values()) == pytest.approx(1)
