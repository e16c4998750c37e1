#!/usr/bin/python3
"""Logging in to the database: encryption, certificates, ways to prove who we are, passwords that change, and who must be refused.

The server is Debian's MariaDB. caching_sha2_password is MySQL 8's, which Debian does not have: auth_front.py speaks it in its place.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_mariadb  # noqa: E402
from auth_front import AuthFront  # noqa: E402
from cartd import Cartd, await_that, cartctl  # noqa: E402
from counting_proxy import CountingProxy  # noqa: E402
from tap import Skip, main  # noqa: E402

SMALL = {**private_mariadb.PATIENT, "threads": "1", "mysql.pool": "2"}
LINES_MAX = 2  # the connector's warning, and what cartctl makes of it


def works(cartd):
    """A cart's life over the connections."""
    with cartd.client() as client:
        path = client.ask("POST", "/shopping-carts", (), '{"customer_id":1}').header("Location")
        statuses = [client.ask("POST", path + "/items", (), '{"product_id":1,"quantity":1}').status, client.ask("GET", path).status,
                    client.ask("POST", path + "/checkout").status, client.ask("GET", "/health").status]
    return "" if statuses == [204, 200, 200, 200] else "answers %s\n%s" % (statuses, cartd.log())


class Site:
    def __init__(self, server, folder):
        self.server = server
        self.folder = folder
        self.runs = 0

    def settings(self, **changes):
        return dict(private_mariadb.settings_for(self.server, **changes), **SMALL)

    def accepted(self, settings, also=lambda: ""):
        self.runs += 1
        with Cartd(self.folder, settings, "run%d" % self.runs) as cartd:
            return works(cartd) or also() or cartd.end_problem()

    def refused(self, settings, *words):
        """Provisioning ends with status 1 and a line that holds the words; the password is in none."""
        status, said = cartctl(self.folder, settings, "provision")
        last = said.rstrip().split("\n")[-1].lower()
        problems = ["exit status %d" % status] if status != 1 else []
        problems += ["no %r is said in the last line" % word for word in words if word.lower() not in last]
        problems += ["the password is said"] if str(settings["mysql.password"]) in said else []
        problems += ["%d lines" % said.count("\n")] if said.count("\n") > LINES_MAX else []
        return "\n".join(problems + ["it says: " + said]) if problems else ""

    def encrypted(self):
        return int(self.server.status("Ssl_accepts")["Ssl_accepts"])

    def make(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, stderr=subprocess.DEVNULL)
        return self.folder


def plain(site):
    before = site.encrypted()
    return site.accepted(site.settings()) or ("" if site.encrypted() == before else "encrypted without being told")


def tls_verified(site):
    before = site.encrypted()
    return site.accepted(site.settings(tls="verify", tls_ca=site.server.ca)) or \
        ("" if site.encrypted() >= before + 2 else "%d of 2 connections are encrypted" % (site.encrypted() - before))


def tls_required(site):
    before = site.encrypted()
    return site.accepted(site.settings(tls="required")) or ("" if site.encrypted() >= before + 2 else "not encrypted")


def tls_wrong_ca(site):
    site.make("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", "/CN=other CA",
              "-keyout", "other.key", "-out", "other.pem")
    return site.refused(site.settings(tls="verify", tls_ca=os.path.join(site.folder, "other.pem")), "certificate")


def tls_system_ca(site):
    """The system's authorities do not know ours."""
    return site.refused(site.settings(tls="verify"), "certificate")


def tls_wrong_name(site):
    """The certificate is good, but for 127.0.0.1 and localhost."""
    with CountingProxy(site.server.port, listen="127.0.0.2") as proxy:
        return site.refused(site.settings(tls="verify", tls_ca=site.server.ca, host="127.0.0.2", port=proxy.port), "127.0.0.2") or \
            site.accepted(site.settings(tls="required", host="127.0.0.2", port=proxy.port))


