"""The best combination of promotions for the customer, in exact fractions of a minor unit. Pure.

The best is the choice of goods for the exclusive promotions with which exclusive and stackable ones together take the
most off. Heaps that share no promotion that counts pieces, thresholds or uses are looked at apart.

*Exact*: every choice is tried, heap by heap, the dearest first; each way to use the same goods is kept once, with the
most it can take off. *Bounded*: where that takes more than ``MOST_STEPS`` steps, the exclusive promotion that takes the
most off by one use is used first, as often as it can be, again and again; each exclusive promotion by itself and none
at all are worked out the same way, and the best of all these is taken. No clock is looked at: the same cart gives the
same, and never less than with any one of its exclusive promotions alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from math import lcm
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from primepos.pricing.promotions import Promotion

MOST_STEPS: Final = 20_000
# What looking at one end of the search costs, in steps, where stackable promotions must be worked out for it.
_END_STEPS: Final = 40
# Of more exclusive thresholds than this only one is used on the same goods.
_MOST_THRESHOLDS: Final = 4
ZERO: Final = Fraction(0)

# Promotion to heap to what is taken off, in fractions of a minor unit.
Found = dict[int, dict[int, Fraction]]


@dataclass(frozen=True, slots=True)
class Heap:
    """Equal pieces: ``price`` of one in minor units, how many; ``size`` is the quantity of one where it is no piece."""

    price: Fraction
    count: int
    is_pieces: bool = True
    size: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class Matched:
    """A promotion with the heaps that each of its parts may take from, and how many pieces."""

    promotion: Promotion
    parts: tuple[tuple[tuple[int, ...], int], ...]
    # Every heap it may take from; none where a part finds nothing.
    heaps: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        found = [h for heaps, _ in self.parts for h in heaps] if all(heaps for heaps, _ in self.parts) else []
        object.__setattr__(self, "heaps", frozenset(found))

    @property
    def is_single(self) -> bool:
        """Whether it looks at each piece by itself."""
        return self.promotion.kind in {"percent", "amount"}

    @property
    def is_threshold(self) -> bool:
        """Whether it looks at what all of its goods come to."""
        return self.promotion.kind == "spend"

    @property
    def connects(self) -> bool:
        """Whether what it takes off one heap depends on another."""
        return not self.is_single or self.promotion.most is not None


@dataclass(frozen=True, slots=True)
class _Use:
    """One use of an exclusive promotion: so many of these heaps, for so much off."""

    promotion: int
    taken: tuple[tuple[int, int], ...]
    off: Fraction


def best_choice(heaps: Sequence[Heap], matched: Sequence[Matched]) -> tuple[list[dict[int, Fraction]], bool]:
    """Return what each promotion takes off each heap, and whether every choice was tried.

    ``heaps`` stand the dearest first, ``matched`` in the order of the promotions.
    """
    found: list[dict[int, Fraction]] = [{} for _ in matched]
    is_exact = True
    for some in _apart(len(heaps), matched):
        search = _Search(heaps, matched, some)
        off, exact = search.best()
        is_exact = is_exact and exact
        for promotion, by_heap in off.items():
            for h, amount in by_heap.items():
                found[promotion][h] = found[promotion].get(h, ZERO) + amount
    return found, is_exact


def _apart(count: int, matched: Sequence[Matched]) -> list[list[int]]:
    """Return the heaps in groups that do not depend on each other."""
    root = list(range(count))

    def top(h: int) -> int:
        while root[h] != h:
            root[h] = root[root[h]]
            h = root[h]
        return h

    for each in matched:
        if each.connects and each.heaps:
            first, *rest = sorted(each.heaps)
            for h in rest:
                root[max(top(first), top(h))] = min(top(first), top(h))
    groups: dict[int, list[int]] = {}
    for h in range(count):
        groups.setdefault(top(h), []).append(h)
    return list(groups.values())


@dataclass(slots=True)
class _Search:
    """The search over heaps that depend on each other."""

    heaps: Sequence[Heap]
    matched: Sequence[Matched]
    some: list[int]
    exclusive: list[int] = field(init=False)
    thresholds: list[int] = field(init=False)
    stackable: list[int] = field(init=False)
    worth: dict[int, Fraction] | None = field(init=False)

    def __post_init__(self) -> None:
        here = set(self.some)
        meant = [p for p, each in enumerate(self.matched) if each.heaps & here]
        alone = [p for p in meant if not self.matched[p].promotion.stackable]
        self.thresholds = [p for p in alone if self.matched[p].is_threshold]
        self.exclusive = [p for p in alone if not self.matched[p].is_threshold]
        self.stackable = [p for p in meant if self.matched[p].promotion.stackable]
        # What one piece is worth to the stackable promotions, where each piece is looked at by itself.
        self.worth = None
        if not self.thresholds and not any(self.matched[p].connects for p in self.stackable):
            self.worth = {h: self.left({h: 1})[0] for h in self.some}

    def best(self) -> tuple[Found, bool]:
        """Return the best there is, and whether every choice was tried."""
        if not self.exclusive:
            return self.left({h: self.heaps[h].count for h in self.some})[1], True
        if len(self.some) == 1 and not any(self.matched[p].connects for p in self.exclusive) and self.worth is not None:
            return self._best_of_one(self.some[0]), True
        found = self._exactly()
        return (self._bounded(), False) if found is None else (found, True)

    # --- one use of a promotion -------------------------------------------------------------------------------------

    def _single(self, p: int, h: int, price: Fraction) -> Fraction:
        """What a promotion that looks at each piece takes off one of a heap at ``price``."""
        promotion = self.matched[p].promotion
        if promotion.kind == "percent":
            return price * Fraction(promotion.percent) / 100
        return min(price, promotion.minor * self.heaps[h].size)

    def _group(self, p: int, prices: Sequence[tuple[Fraction, int]]) -> Fraction:
        """What a promotion takes off a group of pieces, given as (price, how many), the dearest first."""
        promotion = self.matched[p].promotion
        if promotion.kind in {"mix", "bundle"}:
            return max(ZERO, sum((price * n for price, n in prices), ZERO) - promotion.minor)
        if promotion.kind == "nth":
            return prices[-1][0] * Fraction(promotion.percent) / 100
        free, off = promotion.count - promotion.pay, ZERO
        for price, n in reversed(prices):
            off += price * min(n, free)
            free -= min(n, free)
        return off

    def _use(self, p: int, taken: Mapping[int, int], prices: Mapping[int, Fraction]) -> _Use:
        """Work one use out for pieces taken at these prices."""
        order = sorted(taken.items(), key=lambda each: (-prices[each[0]], each[0]))
        if self.matched[p].is_single:
            off = self._single(p, order[0][0], prices[order[0][0]])
        else:
            off = self._group(p, [(prices[h], n) for h, n in order])
        return _Use(p, tuple(sorted(taken.items())), off)

    def _spread(self, use: _Use, prices: Mapping[int, Fraction], times: int, into: dict[int, Fraction]) -> None:
        """Share what a use takes off over its pieces by their prices."""
        whole = sum((prices[h] * n for h, n in use.taken), ZERO)
        for h, n in use.taken:
            into[h] = into.get(h, ZERO) + use.off * times * prices[h] * n / whole

    def _dearest(self, p: int, left: Mapping[int, int], prices: Mapping[int, Fraction]) -> _Use | None:
        """Return the use of a promotion that takes the dearest pieces there are, None if there are not enough."""
        taken: dict[int, int] = {}
        for heaps, count in self.matched[p].parts:
            need = 1 if self.matched[p].is_single else count
            for h in sorted((h for h in heaps if h in left), key=lambda h: (-prices[h], h)):
                n = min(need, left[h] - taken.get(h, 0))
                if n > 0:
                    taken[h] = taken.get(h, 0) + n
                    need -= n
                if not need:
                    break
            if need:
                return None
        return self._use(p, taken, prices)

    # --- what exclusive promotions leave ----------------------------------------------------------------------------

    def left(self, counts: Mapping[int, int]) -> tuple[Fraction, Found]:
        """Return the most that thresholds and stackable promotions take off what is left, and how."""
        best: tuple[Fraction, Found] | None = None
        for chosen in self._threshold_choices():
            outcome = self._in_turn(counts, chosen)
            if best is None or outcome[0] > best[0]:
                best = outcome
        return best or (ZERO, {})

    def _threshold_choices(self) -> Iterator[tuple[int, ...]]:
        most = len(self.thresholds) if len(self.thresholds) <= _MOST_THRESHOLDS else 1
        for size in range(most + 1):
            yield from combinations(self.thresholds, size)

    def _in_turn(self, counts: Mapping[int, int], chosen: Sequence[int]) -> tuple[Fraction, Found]:
        """Let the chosen exclusive thresholds take their goods, then the stackable promotions, one after the other."""
        values = {h: self.heaps[h].price * n for h, n in counts.items() if n}
        free, off = set(values), Found()
        for p in (*chosen, *self.stackable):
            mine = {h for h in self.matched[p].heaps & free if values[h] > 0}
            taken = self._take(p, {h: counts[h] for h in mine}, values) if mine else {}
            if not taken:
                continue
            off[p] = taken
            for h, amount in taken.items():
                values[h] -= amount
            if not self.matched[p].promotion.stackable:
                free -= mine
        return sum((amount for by_heap in off.values() for amount in by_heap.values()), ZERO), off

    def _take(self, p: int, counts: Mapping[int, int], values: Mapping[int, Fraction]) -> dict[int, Fraction]:
        """Return what one promotion takes off goods that are left, at what is still to pay for each."""
        promotion = self.matched[p].promotion
        prices = {h: values[h] / n for h, n in counts.items()}
        if self.matched[p].is_threshold:
            whole = sum((values[h] for h in counts), ZERO)
            times = int(whole // promotion.threshold) if promotion.repeat else int(whole >= promotion.threshold)
            times = min(times, promotion.most or times)
            each = whole * Fraction(promotion.percent) / 100 if promotion.percent else Fraction(promotion.minor)
            amount = min(whole, each * times)
            return {h: amount * values[h] / whole for h in counts} if amount else {}
        left, taken = dict(counts), dict[int, Fraction]()
        uses = promotion.most
        while uses is None or uses > 0:
            use = self._dearest(p, left, prices)
            if use is None or use.off <= 0:
                break
            times = _times(use, left, uses)
            self._spread(use, prices, times, taken)
            for h, n in use.taken:
                left[h] -= n * times
                if not left[h]:
                    del left[h]
            uses = None if uses is None else uses - times
        return taken

    # --- the search -------------------------------------------------------------------------------------------------

    def _best_of_one(self, h: int) -> Found:
        """One heap, nothing that counts: the best exclusive promotion or all stackable ones, for each piece alike."""
        heap, worth = self.heaps[h], self.worth or {}
        best, off = None, worth[h]
        for p in self.exclusive:
            alone = self._single(p, h, heap.price)
            if alone > off:
                best, off = p, alone
        return self.left({h: heap.count})[1] if best is None else {best: {h: off * heap.count}}

    def _uses(self) -> list[_Use] | None:
        """Return every way to use an exclusive promotion once, None if there are too many to try."""
        prices = {h: self.heaps[h].price for h in self.some}
        found: list[_Use] = []
        for p in self.exclusive:
            ways: list[dict[int, int]] = [{}]
            for heaps, count in self.matched[p].parts:
                need = 1 if self.matched[p].is_single else count
                ways = [way for start in ways for way in self._ways(start, [h for h in heaps if h in prices], need)]
                if len(ways) * len(self.some) > MOST_STEPS:
                    return None
            unlike = {tuple(sorted(way.items())): way for way in ways}
            uses = (self._use(p, way, prices) for way in unlike.values())
            found.extend(use for use in uses if use.off > 0)
        return found

    def _ways(self, start: Mapping[int, int], heaps: Sequence[int], need: int) -> Iterator[dict[int, int]]:
        """Give every way to take ``need`` more pieces from these heaps; stops giving where that is beyond counting."""
        open_ways: list[tuple[dict[int, int], int, int]] = [(dict(start), 0, need)]
        given = 0
        while open_ways and given <= MOST_STEPS:
            way, at, missing = open_ways.pop()
            if not missing:
                given += 1
                yield way
            elif missing <= sum(self.heaps[h].count - way.get(h, 0) for h in heaps[at:]):
                h, has = heaps[at], way.get(heaps[at], 0)
                most = min(missing, self.heaps[h].count - has)
                open_ways.extend(({**way, h: has + n} if n else way, at + 1, missing - n) for n in range(most + 1))

    def _exactly(self) -> Found | None:
        """Try every choice; None where that takes too many steps."""
        uses = self._uses()
        if uses is None:
            return None
        place = {h: at for at, h in enumerate(self.some)}
        limited = {
            p: at for at, p in enumerate(p for p in self.exclusive if self.matched[p].promotion.most is not None)
        }
        scale = lcm(*(use.off.denominator for use in uses), *(each.denominator for each in (self.worth or {}).values()))
        by_first: list[list[tuple[_Use, int, list[tuple[int, int]]]]] = [[] for _ in self.some]
        for use in uses:
            taken = [(place[h], n) for h, n in use.taken]
            by_first[taken[0][0]].append((use, int(use.off * scale), taken))
        start = (tuple(self.heaps[h].count for h in self.some), (0,) * len(limited))
        # What is left of each heap and how often each limited promotion was used: the most taken off, and by what.
        known: dict[_State, tuple[int, _State | None, _Use | None]] = {start: (0, None, None)}
        steps = 0
        for level, here in enumerate(by_first):
            if not here:
                continue
            rows: dict[int, set[_State]] = {}
            for state in known:
                rows.setdefault(state[0][level], set()).add(state)
            for row in range(max(rows), 0, -1):
                for state in sorted(rows.get(row, ())):
                    worth = known[state][0]
                    steps += len(here)
                    if steps > MOST_STEPS:
                        return None
                    for use, off, taken in here:
                        after = self._after(state, use, taken, limited)
                        if after is not None and (after not in known or worth + off > known[after][0]):
                            known[after] = (worth + off, state, use)
                            rows.setdefault(after[0][level], set()).add(after)
        if self.worth is None and len(known) * _END_STEPS > MOST_STEPS:
            return None
        return self._outcome(self._best_end(known, scale), known)

    def _after(
        self, state: _State, use: _Use, taken: Sequence[tuple[int, int]], limited: Mapping[int, int]
    ) -> _State | None:
        """Return what is left after one more use, None if there is not enough left for it."""
        counts, used = state
        if any(counts[at] < n for at, n in taken):
            return None
        at = limited.get(use.promotion)
        if at is not None:
            if used[at] >= (self.matched[use.promotion].promotion.most or 0):
                return None
            used = (*used[:at], used[at] + 1, *used[at + 1 :])
        less = list(counts)
        for position, n in taken:
            less[position] -= n
        return tuple(less), used

    def _best_end(self, known: Mapping[_State, tuple[int, _State | None, _Use | None]], scale: int) -> _State:
        """Return the end of the search with which most is taken off in all; of equal ones that with the most left."""
        best: tuple[Fraction, _State] | None = None
        for state in sorted(known, reverse=True):
            counts = dict(zip(self.some, state[0], strict=True))
            total = Fraction(known[state][0], scale) + self._worth_of(counts)
            if best is None or total > best[0]:
                best = (total, state)
        return max(known) if best is None else best[1]

    def _worth_of(self, counts: Mapping[int, int]) -> Fraction:
        if self.worth is None:
            return self.left(counts)[0]
        return sum((self.worth[h] * n for h, n in counts.items()), ZERO)

    def _outcome(self, end: _State, known: Mapping[_State, tuple[int, _State | None, _Use | None]]) -> Found:
        """Follow an end back to the beginning and say what was taken off what."""
        found = self.left(dict(zip(self.some, end[0], strict=True)))[1]
        prices = {h: self.heaps[h].price for h in self.some}
        state: _State | None = end
        while state is not None:
            _, before, use = known[state]
            if use is not None:
                self._spread(use, prices, 1, found.setdefault(use.promotion, {}))
            state = before
        return found

    def _bounded(self) -> Found:
        """Use what takes the most off first; the best of that, of each exclusive promotion alone, and of none."""
        best: tuple[Fraction, Found] | None = None
        for chosen in (self.exclusive, *([p] for p in self.exclusive), []):
            outcome = self._greedily(chosen)
            if best is None or outcome[0] > best[0]:
                best = outcome
        return best[1] if best is not None else {}

    def _greedily(self, chosen: Sequence[int]) -> tuple[Fraction, Found]:
        prices = {h: self.heaps[h].price for h in self.some}
        left = {h: self.heaps[h].count for h in self.some}
        uses_left = {p: self.matched[p].promotion.most for p in chosen}
        taken: Found = {}
        total = ZERO
        while True:
            best: tuple[Fraction, _Use] | None = None
            for p in chosen:
                use = self._dearest(p, left, prices) if uses_left[p] != 0 else None
                if use is None:
                    continue
                gain = use.off - (self._worth_of(dict(use.taken)) if self.worth is not None else ZERO)
                if gain > 0 and (best is None or gain > best[0]):
                    best = (gain, use)
            if best is None:
                break
            use = best[1]
            most = uses_left[use.promotion]
            times = _times(use, left, most)
            self._spread(use, prices, times, taken.setdefault(use.promotion, {}))
            total += use.off * times
            uses_left[use.promotion] = None if most is None else most - times
            for h, n in use.taken:
                left[h] -= n * times
                if not left[h]:
                    del left[h]
        rest, found = self.left(left)
        for p, by_heap in found.items():
            taken[p] = by_heap
        return total + rest, taken


_State = tuple[tuple[int, ...], tuple[int, ...]]


def _times(use: _Use, left: Mapping[int, int], most: int | None) -> int:
    """Return how often the same use can be made of what is left."""
    times = min(left[h] // n for h, n in use.taken)
    return times if most is None else min(times, most)
