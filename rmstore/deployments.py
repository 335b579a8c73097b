"""Which version of a head its bare name means: deploy, roll back, history."""

from __future__ import annotations

from typing import Any

from rmstore import head_store, references
from rmstore.errors import StoreError
from rmstore.head_store import DEPLOYED
from rmstore.records import HeadInfo
from rmstore.store import Store, statement


def deploy(store: Store, text: str) -> HeadInfo:
    """Make the version that a reference means the one that its bare name means, and return it.

    Raises:
        UnknownNameError: no such head, version or tag.
    """
    info = head_store.resolve(store, text)
    with store.atomic() as cursor:
        place = {"name": info.name, "version": info.version}
        cursor.execute(statement("heads/insert_deployment"), place)
        head_store.move_tag(cursor, info, DEPLOYED)
    return info


def rollback(store: Store, name: str) -> HeadInfo:
    """Deploy the version that was deployed before the present one, and return it.

    Every call goes one deployment further back; versions that were dropped are passed over, and what was rolled back
    stays in the history.

    Raises:
        UnknownNameError: no such head.
        StoreError: nothing was deployed before.
    """
    known = head_store.resolve(store, references.valid_name(name, kind="head"))
    standing = [row for row in history(store, known.name) if row["rolled_back_at"] is None]
    earlier = [row for row in standing[:-1] if not row["is_dropped"]]
    if not earlier:
        raise StoreError(
            f"head {name!r} has no earlier deployment to go back to",
            hint=f"rmstore head deploy {name}@VERSION deploys a version of your choice",
        )
    info = head_store.resolve(store, earlier[-1]["head"])
    with store.atomic() as cursor:
        cursor.execute(statement("heads/roll_back"), {"name": name, "number": earlier[-1]["number"] + 1})
        head_store.move_tag(cursor, info, DEPLOYED)
    return info


def history(store: Store, name: str | None = None) -> list[dict[str, Any]]:
    """Return the deployments of all heads or of one, oldest first, with which one stands.

    Raises:
        UnknownNameError: no such head.
    """
    if name is not None:
        head_store.resolve(store, references.valid_name(name, kind="head"))
    return store.run("heads/deployments", {"name": name})