def tls_not_there(site):
    """Somebody in the middle says that the server cannot encrypt, and asks for the password. (Who believes any certificate cannot
    be protected from that.)"""
    with AuthFront(site.server.port, site.server.password, "full", site.folder) as front:
        problem = site.refused(site.settings(tls="verify", tls_ca=site.server.ca, port=front.port), "127.0.0.1")
        return problem or ("" if all(seen.startswith("broken: ") for seen in front.seen) else "the client went on: %s" % front.seen)


def without_tls(site, mode):
    """A server that cannot encrypt, and is content with less."""
    with AuthFront(site.server.port, site.server.password, "fast", site.folder) as front:
        changes = {"tls": mode, "port": front.port}
        if mode == "verify":
            changes["tls_ca"] = site.server.ca
        return site.refused(site.settings(**changes), "127.0.0.1")


def other_plugin(site, plugin):
    """Whoever answers asks for the password in the clear: it does not get it."""
    with AuthFront(site.server.port, site.server.password, plugin, site.folder) as front:
        status, said = cartctl(site.folder, site.settings(port=front.port), "provision")
        problem = "" if status == 1 else "exit status %d: %s\n" % (status, said)
        if any(isinstance(seen, bytes) and site.server.password.encode() in seen for seen in front.seen):
            problem += "the password went out: %s" % front.seen
        return problem


def require_ssl(site):
    site.server.sql("ALTER USER cart REQUIRE SSL")
    try:
        return site.refused(site.settings(), "denied") or site.accepted(site.settings(tls="verify", tls_ca=site.server.ca))
    finally:
        site.server.sql("ALTER USER cart REQUIRE NONE")


def client_certificate(site):
    tls = os.path.dirname(site.server.ca)
    site.make("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", "/CN=cartd",
              "-keyout", "client.key", "-out", "client.pem", "-CA", os.path.join(tls, "ca.pem"), "-CAkey", os.path.join(tls, "ca.key"),
              "-addext", "basicConstraints=critical,CA:FALSE")
    site.server.sql("ALTER USER cart REQUIRE SUBJECT '/CN=cartd'")
    try:
        verified = {"tls": "verify", "tls_ca": site.server.ca}
        with_it = dict(verified, tls_cert=os.path.join(site.folder, "client.pem"), tls_key=os.path.join(site.folder, "client.key"))
        return site.refused(site.settings(**verified), "denied") or site.accepted(site.settings(**with_it))
    finally:
        site.server.sql("ALTER USER cart REQUIRE NONE")


def unix_socket(site):
    settings = site.settings(socket=site.server.socket)
    del settings["mysql.host"], settings["mysql.port"]
    return site.accepted(settings)


def wrong_password(site):
    return site.refused(site.settings(password="not-" + site.server.password), "denied", "cart")


def unknown_user(site):
    return site.refused(site.settings(user="nobody"), "denied", "nobody")


def unknown_database(site):
    return site.refused(site.settings(database="elsewhere"), "elsewhere")


def nobody_listens(site):
    with CountingProxy(1) as proxy:
        port = proxy.port
    return site.refused(site.settings(port=port), "127.0.0.1:%d" % port)


def strange_password(site):
    """It goes to the library as it is, and stays out of the log."""
    password = "a'b\"c\\d %s;--\u00e9\u2603#=,x"
    path = os.path.join(site.folder, "password")
    with open(path, "w", encoding="utf-8") as file:
        file.write(password + "\n")
    site.server.sql("CREATE USER strange IDENTIFIED BY '%s'" % password.replace("\\", "\\\\").replace("'", "''"))
    site.server.sql("GRANT ALL ON cart.* TO strange")
    settings = site.settings(user="strange", password_file=path)
    del settings["mysql.password"]
    return site.accepted(settings)


