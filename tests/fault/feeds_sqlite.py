"""The storm of feeds.py on SQLite."""

import os

from feeds import FeedStorm
from storm_sqlite import Scene, locked


def storm_on_sqlite(folder, faults, **more):
    path = os.path.join(folder, "carts.db")
    FeedStorm(Scene(path, {"sqlite.sweep_interval": "500ms"}), {"file locked": locked(path)}, faults, **more).run()
