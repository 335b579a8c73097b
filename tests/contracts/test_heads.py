"""What every registered kind of head promises."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from rmstore.errors import BadFileError, InputError, Interrupted, OptionError
from rmstore.heads import HEADS
from rmstore.heads.base import Pairs
from rmstore.objectives import OBJECTIVES

KINDS = list(HEADS)
QUICK = {
    "adapter": {"hidden": [16], "rank": 4, "epochs": 12, "lr": 0.005},
    "lightgbm": {"trees": 60, "threads": 1, "lr": 0.2},
    "mlp": {"hidden": [16], "epochs": 12, "lr": 0.005},
    "multi": {"hidden": [16], "steps": 30},
    "prototype": {"epochs": 12, "lr": 0.005},
}
"""Options that make a kind fast on toy data; others run with their defaults."""
DIM, N_ITEMS = 6, 500
DIRECTION = np.random.default_rng(1).normal(size=DIM)


def draw_pairs(n_pairs, seed, items):
    """Noiseless preferences along a known direction; every array is read-only."""
    rng = np.random.default_rng(seed)
    chosen, rejected = (side.copy() for side in rng.choice(len(items), (n_pairs, 2)).T)
    rejected = np.where(chosen == rejected, (rejected + 1) % len(items), rejected)
    gold = items @ DIRECTION
    swap = gold[chosen] < gold[rejected]
    chosen[swap], rejected[swap] = rejected[swap], chosen[swap]
    ones = np.ones(n_pairs)
    drawn = Pairs(items, chosen, rejected, ones, 0 * ones, ones, rng.integers(n_pairs // 3, size=n_pairs))
    for array in vars(drawn).values():
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
    return drawn


def take(pairs, rows):
    """Some of the pairs, over the same items."""
    arrays = {name: array for name, array in vars(pairs).items() if isinstance(array, np.ndarray) and name != "items"}
    return replace(pairs, **{name: array[rows] for name, array in arrays.items()})


ITEMS = np.random.default_rng(0).normal(size=(N_ITEMS, DIM)).astype(np.float32)
TRAIN, VALID = draw_pairs(600, 2, ITEMS), draw_pairs(150, 3, ITEMS)
FRESH = np.random.default_rng(4).normal(size=(2000, DIM)).astype(np.float32)


def attributes(pairs):
    """A head of three rated attributes over all columns but the last, which together are most of the direction."""
    wide = max(1, pairs.items.shape[1] - 1)
    seen = np.intersect1d(np.concatenate([pairs.chosen, pairs.rejected]), np.arange(len(pairs.items)))
    known = np.nan_to_num(np.ascontiguousarray(pairs.items[seen, :wide]))
    parts = np.zeros((3, wide))
    parts[np.arange(wide) % 3, np.arange(wide)] = np.resize(DIRECTION, wide)
    number, rows = divmod(np.arange(3 * len(seen)), len(seen))
    ones = np.ones(len(rows))
    rated = Pairs(known, rows, rows, ones, 0 * ones, ones, rows, (known @ parts.T).T.ravel(), number)
    return HEADS["multi"].fit(
        replace(rated, attributes=("a", "b", "c")), None, objective=OBJECTIVES["squared"](), options={}, members=1,
        merge=None, seed=0, poll=lambda share, note: None,
    )[0]  # fmt: skip


def fit(kind, train=TRAIN, valid=VALID, *, objective="bt", members=1, merge=None, seed=0, poll=None, **options):
    more, quick = {}, QUICK.get(kind, {})
    if HEADS[kind].takes_attributes and OBJECTIVES[objective].sees == "item":
        quick = {}  # of the training on pairs
    elif HEADS[kind].takes_attributes and len(train) and train.items.shape[1]:
        more = {"start": attributes(train)}  # whose members are the attributes, so one is enough
        members = min(members, 1)
    head, record = HEADS[kind].fit(
        train,
        valid,
        **more,
        objective=OBJECTIVES[objective](),
        options=quick | options,
        members=members,
        merge=merge,
        seed=seed,
        poll=poll or (lambda share, note: None),
    )
    assert isinstance(record, dict)
    return head


@pytest.fixture(scope="module", params=KINDS)
def trio(request):
    """A head of three members, fitted once per kind."""
    return fit(request.param, members=3)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def test_rewards_have_shape_and_type(trio):
    members, score = trio.members(FRESH), trio.score(FRESH)
    assert (members.shape, members.dtype) == ((2000, 3), np.float32)
    assert (score.shape, score.dtype) == ((2000,), np.float32)
    assert np.isfinite(members).all()
    assert (trio.n_members, trio.dim) == (3, DIM)


def test_score_is_the_member_mean(trio):
    if trio.takes_attributes:
        pytest.skip("members are attributes, which the gate weighs")
    np.testing.assert_allclose(trio.score(FRESH), trio.members(FRESH).mean(axis=1), rtol=1e-4, atol=1e-5)


def test_members_differ(trio):
    members = trio.members(FRESH)
    for left, right in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(members[:, left] - members[:, right]).max() > 1e-4


def test_items_are_scored_one_by_one(trio):
    assert trio.members(FRESH[:0]).shape == (0, 3)
    pieces = np.concatenate([trio.members(FRESH[start : start + 700]) for start in range(0, 2000, 700)])
    np.testing.assert_allclose(pieces, trio.members(FRESH), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(trio.members(FRESH[::-1]), trio.members(FRESH)[::-1], rtol=1e-4, atol=1e-5)


def test_saved_heads_score_the_same(trio):
    data = trio.to_bytes()
    loaded = type(trio).from_bytes(data)
    np.testing.assert_array_equal(loaded.members(FRESH), trio.members(FRESH))
    np.testing.assert_array_equal(loaded.score(FRESH), trio.score(FRESH))
    assert loaded.to_bytes() == data


def test_scoring_leaves_the_items_alone(trio):
    items = FRESH.copy()
    trio.members(items)
    trio.score(items)
    np.testing.assert_array_equal(items, FRESH)


@pytest.mark.parametrize("shape", [(3, DIM + 1), (3, 1), (DIM,)])
def test_wrong_width_is_refused(trio, shape):
    for method in (trio.members, trio.score):
        with pytest.raises(InputError, match=f"width {DIM}"):
            method(np.zeros(shape, dtype=np.float32))


@pytest.mark.parametrize(
    "spoil", [lambda d: d[:-1], lambda d: d[: len(d) // 2], lambda d: b"", lambda d: b"PK\3\4" * 9]
)
def test_spoilt_bytes_are_refused(trio, spoil):
    with pytest.raises(BadFileError, match=f"cannot read a {trio.kind} head"):
        type(trio).from_bytes(spoil(trio.to_bytes()))


def test_bytes_of_another_kind_are_refused(trio):
    for other in KINDS:
        if other != trio.kind:
            with pytest.raises(BadFileError):
                HEADS[other].from_bytes(trio.to_bytes())


@pytest.mark.parametrize("objective", ["bt", "classification", "hinge"])
def test_easy_data_is_learned(kind, objective):
    reward, gold = fit(kind, objective=objective).score(FRESH), FRESH @ DIRECTION
    left, right = np.random.default_rng(5).choice(2000, (2, 4000))
    agree = (reward[left] > reward[right]) == (gold[left] > gold[right])
    assert agree.mean() > 0.8


def test_same_seed_gives_the_same_bytes(kind):
    assert fit(kind, members=2, seed=3).to_bytes() == fit(kind, members=2, seed=3).to_bytes()


def test_another_seed_gives_other_members(kind):
    assert fit(kind, members=2, seed=3).to_bytes() != fit(kind, members=2, seed=4).to_bytes()


def test_the_global_random_state_is_left_alone(kind):
    def state():
        return np.random.get_state()[1].tolist()

    before = state()
    fit(kind, members=2)
    assert state() == before


def test_fits_without_validation_pairs(kind):
    nothing = replace(VALID, weight=np.zeros(150))
    alone = fit(kind, valid=None)
    assert (
        alone.to_bytes() == fit(kind, valid=nothing).to_bytes() == fit(kind, valid=draw_pairs(0, 0, ITEMS)).to_bytes()
    )
    assert np.corrcoef(alone.score(FRESH), FRESH @ DIRECTION)[0, 1] > 0.7


def test_items_outside_the_pairs_do_not_matter(kind):
    strangers = np.concatenate([ITEMS, 100 * np.ones((9, DIM), dtype=np.float32)])
    other = fit(kind, replace(TRAIN, items=strangers), replace(VALID, items=strangers))
    np.testing.assert_allclose(other.score(FRESH), fit(kind).score(FRESH), rtol=1e-3, atol=1e-3)


def test_pairs_of_weight_zero_do_not_matter(kind):
    muted = np.where(np.arange(600) < 300, 1.0, 0.0)
    backwards = np.arange(600) >= 300
    chosen = np.where(backwards, TRAIN.rejected, TRAIN.chosen)
    rejected = np.where(backwards, TRAIN.chosen, TRAIN.rejected)
    head = fit(kind, replace(TRAIN, weight=muted, chosen=chosen, rejected=rejected))
    assert np.corrcoef(head.score(FRESH), FRESH @ DIRECTION)[0, 1] > 0.7


def test_constant_columns_are_no_trouble(kind):
    flat = ITEMS.copy()
    flat[:, 2:] = 0.5
    assert np.isfinite(fit(kind, replace(TRAIN, items=flat), replace(VALID, items=flat)).score(FRESH)).all()


def test_items_that_are_all_the_same_teach_nothing(kind):
    flat = np.full_like(ITEMS, 0.5)
    try:
        scores = fit(kind, replace(TRAIN, items=flat), replace(VALID, items=flat)).score(ITEMS)
    except InputError as refused:
        assert "same vector" in refused.problem
    else:
        assert np.isfinite(scores).all()


def test_a_single_pair_is_enough(kind):
    assert np.isfinite(fit(kind, take(TRAIN, slice(1)), None, members=2).score(FRESH)).all()


@pytest.mark.parametrize("n_pairs", [1, 7])
def test_two_items_are_enough(kind, n_pairs):
    one = take(TRAIN, slice(1))
    rows = [one.chosen[0], one.rejected[0]]
    lone = replace(take(TRAIN, np.zeros(n_pairs, dtype=int)), items=ITEMS[rows])
    lone = replace(lone, chosen=np.zeros(n_pairs, dtype=int), rejected=np.ones(n_pairs, dtype=int))
    chosen, rejected = fit(kind, lone, None).score(ITEMS[rows])
    assert chosen >= rejected


def test_pairs_that_agree_and_disagree_leave_a_draw(kind):
    """As many votes either way: a head must not take sides, nor fall over."""
    there = take(TRAIN, slice(100))
    both = replace(
        take(there, np.tile(np.arange(100), 2)),
        chosen=np.concatenate([there.chosen, there.rejected]),
        rejected=np.concatenate([there.rejected, there.chosen]),
    )
    reward = fit(kind, both, None).score(ITEMS)
    assert np.abs(reward[there.chosen] - reward[there.rejected]).max() < 1


def test_duplicated_rows_are_no_trouble(kind):
    copies = np.concatenate([ITEMS, ITEMS])
    chosen = np.where(np.arange(600) % 2, TRAIN.chosen + N_ITEMS, TRAIN.chosen)
    reward = fit(kind, replace(take(TRAIN, slice(None)), items=copies, chosen=chosen), None).score(copies)
    np.testing.assert_array_equal(reward[:N_ITEMS], reward[N_ITEMS:])
    assert np.corrcoef(reward[:N_ITEMS], ITEMS @ DIRECTION)[0, 1] > 0.7


def test_an_item_against_itself_is_no_trouble(kind):
    same = np.where(np.arange(600) < 20, TRAIN.chosen, TRAIN.rejected)
    assert np.isfinite(fit(kind, replace(TRAIN, rejected=same)).score(FRESH)).all()


def test_one_column_is_enough(kind):
    narrow = np.ascontiguousarray(ITEMS[:, :1])
    better = narrow[TRAIN.chosen, 0] > narrow[TRAIN.rejected, 0]
    train = replace(
        TRAIN,
        items=narrow,
        chosen=np.where(better, TRAIN.chosen, TRAIN.rejected),
        rejected=np.where(better, TRAIN.rejected, TRAIN.chosen),
    )
    reward = fit(kind, train, None).score(narrow)
    assert reward[narrow[:, 0].argmax()] > reward[narrow[:, 0].argmin()]


def test_more_columns_than_pairs_are_no_trouble(kind):
    wide = np.random.default_rng(8).normal(size=(N_ITEMS, 200)).astype(np.float32)
    few = replace(take(TRAIN, slice(30)), items=wide)
    reward = fit(kind, few, None, members=2).score(wide)
    assert np.isfinite(reward).all()
    assert np.mean(reward[few.chosen] >= reward[few.rejected]) > 0.5


def test_huge_and_tiny_vectors_stay_finite(kind):
    for unit in (np.float32(1e6), np.float32(1e-6)):
        other = fit(kind, replace(TRAIN, items=ITEMS * unit), replace(VALID, items=ITEMS * unit)).score(FRESH * unit)
        assert np.isfinite(other).all()


@pytest.mark.parametrize("objective", ["squared", "logistic"])
def test_values_of_one_class_give_a_head_or_a_clear_refusal(kind, objective):
    rated = replace(TRAIN, rejected=TRAIN.chosen, value=np.ones(600))
    try:
        reward = fit(kind, rated, None, objective=objective).score(ITEMS)
    except (InputError, OptionError) as refused:
        assert "\n  hint: " in str(refused)
    else:
        assert np.isfinite(reward).all()


@pytest.mark.parametrize("objective", ["squared", "logistic"])
def test_items_without_values_are_refused(kind, objective):
    with pytest.raises((InputError, OptionError), match="value|objective"):
        fit(kind, objective=objective)


def test_poll_sees_progress(kind):
    seen = []
    fit(kind, members=2, poll=lambda share, note: seen.append((share, note)))
    shares = [share for share, _ in seen]
    assert len(seen) > 5
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert min(shares) >= 0
    assert all(kind in note for _, note in seen[:-1])


@pytest.mark.parametrize("calls", [1, 4])
def test_poll_stops_a_fit(kind, calls):
    left = iter(range(calls))

    def poll(share, note):
        if next(left, None) is None:
            raise Interrupted("stopped")

    with pytest.raises(Interrupted, match="stopped"):
        fit(kind, poll=poll)


def test_unknown_option_gets_a_suggestion(kind):
    name = next(iter(HEADS[kind].options({})))
    with pytest.raises(OptionError, match=f"did you mean '{name}'"):
        HEADS[kind].options({name + "x": 1})


def test_options_are_filled_and_stable(kind):
    filled = HEADS[kind].options(QUICK.get(kind, {}))
    assert HEADS[kind].options(filled) == filled
    assert set(filled) == set(HEADS[kind].options({}))


def test_impossible_values_are_named(kind):
    for name in HEADS[kind].options({}):
        with pytest.raises(OptionError, match=f"{name} of the {kind} head is -3.5.*\n.*give "):
            HEADS[kind].options({name: -3.5})


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"weight": np.zeros(600)}, "weights of all 600 training pairs are 0"),
        ({"weight": np.full(600, -1.0)}, "weight -1.0"),
        ({"weight": np.full(600, np.nan)}, "weight nan"),
        ({"margin": np.full(600, np.inf)}, "margin inf"),
        ({"prob": np.full(600, np.nan)}, "prob nan"),
        ({"value": np.full(600, np.nan)}, "value nan"),
        ({"similarity": np.full(600, -np.inf)}, "similarity -inf"),
        ({"items": np.where(np.arange(N_ITEMS)[:, None] == 7, np.float32("nan"), ITEMS)}, "item 7 holds nan"),
        ({"chosen": np.full(600, N_ITEMS)}, f"item {N_ITEMS} of {N_ITEMS}"),
        ({"rejected": np.full(600, -1)}, "item -1"),
        ({"items": np.zeros((N_ITEMS, 0), dtype=np.float32)}, "shape"),
    ],
)
def test_impossible_pairs_are_refused(kind, change, match):
    with pytest.raises(InputError, match=match):
        fit(kind, replace(TRAIN, **change), None)


def test_no_pairs_are_refused(kind):
    with pytest.raises(InputError, match="no training pairs"):
        fit(kind, draw_pairs(0, 0, ITEMS), None)


def test_impossible_ensembles_are_refused(kind):
    with pytest.raises(OptionError, match="members is 0"):
        fit(kind, members=0)
    with pytest.raises(OptionError, match="merge is 'votes'"):
        fit(kind, merge="votes")


def loaded_after(code):
    """Names of heavy packages that are loaded after some code has run in a fresh interpreter."""
    heavy = "torch", "lightgbm", "scipy", "sklearn", "safetensors"
    told = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*[name for name in {heavy} if name in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.split()


def test_importing_heads_loads_nothing_heavy():
    modules = ", ".join(f"rmstore.heads.{kind}" for kind in KINDS)
    assert loaded_after(f"import rmstore.heads, rmstore.objectives, {modules}") == []


def test_mlp_scores_without_torch(tmp_path):
    (tmp_path / "head").write_bytes(fit("mlp").to_bytes())
    code = f"""
import numpy as np
from rmstore.heads import HEADS
with open({str(tmp_path / "head")!r}, "rb") as file:
    HEADS["mlp"].from_bytes(file.read()).score(np.zeros((2, {DIM}), dtype=np.float32))
"""
    assert "torch" not in loaded_after(code)
