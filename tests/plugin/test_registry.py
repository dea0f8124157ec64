"""What a name means: used or not, full or short, offered once or twice, or by nobody."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from mldsl.plugin import Metric, Model, Transform
from mldsl.plugin.declaration import Declaration
from mldsl.plugin.extract import DeclarationError
from mldsl.plugin.registry import Ambiguous, Found, NotUsed, PluginError, Registry, Unknown


def model(name: str, **given: Any) -> Model:
    return Model(name, doc=f"The {name}.", tasks={"cluster"}, **given)


MEMORY = {
    "core": [model("k_means", also_known_as=("KMeans",)), model("constant"), Metric("rmse", doc="E.", metric=print)],
    "acme": [model("tabnet"), model("constant"), Transform("shared", doc="T.")],
    "other": [model("tabnet")],
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.of(MEMORY)


def test_a_name_of_the_first_party_needs_no_use(registry: Registry) -> None:
    answer = registry.find("model", "k_means")
    assert isinstance(answer, Found)
    assert answer.declaration.full_name == "core.k_means"
    assert registry.find("model", "core.k_means") == answer


def test_a_plugin_is_seen_only_if_it_is_used(registry: Registry) -> None:
    assert registry.find("transform", "shared") == NotUsed(("acme",))
    assert registry.find("model", "acme.constant") == NotUsed(("acme",))
    assert isinstance(registry.find("transform", "shared", {"acme"}), Found)
    assert registry.find("model", "tabnet") == NotUsed(("acme", "other"))


def test_installing_a_plugin_changes_no_meaning(registry: Registry) -> None:
    answer = registry.find("model", "constant")
    assert isinstance(answer, Found)
    assert answer.declaration.plugin == "core"


def test_a_name_of_two_used_plugins_is_ambiguous_until_it_is_full(registry: Registry) -> None:
    answer = registry.find("model", "constant", ("acme",))
    assert isinstance(answer, Ambiguous)
    assert {claim.plugin for claim in answer.claims} == {"core", "acme"}
    assert answer.separable
    assert registry.find("model", "constant", ("acme",)) == registry.find("model", "constant", ["acme"])
    for plugin in ("core", "acme"):
        full = registry.find("model", f"{plugin}.constant", ("acme",))
        assert isinstance(full, Found)
        assert full.declaration.plugin == plugin


def test_kinds_are_namespaces(registry: Registry) -> None:
    assert registry.find("metric", "k_means") == Unknown((), ("model",))
    assert registry.kinds() == ("metric", "model", "transform")


@pytest.mark.parametrize("name", ["k_mean", "kmeans", "KMeans", "K_Means"])
def test_an_unknown_name_comes_with_what_was_meant(registry: Registry, name: str) -> None:
    answer = registry.find("model", name)
    assert isinstance(answer, Unknown)
    assert answer.candidates == ("k_means",)


def test_what_is_not_used_is_not_suggested(registry: Registry) -> None:
    assert registry.find("model", "tabnets") == Unknown()
    assert registry.find("model", "tabnets", ("acme",)) == Unknown(("tabnet",))


def test_components_and_builds_come_from_memory(registry: Registry) -> None:
    assert registry.component_named("model", "tabnet", "acme") is MEMORY["acme"][0]
    with pytest.raises(PluginError, match=r"model\.gone"):
        registry.component_named("model", "gone", "acme")


def test_declarations_are_sorted_and_filtered(registry: Registry) -> None:
    def names(found: list[Declaration]) -> list[str]:
        return [d.full_name for d in found]

    assert names(registry.declarations("model")) == [
        "core.constant", "acme.constant", "core.k_means", "acme.tabnet", "other.tabnet",
    ]  # fmt: skip
    assert names(registry.declarations(plugins=("other",))) == ["other.tabnet"]


def test_a_wrong_declaration_in_memory_is_refused_at_once() -> None:
    with pytest.raises(DeclarationError, match="which tasks"):
        Registry.of({"acme": [Model("m", doc="M.")]})


# ---- installed packages -------------------------------------------------------------------------------------------


def test_components_of_memory_join_those_installed(site: Any) -> None:
    site.add("mldsl-acme", {"model.alpha": "mldsl_acme"}, {"mldsl_acme": site.module("alpha")})
    registry = Registry.load().with_components("mine", [model("beta")])
    assert {d.full_name for d in registry.declarations("model")} == {"acme.alpha", "mine.beta"}
    replaced = Registry.load().with_components("acme", [model("alpha", also_known_as=("mine",))])
    answer = replaced.find("model", "alpha", ("acme",))
    assert isinstance(answer, Found)
    assert answer.declaration.also_known_as == ("mine",)


def test_two_packages_of_one_plugin_are_both_named(site: Any) -> None:
    for distribution, package in (("mldsl-acme", "first"), ("acme", "second")):
        site.add(distribution, {"model.alpha": package}, {package: site.module("alpha")})
    registry = Registry.load()
    answer = registry.find("model", "acme.alpha", ("acme",))
    assert isinstance(answer, Ambiguous)
    assert {(claim.distribution, claim.module) for claim in answer.claims} == {
        ("mldsl-acme", "first"), ("acme", "second"),
    }  # fmt: skip
    assert not answer.separable
    assert list(registry.duplicates()) == ["acme.model.alpha"]
    failures = [failure for info in registry.plugins() for failure in info.failures]
    assert [f.key for f in failures] == ["model.alpha", "model.alpha"]
    assert all("`mldsl-acme` (first)" in f.message and "`acme` (second)" in f.message for f in failures)


def test_a_package_that_declares_a_name_twice_is_told(site: Any) -> None:
    info = site.add("mldsl-acme", {"model.alpha": "mldsl_acme"}, {"mldsl_acme": site.module("alpha")})
    with (info / "entry_points.txt").open("a") as file:
        file.write("model.alpha = mldsl_acme_too\n")
    answer = Registry.load().find("model", "alpha", ("acme",))
    assert isinstance(answer, Ambiguous)
    assert not answer.separable


def test_a_package_cannot_pass_itself_off_as_the_first_party(site: Any) -> None:
    site.add("mldsl-core", {"model.alpha": "mldsl_fake"}, {"mldsl_fake": site.module("alpha")})
    registry = Registry.load()
    assert registry.find("model", "alpha") == Unknown()
    (failure,) = [f for info in registry.plugins() for f in info.failures]
    assert "belongs to the first party" in failure.message


def test_plugins_can_be_switched_off(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add("mldsl-big-acme", {"model.alpha": "mldsl_big_acme"}, {"mldsl_big_acme": "1 / 0"})
    monkeypatch.setenv("MLDSL_BLOCK_PLUGINS", " core, big-acme ,")
    registry = Registry.load()
    assert registry.find("model", "alpha", ("big_acme",)) == Unknown()
    info = registry.plugin("big_acme")
    assert info is not None
    assert info.blocked
    assert [failure for plugin in registry.plugins() for failure in plugin.failures] == []


def test_a_run_imports_only_the_module_it_names(site: Any) -> None:
    modules = {f"mldsl_acme.{name}": site.module(name) for name in ("alpha", "beta")}
    site.add("mldsl-acme", {f"model.{name}": f"mldsl_acme.{name}" for name in ("alpha", "beta")}, modules)
    registry = Registry.load()
    answer = registry.find("model", "alpha", ("acme",))
    assert isinstance(answer, Found)
    assert "mldsl_acme.alpha" not in sys.modules
    component = registry.component(answer.declaration)
    assert component.name == "alpha"
    assert registry.component(answer.declaration) is component
    assert "mldsl_acme.alpha" in sys.modules
    assert "mldsl_acme.beta" not in sys.modules
