"""Fixtures: a store in memory and the folder of real data sets."""

import os
from pathlib import Path

import pytest

import rmstore


@pytest.fixture
def store():
    """An empty store in memory."""
    with rmstore.connect() as opened:
        yield opened


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data sets, or a skip that says why."""
    place = os.environ.get("RMSTORE_TEST_DATA")
    if not place or not Path(place).is_dir():
        pytest.skip("RMSTORE_TEST_DATA does not name a folder of real data sets")
    return Path(place)
