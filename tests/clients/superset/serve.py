"""Make Superset's metadata, its users, and serve it: `python serve.py PORT USER ...`, in Superset's own environment.

Each user may do everything in Superset; the password is PROBE_SECRET. It prints `ready` before it serves.
"""

import logging
import os
import sys

from flask_migrate import upgrade
from superset.app import create_app
from werkzeug.serving import run_simple


def make(app, users):
    """Make the tables, the roles and the users."""
    with app.app_context():
        upgrade()
        for logger in list(logging.root.manager.loggerDict.values()):
            logger.disabled = False  # the migrations silence whatever logged before
        from superset import appbuilder, security_manager

        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        for user in users:
            role = security_manager.find_role("Admin")
            security_manager.add_user(
                user, user, user, f"{user}@example.com", role, password=os.environ["PROBE_SECRET"]
            )


app = create_app()
make(app, sys.argv[2:])
print("ready", flush=True)
run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True)