def new_password(site):
    """The account gets another password while cartd runs: SIGHUP, and new connections use it."""
    path = os.path.join(site.folder, "rotating")

    def write(password):
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(password)
        os.rename(path + ".new", path)

    site.server.sql("CREATE USER rotating IDENTIFIED BY 'first'")
    site.server.sql("GRANT ALL ON cart.* TO rotating")
    write("first")
    settings = site.settings(user="rotating", password_file=path)
    del settings["mysql.password"]
    with Cartd(site.folder, settings, "rotating") as cartd:
        problem = works(cartd)
        site.server.sql("ALTER USER rotating IDENTIFIED BY 'second'")
        write("second")
        cartd.process.send_signal(signal.SIGHUP)
        site.server.sql("KILL USER rotating")
        await_that(lambda: works(cartd) == "", 10, "cartd logs in with the new password")
        return problem


def ed25519(site):
    try:
        site.server.sql("INSTALL SONAME 'auth_ed25519'")
    except Exception as error:  # pylint: disable=broad-except
        raise Skip("the server has no plugin auth_ed25519 (Debian: mariadb-server): %s" % error) from None
    site.server.sql("CREATE USER curve IDENTIFIED VIA ed25519 USING PASSWORD('sea shells')")
    site.server.sql("GRANT ALL ON cart.* TO curve")
    return site.accepted(site.settings(user="curve", password="sea shells")) or \
        site.refused(site.settings(user="curve", password="see shells"), "denied")


def sha2(site, way, certificate, seen):
    """Through the front that stands for MySQL 8."""
    tls = os.path.dirname(site.server.ca)
    pair = (os.path.join(tls, "server.pem"), os.path.join(tls, "server.key")) if certificate else None
    changes = {"tls": "verify", "tls_ca": site.server.ca} if certificate else {}
    with AuthFront(site.server.port, site.server.password, way, site.folder, pair) as front:
        problem = site.accepted(site.settings(port=front.port, **changes))
        if not problem and set(front.seen) != {seen}:
            problem = "logins went %s, not %s" % (front.seen, seen)
        return problem or site.refused(site.settings(port=front.port, password="wrong", **changes), "denied")


PLAIN = (("a password, without encryption", plain), ("the Unix socket", unix_socket), ("a wrong password is said", wrong_password),
         ("an unknown user is said", unknown_user), ("an unknown database is said", unknown_database),
         ("a port where nobody listens is said", nobody_listens),
         ("a password of strange characters, from a file", strange_password),
         ("a password that changes while cartd runs", new_password), ("ed25519", ed25519))
ENCRYPTED = (("mysql.tls=verify: the certificate is checked and every connection encrypted", tls_verified),
             ("mysql.tls=required: encrypted, anybody's certificate", tls_required),
             ("mysql.tls=verify refuses another authority's certificate", tls_wrong_ca),
             ("mysql.tls=verify without mysql.tls_ca asks the system's authorities", tls_system_ca),
             ("mysql.tls=verify refuses a certificate for another name", tls_wrong_name),
             ("mysql.tls=verify: no password without encryption", tls_not_there),
             ("an account that requires encryption", require_ssl),
             ("an account that requires a certificate of ours", client_certificate))
SHA2 = (("fast", False, "fast"), ("fast", True, "fast"), ("full", True, "full, over TLS"), ("full", False, "full, under a public key"))


def with_openssl(tap, site):
    for name, function in ENCRYPTED:
        tap.run(name, function, site)
    for mode in ("required", "verify"):
        tap.run("mysql.tls=%s: no session without encryption" % mode, without_tls, site, mode)
    for plugin in ("mysql_clear_password", "dialog"):
        tap.run("no password in the clear to a server that asks for it by " + plugin, other_plugin, site, plugin)
    for way, certificate, seen in SHA2:
        tap.run("caching_sha2_password (a stub for MySQL 8): %s%s" % (way, ", TLS" if certificate else ""), sha2, site, way, certificate, seen)


def tests(tap):
    openssl = shutil.which("openssl") is not None
    with tempfile.TemporaryDirectory() as folder, private_mariadb.server(fast=True, tls=openssl) as server:
        site = Site(server, folder)
        for name, function in PLAIN:
            tap.run(name, function, site)
        if openssl:
            with_openssl(tap, site)
        else:
            tap.skip("encryption, certificates, caching_sha2_password", "openssl is not installed, which makes keys and certificates")


if __name__ == "__main__":
    main(tests)
