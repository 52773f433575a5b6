from folkseq.identity import ByIdentity


def test_a_result_is_found_once_for_each_object():
    asked = []
    sizes = ByIdentity(lambda thing: asked.append(thing) or len(thing))
    one, equal = [1, 2], [1, 2]

    assert [sizes(one), sizes(one), sizes(equal)] == [2, 2, 2]
    assert [each is one for each in asked] == [True, False]


def test_objects_that_are_gone_are_not_taken_for_others():
    doubled = ByIdentity(lambda thing: 2 * thing[0])

    assert all(doubled([number]) == 2 * number for number in range(5000))
