"""The style sheet of the page, made from the same colours as the plots."""

from __future__ import annotations

from tfpipeline.report.theme import DARK, LIGHT, Theme

_RULES = """
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: clamp(1.5rem, 5vw, 2.2rem); line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.2rem; margin: 0 0 .25rem; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
header p, .note { color: var(--faint); margin: .25rem 0 1rem; max-width: 46rem; }
section, .tile {
  background: var(--paper); border: 1px solid var(--grid); border-radius: 10px;
}
section { padding: 1rem; margin: 1rem 0; }
.tiles { display: grid; gap: .75rem; grid-template-columns: repeat(6, 1fr); }
@media (max-width: 60rem) { .tiles { grid-template-columns: repeat(3, 1fr); } }
@media (max-width: 28rem) { .tiles { grid-template-columns: repeat(2, 1fr); } }
.tile { padding: .8rem 1rem; display: flex; flex-direction: column; }
.tile b { font-size: 1.55rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { color: var(--faint); font-size: .88rem; line-height: 1.35; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; margin: .5rem 0; }
th, td {
  padding: .4rem .7rem; text-align: right; border-bottom: 1px solid var(--grid);
  font-variant-numeric: tabular-nums;
}
td { white-space: nowrap; }
thead th { color: var(--faint); font-weight: 500; vertical-align: bottom; line-height: 1.3; }
tbody th { font-weight: 500; }
th:first-child {
  text-align: left; padding-left: 0; min-width: 8rem;
  position: sticky; left: 0; background: var(--paper);
}
tr.ours th, tr.ours td { color: var(--ours); font-weight: 650; }
figure { margin: .5rem auto 0; max-width: 41rem; }
img { display: block; width: 100%; height: auto; }
dl {
  display: grid; grid-template-columns: minmax(7.5rem, max-content) 1fr; gap: .25rem 1rem;
  margin: .5rem 0;
}
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
@media print { body { background: #fff; } section { break-inside: avoid; } }
"""


def stylesheet() -> str:
    """Return the CSS: colours of both themes as variables, then the rules."""
    return (
        f":root {{ color-scheme: light dark; {_variables(LIGHT, '#f4f6f9')} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {_variables(DARK, '#0f1217')} }} }}"
        f"{_RULES}"
    )


def _variables(theme: Theme, page: str) -> str:
    return (
        f"--page: {page}; --paper: {theme.paper}; --ink: {theme.ink}; --faint: {theme.faint}; "
        f"--grid: {theme.grid}; --ours: {theme.series[3]};"
    )
