from bank import parametrise


def pytest_generate_tests(metafunc):
    parametrise(metafunc)
