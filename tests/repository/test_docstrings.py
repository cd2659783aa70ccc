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
    for module in (sklstm, sklstm.datasets):
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


def documented_parameters(public):
    """Give {name: type text} of the parameters section, stars and grouped names resolved."""
    section = NumpyDocString(inspect.getdoc(public))["Parameters"]
    return {name.strip(): one.type for one in section for name in one.name.split(",")}


def signature_parameters(public):
    """Give the parameters of the signature without self."""
    parameters = dict(inspect.signature(public).parameters)
    parameters.pop("self", None)
    return {
        {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(one.kind.name, "") + name: one
        for name, one in parameters.items()
    }


@each_object
def test_has_a_docstring(name, public):
    """Every public class, method and function of ours is documented."""
    assert inspect.getdoc(public)


@each_object
def test_documents_its_parameters_in_order(name, public):
    """The parameters section lists the parameters of the signature, in its order."""
    assert list(documented_parameters(public)) == list(signature_parameters(public))


@each_object
def test_documented_defaults_are_those_of_the_signature(name, public):
    """``default=...`` stands exactly where the signature has a default, and says the same."""
    documented = documented_parameters(public)
    for parameter_name, parameter in signature_parameters(public).items():
        if documented[parameter_name] == "None" and parameter.default is None:
            continue  # scikit-learn's `y : None`, which only keeps pipelines happy
        text = re.search(r"default=(.+)$", documented[parameter_name])
        if parameter.default is inspect.Parameter.empty:
            assert text is None, f"{parameter_name} has no default"
        else:
            assert text is not None, f"{parameter_name} has a default that is not documented"
            value = ast.literal_eval(text[1])
            assert value == parameter.default, parameter_name
            assert type(value) is type(parameter.default), parameter_name


@each_object
def test_follows_numpydoc(name, public):
    """Sections, their order and their sentences are numpydoc's, but for what IGNORED tells."""
    errors = [(code, text) for code, text in validate(name)["errors"] if code not in IGNORED]
    assert not errors


@pytest.mark.parametrize(
    "public",
    [getattr(module, name) for module in (sklstm, sklstm.datasets) for name in module.__all__],
    ids=lambda public: public.__name__,
)
def test_has_an_example(public):
    """Every public class and function shows how it is used; a method may."""
    assert NumpyDocString(inspect.getdoc(public))["Examples"]


@pytest.mark.parametrize("module", [sklstm, sklstm.datasets], ids=lambda module: module.__name__)
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
