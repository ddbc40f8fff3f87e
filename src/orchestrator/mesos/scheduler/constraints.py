"""Offer constraints: which agents a framework wants offers of.

Source: include/mesos/v1/scheduler/scheduler.proto and mesos.proto (Apache Mesos 1.11).
"""

from __future__ import annotations

from orchestrator.mesos.types import Message


class AttributeSelector(Message):
    """An attribute by name, or HOSTNAME, REGION, ZONE by type."""

    attribute_name: str | None = None
    pseudoattribute_type: str | None = None


class Presence(Message, gc=False):
    """A predicate without a value."""


class TextValue(Message, gc=False):
    """A predicate on a text."""

    value: str


class TextRegex(Message, gc=False):
    """A predicate on a text, as a regular expression that has to match all of it."""

    regex: str


class AttributePredicate(Message):
    """Exactly one of the fields is set; text predicates hold for attributes that are not text."""

    exists: Presence | None = None
    not_exists: Presence | None = None
    text_equals: TextValue | None = None
    text_not_equals: TextValue | None = None
    text_matches: TextRegex | None = None
    text_not_matches: TextRegex | None = None


class AttributeConstraint(Message):
    """What one attribute of an agent must be like."""

    selector: AttributeSelector
    predicate: AttributePredicate


class ConstraintGroup(Message):
    """Constraints that must all hold."""

    attribute_constraints: list[AttributeConstraint] = []


class RoleConstraints(Message):
    """Groups of which one must hold."""

    groups: list[ConstraintGroup] = []


class OfferConstraints(Message):
    """Which agents a framework wants offers of, by role; other roles are not constrained."""

    role_constraints: dict[str, RoleConstraints] = {}
