"""A store with results in a folder, and the page of them, built once for all tests of it."""

import pytest
from results_folder import fill_folder

import rmstore
from rmstore.reports.site import build


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A store, and a folder with results of it."""
    folder = tmp_path_factory.mktemp("site")
    with rmstore.connect() as store:
        fill_folder(store, folder)
        yield store, folder


@pytest.fixture(scope="session")
def site(made):
    """The file of the page."""
    return build(*made).page
