"""The format of Anthropic's HH-RLHF: two transcripts per row, the better one first."""

from __future__ import annotations

from rmstore.adapters.base import TEXT, Adapter


class HH(Adapter):
    r"""Transcripts of turns that begin with ``\n\nHuman: `` and ``\n\nAssistant: ``.

    The prompt is everything up to and including the last ``\n\nAssistant:``; the response is the rest, with its
    leading space. ``Human:`` inside a line is text. Nothing is trimmed: joining ``\n\nHuman: `` or
    ``\n\nAssistant: `` with each content, then ``\n\nAssistant:`` with the response, gives the transcript back. Text
    before the first turn is a system turn.
    """

    name = "hh"
    description = "chosen and rejected transcripts of Human and Assistant turns (Anthropic HH-RLHF)"
    sql = "hh"
    columns = {"chosen": TEXT, "rejected": TEXT}
