/*
 * A rig (tests/lib/rig.h) on the MySQL backend, over a MariaDB server of the test program's own in
 * place of the one that tests share.
 */
#ifndef TESTS_LIB_MYSQL_RIG_H
#define TESTS_LIB_MYSQL_RIG_H

#include "tests/lib/mariadb_fixture.h"
#include "tests/lib/rig.h"

/* Empties the server's database. The environment of the process then says where it is, and errors
 * alone are logged. */
void mysql_rig_prepare(struct mariadb_fixture *server);
/* A rig on that database, which nobody sweeps; set as in rig_config. */
struct rig *mysql_rig_start(size_t loops, const char *const *set);
/* Until the loop has a connection: before, it may refuse its first op. */
void mysql_rig_await(struct rig *rig, size_t loop);

#endif
