"""Python functions that SQL can call; each is thin, the work is done in the rooms below."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rmstore.registry import Registry

if TYPE_CHECKING:
    from rmstore.store import Store

FUNCTIONS = Registry(
    "SQL function",
    "functions",
    {
        "_rm_best_temperature": "rmstore.functions.temperature:fitted",
        "_rm_bon_curves": "rmstore.functions.best_of_n:bon_curves",
        "_rm_bootstrap_totals": "rmstore.functions.bootstrap:bootstrap_totals",
        "_rm_cast_sql": "rmstore.functions.judgements:cast_sql",
        "_rm_checksum": "rmstore.functions.precision:checksum",
        "_rm_embed": "rmstore.functions.embed:embed",
        "_rm_entrant_list": "rmstore.functions.leaderboard:entrant_list",
        "_rm_explain": "rmstore.functions.explain:explain",
        "_rm_half": "rmstore.functions.precision:half",
        "_rm_head_id": "rmstore.functions.score:head_id",
        "_rm_is_finite": "rmstore.functions.precision:is_finite",
        "_rm_kendall": "rmstore.functions.kendall:kendall",
        "_rm_leaderboard_sql": "rmstore.functions.leaderboard:leaderboard_sql",
        "_rm_learned_guesses": "rmstore.functions.baselines:guesses",
        "_rm_judgements_sql": "rmstore.functions.judgements:judgements_sql",
        "_rm_length_control": "rmstore.functions.length_control:length_control",
        "_rm_nearest": "rmstore.functions.neighbours:nearest_rows",
        "_rm_options": "rmstore.functions.catalogue:options",
        "_rm_pairs_sql": "rmstore.functions.rows:pairs_sql",
        "_rm_poisson_counts": "rmstore.functions.bootstrap:counts",
        "_rm_prompts_sql": "rmstore.functions.neighbours:prompts_sql",
        "_rm_reports": "rmstore.functions.catalogue:reports",
        "_rm_rewards_sql": "rmstore.functions.rewards:rewards_sql",
        "_rm_rows_sql": "rmstore.functions.rows:rows_sql",
        "_rm_score": "rmstore.functions.score:score",
        "_rm_score_members": "rmstore.functions.score:score_members",
        "_rm_snapshot_diff_sql": "rmstore.functions.snapshot_diff:snapshot_diff_sql",
        "_rm_step_prob": "rmstore.functions.score:step_prob",
        "_rm_step_rewards_sql": "rmstore.functions.steps:step_rewards_sql",
        "_rm_steps_sql": "rmstore.functions.steps:steps_sql",
        "_rm_train": "rmstore.functions.train:train",
        "_rm_trials": "rmstore.functions.trial_heads:trials",
        "_rm_version": "rmstore.functions.catalogue:version",
        "_rm_win_prob": "rmstore.functions.score:win_prob",
    },
)


HANDOVER_SECONDS = 5e-5
"""How long an engine thread waits before it asks another for the interpreter. NumPy drops and takes the
interpreter's lock several times per batch; at Python's usual 5 ms two threads scored slower than one."""


def register(store: Store) -> None:
    """Register every function on the root connection of a store, each name once."""
    sys.setswitchinterval(min(sys.getswitchinterval(), HANDOVER_SECONDS))
    for name in FUNCTIONS:
        function = FUNCTIONS[name]
        store.con.create_function(  # type: ignore[call-overload]
            function.name,
            function.bind(store),
            None,
            function.returns,
            type="arrow",
            null_handling="special",
            side_effects=function.side_effects,
        )
