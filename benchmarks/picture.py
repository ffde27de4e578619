"""Draw bar charts as SVG, for light and dark pages."""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

LEFT, WIDTH, ROW, TOP = 250, 420, 46, 76
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .quiet { fill: #59636e } .grid { stroke: #d1d9e0 }
  .here { fill: #0969da } .legacy { fill: #bc4c00 } .baseline { fill: #8c959f }
  .page { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .quiet { fill: #9198a1 } .grid { stroke: #3d444d }
    .here { fill: #4493f8 } .legacy { fill: #f0883e } .baseline { fill: #656c76 }
    .page { fill: #0d1117 }
  }
"""


class Bar(NamedTuple):
    """Milliseconds of this API, and of the legacy app if it has such a page."""

    name: str
    here: float
    legacy: float | None


def picture(bars: Sequence[Bar]) -> str:
    """Return the chart, on a logarithmic scale."""
    top = max(max(bar.here, bar.legacy or 0) for bar in bars)
    decades = range(-1, math.ceil(math.log10(top)) + 1)
    height = TOP + ROW * len(bars) + 30

    def x(ms: float) -> float:
        share = (math.log10(ms) - decades[0]) / (decades[-1] - decades[0])
        return LEFT + WIDTH * max(share, 0.01)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" role="img"'
        ' aria-label="A page of 200 tasks in ms, here and in the legacy app">',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="760" height="{height}" rx="6"/>',
        '<text class="title" x="16" y="28">A page of 200 tasks, median in ms</text>',
        '<rect class="here" x="16" y="42" width="12" height="12" rx="2"/>',
        '<text x="34" y="53">keyset, this API</text>',
        '<rect class="legacy" x="180" y="42" width="12" height="12" rx="2"/>',
        '<text x="198" y="53">OFFSET, the legacy app</text>',
        '<text class="quiet" x="744" y="53" text-anchor="end">logarithmic</text>',
    ]
    for decade in decades:
        parts += draw_mark(
            x(10**decade), TOP - 8, height - 26, height - 10, f"{10.0**decade:g}"
        )
    for n, bar in enumerate(bars):
        y = TOP + ROW * n
        parts.append(
            f'<text x="{LEFT - 10}" y="{y + 21}" text-anchor="end">'
            f"{escape(bar.name)}</text>"
        )
        pairs = [("here", bar.here, y), ("legacy", bar.legacy, y + 18)]
        for kind, ms, at_y in pairs:
            if ms is None:
                continue
            parts += [
                f'<rect class="{kind}" x="{LEFT}" y="{at_y}" rx="2" '
                f'width="{x(ms) - LEFT:.0f}" height="16"/>',
                f'<text x="{x(ms) + 6:.0f}" y="{at_y + 13}">{ms:.3g}</text>',
            ]
    return "\n".join([*parts, "</svg>", ""])


class Panel(NamedTuple):
    """Bars on one scale: the name, the value and the style of each."""

    title: str
    bars: Sequence[tuple[str, float, str]]


def draw_panels(title: str, panels: Sequence[Panel]) -> str:
    """Return a chart of panels, one below the other, on one linear scale from 0."""
    top = max(value for panel in panels for _, value, _ in panel.bars)
    parts, y = [f'<text class="title" x="16" y="28">{escape(title)}</text>'], 52
    for panel in panels:
        parts.append(f'<text class="quiet" x="16" y="{y}">{escape(panel.title)}</text>')
        y += 12
        for name, value, kind in panel.bars:
            width = max(WIDTH * value / top, 1)
            weight = ' font-weight="600"' if kind == "here" else ""
            parts += [
                f'<text x="{LEFT - 10}" y="{y + 15}" text-anchor="end"{weight}>'
                f"{escape(name)}</text>",
                f'<rect class="{kind}" x="{LEFT}" y="{y}" rx="2" '
                f'width="{width:.0f}" height="20"/>',
                f'<text x="{LEFT + width + 6:.0f}" y="{y + 15}"{weight}>'
                f"{value:,.0f}</text>",
            ]
            y += 26
        y += 26
    height = y - 20
    return "\n".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" '
            f'viewBox="0 0 760 {height}" role="img" aria-label="{escape(title)}">',
            f"<style>{STYLE}</style>",
            f'<rect class="page" width="760" height="{height}" rx="6"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


class Reach(NamedTuple):
    """A bar on a logarithmic scale: its name, its end with a label, and its style."""

    name: str
    end: float
    label: str
    kind: str


def draw_reaches(title: str, bars: Sequence[Reach], marks: Sequence[float]) -> str:
    """Return a chart of bars that all begin at the first mark."""
    row, top, low, high = 27, 60, math.log10(marks[0]), math.log10(marks[-1])
    height = top + row * len(bars) + 34

    def x(number: float) -> float:
        share = (math.log10(number) - low) / (high - low)
        return LEFT + WIDTH * min(max(share, 0.005), 1.02)

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 0 760 {height}" role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="760" height="{height}" rx="6"/>',
        f'<text class="title" x="16" y="28">{escape(title)}</text>',
        '<text class="quiet" x="744" y="28" text-anchor="end">logarithmic</text>',
    ]
    for mark in marks:
        parts += draw_mark(x(mark), top - 12, height - 30, height - 12, f"{mark:,.0f}")
    for n, bar in enumerate(bars):
        y = top + row * n
        parts += [
            f'<text x="{LEFT - 10}" y="{y + 14}" text-anchor="end">'
            f"{escape(bar.name)}</text>",
            f'<rect class="{bar.kind}" x="{LEFT}" y="{y}" rx="2" '
            f'width="{x(bar.end) - LEFT:.0f}" height="18"/>',
            f'<text x="{x(bar.end) + 6:.0f}" y="{y + 14}">{escape(bar.label)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def draw_mark(
    x: float, top: float, bottom: float, baseline: float, text: str
) -> list[str]:
    """Return a vertical line of the scale, and the text below it."""
    return [
        f'<line class="grid" x1="{x:.0f}" x2="{x:.0f}" y1="{top}" y2="{bottom}"/>',
        f'<text class="quiet" x="{x:.0f}" y="{baseline}" '
        f'text-anchor="middle">{text}</text>',
    ]
