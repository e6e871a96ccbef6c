"""Draw map.svg, which lesson needs which: python docs/lecturers/map.py

Its colours are those of the course, on any background: boxes are filled, lines are grey.
"""

from pathlib import Path

WIDE, HIGH, ACROSS, DOWN = 124, 46, 142, 88
CORE = {"00", "01", "02", "04", "08"}
# Of each lesson: two lines of text, and its place in columns from the left and rows from above.
LESSONS = {
    "00": ("00 · Start here", "", 2.2, 0),
    "01": ("01 · Theory", "by hand", 2.2, 1),
    "02": ("02 · Contrastive", "divergence", 2.2, 2),
    "03": ("03 · TensorFlow", "and GPUs", 0.2, 3),
    "04": ("04 · Stack", "a DBN", 2.2, 3),
    "17": ("17 · Watch it", "think", 3.35, 3),
    "08": ("08 · Measure", "an RBM", 4.5, 3),
    "05": ("05 · Fine-tune", "with labels", 1, 4),
    "06": ("06 · Denoise", "images", 2, 4),
    "07": ("07 · Brain MRI", "", 3, 4),
    "13": ("13 · Topics", "", 4, 4),
    "09": ("09 · Up-down", "and the bound", 5, 4),
    "15": ("15 · Sample", "well", 6, 4),
    "10": ("10 · Your own", "CSV", 0, 5),
    "11": ("11 · DBN, DNN,", "CNN", 1, 5),
    "12": ("12 · Spoken", "digits", 2, 5),
    "14": ("14 · Sentiment", "", 3, 5),
    "16": ("16 · Twelve", "mistakes", 4.5, 5),
}
# What comes by way of another lesson is left out. In part: one section needs it.
NEEDS = [
    *[("01", "00"), ("02", "01"), ("03", "02"), ("04", "02"), ("08", "02"), ("05", "04")],
    *[("06", "04"), ("07", "04"), ("13", "04"), ("09", "04"), ("13", "08"), ("09", "08")],
    *[("10", "05"), ("11", "05"), ("12", "05"), ("14", "05")],
    *[("17", "04"), ("15", "08"), ("16", "08")],
]
IN_PART = [("05", "03"), ("06", "05"), ("15", "04"), ("16", "05")]


def corner(lesson: str) -> tuple[float, float]:
    _, _, column, row = LESSONS[lesson]
    return 8 + ACROSS * column, 8 + DOWN * row


def arrow(lesson: str, needed: str, dashed: bool) -> str:
    (x_1, y_1), (x_2, y_2) = corner(needed), corner(lesson)
    if y_1 == y_2:
        start, end = (x_1 + WIDE, y_1 + HIGH / 2), (x_2 - 7, y_2 + HIGH / 2)
    else:
        aside = min(max(0.1 * (x_1 - x_2), -40), 40)  # so that two arrows do not end in one point
        start, end = (x_1 + WIDE / 2, y_1 + HIGH), (x_2 + WIDE / 2 + aside, y_2 - 7)
    ends = 'x1="{:.0f}" y1="{:.0f}" x2="{:.0f}" y2="{:.0f}"'.format(*start, *end)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<line {ends} stroke="#808080" stroke-width="2"{dash} marker-end="url(#tip)"/>'


def box(lesson: str) -> str:
    first, second, _, _ = LESSONS[lesson]
    x, y = corner(lesson)
    fill, ink = ("#0072B2", "#FFFFFF") if lesson in CORE else ("#DCEBF5", "#10222E")
    lines = [line for line in (first, second) if line]
    above = y + HIGH / 2 + 14 - 9 * len(lines)
    texts = [
        f'<text x="{x + WIDE / 2:.0f}" y="{above + 18 * k:.0f}" fill="{ink}" '
        f'text-anchor="middle">{line}</text>'
        for k, line in enumerate(lines)
    ]
    shape = f'<rect x="{x:.0f}" y="{y:.0f}" width="{WIDE}" height="{HIGH}" rx="6"'
    return f'{shape} fill="{fill}" stroke="#0072B2"/>\n' + "\n".join(texts)


def picture() -> str:
    places = [corner(lesson) for lesson in LESSONS]
    wide = max(x for x, _ in places) + WIDE + 8
    high = max(y for _, y in places) + HIGH + 8
    head = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}"
 width="{wide:.0f}" height="{high:.0f}" font-family="sans-serif" font-size="14" role="img">
<title>Which lesson needs which</title>
<defs><marker id="tip" viewBox="0 0 8 8" refX="3" refY="4" markerWidth="5" markerHeight="5"
 orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#808080"/></marker></defs>"""
    lines = [arrow(*pair, dashed=False) for pair in NEEDS]
    lines += [arrow(*pair, dashed=True) for pair in IN_PART]
    return "\n".join([head, *lines, *map(box, LESSONS), "</svg>\n"])


if __name__ == "__main__":
    (Path(__file__).parent / "map.svg").write_text(picture(), encoding="utf-8")
