"""A page for what a benchmark has stored: numbers as tables, learning curves as a picture."""

import json
from collections.abc import Iterator
from numbers import Number
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

# How a run is described; everything else are its results.
ABOUT = ("command", "date", "machine")
# A list of more numbers than this is a curve over epochs; shorter ones are repetitions.
REPETITIONS = 10
MOST_COLUMNS = 8
PANELS = 3


def page(stored: Path, picture: Path) -> str:
    """Markdown for the page of a stored result; draws its curves, if it has any, as `picture`."""
    whole = json.loads(stored.read_text(encoding="utf-8"))
    parts = {None: whole} if "command" in whole else whole
    text = f"# {stored.stem}\n\nAs stored in [{stored.name}]({stored.name}).\n"
    for name, part in parts.items():
        about = {key: part[key] for key in ABOUT}
        results = {key: value for key, value in part.items() if key not in ABOUT}
        text += f"\n## {words(name)}\n" if name else ""
        text += "\n`{command}` on {date} ({machine}).\n".format(**about)
        text += "".join(tables(results))
    curves = {path: values for path, values in leaves(whole) if is_curve(values)}
    if curves:
        names = "; ".join(" · ".join(path) for path in curves)
        draw(curves, picture)
        text += f"\n## Curves\n\n![Curves over epochs: {words(names)}.]({picture.name})\n"
    return text


def words(name: str) -> str:
    return name.replace("_", " ")


def is_curve(values: Any) -> bool:
    return isinstance(values, list) and len(values) > REPETITIONS


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Numbers, texts and lists of numbers, each with the names that lead to it."""
    if isinstance(node, list) and node and isinstance(node[0], dict):
        if len(node) > REPETITIONS and all(isinstance(v, Number) for v in node[0].values()):
            node = {name: [row[name] for row in node if name in row] for name in node[0]}
        else:
            node = {str(number): row for number, row in enumerate(node, 1)}
    if isinstance(node, dict):
        for name, below in node.items():
            yield from leaves(below, (*path, name))
    else:
        yield path, node


def tables(results: dict[str, Any]) -> Iterator[str]:
    """A table for each group of values that are named in the same way."""
    groups: dict[tuple, dict] = {}
    for (*path, name), value in leaves(results):
        if not is_curve(value):
            rows = groups.setdefault((*path[:1], len(path)), {})
            rows.setdefault(tuple(path[1:]), {})[name] = value
    for (*title, _), rows in groups.items():
        yield f"\n**{words(title[0])}**\n\n" if title else "\n"
        columns = list(dict.fromkeys(name for row in rows.values() for name in row))
        if list(rows) == [()]:
            yield from (f"- {words(name)}: {shown(value)}\n" for name, value in rows[()].items())
            continue
        if len(columns) > MOST_COLUMNS:
            rows = {(*path, name): {"": v} for path, row in rows.items() for name, v in row.items()}
            columns = [""]
        depth = len(next(iter(rows)))
        yield line([""] * depth + [words(name) for name in columns])
        yield line(["---"] * depth + ["---:"] * len(columns))
        for path, row in rows.items():
            yield line([*map(words, path), *(shown(row.get(name, "")) for name in columns)])


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def draw(curves: dict[tuple[str, ...], list[float]], picture: Path) -> None:
    """Each curve over its epochs, in a panel of its own."""
    picture.parent.mkdir(parents=True, exist_ok=True)
    # The same bytes for the same numbers, and words that a search finds.
    with plt.rc_context({"svg.hashsalt": "dbnlab", "svg.fonttype": "none"}):
        n_rows = -(-len(curves) // PANELS)
        size = 3.4 * min(len(curves), PANELS), 2.6 * n_rows
        figure = plt.figure(figsize=size, layout="constrained")
        for number, (path, values) in enumerate(curves.items(), 1):
            ax = figure.add_subplot(n_rows, min(len(curves), PANELS), number)
            ax.plot(range(1, len(values) + 1), values, marker=".", markersize=3, linewidth=1)
            ax.set(title=words(" · ".join(path)), xlabel="epoch", ylabel=words(path[-1]))
            ax.title.set_fontsize(9)
        figure.savefig(picture, metadata={"Date": None})
        plt.close(figure)
