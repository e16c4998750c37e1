"""The storm of feeds.py on SQLite, and consumers that are too slow."""

import os

from feeds import FeedStorm
from feeds_retention import slower_than_the_retention
from storm_sqlite import Scene, locked


def storm_on_sqlite(folder, faults, **more):
    path = os.path.join(folder, "carts.db")
    FeedStorm(Scene(path, {"sqlite.sweep_interval": "500ms"}), {"file locked": locked(path)}, faults, **more).run()


def too_slow_on_sqlite(folder, kills, at_least):
    slower_than_the_retention(Scene(os.path.join(folder, "carts.db"), {"sqlite.sweep_interval": "50ms"}), [], kills, at_least)
