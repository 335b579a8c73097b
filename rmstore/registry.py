"""Lazy name -> class tables; an entry is a string until somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from rmstore.errors import UnknownNameError


class Registry(Mapping[str, Any]):
    """Map names to classes that are imported on first use.

    Outside packages add members under the entry-point group ``rmstore.<room>``; a name that is taken
    is an error, never a silent replacement.
    """

    def __init__(self, kind: str, group: str, members: Mapping[str, str]) -> None:
        self.kind, self.group = kind, group
        self._targets = dict(members)
        self._loaded: dict[str, Any] = {}
        self._scanned = False

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            if name not in self._targets:
                self._scan()
            if name not in self._targets:
                raise UnknownNameError(self.kind, name, self._targets)
            module, _, attribute = self._targets[name].partition(":")
            self._loaded[name] = getattr(import_module(module), attribute)
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in set(self)

    def __iter__(self) -> Iterator[str]:
        self._scan()
        return iter(sorted(self._targets))

    def __len__(self) -> int:
        self._scan()
        return len(self._targets)

    def _scan(self) -> None:
        if self._scanned:
            return
        self._scanned = True
        for point in entry_points(group=f"rmstore.{self.group}"):
            taken = self._targets.get(point.name)
            if taken is not None and taken != point.value:
                raise ValueError(f"{self.kind} {point.name!r} is registered twice: {taken} and {point.value}")
            self._targets[point.name] = point.value
