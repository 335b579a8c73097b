"""QA-Feedback of Fine-Grained RLHF: four responses per question, six comparisons, and the errors of the first."""

from __future__ import annotations

from rmstore.adapters.base import TEXT, Adapter, Column

_LIST = Column(("list",))


class QAFeedback(Adapter):
    """A row of ``train_feedback.json`` or ``dev_feedback.json`` (arXiv 2306.01693).

    The passages are a system turn: each begins with its title, its sentences follow on the next line, and an empty
    line stands between two passages. The question is the user's turn, so that it also tells which rows share a split.
    ``preference`` compares the pairs 1-2, 1-3, 1-4, 2-3, 2-4, 3-4: 1 and 2 for a side, 0 for a tie.

    ``prediction 1`` is rated where ``feedback`` is given, higher being better: for each type of error, in lower case,
    minus the number of such spans (``irrelevant``, ``wrong-grounding``, ``unverifiable``, ``redundant``,
    ``incoherent``; 0 where there is none), and ``missing-info``, minus the number of missing facts. ``gold`` is a
    response of origin ``reference``, the corrected prediction one of origin ``augmented``; an empty correction is
    left out and counted.
    """

    name = "qa-feedback"
    description = (
        "question, passages, four predictions, six comparisons and span errors (QA-Feedback of Fine-Grained RLHF)"
    )
    sql = "qa_feedback"
    columns = {
        "question": TEXT,
        "passages": _LIST,
        "prediction 1": TEXT,
        "prediction 2": TEXT,
        "prediction 3": TEXT,
        "prediction 4": TEXT,
        "preference": Column(("list",), required=True),
        "gold": Column(("text",)),
        "feedback": Column(("object",)),
    }
    has_remarks = True
