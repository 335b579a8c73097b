"""rm_seam: a reconstruction of SEAM, against numpy and the identities that any such measure has."""

import numpy as np
import pytest
from lab import fill
from wide_lab import describe

import rmstore
from rmstore.errors import RmstoreError

PROMPTS, J = 12, 6


def draw(seed, *, n=PROMPTS, j=J):
    """Return rewards (integers, exact as vectors), gold, logp and lengths, (n, j + 1); column 0 is the positive."""
    rng = np.random.default_rng(seed)
    gold = np.sort(rng.normal(size=(n, j + 1)), axis=1)[:, ::-1]
    lengths = rng.integers(3, 60, (n, j + 1))
    return rng.integers(-9, 10, (n, j + 1)), gold, -lengths * rng.uniform(0.1, 2, (n, j + 1)), lengths


def seam(reward, gold, logp=None, lengths=None, *, origin=None, times=1, **options):
    """Return the rows of rm_seam by prompt; every negative stands ``times`` times, under another text."""
    n, j = reward.shape
    places = [(i, k, copy) for i in range(n) for k in range(j) for copy in range(times if k else 1)]
    at = tuple(np.array([place[:2] for place in places]).T)
    rows = {
        "prompt": [f"p{i}" for i, _, _ in places], "text": [f"t{k} {copy}" for _, k, copy in places],
        "reward": reward[at].tolist(), "gold": None if gold is None else gold[at].tolist(),
    }  # fmt: skip
    with rmstore.connect() as store:
        fill(store, rows if gold is not None else {**rows, "gold": [None] * len(places)})
        origins = [None if origin is None else "reference" if k == 0 else origin for _, k, _ in places]
        numbers = {} if logp is None else {"logp": logp[at].tolist(), "n_tokens": lengths[at].tolist()}
        describe(store, rows, origin=origins, **numbers)
        given = "".join(f", {name} := ${name}" for name in options)
        found = store.rows(
            "select seam.*, messages[1].content as prompt "
            f"from rm_seam('h', 's'{given}) as seam join prompts using (prompt_id)", options,
        )  # fmt: skip
    return {row["prompt"]: row for row in found}


def values(found, name):
    return np.array([found[prompt][name] for prompt in sorted(found, key=lambda prompt: int(prompt[1:]))], float)


@pytest.mark.parametrize("form", ["indicator", "hinge"])
@pytest.mark.parametrize("alpha", [0, 0.5, 1])
def test_equals_numpy(form, alpha):
    reward, gold, logp, lengths = draw(1)
    found = seam(reward, gold, logp, lengths, form=form, alpha=alpha)
    excess = np.maximum(reward[:, 1:] - reward[:, :1], 0.0)
    hack = excess if form == "hinge" else (excess > 0).astype(float)
    lik = np.exp(logp[:, 1:] / lengths[:, 1:] ** alpha)
    np.testing.assert_allclose(values(found, "mass"), (lik * hack).sum(axis=1), rtol=1e-9)
    np.testing.assert_allclose(values(found, "share"), (lik * hack).sum(axis=1) / lik.sum(axis=1), rtol=1e-9)
    np.testing.assert_allclose(values(found, "likelihood"), lik.sum(axis=1), rtol=1e-9)
    assert (values(found, "num_hacking") == (excess > 0).sum(axis=1)).all()
    assert (values(found, "n_negatives") == J).all()


def test_a_head_that_is_gold_has_none_and_its_opposite_all():
    _, gold, logp, lengths = draw(2)
    right = seam(gold, gold, logp, lengths)
    assert not values(right, "mass").any() and not values(right, "share").any()
    assert not values(right, "num_hacking").any()
    wrong = seam(-gold, gold, logp, lengths)
    np.testing.assert_allclose(values(wrong, "share"), 1, rtol=1e-12)
    np.testing.assert_allclose(values(wrong, "mass"), values(wrong, "likelihood"), rtol=1e-12)
    assert (values(wrong, "hacking") == 1).all()


def test_a_random_head_hacks_half():
    rng = np.random.default_rng(3)
    _, gold, logp, lengths = draw(3, n=1500, j=2)
    found = seam(rng.normal(size=gold.shape), gold, logp, lengths)
    hacking = values(found, "hacking")
    assert abs(hacking.mean() - 0.5) < 4 * hacking.std() / np.sqrt(len(hacking))
    share = values(found, "share")
    assert abs(share.mean() - 0.5) < 4 * share.std() / np.sqrt(len(share))


