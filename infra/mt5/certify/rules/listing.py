"""Symbols as they are listed and filtered."""

from __future__ import annotations

from collections.abc import Callable

from infra.mt5.certify.expect import same
from infra.mt5.certify.rule import Check, Rule
from infra.mt5.certify.scene import Scene

GROUP_UNITS = 1997
LIST = "symbols_get"


def _names(scene: Scene, group: str) -> set[str]:
    return {each.name for each in scene.given("symbols_get", group)}


def _whole(scene: Scene) -> set[str]:
    return {each.name for each in scene.given("symbols_get")}


def _total(scene: Scene) -> None:
    same("symbols_total", scene.given("symbols_total"), len(scene.given("symbols_get")))


def _unique(scene: Scene) -> None:
    names = [each.name for each in scene.given("symbols_get")]
    same("names that are there twice", len(names) - len(set(names)), 0)


def _listed_as_asked(scene: Scene) -> None:
    (listed,) = scene.given("symbols_get", scene.symbol)
    one = scene.info()
    same("the fields of both", listed._fields, one._fields)
    still = ("name", "digits", "point", "trade_contract_size", "volume_step", "path")
    same("both", [getattr(listed, n) for n in still], [getattr(one, n) for n in still])


def _group(pattern: Callable[[str], str], chooses: Callable[[str, str], bool]) -> Check:
    """Of all names those that a filter chooses, which is made of the scene's symbol."""

    def check(scene: Scene) -> None:
        wanted = {name for name in _whole(scene) if chooses(name, scene.symbol)}
        same("the names", sorted(_names(scene, pattern(scene.symbol))), sorted(wanted))
        scene.succeeded()

    return check


def _by_keyword(scene: Scene) -> None:
    by_name = scene.given("symbols_get", group=scene.symbol)
    same("the names", [each.name for each in by_name], [scene.symbol])


def _is_tuple(scene: Scene) -> None:
    same("the kind", type(scene.given("symbols_get")), tuple)


def _long_group(scene: Scene) -> None:
    same("the names", _names(scene, f"{scene.symbol},".ljust(GROUP_UNITS, "x")), {scene.symbol})


FILTERS: tuple[tuple[str, Callable[[str], str], Callable[[str, str], bool]], ...] = (
    ("a name chooses itself", lambda own: own, lambda name, own: name == own),
    ("* chooses all", lambda _own: "*", lambda _name, _own: True),
    ("*X ends with X", lambda own: f"*{own[-3:]}", lambda name, own: name.endswith(own[-3:])),
    ("X* begins with X", lambda own: f"{own[:3]}*", lambda name, own: name.startswith(own[:3])),
    ("*X* holds X", lambda own: f"*{own[2:4]}*", lambda name, own: own[2:4] in name),
    ("! takes out", lambda own: f"*,!{own}", lambda name, own: name != own),
    ("the last that fits decides", lambda own: f"!{own},*", lambda _name, _own: True),
    ("spaces around commas are nothing", lambda own: f"* , !{own}", lambda name, own: name != own),
    ("? is a letter like others", lambda own: f"?{own[1:]}", lambda _name, _own: False),
    ("[] are letters like others", lambda own: f"[{own[0]}]{own[1:]}", lambda _n, _own: False),
    ("an empty filter chooses none", lambda _own: "", lambda _name, _own: False),
)
RULES = (
    Rule(301, "symbols_total is how many symbols_get lists", "symbols_total", _total),
    Rule(302, "symbols_get gives a tuple", LIST, _is_tuple),
    Rule(303, "no name is listed twice", LIST, _unique),
    Rule(304, "what is listed is what symbol_info shows", LIST, _listed_as_asked),
    Rule(305, "the group may be a keyword", LIST, _by_keyword),
    Rule(306, "a group of 1,997 characters is taken", LIST, _long_group),
    Rule(
        307,
        "a longer group is refused by its name",
        LIST,
        lambda scene: scene.refuses("group", "symbols_get", "x" * (GROUP_UNITS + 1)),
    ),
    Rule(
        308,
        "a group that is no text is refused",
        LIST,
        lambda scene: scene.refuses("group", "symbols_get", 5),
    ),
    *(
        Rule(310 + index, title, LIST, _group(pattern, chooses))
        for index, (title, pattern, chooses) in enumerate(FILTERS)
    ),
)
