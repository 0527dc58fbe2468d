"""Superset's settings for the tests: all state in one folder, and what a browser needs left out."""

import os
from pathlib import Path

_HOME = Path(os.environ["SUPERSET_HOME"])
_CACHE = {"CACHE_TYPE": "SimpleCache"}

SECRET_KEY = os.environ["PROBE_SECRET"]
SQLALCHEMY_DATABASE_URI = f"sqlite:///{_HOME / 'superset.db'}?timeout=60"
SQLALCHEMY_ENGINE_OPTIONS = {"connect_args": {"check_same_thread": False}}  # SQL Lab hands its session to a thread
CACHE_CONFIG = DATA_SQLALCHEMY_ENGINE_OPTIONS = {
    "connect_args": {"check_same_thread": False}
}  # SQL Lab hands its session to a thread
CACHE_CONFIG = FILTER_STATE_SQLALCHEMY_ENGINE_OPTIONS = {
    "connect_args": {"check_same_thread": False}
}  # SQL Lab hands its session to a thread
CACHE_CONFIG = EXPLORE_FORM_DATA_SQLALCHEMY_ENGINE_OPTIONS = {
    "connect_args": {"check_same_thread": False}
}  # SQL Lab hands its session to a thread
CACHE_CONFIG = _CACHE
FEATURE_FLAGS = {"CACHE_IMPERSONATION": True, "ESTIMATE_QUERY_COST": True}
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
RATELIMIT_ENABLED = False
SQLLAB_TIMEOUT = 120
SUPERSET_WEBSERVER_TIMEOUT = 120
