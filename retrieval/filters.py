"""What a reader narrows the search by, inside the question: `since:2023`, `until:2024-06`, `from:"Express Tribune"`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from retrieval.errors import BadQuestion

__all__ = ["Filters", "narrowed"]

_FILTER = re.compile(
    r"(?<!\S)(?P<name>since|until|from):(?:[\"“”](?P<quoted>[^\"“”]*)[\"“”]|(?P<plain>\S*))", re.IGNORECASE
)
_DATE = re.compile(r"\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?")


@dataclass(frozen=True, slots=True)
class Filters:
    """What a document must be: published in or after `since`, in or before `until` (ISO 8601), by `publisher`."""

    since: str | None = None
    until: str | None = None
    publisher: str | None = None

    def __bool__(self) -> bool:
        return self != Filters()

    def admit(self, published: str | None, publisher: str | None) -> bool:
        """Whether a document of that date and publisher passes; one without either does not pass a filter on it."""
        if self.since is not None and (
            published is None or published[: len(self.since)] < self.since[: len(published)]
        ):
            return False
        if self.until is not None and (published is None or published[: len(self.until)] > self.until):
            return False
        return self.publisher is None or (publisher is not None and self.publisher.casefold() in publisher.casefold())


def narrowed(question: str) -> tuple[str, Filters]:
    """The question without its filters, and these; `BadQuestion` where one has no meaning or nothing else is asked."""
    given: dict[str, str] = {}
    for match in _FILTER.finditer(question):
        name = match["name"].lower()
        value = (match["quoted"] if match["quoted"] is not None else match["plain"]).strip()
        if name != "from" and not _DATE.fullmatch(value):
            raise BadQuestion(f"expected a date after {name}: such as 2023, 2023-06 or 2023-06-30, found {value!r}")
        if not value:
            raise BadQuestion('expected a publisher after from: such as from:"Express Tribune", found nothing')
        given["publisher" if name == "from" else name] = value
    if not given:
        return question, Filters()
    asked = " ".join(_FILTER.sub(" ", question).split())
    if not asked:
        raise BadQuestion("expected a question beside its filters, found only these: type what you want to know")
    return asked, Filters(**given)
