"""The first party's own declarations: read as the wheel's index is built, and all of them in order."""

from __future__ import annotations

from typing import Any

import pytest

from mldsl.plugin import index
from mldsl.plugin.codec import from_dict
from mldsl.plugin.declaration import Declaration
from mldsl.plugin.reference import markdown_page, text_page


@pytest.fixture(scope="module")
def built() -> dict[str, Any]:
    return index.build()


@pytest.fixture(scope="module")
def declarations(built: dict[str, Any]) -> list[Declaration]:
    return [from_dict(data) for data in built["declarations"].values()]


def test_no_first_party_component_fails(built: dict[str, Any]) -> None:
    assert [tuple(failure[:3]) for failure in built["failures"]] == []


def test_everything_that_metadata_promises_is_declared(built: dict[str, Any]) -> None:
    from mldsl.plugin.discovery import CORE, installed

    (core,) = [d for d in installed({})[0] if d.plugin == CORE]
    assert set(built["declarations"]) == {offer.key for offer in core.offers if offer.kind != "hook"}


def test_every_page_renders(declarations: list[Declaration]) -> None:
    for declaration in declarations:
        assert declaration.name in text_page(declaration, 80)
        assert markdown_page(declaration).startswith(f"# `{declaration.name}`")


def test_summaries_fit_a_line(declarations: list[Declaration]) -> None:
    for declaration in declarations:
        assert 0 < len(declaration.summary) <= 120, declaration.name
