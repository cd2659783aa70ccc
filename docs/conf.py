import os
import re

from sklearn.experimental import enable_halving_search_cv  # noqa: F401  (an example links to it)
from sphinx_gallery.sorting import ExplicitOrder, FunctionSortKey

import sklstm

# Read when the gallery's examples import their libraries.
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

project = "sklstm"
author = "The sklstm developers"
copyright = "2026, The sklstm developers"
version = release = sklstm.__version__

# No intersphinx: the documentation builds without a network.
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
default_role = "obj"

autodoc_typehints = "none"  # numpydoc's sections give the types
autosummary_generate = True
numpydoc_show_class_members = False  # the class template lists the methods
# What tests/test_docstrings.py asks of every docstring is not repeated here but for these few,
# whose absence leaves a hole in the page.
numpydoc_validation_checks = {"GL08", "PR01", "PR02", "RT01", "SS01"}
#: The sections of the gallery, and their examples, in the order in which a newcomer needs them.
GALLERY = {
    "forecast": [
        "quick_start",
        "backtest_and_forecast",
        "future_inputs",
        "hourly_load",
        "many_series",
    ],
    "tune": ["milk_grid_search", "tuning"],
    "classify": ["direction_of_unemployment", "labels_of_runs"],
    "stateful": ["memory_task", "shampoo_walk_forward", "state_lanes"],
    "well_known": [
        "milk_in_its_own_months",
        "lstm_against_mlp",
        "noisy_trend",
        "sequences_of_vectors",
    ],
}
EXAMPLES = [f"plot_{name}.py" for names in GALLERY.values() for name in names]
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "subsection_order": ExplicitOrder([f"../examples/{section}" for section in GALLERY]),
    "within_subsection_order": FunctionSortKey(EXAMPLES.index),
    "filename_pattern": r"/plot_",
    "plot_gallery": True,
    "abort_on_example_error": True,
    "parallel": 2,  # most examples use one core
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 1,
    "remove_config_comments": True,
}

# Copies code without prompts and without results.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = f"sklstm {version}"
html_show_sourcelink = False
html_theme_options = {
    "github_url": "https://github.com/sklstm/sklstm",
    "navigation_with_keys": False,
    "show_prev_next": True,
    "navbar_align": "left",
    "show_toc_level": 2,
}
html_sidebars = {"index": [], "migration": []}  # pages without others beside them
html_static_path = ["_static"]
html_css_files = ["sklstm.css"]


def skip_inherited_from_sklearn(app, what, name, obj, skip, options):
    """Leave scikit-learn's methods to its own pages: their references do not resolve here."""
    return skip or str(getattr(obj, "__module__", "")).startswith("sklearn")


def quote_fitted_names(app, what, name, obj, options, lines):
    """Quote the name in a shape like (n_features_in_,): its last underscore makes a link."""
    for number, line in enumerate(lines):
        if re.match(r"\s*\w+ : ", line):
            lines[number] = re.sub(r"(?<=[( ])(\w+_)(?=[,)])", r"``\1``", line)


def shorten_names(app, docname, source):
    """Show `sklstm.LagWindower` as LagWindower: narrow columns and phones need the room."""
    source[0] = re.sub(r"(?<!`)`sklstm\.(?=[A-Za-z_.]+`)", "`~sklstm.", source[0])


def allow_missing_pictures(app, config):
    """Let `-D plot_gallery=0` build: it makes no pictures, and its value is text."""
    config.plot_gallery = str(config.plot_gallery) not in {"0", "False"}
    if not config.plot_gallery:
        config.suppress_warnings.append("image.not_readable")


#: The first parameter of each group that the networks have.
GROUPS = {
    "units": "Network",
    "loss": "Training",
    "validation_fraction": "Validation",
    "callbacks": "Other",
}


def group_parameters(app, what, name, obj, options, lines):
    """Put headings between the parameters of the networks, which are many."""
    if what != "class" or "early_stopping" not in getattr(obj, "_parameter_constraints", ()):
        return
    for number in range(len(lines) - 1, -1, -1):
        term = re.match(r"( +)\*\*(\w+)\*\* : ", lines[number])
        if term and term[2] in GROUPS:
            lines[number:number] = [f"{term[1]}.. rubric:: {GROUPS[term[2]]}", ""]


def setup(app):
    """Connect the functions above."""
    app.connect("config-inited", allow_missing_pictures, priority=5)  # before sphinx-gallery
    app.connect("source-read", shorten_names)
    app.connect("autodoc-skip-member", skip_inherited_from_sklearn)
    app.connect("autodoc-process-docstring", quote_fitted_names, priority=400)  # before numpydoc
    app.connect("autodoc-process-docstring", group_parameters, priority=600)  # after numpydoc
