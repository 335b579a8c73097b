"""A store with a snapshot, its export, and a store that refuses everything."""

import pytest
from sharing import NAMES, fill, untouched

import rmstore


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with the ingested files."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def origin(data):
    """A store with votes, ratings and steps and the snapshot ``s@1`` of all."""
    with rmstore.connect() as store:
        fill(store, data)
        store.embed(NAMES, encoder="toy", snapshot="s", steps=True, author="Ada", message="the first")
        yield store


@pytest.fixture(scope="module")
def exported(origin, tmp_path_factory):
    """Snapshot ``s@1`` in a folder; copy it before changing anything."""
    folder = tmp_path_factory.mktemp("exported") / "s-1"
    origin.export_snapshot("s", folder)
    return folder


@pytest.fixture(scope="module")
def empty():
    """A store that stays empty, since everything is refused."""
    with rmstore.connect() as store:
        yield store
        assert untouched(store)
