"""The storm of feeds.py on MariaDB."""

import cut_proxy
import storm
from feeds import FeedStorm
from scene_mysql import Scene
from storm_mysql import connections_killed, timeouts


def storm_on_mysql(database, faults, **more):
    with cut_proxy.CutProxy(database.port) as proxy:
        FeedStorm(Scene(database, {"mysql.port": str(proxy.port), "mysql.sweep_interval": "500ms", **timeouts()}), {
            **storm.cuts(proxy), "connections killed": connections_killed(database), "server stopped": storm.stopped(database),
            "server killed": storm.killed(database)}, faults, **more).run()
