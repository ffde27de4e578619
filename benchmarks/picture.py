"""A bar chart as SVG, on a logarithmic scale, for light and dark pages."""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

LEFT, WIDTH, ROW, TOP = 250, 420, 46, 76
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .quiet { fill: #59636e } .grid { stroke: #d1d9e0 }
  .here { fill: #0969da } .was { fill: #bc4c00 } .page { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .quiet { fill: #9198a1 } .grid { stroke: #3d444d }
    .here { fill: #4493f8 } .was { fill: #f0883e } .page { fill: #0d1117 }
  }
"""


class Bar(NamedTuple):
    """Milliseconds here, and in the replaced design where it has such a page."""

    name: str
    here: float
    replaced: float | None


def picture(bars: Sequence[Bar]) -> str:
    """Return the chart."""
    top = max(max(bar.here, bar.replaced or 0) for bar in bars)
    decades = range(-1, math.ceil(math.log10(top)) + 1)
    height = TOP + ROW * len(bars) + 30

    def x(ms: float) -> float:
        share = (math.log10(ms) - decades[0]) / (decades[-1] - decades[0])
        return LEFT + WIDTH * max(share, 0.01)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" role="img"'
        ' aria-label="Milliseconds for a page of 200 tasks, here and as it was">',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="760" height="{height}" rx="6"/>',
        '<text class="title" x="16" y="28">A page of 200 tasks, median in ms</text>',
        '<rect class="here" x="16" y="42" width="12" height="12" rx="2"/>',
        '<text x="34" y="53">keyset, this design</text>',
        '<rect class="was" x="180" y="42" width="12" height="12" rx="2"/>',
        '<text x="198" y="53">OFFSET, the replaced design</text>',
        '<text class="quiet" x="744" y="53" text-anchor="end">logarithmic</text>',
    ]
    for decade in decades:
        at = x(10**decade)
        parts += [
            f'<line class="grid" x1="{at:.0f}" x2="{at:.0f}" y1="{TOP - 8}" '
            f'y2="{height - 26}"/>',
            f'<text class="quiet" x="{at:.0f}" y="{height - 10}" '
            f'text-anchor="middle">{10.0**decade:g}</text>',
        ]
    for n, bar in enumerate(bars):
        y = TOP + ROW * n
        parts.append(
            f'<text x="{LEFT - 10}" y="{y + 21}" text-anchor="end">'
            f"{escape(bar.name)}</text>"
        )
        pairs = [("here", bar.here, y), ("was", bar.replaced, y + 18)]
        for kind, ms, at_y in pairs:
            if ms is None:
                continue
            parts += [
                f'<rect class="{kind}" x="{LEFT}" y="{at_y}" rx="2" '
                f'width="{x(ms) - LEFT:.0f}" height="16"/>',
                f'<text x="{x(ms) + 6:.0f}" y="{at_y + 13}">{ms:.3g}</text>',
            ]
    return "\n".join([*parts, "</svg>", ""])
