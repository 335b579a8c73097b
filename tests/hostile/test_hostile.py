"""Hostile input, as hypothesis draws it: a little in every run, more among the slow tests."""

import tempfile
from pathlib import Path

import pytest
import targets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingesting import empty

import rmstore
from rmstore.adapters import ADAPTERS

DRAWS = st.binary(min_size=8, max_size=120)
QUICK = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
LONG = settings(QUICK, max_examples=400)


@pytest.fixture(scope="module")
def store():
    with rmstore.connect() as opened:
        yield opened


@pytest.fixture(scope="module")
def parcels(tmp_path_factory):
    return targets.parcels(tmp_path_factory.mktemp("parcels"))


def ingest(store, data):
    empty(store)
    with tempfile.TemporaryDirectory() as folder:
        targets.ingest(store, Path(folder), data)


def take(parcel, data, verb):
    with tempfile.TemporaryDirectory() as folder, rmstore.connect() as store:
        targets.import_folder(store, parcel, Path(folder), data, lambda to, place: getattr(to, verb)(place))


def test_every_format_is_fuzzed():
    assert {*targets.SAMPLES, "npy"} == set(ADAPTERS)  # npy reads arrays, see tests/test_ingest_formats.py


@QUICK
@given(DRAWS)
def test_ingest(store, data):
    ingest(store, data)


@QUICK
@given(DRAWS)
def test_head_folders(parcels, data):
    take(parcels[0], data, "import_head")


@QUICK
@given(DRAWS)
def test_snapshot_folders(parcels, data):
    take(parcels[1], data, "import_snapshot")


@pytest.mark.slow
@LONG
@given(DRAWS)
def test_ingest_for_long(store, data):
    ingest(store, data)


@pytest.mark.slow
@LONG
@given(DRAWS)
def test_head_folders_for_long(parcels, data):
    take(parcels[0], data, "import_head")


@pytest.mark.slow
@LONG
@given(DRAWS)
def test_snapshot_folders_for_long(parcels, data):
    take(parcels[1], data, "import_snapshot")
