"""`penstock serve`: run the gateway in the foreground."""

from __future__ import annotations

from gateway.cli.options import ConfigOption, config_path, fail, read_config
from gateway.config import ConfigError


def serve(config: ConfigOption = None) -> None:
    """Run the gateway. SIGTERM drains and ends it, SIGHUP reads policies and configuration again."""
    from gateway.run import StartError, run

    loaded = read_config(config)
    try:
        run(loaded, config_path(config))
    except (StartError, ConfigError) as error:
        fail(str(error))
