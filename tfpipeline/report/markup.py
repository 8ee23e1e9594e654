"""Small pieces of HTML; every value that comes from results is escaped here."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Sequence

from tfpipeline.report.results import Results
from tfpipeline.report.theme import DARK, LIGHT, Theme

NOTHING = "–"


def text(value: object) -> str:
    """Escape a value for use between tags."""
    return html.escape(str(value), quote=False)


def attribute(value: object) -> str:
    """Escape a value for use inside a quoted attribute."""
    return html.escape(str(value), quote=True)


def section(title: str, *content: str, note: str = "") -> str:
    """Return a titled section; `note` is a sentence under the title, `content` is HTML already."""
    under = f'<p class="note">{text(note)}</p>' if note else ""
    return f"<section>\n<h2>{text(title)}</h2>\n{under}{''.join(content)}\n</section>\n"


def table(header: Sequence[str], rows: Sequence[Sequence[object]], best: int | None = None) -> str:
    """Return a table with a row title in the first column; the row numbered `best` is marked."""
    head = "".join(f'<th scope="col">{text(cell)}</th>' for cell in header)
    body = ""
    for number, (first, *others) in enumerate(rows):
        mark = ' class="ours"' if number == best else ""
        cells = "".join(f"<td>{text(cell)}</td>" for cell in others)
        body += f'<tr{mark}><th scope="row">{text(first)}</th>{cells}</tr>\n'
    return (
        '<div class="scroll"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n"
    )


def definitions(items: Sequence[tuple[str, object]]) -> str:
    """Return a list of names and values."""
    rows = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>\n" for name, value in items)
    return f"<dl>\n{rows}</dl>\n"


def picture(
    plot: Callable[[Results, Theme], str | None], results: Results, description: str
) -> str:
    """Return a plot drawn twice, for light and dark screens; `""` when there is nothing to draw."""
    light, dark = plot(results, LIGHT), plot(results, DARK)
    if light is None or dark is None:
        return ""
    return (
        "<figure><picture>"
        f'<source media="(prefers-color-scheme: dark)" srcset="{_data_uri(dark)}">'
        f'<img src="{_data_uri(light)}" alt="{attribute(description)}">'
        "</picture></figure>\n"
    )


def _data_uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
