"""Layouts: which parts a snapshot's vector is put together from.

A layout is one or more terms joined by ``||``; a term is a part, or the product of two parts, component by
component: ``joint``, ``prompt||response``, ``prompt||response||prompt*response``.
"""

from __future__ import annotations

from dataclasses import dataclass

from rmstore.errors import OptionError

PARTS = ("joint", "prompt", "response")
COMMON = ("joint", "response", "prompt||response", "joint||response", "prompt||response||prompt*response")


@dataclass(frozen=True)
class Layout:
    """A parsed layout.

    Attributes:
        text: the layout without spaces, as snapshots record it.
        terms: parts of each term, one or two.
    """

    text: str
    terms: tuple[tuple[str, ...], ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that must be embedded, each once."""
        return tuple(part for part in PARTS if any(part in term for term in self.terms))

    def width(self, dim: int) -> int:
        """Return the width of the vector over parts of ``dim`` components."""
        return dim * len(self.terms)

    def columns(self, part: str, dim: int) -> tuple[int, int] | None:
        """Return the first column of a part and the one after its last, or None where it is no term of its own.

        Example:
            >>> parse_layout("joint||prompt").columns("prompt", 384)
            (384, 768)
        """
        if (part,) not in self.terms:
            return None
        place = self.terms.index((part,))
        return place * dim, (place + 1) * dim


def parse_layout(text: str) -> Layout:
    """Return the terms of a layout.

    Raises:
        OptionError: it is none, names an unknown part, or repeats a term.

    Example:
        >>> parse_layout("prompt || prompt*response").terms
        (('prompt',), ('prompt', 'response'))
        >>> parse_layout("joint||response").width(384)
        768
    """
    terms = tuple(tuple(part.strip() for part in term.split("*")) for term in text.split("||"))
    for term in terms:
        for part in term:
            if part not in PARTS:
                raise OptionError(f"layout {text!r} names {part!r}", hint=f"parts: {', '.join(PARTS)}; {_examples()}")
        if len(term) > 2 or len(set(term)) < len(term):
            raise OptionError(
                f"layout {text!r} has the term {'*'.join(term)!r}", hint="a product has two different parts"
            )
    if len({tuple(sorted(term)) for term in terms}) < len(terms):
        raise OptionError(f"layout {text!r} repeats a term", hint=_examples())
    return Layout("||".join("*".join(term) for term in terms), terms)


def _examples() -> str:
    return "such as " + ", ".join(COMMON)
