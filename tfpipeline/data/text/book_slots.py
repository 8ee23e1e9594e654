"""Values that the templates of `book_templates` are filled with: names, titles, prices."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

_TITLES = (
    "the {adjective} {noun}",
    "{noun} of the {adjective} {second}",
    "a {noun} for {place}",
    "return to {place}",
    "the {noun} and the {second}",
    "how to order a {noun}",
    "{adjective} {noun}",
    "my {adjective} {noun} in {place}",
    "when the {noun} was {adjective}",
    "waiting for the {noun}",
    "the price of a {noun}",
    "one hundred pages of {noun}",
)
_LISTS = {
    "first": "anna|boris|clara|david|elena|felix|greta|hugo|ines|jonas|karin|louis|marta|nils|olga|"
    "pavel|rosa|simon|tara|victor|wanda|yusuf|zoe|amir|beth|carlos|dora|emil|fay|george",
    "last": "adler|bishop|carver|dumont|ellis|fontaine|grant|holloway|ivanov|jansen|keller|"
    "lindgren|marlowe|novak|okafor|page|quinn|reed|sanders|tanaka|underhill|vance|winter|yates|"
    "ziegler|price|berg|castillo|drake|english|french|german|archer|summers|stock|story",
    "city": "paris|london|vienna|lagos|kyoto|lisbon|oslo|prague|boston|delhi",
    # Titles use the words of requests, so that no single word gives an intent away.
    "adjective": "last|long|silent|golden|cheap|best|lost|early|popular|hidden|new|short|first|"
    "second|similar|broken|old|perfect|secret|strange",
    "noun": "author|price|page|return|order|gift|language|review|winter|river|garden|child|road|"
    "letter|ship|story|house|star|age|series|edition|number|year|delivery|translator|library|"
    "card|daughter|king|harbour",
    "topic": "gardening|the roman empire|machine learning|baking bread|black holes|chess openings|"
    "the history of money|bird watching|sailing|meditation|the french revolution|statistics|"
    "raising children|the human brain|electric cars|writing a novel|learning german|volcanoes",
    "genre": "crime|science fiction|fantasy|romance|horror|poetry|historical fiction|biographies|"
    "thrillers|comics|travel writing|short stories|westerns|cookbooks|memoirs|picture books",
    "format": "ebook|audiobook|paperback|hardcover|large print|pocket book|pdf|audio cd",
    "language": "german|french|spanish|polish|english|japanese|arabic|italian|swedish|turkish",
    "day": "monday|tuesday|friday|the weekend|tomorrow|christmas|next week|the tenth",
    "person": "mother|father|sister|brother|boss|teacher|daughter|son|friend|grandmother|wife",
}
_VALUES = {name: tuple(text.split("|")) for name, text in _LISTS.items()}


def _author(draw: Random) -> str:
    last = draw.choice(_VALUES["last"])
    return f"{draw.choice(_VALUES['first'])} {last}" if draw.random() < 0.7 else last


def _title(draw: Random) -> str:
    return draw.choice(_TITLES).format(
        adjective=draw.choice(_VALUES["adjective"]),
        noun=draw.choice(_VALUES["noun"]),
        second=draw.choice(_VALUES["noun"]),
        place=draw.choice(_VALUES["city"]),
    )


def _one_of(values: tuple[str, ...]) -> Callable[[Random], str]:
    return lambda draw: draw.choice(values)


SLOTS: dict[str, Callable[[Random], str]] = {
    "author": _author,
    "title": _title,
    "price": lambda draw: f"{draw.randrange(5, 60)} dollars",
    "pages": lambda draw: str(draw.randrange(100, 1000, 50)),
    "year": lambda draw: str(draw.randrange(1850, 2025)),
    "number": lambda draw: str(draw.randrange(10_000, 100_000)),
    "age": lambda draw: str(draw.randrange(2, 17)),
    **{name: _one_of(values) for name, values in _VALUES.items()},
}
