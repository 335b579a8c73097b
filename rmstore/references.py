"""Names and references: ``helpful``, ``helpful@3``, ``helpful@latest``, ``helpful@best``, ``helpful@TAG``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rmstore.errors import InvalidNameError

TOTAL = "all"
"""What reports call all data sets and all subsets together; neither can have it as a name."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,127}")
_RESERVED_TAGS = frozenset({"latest", "best"})


@dataclass(frozen=True)
class Reference:
    """A name and what of it is meant.

    Attributes:
        name: name of a head or snapshot.
        version: a number, where one was given.
        tag: ``latest``, ``best`` or a tag, where one was given; neither means the default version.
    """

    name: str
    version: int | None = None
    tag: str | None = None

    def __str__(self) -> str:
        selector = self.version if self.version is not None else self.tag
        return self.name if selector is None else f"{self.name}@{selector}"


def valid_name(name: str, *, kind: str) -> str:
    """Return the name if it is one that stores accept.

    Raises:
        InvalidNameError: it has other characters, more than 128, or means all data sets in reports.
    """
    if kind == "data set" and name == TOTAL:
        raise InvalidNameError(
            f"{name!r} is not a name for a {kind}: reports call all of them so", hint="give another name"
        )
    if not NAME.fullmatch(name):
        shown = name if len(name) <= 60 else name[:57] + "..."
        raise InvalidNameError(
            f"{shown!r} is not a name for a {kind}",
            hint="1 to 128 letters, digits and _ . / -, beginning with a letter or digit",
        )
    return name


def valid_tag(tag: str) -> str:
    """Return the tag if it can stand after ``@`` without meaning something else."""
    if tag.isdigit() or tag in _RESERVED_TAGS:
        raise InvalidNameError(f"{tag!r} cannot be a tag", hint="numbers, 'latest' and 'best' mean versions already")
    return valid_name(tag, kind="tag")


def parse(text: str, *, kind: str) -> Reference:
    """Return the parts of a reference.

    Raises:
        InvalidNameError: the name or what follows ``@`` is not one.

    Example:
        >>> parse("helpful@3", kind="head")
        Reference(name='helpful', version=3, tag=None)
        >>> str(parse("hh@latest", kind="snapshot"))
        'hh@latest'
    """
    name, at, selector = text.partition("@")
    valid_name(name, kind=kind)
    if not at:
        return Reference(name)
    if selector.isascii() and selector.isdigit():
        return Reference(name, version=int(selector))
    return Reference(name, tag=valid_name(selector, kind="tag"))
