"""`penstock check-config`: would `serve` start with this file?"""

from __future__ import annotations

import sys

from gateway.cli.options import ConfigOption, config_path, fail, read_config
from gateway.config import ConfigError


def check_config(config: ConfigOption = None) -> None:
    """Check the configuration, the policies and the key files, without connecting anywhere. Exit code 2 on faults.

    Rules that contradict each other are reported as warnings: the stricter one holds.
    """
    from gateway.auth.authenticator import Authenticator
    from gateway.policy_files import PolicyError, load_policy_files

    loaded = read_config(config)
    try:
        policies = load_policy_files(loaded.policies)
        Authenticator(loaded, lambda: policies)
    except PolicyError as error:
        fail(*map(str, error.faults), code=2)
    except (ConfigError, OSError, ValueError) as error:
        fail(str(error), code=2)
    for warning in policies.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"{config_path(config)}: good ({len(loaded.engines)} engines, policies {policies.version})")
