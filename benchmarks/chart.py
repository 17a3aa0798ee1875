"""The chart of the report: one panel a question."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

from benchmarks.report import Section

mpl.use("svg")
# Text stays text, and the same figures give the same file.
mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "benchmark", "font.size": 9})


def draw(sections: Sequence[Section], path: Path) -> None:
    """Write the bars of the sections as SVG."""
    import matplotlib.pyplot as plt

    shown = [section for section in sections if section.bars]
    heights = [len(section.bars) + 1.2 for section in shown]
    figure, panels = plt.subplots(
        len(shown), figsize=(9, 0.34 * sum(heights) + 0.5), height_ratios=heights, squeeze=False, layout="constrained"
    )
    for panel, section in zip(panels[:, 0], shown, strict=True):
        names = [bar.name for bar in section.bars]
        values = [bar.value for bar in section.bars]
        colours = ["#1f6f8b" if name.startswith("platform") else "#b8c4cc" for name in names]
        bars = panel.barh(names, values, color=colours)
        panel.bar_label(bars, fmt="{:,.1f}", padding=3)
        panel.invert_yaxis()
        panel.margins(x=0.1)
        panel.set_title(f"{section.letter}. {section.title}: {section.unit}", loc="left", fontsize=9)
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
