"""Bounds of a rule: for which callers (attributes) and how long it holds. Doubt closes, it never opens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from policies.clock import Moment
from policies.decisions import Subject

FOREVER = float("inf")
Attributes = Mapping[str, frozenset[str]]
"""The verified attributes of a caller; more than one value is a doubt."""


class Force(Enum):
    """Tell whether a rule that restricts is in force."""

    HOLDS = "holds"
    ABSENT = "absent"
    DOUBTFUL = "doubtful"
    """It has ended, or the attribute that it asks for is missing: what it hid stays hidden, by refusal."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Conditions on the caller's attributes, and a first and a last moment (excluded), in Unix seconds."""

    when: tuple[tuple[str, frozenset[str]], ...] = ()
    start: float = -FOREVER
    end: float = FOREVER

    def met(self, attributes: Attributes) -> bool | None:
        """Tell whether the caller is meant; None where an attribute is missing or ambiguous."""
        doubtful = False
        for name, wanted in self.when:
            values = attributes.get(name, frozenset())
            if values and not values & wanted:
                return False
            doubtful = doubtful or not values or not values <= wanted
        return None if doubtful else True

    def opens(self, attributes: Attributes, moment: Moment) -> bool:
        """Tell whether a rule that gives is in force beyond doubt."""
        return self.start <= moment.now and moment.latest < self.end and self.met(attributes) is True

    def closes(self, attributes: Attributes, moment: Moment) -> bool:
        """Tell whether a rule that takes away may be in force; one that has ended on purpose takes nothing."""
        return self.start <= moment.latest and moment.now < self.end and self.met(attributes) is not False

    def force(self, attributes: Attributes, moment: Moment) -> Force:
        """Tell whether a filter or mask is in force: its end must not show what it hid."""
        met = self.met(attributes)
        if met is False or moment.latest < self.start:
            return Force.ABSENT
        return Force.DOUBTFUL if met is None or moment.latest >= self.end else Force.HOLDS

    def succeeds(self, ended: Bounds) -> bool:
        """Tell whether a rule was dated to take the place of one that has ended: one without a beginning was not."""
        return self.start > ended.start

    def may_meet(self, other: Bounds) -> bool:
        """Tell whether both can hold for one caller at one moment."""
        if self.start >= other.end or other.start >= self.end:
            return False
        theirs = dict(other.when)
        return all(name not in theirs or wanted & theirs[name] for name, wanted in self.when)


ALWAYS = Bounds()


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, and when: what every rule of one decision is held against."""

    subject: Subject
    principals: frozenset[str]
    attributes: Attributes
    moment: Moment


def attributes_of(subject: Subject) -> Attributes:
    """Return a caller's attributes by name."""
    found: dict[str, frozenset[str]] = {}
    for name, value in subject.attributes:
        found[name] = found.get(name, frozenset()) | {value}
    return found


def turning_points(bounds: Iterable[Bounds]) -> tuple[float, ...]:
    """Return the moments at which any rule begins or ends, in order."""
    moments = {moment for each in bounds for moment in (each.start, each.end)}
    return tuple(sorted(moments - {FOREVER, -FOREVER}))
