from oo.training.cost import Stages


def test_each_stage_is_told_with_its_seconds_in_their_order() -> None:
    ticks = iter([10.0, 12.5, 20.0, 21.0])
    stages = Stages(lambda: next(ticks))
    with stages.timed("search"):
        pass
    with stages.timed("fit"):
        pass
    assert list(stages.seconds.items()) == [("search", 2.5), ("fit", 1.0)]
