"""Stores that the tests of several reports read, and none changes."""

import pytest
from arena import ingest_published

import rmstore


@pytest.fixture(scope="session")
def alpaca(real_data):
    """The published annotations of 26 policies as data set ``alpaca``."""
    with rmstore.connect() as opened:
        ingest_published(opened, real_data)
        yield opened
