import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--screenshots",
        action="store_true",
        help="make the pictures in screenshots/ anew, from the real screen",
    )
