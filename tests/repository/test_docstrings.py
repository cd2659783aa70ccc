"""Docstrings against signatures: a documented default that is wrong misleads for years."""

import ast
import inspect
import re
from pathlib import Path

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

import sklstm
import sklstm.datasets
import sklstm.metrics

MODULES = [sklstm, sklstm.datasets, sklstm.metrics]

# What numpydoc asks and this project does not.
IGNORED = {
    "ES01": "an extended summary is written where there is something to add",
    "EX01": "examples are asked of classes and functions, by a test of its own",
    "GL01": "the summary stands on the opening line, as in scikit-learn",
    "GL02": "the closing quotes follow from the opening ones",
    "PR06": "it takes the words of a description for type names",
    "RT02": "return values have names here, as in scikit-learn",
    "SA01": "a see-also section is written where there is something to see",
    "SA04": "the names seen also often say it all",
    "SS06": "a summary of two lines is rare and then has its reason",
}


def public_objects():
    """Yield (dotted name, object) of each public class, method and function."""
    for module in MODULES:
        for name in module.__all__:
            public = getattr(module, name)
            if inspect.isclass(public) and issubclass(public, Warning):
                continue  # no parameters of its own, and Python's routines
            yield f"{module.__name__}.{name}", public
            if not inspect.isclass(public):
                continue
            for method_name, method in inspect.getmembers(public, inspect.isroutine):
                # Inherited methods are documented by scikit-learn.
                is_ours = str(getattr(method, "__module__", None)).startswith("sklstm")
                if is_ours and not method_name.startswith("_"):
                    yield f"{module.__name__}.{name}.{method_name}", method


OBJECTS = dict(public_objects())
each_object = pytest.mark.parametrize(("name", "public"), list(OBJECTS.items()), ids=list(OBJECTS))


@each_object
def test_documented_defaults_are_those_of_the_signature(name, public):
    """``default=...`` stands exactly where the signature has a default, and says the same."""
    signature = inspect.signature(public).parameters
    for entry in NumpyDocString(inspect.getdoc(public))["Parameters"]:
        text = re.search(r"default=(.+)$", entry.type)
        for parameter in entry.name.split(","):
            default = signature[parameter.strip(" *")].default
            if entry.type == "None" and default is None:
                continue  # scikit-learn's `y : None`, which only keeps pipelines happy
            documented = ast.literal_eval(text[1]) if text else inspect.Parameter.empty
            assert (type(documented), documented) == (type(default), default), parameter


@each_object
def test_follows_numpydoc(name, public):
    """The docstring has numpydoc's form, but for IGNORED: all parameters, in their order."""
    errors = [(code, text) for code, text in validate(name)["errors"] if code not in IGNORED]
    assert not errors


@pytest.mark.parametrize(
    "public",
    [getattr(module, name) for module in MODULES for name in module.__all__],
    ids=lambda public: public.__name__,
)
def test_has_an_example(public):
    """Every public class and function shows how it is used; a method may."""
    assert NumpyDocString(inspect.getdoc(public))["Examples"]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_reference_lists_every_public_name(module):
    """docs/api.rst has a line for everything in __all__, under the module that it is in."""
    api = (Path(__file__).parents[2] / "docs" / "api.rst").read_text(encoding="utf-8")
    sections = api.split(".. currentmodule:: ")
    listed = {
        line.strip()
        for section in sections
        if section.partition("\n")[0] == module.__name__
        for line in section.splitlines()
    }
    assert set(module.__all__) <= listed
