"""The LightGBM head: boosted trees on single items, trained on pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from rmstore import options as opt
from rmstore.errors import OptionError
from rmstore.heads import pairs as on
from rmstore.heads.base import Head, Pairs, Poll
from rmstore.heads.lightgbm_training import Trainer
from rmstore.heads.serial import refuse
from rmstore.objectives.base import Objective

if TYPE_CHECKING:
    from lightgbm import Booster

VERSION = 1
TRAILER = b"\nrmstore:"


class LightGBMHead(Head):
    """Rewards as raw scores of boosted trees, one booster per member.

    A booster sees each distinct item once. Every round, the objective's gradient and curvature at the pairs are summed
    onto their items; an item in many pairs weighs that much more, and weight 2 is the pair given twice. Where every
    weight is below 1, the heaviest pair counts as one: sums of tiny weights would be nothing beside ``l2``. This is an
    adaptation: the papers (arXiv 2502.04357, 2411.04991) name LightGBM heads, and their released code holds no
    hyper-parameters.

    Options:
        trees: at most so many; by default 500 with validation pairs, 200 without.
        lr: shrinkage of a tree.
        leaves: most leaves of a tree, LightGBM's num_leaves.
        min_leaf: fewest items in a leaf, min_data_in_leaf; a twentieth of the items where those are few.
        max_bin: bins that the values of a column are sorted into.
        feature_fraction: share of the columns that each tree may look at.
        l2: penalty on the values of leaves, lambda_l2, beside the sum over the pairs of their curvature.
        patience: trees without a lower validation loss after which training stops; the best number of trees is kept.
        threads: of training and scoring; 0 is all cores, and one to train on little data.
        diversity: how members differ. All draw features by another seed; 'bootstrap' also draws groups with
            replacement, 'split' gives each member another 80 % of the groups.

    Trees cannot be averaged, so ``merge`` is refused.
    """

    kind = "lightgbm"
    table = {
        "trees": opt.either(None, opt.whole(None, 1)),
        "lr": opt.number(0.05, 0, 1, open_low=True),
        "leaves": opt.whole(31, 2, 131072),
        "min_leaf": opt.whole(20, 1),
        "max_bin": opt.whole(63, 2, 65535),
        "feature_fraction": opt.number(0.2, 0, 1, open_low=True),
        "l2": opt.number(20.0, 0),
        "patience": opt.whole(20, 1),
        "threads": opt.whole(0, 0),
        "diversity": opt.choice("bootstrap", *on.DIVERSITIES),
    }

    def __init__(self, texts: list[str], threads: int = 0) -> None:
        from lightgbm import Booster

        self._texts, self._threads = texts, threads
        self._boosters = [Booster(model_str=text) for text in texts]

    @classmethod
    def fit(
        cls,
        train: Pairs,
        valid: Pairs | None,
        *,
        objective: Objective,
        options: Mapping[str, Any],
        members: int,
        merge: str | None,
        seed: int,
        poll: Poll,
        start: Head | None = None,
    ) -> tuple[LightGBMHead, dict[str, Any]]:
        """Return the boosted head, and ``trees`` per member and ``valid_loss``.

        With ``start`` every member adds trees to those of its own number there, or of the only one.
        """
        settings = cls.options(options)
        valid = on.check(train, valid, members, merge)
        if merge:
            raise OptionError(f"merge is {merge!r}, but trees have no weights", hint="leave merge out, or train 'mlp'")
        on.check_convex(cls.kind, objective)
        boosters = [None] * members if start is None else on.same_kind(cls, start, train)._as_many(members)
        trainer = Trainer(train, valid, objective, settings)
        record: dict[str, Any] = {"trees": []}
        texts, losses = [], []
        for member, weight in enumerate(on.member_weights(train, settings["diversity"], seed, members)):
            poll_member = _shared(poll, member, members)
            text, trees, loss = trainer.boost(weight, (seed, member), poll_member, boosters[member])
            texts.append(text)
            record["trees"].append(trees)
            losses.append(loss)
        if valid is not None:
            record["valid_loss"] = float(np.mean(losses))
        poll(1.0, "boosted")
        return cls(texts, settings["threads"]), record

    def _as_many(self, members: int) -> list[Booster]:
        """Return a booster for every member of a fit that goes on from here.

        Raises:
            OptionError: there are several members, but of another number.
        """
        if self.n_members not in (1, members):
            raise OptionError(
                f"{members} members cannot go on from {self.n_members}: trees cannot be averaged",
                hint=f"give members := {self.n_members}, or start from a head of one member",
            )
        return self._boosters * (members // self.n_members)

    def members(self, items: np.ndarray) -> np.ndarray:
        """Return the reward of every member, (n, m) float32."""
        items = on.check_items(items, self.dim)
        rewards = np.zeros((len(items), self.n_members), dtype=np.float32)
        for member, booster in enumerate(self._boosters if len(items) else []):
            rewards[:, member] = booster.predict(items, raw_score=True, num_threads=self._threads)
        return rewards

    @property
    def n_members(self) -> int:
        """Number of ensemble members."""
        return len(self._boosters)

    @property
    def dim(self) -> int:
        """Width of the input."""
        return self._boosters[0].num_feature()

    def to_bytes(self) -> bytes:
        """Return the members' LightGBM texts, then one line of JSON that says where each ends.

        LightGBM itself reads the bytes of a single member; the line at the end does not disturb it.
        """
        texts = [text.encode() for text in self._texts]
        body = b"".join(texts)
        trailer = {
            "kind": self.kind,
            "version": VERSION,
            "threads": self._threads,
            "sizes": [len(text) for text in texts],
            "sha256": sha256(body).hexdigest(),
        }
        return body + TRAILER + json.dumps(trailer, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> LightGBMHead:
        """Return the head that ``to_bytes`` wrote; LightGBM sees the texts only if their checksum is right."""
        from lightgbm.basic import LightGBMError

        body, found, line = bytes(data).rpartition(TRAILER)
        try:
            trailer = json.loads(line) if found else {}
            if trailer["kind"] != cls.kind or trailer["version"] != VERSION:
                refuse(cls.kind, f"these bytes hold {trailer!r}")
            ends = np.cumsum(trailer["sizes"])
            if sha256(body).hexdigest() != trailer["sha256"] or ends[-1] != len(body):
                refuse(cls.kind, "the trees were changed or cut short")
            texts = [body[end - size : end].decode() for end, size in zip(ends, trailer["sizes"], strict=True)]
            return cls(texts, trailer["threads"])
        except (ValueError, KeyError, TypeError, IndexError, LightGBMError):
            refuse(cls.kind, "these bytes are not a head that rmstore wrote, or they were cut short")


def _shared(poll: Poll, member: int, members: int) -> Poll:
    """Return a poll that counts one member's share as its part of the whole."""
    return lambda share, note: poll((member + share) / members, f"lightgbm, member {member + 1}, {note}")
