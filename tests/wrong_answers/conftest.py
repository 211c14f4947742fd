import pytest

pytest.register_assert_rewrite("bank")


def pytest_generate_tests(metafunc):
    from bank import parametrise

    parametrise(metafunc)
