#!/usr/bin/python3
"""The accounts that docs/backends/mysql.md tells one to make: run as they stand there, and each right is needed, or the page says why not."""

import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_mariadb  # noqa: E402
from cartd import ROOT, Cartd, await_that, cartctl  # noqa: E402
from tap import main  # noqa: E402

DOCUMENT = os.path.join(ROOT, "docs/backends/mysql.md")
# What the page says that MariaDB's first provisioning does without.
FOR_LATER = {"ALTER", "INDEX", "REFERENCES"}


def documented():
    with open(DOCUMENT, encoding="utf-8") as file:
        section = file.read().split("\n## Grants\n")[1].split("\n## ")[0]
    return re.search(r"```sql\n(.*?)```", section, re.S).group(1)


def rights_of(text, user):
    return re.search(r"GRANT ([A-Z, ]+) ON cart\.\* TO %s;" % user, text).group(1).split(", ")


def password_of(text, user):
    return re.search(r"CREATE USER %s IDENTIFIED BY '((?:[^']|'')*)'" % user, text).group(1).replace("''", "'")


class Site:
    def __init__(self, server, folder):
        self.server = server
        self.folder = folder
        self.text = documented()

    def settings(self, user, **changes):
        return {**private_mariadb.PATIENT, **private_mariadb.settings_for(self.server, user=user, password=password_of(self.text, user), **changes)}

    def provision(self, user, *options):
        """Exit status, and what was said."""
        return cartctl(self.folder, self.settings(user), "provision", *options)

    def grant(self, user, rights):
        self.server.sql("REVOKE ALL, GRANT OPTION FROM %s" % user)
        self.server.sql("GRANT %s ON cart.* TO %s" % (", ".join(rights), user))

    def empty(self):
        self.server.sql("DROP DATABASE cart; CREATE DATABASE cart CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")


def owner_provisions(site):
    status, said = site.provision("cart_owner")
    return "" if status == 0 else said


def owner_needs_each(site):
    lines = []
    for right in rights_of(site.text, "cart_owner"):
        site.empty()
        site.grant("cart_owner", [other for other in rights_of(site.text, "cart_owner") if other != right])
        status, said = site.provision("cart_owner")
        if (status == 0) != (right in FOR_LATER):
            lines.append("without %s: status %d: %s" % (right, status, said))
    site.grant("cart_owner", rights_of(site.text, "cart_owner"))
    return "\n".join(lines) or owner_provisions(site)


def service_checks(site):
    status, said = site.provision("cart", "--check")
    return "" if status == 0 else said


def service_works(site):
    """Everything, sweeping too, with provision=check and with auto once the tables are there."""
    lines = []
    for provision in ("check", "auto"):
        settings = dict(site.settings("cart", sweep_interval="1s"), provision=provision,
                        **{"cart.ttl": "8s", "idempotency.window": "8s", "request.deadline": "3500ms", "clock.skew": "1s", "sweep.grace": "1s"})
        with Cartd(site.folder, settings, "service-" + provision) as cartd, cartd.client() as client:
            path = client.ask("POST", "/shopping-carts", (("Idempotency-Key", "a"),), '{"customer_id":1}').header("Location")
            statuses = [client.ask("POST", path + "/items", (("Idempotency-Key", "b"),), '{"product_id":1,"quantity":2}').status,
                        client.ask("PUT", path + "/items/1", (), '{"quantity":3}').status, client.ask("DELETE", path + "/items/1").status,
                        client.ask("POST", path + "/items", (), '{"product_id":1,"quantity":2}').status,
                        client.ask("GET", "/shopping-carts?customer_id=1").status, client.ask("DELETE", path).status]
            client.ask("POST", "/shopping-carts", (("Idempotency-Key", "c"),), '{"customer_id":1}')
            client.close()
            await_that(lambda: site.server.sql("SELECT (SELECT COUNT(*) FROM cart.carts WHERE state = 0) +"
                                               " (SELECT COUNT(*) FROM cart.idempotency_keys)") == [["0"]], 30, "expired carts and keys are swept")
            if statuses != [204, 204, 204, 204, 200, 204]:
                lines.append("%s: answers %s" % (provision, statuses))
            if cartd.stop() or "denied" in cartd.log():
                lines.append("\n".join(cartd.stop() + [cartd.log()]))
    return "\n".join(lines)


def service_needs_each(site):
    lines = []
    for right in rights_of(site.text, "cart"):
        site.grant("cart", [other for other in rights_of(site.text, "cart") if other != right])
        status, said = site.provision("cart", "--check")
        if status == 0 or right not in said:
            lines.append("without %s: status %d: %s" % (right, status, said))
    site.grant("cart", rights_of(site.text, "cart"))
    return "\n".join(lines)


def service_cannot_alter(site):
    """With the rights of the service's account, by a procedure of its, each is refused."""
    allowed = []
    for statement in ("CREATE TABLE cart.mine (a INT)", "ALTER TABLE cart.carts ADD COLUMN a INT", "DROP TABLE cart.cart_items",
                      "TRUNCATE TABLE cart.carts", "CREATE INDEX a ON cart.carts (op)", "CREATE VIEW cart.v AS SELECT 1", "DROP DATABASE cart",
                      "CREATE TRIGGER cart.t BEFORE INSERT ON cart.carts FOR EACH ROW SET NEW.op = 0", "SET GLOBAL read_only = 1",
                      "SELECT * FROM mysql.global_priv", "CREATE USER other", "GRANT SELECT ON cart.* TO cart_owner"):
        site.server.sql("CREATE OR REPLACE DEFINER = cart@'%%' PROCEDURE mysql.as_cart() SQL SECURITY DEFINER EXECUTE IMMEDIATE '%s'" % statement)
        try:
            site.server.sql("CALL mysql.as_cart()")
            allowed.append(statement)
        except Exception as error:  # pylint: disable=broad-except
            if not re.search(r"denied|1044|1142|1227|1045", str(error)):
                allowed.append("%s: %s" % (statement, error))
    return "\n".join(allowed)


def old_service_is_told(site):
    """An empty database, and an account that may not make the tables: one line that says what to do."""
    site.empty()
    status, said = site.provision("cart")
    return "" if status == 1 and "CREATE command denied" in said and "cartctl provision" in said else "status %d: %s" % (status, said)


def tests(tap):
    with tempfile.TemporaryDirectory() as folder, private_mariadb.server(fast=True) as server:
        site = Site(server, folder)
        server.sql("DROP DATABASE cart; DROP USER cart")
        server.sql(site.text)
        for name, function in (("the owner makes the tables", owner_provisions), ("the owner needs every right it is given", owner_needs_each),
                               ("the service finds them in order", service_checks), ("the service works", service_works),
                               ("the service needs every right it is given", service_needs_each),
                               ("the service cannot change the schema, nor anything else", service_cannot_alter),
                               ("an account that may not make tables is told so", old_service_is_told)):
            tap.run(name, function, site)


if __name__ == "__main__":
    main(tests)
