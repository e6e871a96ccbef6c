"""The lecturer's pages: one for each lesson, and what they say of a lesson is in its notebook."""

import json
import re
import runpy
from math import e, exp, factorial, log, log10, sqrt
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "lecturers"
LESSONS = {path.stem[:2]: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
EVERY_LESSON = pytest.mark.parametrize("lesson", LESSONS)
PARTS = (
    *("90 minutes", "45 minutes", "What goes wrong in the room", "Questions before the cell"),
    "Exam questions",
)


def page(lesson):
    return (PAGES / f"lesson_{lesson}.md").read_text(encoding="utf-8")


def part(lesson, title):
    return re.split(r"^## ", page(lesson), flags=re.M)[1 + PARTS.index(title)]


def markdown(lesson):
    cells = json.loads(LESSONS[lesson].read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def titles(lesson):
    return re.findall(r"^##+ (.+)$", markdown(lesson), flags=re.M)


def numbers_after(word, text):
    """Of "sections 4 and 5" or "exercises 1 to 3": every number."""
    found = re.findall(rf"(?<!\d\d, )\b{word}s? (\d+(?:(?: to | and |, )\d+)*)", text, flags=re.I)
    return {number for numbers in found for number in re.findall(r"\d+", numbers)}


# Pages and lessons -------------------------------------------------------------------------------


@EVERY_LESSON
def test_a_page_has_its_parts_and_the_title_of_its_lesson(lesson):
    title = re.match("# (.+)", markdown(lesson))[1]
    assert page(lesson).startswith(f"# {title}: for the lecturer\n")
    assert tuple(re.findall(r"^## (.+)$", page(lesson), flags=re.M)) == PARTS
    assert "**To take home:** " in page(lesson)


def test_the_index_leads_to_every_page():
    index = (PAGES / "index.md").read_text(encoding="utf-8")
    for lesson in LESSONS:
        title = re.match("# (.+)", markdown(lesson))[1]
        minutes = re.search(r"(\d+) min to read", markdown(lesson))[1]
        tensorflow = "yes" if "tensorflow=True" in LESSONS[lesson].read_text("utf-8") else "no"
        assert f"| {title} | [plan](lesson_{lesson}.md) | {minutes} | {tensorflow} |" in index


@EVERY_LESSON
def test_a_plan_fills_90_minutes_with_parts_of_the_notebook(lesson):
    rows = re.findall(r"^\| (\d+)–(\d+) \| (.+?) \|", part(lesson, "90 minutes"), flags=re.M)
    ends = [0, *(int(end) for _, end, _ in rows)]
    assert [int(start) for start, _, _ in rows] == ends[:-1]
    assert ends[-1] == 90
    planned = [title for _, _, cell in rows for title in cell.split("; ")]
    for title in planned:
        assert any(found.startswith(title) for found in titles(lesson)), title
    assert any(title.startswith("Exercise ") for title in planned)


@EVERY_LESSON
def test_sections_exercises_and_titles_that_a_page_names_exist(lesson):
    found = titles(lesson)
    sections = {title.split(" · ")[0] for title in found if title[0].isdigit()}
    exercises = {title.split()[1] for title in found if title.startswith("Exercise ")}
    assert numbers_after("section", page(lesson)) <= sections
    assert numbers_after("exercise", page(lesson)) <= exercises
    named = re.findall(r"“((?:\d+|Exercise \d) · .+?)”", page(lesson))
    assert set(named) <= set(found)


@EVERY_LESSON
def test_what_a_check_is_said_to_print_is_in_the_checks(lesson):
    checks = (ROOT / f"notebooks/exercises/lesson_{lesson}.py").read_text(encoding="utf-8")
    for sentence in re.findall(r"xercise \d prints “(.+?)”", page(lesson)):
        assert sentence in checks


def test_the_term_sets_exercises_that_exist():
    index = (PAGES / "index.md").read_text(encoding="utf-8")
    keys = set(re.findall(r"\b(\d\d)/(\d)\b", index))
    assert keys
    for lesson, number in keys:
        assert any(title.startswith(f"Exercise {number}") for title in titles(lesson))


@pytest.mark.parametrize("path", sorted(PAGES.glob("*.md")), ids=lambda path: path.stem)
def test_links_lead_to_files_that_exist(path):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
        assert "//" in target or (path.parent / target).exists(), target


def test_the_map_is_drawn_from_what_lessons_say_they_need():
    drawing = runpy.run_path(str(PAGES / "map.py"))
    assert (PAGES / "map.svg").read_text(encoding="utf-8") == drawing["picture"]()
    assert drawing["LESSONS"].keys() == LESSONS.keys()
    for lesson, needed in drawing["NEEDS"] + drawing["IN_PART"]:
        said = re.search(r"\*\*You need\*\*:?(.+)", markdown(lesson))[1]
        assert needed in re.findall(r"\d\d", said), (lesson, needed)
    # What a lesson says that it needs is reached by the arrows.
    above = {lesson: set() for lesson in LESSONS}
    for lesson in sorted(LESSONS, key=lambda k: drawing["LESSONS"][k][3]):
        for upper, needed in drawing["NEEDS"] + drawing["IN_PART"]:
            if upper == lesson:
                above[lesson] |= {needed} | above[needed]
        said = re.search(r"\*\*You need\*\*:?(.+)", markdown(lesson))[1].split("only if")[0]
        needed = set(re.findall(r"(?:lessons? \[?|\[|, |and )(\d\d)\b", said)) - {lesson}
        assert needed <= above[lesson] | {"03"}, lesson


# Questions ---------------------------------------------------------------------------------------


@EVERY_LESSON
def test_there_are_questions_with_answers_and_replies(lesson):
    asked = part(lesson, "Questions before the cell")
    n_asked = len(re.findall(r"^\d\. \*(?:Before|After) ", asked, flags=re.M))
    assert 4 <= n_asked <= 6
    assert asked.count("- Students say: ") == asked.count("- Reply: ") == n_asked
    assert len(re.findall(r"^\d\. \*\*", part(lesson, PARTS[2]), flags=re.M)) == 3


@EVERY_LESSON
def test_the_points_of_a_model_answer_add_up_to_those_of_the_question(lesson):
    questions = re.split(r"^\*\*(?=\d\. )", part(lesson, "Exam questions"), flags=re.M)[1:]
    assert 3 <= len(questions) <= 5
    for question in questions:
        points = float(re.match(r"\d\. \((\d+) points\)\*\*", question)[1])
        answer = question.split("*Answer.*")[1]
        given = re.findall(r"(?<=[ ,;.])\((\d(?:\.5)?)\)", answer)
        assert sum(map(float, given)) == points, question


def sigma(x):
    return 1 / (1 + exp(-x))


def softplus(x):
    return log(1 + exp(x))


ROWS_01 = 1 + e, 2, exp(-1) + exp(2), exp(-1) + e  # Σ_h e^(-E), v = 00, 01, 10, 11
F_10, F_11 = 1 - softplus(3), 1 - softplus(2)
A_04 = softplus(3) + softplus(-1), 2 * softplus(1)
PI_07 = exp(0.5) / (exp(0.5) + 1)
L_09 = 0.5 * (log(0.02) + log(0.18)) - log(0.5)
VOTES_12 = log(0.6 * 0.2 * 0.9), log(0.4 * 0.8 * 0.1)
FLOW_15 = 0.5 * sigma(-2), 0.5 * sigma(2), exp(-2)
G_15 = 0.3 - 0.9 * 0.1 - 0.2 * 0.5
SUM_17 = 1 + 2 * ((1 - 1 / 3) * 0.5 + (1 - 2 / 3) * 0.25)


def bennett_15(weights, sign):
    """A side of Bennett's equation at r = log 2, where u = 0 and -log 3."""
    return sum(w * sigma(-sign * (u + log(2))) for w, u in zip(weights, (0, -log(3))))


# What an answer says, with a place for each number, and the numbers.
ANSWERS = [
    ("00", "$784 \\cdot 256 = {:,}$ weights", 784 * 256),
    ("00", "0.5$ and $\\sigma(1) = 1 / (1 + e^{{-1}}) = {:.3f}$", sigma(1)),
    ("00", "$e^{{3}} = {:.1f}$ times", exp(3)),
    ("01", "so $Z = {:.3f}$", sum(ROWS_01)),
    ("01", "$p(v) = {:.3f}, {:.3f}, {:.3f}, {:.3f}$", *(r / sum(ROWS_01) for r in ROWS_01)),
    ("01", "1 - \\log(1 + e^{{3}}) = {:.3f}$, and $-\\log {:.3f} = ", F_10, exp(-F_10)),
    ("01", "$\\sigma(1 + 2) = {:.3f}$", sigma(3)),
    ("01", "$\\sigma({:.3f} + {:.3f}) = {:.3f}$", F_10, -F_11, sigma(F_10 - F_11)),
    ("01", "${:.2f} \\cdot 10^{{6}}$ seconds or {:.0f} days", 2**50 / 1e15, 2**50 / 1e9 / 86400),
    ("01", "leaves $2^{{20}} = {:,}$ terms", 2**20),
    ("01", "$-\\log 14 = {:.3f}$", -log(14)),
    ("01", "$14 \\cdot e^{{-3}} = {:.2f}$", 14 * exp(-3)),
    ("02", "= {:.2f}$; $\\Delta W_2", 0.1 * (0.8 - 0.6)),
    ("02", "= {:.2f}$ (2). $\\Delta b", 0.1 * (0 * 0.8 - 0.6)),
    ("02", "$e^{{14}} \\approx {:.1f} \\cdot 10^{{6}}$", exp(14) / 1e6),
    ("02", "/ (1 - 0.9) = {:.3f}$ of each weight", 0.5 * 2e-4 / (1 - 0.9)),
    ("03", "= {:.2f} \\cdot 10^{{6}}$ operations", 2 * 50 * 784 * 200 / 1e6),
    ("03", "${:.1f} \\cdot 10^{{6}}$ in all (2), so {:.1f} µs", 203.84, 203.84e6 / 50e12 * 1e6),
    ("03", "more than {:.0f} rows for $k = 1$ and more than {:.1f}", 800 / 5, 800 / 23),
    ("04", "0.1 / 0.19 = {:.3f}$", 0.1 / 0.19),
    ("04", "$0.526^2 = {:.3f}$, neither $0.474^2 = {:.3f}$", (1 / 1.9) ** 2, (0.9 / 1.9) ** 2),
    ("04", "$0.01 / 0.19 = {:.3f}$", 0.01 / 0.19),
    ("04", "= {:.3f} + {:.3f} = {:.3f}$", softplus(3), softplus(-1), A_04[0]),
    ("04", "2 \\log(1 + e) = {:.3f}$", A_04[1]),
    ("04", "$p(A) = \\sigma({:.3f} - {:.3f}) = {:.3f}$", *A_04, sigma(A_04[0] - A_04[1])),
    ("05", "+ 128 = {:,}$ from", 784 * 128 + 128 + 128 * 128 + 128),
    ("05", "gives $\\delta^{{(L)}} = {:.3f}$", 0.25 * (0.7 + 0.8 + 0.2)),
    ("05", "$0.6 \\cdot 0.425 = {:.3f}$", 0.6 * 0.425),
    ("05", "= {:.0f}\\,\\%$ with 1,000", 100 * (11.03 - 9.06) / (11.03 - 4.96)),
    ("05", "= {:.0f}\\,\\%$ with 10,000", 100 * (5.5 - 3.75) / (5.5 - 2.07)),
    ("05", "from {:.1f} to {:.1f}; as a ratio", 11.03 - 4.96, 5.5 - 2.07),
    ("05", "from {:.1f} to {:.1f} times", 11.03 / 4.96, 5.5 / 2.07),
    ("05", "$\\sqrt{{120}} = {:.0f}$", sqrt(120)),
    ("06", "$10 \\log_{{10}} 4 = {:.2f}$ dB", 10 * log10(0.05 / 0.0125)),
    ("06", "0.0083 = {:.2f}$ dB", -10 * log10(0.0083)),
    ("06", "$(0.8 - 0.5) / 0.25 = {:.1f}$", 0.3 / 0.25),
    ("06", "\\log 9 = {:.3f}$", log(2 / 0.2 - 1)),
    ("06", "$\\sigma(-1 + 1.2) = {:.3f}$", sigma(0.2)),
    ("06", "= {:.3f}$, and $\\sqrt{{2/784}} = {:.4f}$", 9 / 784 / 0.0966, sqrt(2 / 784)),
    ("06", "so {:.1f} standard deviations", 9 / 784 / 0.0966 / sqrt(2 / 784)),
    ("07", "so {:.3f} and {:.3f} (2)", PI_07, 1 - PI_07),
    ("07", "\\cdot 0.378 = {:.3f}$", -PI_07 + 2 * (1 - PI_07)),
    ("07", "\\cdot 0.378 = {:.3f}$ (1). (c)", 1 + 9 * PI_07 * (1 - PI_07)),
    ("07", "0.98) = {:.0f}\\,\\%$", 100 * 0.016 / (0.016 + 0.098)),
    ("07", "0.8) = {:.0f}\\,\\%$", 100 * 0.16 / (0.16 + 0.08)),
    ("07", "= {:.0f}\\,\\%$ and $(15.4", 100 * 4.3 / 10.2),
    ("07", "/15.4 = {:.0f}\\,\\%$", 100 * 5.4 / 15.4),
    ("07", "($p = {:.3f}$; five give {:.4f}) and $n = 8$ ($p = {:.4f}$)", 2**-5, 2**-4, 2**-7),
    ("08", "$\\log(1 + e) = {:.3f}$", softplus(1)),
    ("08", "= {:.3f}$ against $\\log 5 = {:.3f}$", log(9) / 2, log(5)),
    ("08", "too low by {:.3f} nats", log(5) - log(9) / 2),
    ("08", "= 100/66 = {:.2f}$", 100 / 66),
    ("08", "$\\log 0.5 + \\log 0.75 = {:.3f}$", log(0.5) + log(0.75)),
    ("08", "$e^{{7.6}} \\approx {:,.0f}$", round(exp(7.6), -2)),
    ("09", "$\\log 0.2 = {:.3f}$", log(0.2)),
    ("09", "= {:.3f}$ (2); gap {:.3f}", L_09, log(0.2) - L_09),
    ("09", "= {:.3f}$ (1). $q(h", 0.5 * log(5) + 0.5 * log(5 / 9)),
    ("09", "= {:.3f}$ nats (2)", 0.5 * log(5 / 8) + 0.5 * log(2.5)),
    ("09", "$\\sigma(2) = {:.3f}$, $\\sigma(-1) = {:.3f}$", sigma(2), sigma(-1)),
    ("09", "= ({:.4f}, {:.4f})$", 0.1 * (1 - sigma(2)), -0.1 * sigma(-1)),
    ("09", "at least {:.2f} nats", -87.85 + 88.05),
    ("10", "/ 114}} = {:.3f}$", sqrt(0.95 * 0.05 / 114)),
    ("10", "$0$ (cut off), ${:.3f}$, $1$ (cut off), and ${:.2f}$", 25 / 40, 10 / 40),
    ("10", "$\\lfloor {:.1f} \\rfloor = {:.0f}$", 0.05 * 86, 0.05 * 86 // 1),
    ("11", "+ 128 = {:,}$ parameters", 784 * 128 + 128),
    ("11", "\\cdot 8 = {:,}$ multiplications", 576 * 25 * 8),
    ("11", "= {:.2f}$ and $1.13 / 0.66 = {:.2f}$", 14.42 / 13.63, 1.13 / 0.66),
    ("11", "$0.9^{{10}} = {:.3f}$ (1); $0.1 \\cdot 0.9^{{9}} = {:.4f}$", 0.9**10, 0.1 * 0.9**9),
    ("11", "ten of them {:.3f}", 0.9**9),
    ("12", "= {:,}$ a window, ${:.1f}$ million", 135_680, 13.568),
    ("12", "\\mathrm{{mel}}(4000) = {:.0f}$", 2595 * log10(1 + 4000 / 700)),
    ("12", "- 1) = {:,.0f}$ Hz", 700 * (sqrt(1 + 4000 / 700) - 1)),
    ("12", "= {:.1f}$ points, so", 100 * sqrt(0.157 * 0.843 / 3000)),
    ("12", "= {:.3f}$; six", VOTES_12[0] / 3),
    ("12", "= {:.3f}$; seven wins", VOTES_12[1] / 3),
    ("12", "$\\sigma({:.3f}) = {:.3f}$ (1);", VOTES_12[0] - VOTES_12[1], sigma(1.2164)),
    ("12", "$\\sigma({:.3f}) = {:.3f}$ (1). N", 1.2164 / 11, sigma(1.2164 / 11)),
    ("13", "so {:.3f} and {:.3f} (2)", sigma(0.4), sigma(4)),
    ("13", "so {:.3f} and {:.4f} (2)", sigma(-3.6), sigma(9)),
    ("13", "$1 \\cdot (1 + 9)/20 = {:.1f}$", 10 / 20),
    ("13", "$2 \\cdot (1 + 3)/20 = {:.1f}$", factorial(2) * 4 / 20),
    ("13", "= {:.0f}$ (2). $46", sqrt(100 * 400)),
    ("13", "= 46 \\cdot {:.4f} = {:.2f}$", log(601.6 / 552.2), 46 * log(601.6 / 552.2)),
    ("13", "$(4, 16, 4)/24 = ({:.3f}, {:.3f}, {:.3f})$", 1 / 6, 2 / 3, 1 / 6),
    ("14", "= {:.3f}$ (1.5); $(1", 1 + log(8001 / 80)),
    ("14", "= {:.3f} \\cdot {:.3f} = ", 1 + log(4), 1 + log(8001 / 4000)),
    ("14", "= {:.3f}$ (1.5). F", (1 + log(4)) * (1 + log(8001 / 4000))),
    ("14", "$\\log 5 = {:.3f}$", log(5)),
    ("14", "\\frac{{7}}{{11}} = {:.3f}$", log(7 / 11)),
    ("14", "/ 4981}} = {:.1f}$ points", 100 * sqrt(0.85 * 0.15 / 4981)),
    ("15", "$\\log 0.2 = {:.3f}$ nats", log(0.2)),
    ("15", "$e^{{-3}} = {:.3f}$", exp(-3)),
    ("15", "= {:.0f}$ and $e^{{-2}} = {:.3f}$", min(1, exp(2)), exp(-2)),
    ("15", "$p_2(1) = \\sigma(2) = {:.3f}$", sigma(2)),
    ("15", "$0.5 \\cdot {:.3f} = {:.3f}$ and", sigma(-2), 0.5 * sigma(-2)),
    ("15", "and $0.5 \\cdot {:.3f} = {:.3f}$", sigma(2), 0.5 * sigma(2)),
    ("15", "${:.3f} \\cdot 1 = {:.3f} \\cdot {:.3f}$", *FLOW_15),
    ("15", "4 / 600 = {:.0f}$", 8 * 50 * 300 * 4 / 600),
    ("15", "$r = \\log 2 = {:.3f}$", log((1 + exp(log(3))) / 2)),
    ("15", "\\frac35 = {:.3f}$", bennett_15(weights=(1 / 2, 1 / 2), sign=1)),
    ("15", "\\frac25 = {:.3f}$", bennett_15(weights=(1 / 4, 3 / 4), sign=-1)),
    ("15", "g_W' = 0.3 - 0.9 \\cdot 0.1 - 0.2 \\cdot 0.5 = {:.3f}$", G_15),
    ("15", "= 0.2 - {:.3f} \\cdot 0.5 = {:.3f}$", G_15, 0.2 - G_15 * 0.5),
    ("15", "= 0.1 - {:.3f} \\cdot 0.9 = {:.3f}$", G_15, 0.1 - G_15 * 0.9),
    ("16", "$1 / \\varepsilon = {:.0f}$ times", 1 / 0.02),
    ("16", "10^{{-3}})^{{1000}} = {:.3f}$", (1 - 1e-3) ** 1000),
    ("16", "10^{{-5}})^{{1000}} = {:.3f}$", (1 - 0.02 * 1e-3) ** 1000),
    ("16", "$\\sqrt{{100}} = {:.0f}$ times", sqrt(100)),
    ("16", "$-\\log 10 = {:.3f}$", -log(10)),
    ("17", "0.25) = {:.3f}$ (2), so $3 / {:.3f} = {:.2f}$", SUM_17, SUM_17, 3 / SUM_17),
    ("17", "= 1$, so $1 / (1 + 2) = 1/{:.0f}$", 1 + 2 * sum(0.5**k for k in range(1, 60))),
    *[
        ("17", f"$\\sigma({x / t:g}) = {{:.3f}}$", sigma(x / t))
        for x in (2, -1)
        for t in (0.5, 1, 2)
    ],
]


@pytest.mark.parametrize(
    ("lesson", "said", "numbers"), [(lesson, said, given) for lesson, said, *given in ANSWERS]
)
def test_the_numbers_of_a_model_answer_are_right(lesson, said, numbers):
    # In formulae a comma would end a number: 200{,}704.
    expected = said.format(*numbers)
    text = part(lesson, "Exam questions").replace("{,}", ",")
    assert expected.replace("{,}", ",") in text
