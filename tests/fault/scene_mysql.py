"""A Scene on MariaDB."""

import uuid

import scene
from private_mariadb import settings_for


class Scene(scene.Scene):
    def settings_for(self, database):
        return settings_for(database)

    def tables(self, database):
        lines = {}
        for cart, product, quantity in database.sql("SELECT HEX(cart_id), product_id, quantity FROM cart.cart_items"):
            lines.setdefault(str(uuid.UUID(cart)), {})[int(product)] = int(quantity)
        carts = {str(uuid.UUID(cart)): (int(version), state == "1") for cart, version, state in database.sql(
            "SELECT HEX(id), version, state FROM cart.carts")}
        return carts, lines
