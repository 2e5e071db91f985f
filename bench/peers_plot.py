"""Draws the kept figures of the peers as ``peers.png`` beside this file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes

from bench import peers_killed
from bench.peers import JOBS, OURS
from bench.peers_killed import Losses
from bench.peers_page import kept

__all__ = ["draw"]

_PLOT = Path(__file__).parent / "peers.png"
_OURS, _OTHERS, _LIGHT = "#1b6ca8", "#9aa5b1", "#d9822b"


def draw(to: Path = _PLOT) -> None:
    """Refused requests, CPU seconds, and what a kill costs."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - the backend is to be chosen before

    races, losses = kept()
    figure, (refused, cpu, killed) = plt.subplots(
        1, 3, figsize=(14, 3.8), width_ratios=(1, 1, 1.3), layout="constrained"
    )
    titles = [race.title for race in races]
    _bars(refused, titles, [race.refused for race in races], f"429s in {JOBS} jobs")
    used = [race.cpu + race.server_cpu for race in races]
    _bars(cpu, titles, used, f"CPU seconds for {JOBS} jobs\n(with the database)")
    cpu.set_yticks([])
    _lost(killed, losses)
    figure.savefig(to, dpi=80, metadata={"Software": None})


def _bars(axes: Axes, titles: Sequence[str], values: Sequence[float], title: str) -> None:
    bars = axes.barh(titles, values, color=[_OURS if each == OURS.title else _OTHERS for each in titles])
    axes.bar_label(bars, fmt="%.3g", padding=3)
    _tidy(axes, title, most=max(values))


def _lost(axes: Axes, losses: Sequence[Losses]) -> None:
    """Of the kills of both kinds, per kill."""
    titles = list(dict.fromkeys(each.title for each in losses))
    found = [[each for each in losses if each.title == title] for title in titles]
    kills = [sum(each.kills for each in group) for group in found]
    twice = [sum(each.paid_twice for each in group) / number for group, number in zip(found, kills, strict=True)]
    held = [sum(each.paid_and_lost for each in group) / number for group, number in zip(found, kills, strict=True)]
    names = [title.replace(", skips", ",\nskips") for title in titles]
    axes.barh(names, twice, color=_LIGHT, label="paid twice by the rerun, unasked")
    bars = axes.barh(names, held, left=twice, color=_OURS, label="paid, picture lost; held for your word")
    axes.bar_label(bars, [f"{one + other:.1f}" for one, other in zip(twice, held, strict=True)], padding=3)
    axes.legend(loc="center right", fontsize=8, bbox_to_anchor=(1.0, 0.22), frameon=False)
    title = f"credits lost by a kill -9 in {peers_killed.JOBS} jobs\n(every other one while an answer travels)"
    _tidy(axes, title, most=max(twice))


def _tidy(axes: Axes, title: str, *, most: float) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlim(0, 1.2 * most)
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


if __name__ == "__main__":
    draw()
