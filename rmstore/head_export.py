"""Heads leave a store: as SQL, as an ONNX model, or whole, as a folder."""

from __future__ import annotations

from pathlib import Path

from rmstore.errors import OptionError, StoreError
from rmstore.records import HeadInfo
from rmstore.store import Store


def export_head(store: Store, text: str, to: Path, *, force: bool = False, macro: str | None = None) -> HeadInfo:
    """Write a head version to ``FILE.sql``, ``FILE.onnx`` or else to a folder, and return what is known of it.

    Args:
        store: an open store.
        text: reference of the head.
        to: where to; the ending says as what.
        force: replace what is there.
        macro: name of the SQL macro; that of the head by default.

    Raises:
        UnknownNameError: no such head.
        InputError: a head of this kind cannot be written this way.
        MissingPackageError: the package ``onnx`` is not installed.
        OptionError: ``macro`` is given for something else than SQL.
        StoreError: the place is taken or cannot be written.
    """
    ending = to.suffix.lower()
    if macro is not None and ending != ".sql":
        raise OptionError(f"macro is {macro!r}, but {to.name!r} is no SQL file", hint="give FILE.sql, or no macro")
    if ending in {".sql", ".onnx"} and to.exists() and not force:
        raise StoreError(f"{str(to)!r} is there already", hint="give another path, or --force to replace it")
    if ending == ".sql":
        from rmstore.head_sql import export_sql

        return export_sql(store, text, to, macro=macro)
    if ending == ".onnx":
        from rmstore.head_onnx import export_onnx

        return export_onnx(store, text, to)
    from rmstore.head_folder import export_folder

    return export_folder(store, text, to, force=force)
