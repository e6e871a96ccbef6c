"""Settings of Sphinx for the site and the book, which docs/publish.py builds."""

from pathlib import Path

import dbnlab

ROOT = Path(__file__).resolve().parent.parent

project = "dbnlab"
author = "The dbnlab authors"
release = version = dbnlab.__version__
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.githubpages",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]

# Pages ------------------------------------------------------------------------------------------

nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3
# Sphinx would write a setting for MathJax 4, which MathJax 2 reads too.
myst_update_mathjax = False
default_role = "py:obj"
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

# Site -------------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "dbnlab"
html_static_path = ["static"]
html_css_files = ["site.css"]
templates_path = ["templates"]
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {"**": ["contents.html"]}
# Written by other commands, into the same folder; linked where they are.
SITE = ROOT / "site"
BESIDE = {"Slides": "slides/index.html", "Demo": "demo.html", "Book": "dbnlab.pdf"}
html_context = {
    "beside": {name: path for name, path in BESIDE.items() if (SITE / path).exists()},
    "decks": [f"slides/{path.name}" for path in SITE.glob("slides/*.html")],
    "default_mode": "auto",
}
html_theme_options = {
    "navbar_center": [],
    "navbar_end": ["beside", "theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "search_bar_text": "Search the course",
    "show_toc_level": 2,
    "back_to_top_button": False,
}
copyright = "the dbnlab authors, BSD 3-clause licence"

mathjax_path = "mathjax/MathJax.js"
mathjax2_config = {
    "config": ["TeX-AMS-MML_HTMLorMML-full.js"],
    "tex2jax": {"ignoreClass": ".*", "processClass": "math"},
    # From a file, Firefox loads no fonts of another folder; its own formulas need none.
    "MMLorHTML": {"prefer": {"Firefox": "MML"}},
    "HTML-CSS": {
        "availableFonts": [],
        "webFont": "STIX-Web",
        "imageFont": None,
        "linebreaks": {"automatic": True},
        "scale": 88,
        # Its own source, "about:blank", is an error in the console.
        "styles": {"@font-face": {"font-family": "MathJax_Blank", "src": "local('sans-serif')"}},
    },
    "fast-preview": {"disabled": True},
    "showMathMenu": False,
    "menuSettings": {"inTabOrder": False},
    "messageStyle": "none",
}

# Book -------------------------------------------------------------------------------------------

latex_engine = "xelatex"
TITLE = "Restricted Boltzmann machines and deep belief networks"
latex_documents = [("index", "dbnlab.tex", TITLE, author, "manual")]
latex_domain_indices = False
latex_elements = {
    "papersize": "a4paper",
    "extraclassoptions": "openany,oneside",
    "printindex": "",
    "fncychap": "",
    "tableofcontents": r"\sphinxtableofcontents\markboth{}{}",
    "releasename": "Version",
    # Lessons and their sections have numbers of their own; what a cell prints stands without frame.
    "preamble": r"""
\setcounter{secnumdepth}{-1}
\makeatletter
\titleformat{\chapter}{\py@HeaderFamily\Huge\raggedright}{}{0em}{\py@TitleColor}
\makeatother
\usepackage{newunicodechar}
\newunicodechar{⋮}{\ensuremath{\vdots}}
\newenvironment{sphinxclasscell_output}
  {\sphinxsetup{verbatimwithframe=false, VerbatimColor={rgb}{1,1,1}}}{}
""",
    # Figures stay where they are spoken of.
    "figure_align": "H",
    # All marks of the lessons, in text and in code.
    "fontpkg": r"""
\setmainfont{FreeSerif}[Extension=.otf, BoldFont=*Bold, ItalicFont=*Italic,
  BoldItalicFont=*BoldItalic]
\setsansfont{FreeSans}[Extension=.otf, BoldFont=*Bold, ItalicFont=*Oblique,
  BoldItalicFont=*BoldOblique]
\setmonofont{DejaVuSansMono}[Extension=.ttf, BoldFont=*-Bold, ItalicFont=*-Oblique,
  BoldItalicFont=*-BoldOblique, Scale=0.85]
""",
    # 100 characters fit between the margins.
    "fvset": r"\fvset{fontsize=\fontsize{8}{10}\selectfont}",
    "sphinxsetup": "hmargin={0.9in,0.9in}, vmargin={1in,1in}, verbatimhintsturnover=false",
}


def setup(app):
    # What scikit-learn adds to each class refers to pages of its own.
    app.connect("autodoc-skip-member", lambda *a: a[2].endswith("_request") or None)
