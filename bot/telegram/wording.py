"""What a language has to say to a reader, and how it writes dates and numbers.

Plain text: nothing here is HTML. `{…}` are filled in by `str.format`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Language", "Strings"]

Language: TypeAlias = Literal["en", "ur", "zh"]

_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T.+)?)?)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strings:
    """One language's sentences; `_one` and `_many` go by a count."""

    language: Language
    name: str
    right_to_left: bool
    list_separator: str
    before_date: str
    months: tuple[str, ...]
    day: str
    month: str

    # Meeting
    start: str
    help: str
    privacy: str
    choose_language: str
    language_chosen: str
    forgotten: str
    greeting: str
    thanks: str
    who_are_you: str
    sticker: str
    photo: str
    voice: str
    other_kind: str
    too_long: str
    too_short: str
    unknown_command: str
    busy: str
    one_moment: str
    not_permitted: str
    too_many: str
    not_invited: str
    expired: str
    failed: str
    vote_up: str
    vote_down: str
    commands: tuple[tuple[str, str], ...]
    administrator_commands: tuple[tuple[str, str], ...]

    # Replies
    abstained: str
    empty_collection: str
    nothing_found: str
    terms_missing: str
    near_miss: str
    low_confidence: str
    filtered_out: str
    missing: str
    searched_one: str
    searched_many: str
    searched_one_dated: str
    searched_many_dated: str
    nearest: str
    differs: str
    also_in: str
    also_in_one: str
    also_in_many: str
    page: str
    updated: str
    same_document: str
    untitled: str

    # Buttons
    context: str
    more: str
    more_one: str
    back: str
    share: str
    open_source: str
    copy_citation: str
    copy_bibtex: str

    # Looking around
    sources_one: str
    sources_many: str
    no_sources: str
    passages_one: str
    passages_many: str
    found_one: str
    found_many: str
    found_nothing: str
    inline_hint: str
    verify_usage: str
    verdict_exact: str
    verdict_typography: str
    verdict_shortened: str
    verdict_altered: str
    verdict_spliced: str
    verdict_absent: str

    # For administrators
    ingesting: str
    added: str
    unchanged: str
    replaced: str
    refused: str
    file_too_large: str
    removed: str
    no_such_document: str
    remove_usage: str
    remove_this: str
    no_feedback: str
    statistics: str
    statistics_documents: str
    statistics_passages: str
    statistics_readers: str
    statistics_questions: str
    statistics_answered: str
    statistics_votes: str
    statistics_time: str

    def date(self, written: str) -> str:
        """An ISO 8601 date in the reader's form, as precise as it is, without the time; anything else as it stands."""
        match = _DATE.fullmatch(written)
        if match is None or not 1 <= int(match[2] or 1) <= 12:
            return written
        year, month, day = match.groups()
        if not month:
            return f"{year}年" if self.language == "zh" else year
        form = self.day if day else self.month
        return form.format(year=year, month=self.months[int(month) - 1], day=int(day or 1))

    def number(self, count: int) -> str:
        """A whole number, its thousands apart."""
        return f"{count:,}"
