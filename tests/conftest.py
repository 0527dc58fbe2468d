"""What every suite may use."""

pytest_plugins = ["tests.real.fixtures"]
