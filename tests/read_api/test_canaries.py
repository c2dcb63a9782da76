"""A read model that canaries stay away from is late, by the looker's own clock."""

from __future__ import annotations

from read_api.canaries import LATE_S, Canaries


def test_where_no_canary_ever_came_nothing_is_known() -> None:
    seen = Canaries()
    assert seen.look({"orders": None, "ticks": None}, 0.0) == {}
    assert seen.look({"orders": None, "ticks": None}, 100.0) == {}
    assert seen.look({}, 100.0) == {}


def test_who_sees_a_new_one_each_second_is_well() -> None:
    seen = Canaries()
    assert not any(seen.look({"orders": second}, float(second)) for second in range(50))


def test_who_sees_none_is_late_and_well_again_with_the_next() -> None:
    seen = Canaries()
    assert seen.look({"orders": 7, "ticks": 7}, 0.0) == {}
    assert seen.look({"orders": 7, "ticks": 8}, LATE_S - 0.1) == {}
    assert seen.look({"orders": 7, "ticks": 9}, LATE_S + 1.0) == {"orders": LATE_S + 1.0}
    assert seen.look({"orders": 10, "ticks": 10}, LATE_S + 1.1) == {}


def test_who_has_never_seen_one_that_others_see_is_late() -> None:
    seen = Canaries()
    assert seen.look({"orders": None, "ticks": 7}, 0.0) == {}
    assert seen.look({"orders": None, "ticks": 8}, LATE_S) == {"orders": LATE_S}


def test_a_canary_of_another_life_of_the_topic_is_a_new_one() -> None:
    seen = Canaries()
    assert seen.look({"orders": 5_000}, 0.0) == {}
    assert seen.look({"orders": 0}, LATE_S) == {}
