"""Names and what may follow the at sign."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmstore.errors import InvalidNameError
from rmstore.references import Reference, parse, valid_name, valid_tag


def test_the_four_forms():
    assert parse("a", kind="head") == Reference("a")
    assert parse("a@3", kind="head") == Reference("a", version=3)
    assert parse("a@best", kind="head") == Reference("a", tag="best")
    assert parse("team/a-1.b@gold", kind="head") == Reference("team/a-1.b", tag="gold")


@pytest.mark.parametrize("text", ["", "@3", "a@", "a b", "-a", "a@b c", "ä", "a" * 129, "a'; drop table heads; --"])
def test_what_is_no_reference(text):
    with pytest.raises(InvalidNameError):
        parse(text, kind="head")


@pytest.mark.parametrize("tag", ["3", "latest", "best"])
def test_tags_that_mean_something_already(tag):
    with pytest.raises(InvalidNameError, match="cannot be a tag"):
        valid_tag(tag)


def test_a_long_name_is_shortened_in_the_message():
    with pytest.raises(InvalidNameError) as problem:
        valid_name("é" * 10_000, kind="head")
    assert len(str(problem.value)) < 250


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,20}", fullmatch=True), st.integers(0, 10**6))
def test_printing_a_reference_gives_what_was_parsed(name, version):
    assert str(parse(f"{name}@{version}", kind="head")) == f"{name}@{version}"