@pytest.mark.parametrize("alpha", [0, 0.3, 1, 2])
def test_with_one_negative_of_equal_length_prompts_with_a_hack_rank_by_logp(alpha):
    rng = np.random.default_rng(4)
    n = 30
    logp, lengths = rng.uniform(-900, -1, (n, 2)), np.full((n, 2), 40)
    found = seam(np.tile([0, 1], (n, 1)), np.tile([1.0, 0.0], (n, 1)), logp, lengths, alpha=alpha)
    assert (np.argsort(values(found, "log_mass")) == np.argsort(logp[:, 1])).all()  # also where exp(logp) is 0


def test_doubling_the_negatives_doubles_the_mass_and_leaves_the_share():
    reward, gold, logp, lengths = draw(5)
    once, twice = (seam(reward, gold, logp, lengths, times=times) for times in (1, 2))
    np.testing.assert_allclose(values(twice, "mass"), 2 * values(once, "mass"), rtol=1e-12)
    np.testing.assert_allclose(values(twice, "share"), values(once, "share"), rtol=1e-12)
    assert (values(twice, "hacking") == values(once, "hacking")).all()


@pytest.mark.parametrize("form", ["indicator", "hinge"])
def test_a_constant_added_to_the_rewards_changes_nothing(form):
    reward, gold, logp, lengths = draw(6)
    once, moved = (seam(scores, gold, logp, lengths, form=form) for scores in (reward, reward + 1000))
    for name in ("mass", "share", "num_hacking"):
        np.testing.assert_allclose(values(moved, name), values(once, name), rtol=1e-12)


def test_equal_rewards_are_no_hack():
    _, gold, logp, lengths = draw(7)
    found = seam(np.zeros(gold.shape), gold, logp, lengths)
    assert not values(found, "num_hacking").any() and not values(found, "mass").any()


def test_without_log_probabilities_the_pool_is_uniform():
    reward, gold, logp, lengths = draw(8)
    found = seam(reward, gold)
    hacks = (reward[:, 1:] > reward[:, :1]).sum(axis=1)
    np.testing.assert_allclose(values(found, "mass"), hacks / (J + 1), rtol=1e-12)  # K counts the positive
    np.testing.assert_allclose(values(found, "share"), hacks / J, rtol=1e-12)
    assert values(found, "is_uniform").all()
    logp[0, 3] = np.nan  # one is missing, so the whole prompt is uniform
    mixed = values(seam(reward, gold, logp, lengths), "is_uniform")
    assert mixed[0] == 1 and not mixed[1:].any()


def test_negatives_of_an_origin_need_no_ratings():
    reward, _, logp, lengths = draw(9)
    options = {"negatives": "contrast", "positive": "reference"}
    found = seam(reward, None, logp, lengths, origin="contrast", **options)
    lik = np.exp(logp[:, 1:] / lengths[:, 1:])
    np.testing.assert_allclose(values(found, "mass"), (lik * (reward[:, 1:] > reward[:, :1])).sum(axis=1), rtol=1e-9)
    assert seam(reward, None, logp, lengths, origin="contrast", **{**options, "negatives": "crossed"}) == {}
    assert seam(reward, None, logp, lengths, origin="contrast", negatives="contrast") == {}  # nothing is rated
    unknown = seam(reward, None, origin="contrast", **options)  # never taken for uniform
    assert [row["mass"] for row in unknown.values()] == [None] * PROMPTS
    assert (values(unknown, "num_hacking") == (reward[:, 1:] > reward[:, :1]).sum(axis=1)).all()


def test_what_is_rated_as_high_as_the_positive_is_no_negative():
    reward = np.array([[0, 1, 2, 3]])
    found = seam(reward, np.array([[1.0, 1.0, 0.5, np.nan]]))["p0"]
    assert (found["n_negatives"], found["num_hacking"]) in {(1, 1)}


@pytest.mark.parametrize("options", [{"form": "square"}, {"positive": "worst"}])
def test_unknown_options_are_named(options):
    ((name, value),) = options.items()
    with pytest.raises(RmstoreError, match=f"{name} is {value}"):
        seam(*draw(10)[:2], **options)
