#!/usr/bin/python3
"""Whatever the server is set to, a cart answers and commits in the same way: the contract suite's programs for carts, lists and keys,
on a server whose global variables are wrong. The variables were chosen by reading the manuals of MariaDB and MySQL: those that change
what a statement answers, when it commits or what ends it, and those that change how it is executed.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_mariadb  # noqa: E402
from cartd import PROGRAM  # noqa: E402
from tap import main, say  # noqa: E402

CONTRACT = os.path.join(os.path.dirname(os.path.dirname(PROGRAM)), "tests", "contract")
PROGRAMS = ("test_cart", "test_lists", "test_idempotency")
PATIENCE_S = 300

# Variables, and values that they can have at once.
WRONG = {
    # When a change is committed, and what others see of it.
    "autocommit": "0", "completion_type": "1", "tx_isolation": "'SERIALIZABLE'", "transaction_isolation": "'SERIALIZABLE'",
    "tx_read_only": "1", "transaction_read_only": "1", "innodb_snapshot_isolation": "1", "innodb_table_locks": "0",
    "wsrep_sync_wait": "15", "wsrep_dirty_reads": "1", "wsrep_retry_autocommit": "0", "binlog_row_image": "MINIMAL",
    "query_cache_size": "1048576", "query_cache_wlock_invalidate": "1", "use_secondary_engine": "FORCED",
    "system_versioning_asof": "'2001-01-01 00:00:00'",
    # Which rows, and in which order.
    "sql_select_limit": "1", "sql_safe_updates": "1", "max_join_size": "1", "sql_big_selects": "0", "max_sort_length": "64",
    "sql_auto_is_null": "1", "updatable_views_with_limit": "NO", "auto_increment_increment": "7", "auto_increment_offset": "3",
    # What values become.
    "sql_mode": "'ANSI,NO_BACKSLASH_ESCAPES,HIGH_NOT_PRECEDENCE,IGNORE_SPACE,NO_UNSIGNED_SUBTRACTION,PAD_CHAR_TO_FULL_LENGTH'",
    "old_mode": "'NO_DUP_KEY_WARNINGS_WITH_IGNORE,ZERO_DATE_TIME_CAST,IGNORE_INDEX_ONLY_FOR_JOIN'", "old": "1",
    "div_precision_increment": "0", "group_concat_max_len": "4", "time_zone": "'+13:00'", "default_week_format": "7",
    "character_set_client": "latin1", "character_set_results": "latin1", "collation_connection": "latin1_swedish_ci",
    "character_set_server": "ucs2", "collation_server": "ucs2_general_ci", "lc_messages": "'de_DE'", "lc_time_names": "'de_DE'",
    "explicit_defaults_for_timestamp": "0",
    # What is checked, and what is said of it.
    "foreign_key_checks": "0", "unique_checks": "0", "check_constraint_checks": "0", "innodb_strict_mode": "0",
    "sql_notes": "0", "sql_warnings": "1", "max_error_count": "0", "note_verbosity": "''", "sql_require_primary_key": "1",
    # What ends a statement or a session.
    "max_statement_time": "0.001", "max_execution_time": "1", "lock_wait_timeout": "1", "innodb_lock_wait_timeout": "1",
    "max_session_mem_used": "65536", "tmp_disk_table_size": "1024", "wait_timeout": "1", "interactive_timeout": "1",
    "net_read_timeout": "1", "net_write_timeout": "1", "net_retry_count": "1", "range_optimizer_max_mem_size": "1",
    # How tables are made.
    "default_storage_engine": "MyISAM", "default_tmp_storage_engine": "MyISAM", "alter_algorithm": "COPY", "sql_if_exists": "1",
    "innodb_default_row_format": "redundant", "sql_quote_show_create": "0",
    # How a statement is executed. (Tiny buffers with a join_cache_level of 8 fail lists.)
    "big_tables": "1", "sql_buffer_result": "1", "low_priority_updates": "1", "join_cache_level": "8", "join_buffer_size": "128",
    "join_buffer_space_limit": "2048", "optimizer_search_depth": "0", "optimizer_prune_level": "0", "max_seeks_for_key": "1",
    "optimizer_use_condition_selectivity": "1", "use_stat_tables": "NEVER", "eq_range_index_dive_limit": "1",
    "in_predicate_conversion_threshold": "2", "max_length_for_sort_data": "4", "sort_buffer_size": "1024", "read_rnd_buffer_size": "1",
    "mrr_buffer_size": "8192", "tmp_table_size": "1024", "tmp_memory_table_size": "1024", "max_heap_table_size": "16384",
    "standard_compliant_cte": "0", "expensive_subquery_limit": "0", "optimizer_switch":
        "'mrr=on,mrr_sort_keys=on,join_cache_bka=on,outer_join_with_cache=on,optimize_join_buffer_size=off,derived_merge=off'",
    # What is sent beside answers.
    "session_track_state_change": "1", "session_track_transaction_info": "CHARACTERISTICS", "session_track_system_variables": "'*'",
    "progress_report_time": "1",
}
# Other values of some.
OTHER = {
    "completion_type": "2", "tx_isolation": "'READ-UNCOMMITTED'", "transaction_isolation": "'READ-UNCOMMITTED'",
    "sql_mode": "'ORACLE,EMPTY_STRING_IS_NULL,SIMULTANEOUS_ASSIGNMENT,TIME_ROUND_FRACTIONAL'", "div_precision_increment": "30",
    "sql_select_limit": "0", "time_zone": "'-12:00'", "join_cache_level": "0", "in_predicate_conversion_threshold": "0",
    "lock_wait_timeout": "31536000", "innodb_lock_wait_timeout": "1073741824", "max_heap_table_size": "1073741824",
    "optimizer_switch": "'index_merge=off,derived_with_keys=off,materialization=off,semijoin=off,exists_to_in=off,"
                        "condition_pushdown_for_derived=off,split_materialized=off,rowid_filter=off,table_elimination=off'",
}
# What only a session can be set to: the server does it for each.
AT_CONNECTING = {
    "autocommit": "0", "timestamp": "1", "insert_id": "7", "last_insert_id": "9", "rand_seed1": "1", "foreign_key_checks": "0",
    "sql_select_limit": "1", "max_statement_time": "0.001", "max_execution_time": "1", "completion_type": "2", "sql_mode": "'ANSI_QUOTES'",
    "collation_connection": "ucs2_general_ci", "wait_timeout": "1",
}
WRONG_VALUE = 1231  # ER_WRONG_VALUE_FOR_VAR


def contract(server, program):
    """What is wrong with a program of the contract suite on the server."""
    environment = {**os.environ, **server.environment(), "CART_BACKEND": "mysql"}
    done = subprocess.run([os.path.join(CONTRACT, program)], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=PATIENCE_S, check=False)
    return "" if done.returncode == 0 else "%s:\n%s" % (program, done.stdout.decode("utf-8", "backslashreplace")[-6000:])


def variables_of(session, scope):
    return {row[0].lower() for row in session.sql("SHOW %s VARIABLES" % scope)}


def set_variable(session, name, value):
    """Sets it; of a list of words, the words that this server knows. The words that it does not know."""
    known, unknown = [], []
    words = value.strip("'").split(",") if value.startswith("'") else []
    for word in words:
        try:
            session.sql("SET GLOBAL %s = '%s'" % (name, word))
            known.append(word)
        except private_mariadb.SqlError as error:
            if error.code != WRONG_VALUE:
                raise
            unknown.append(word)
    if known or not words:
        session.sql("SET GLOBAL %s = %s" % (name, "'%s'" % ",".join(known) if words else value))
    return unknown


def with_variables(variables, programs):
    """What is wrong on a server of its own, and the variables and words that it does not know."""
    with private_mariadb.server(fast=True) as server:
        with private_mariadb.Session(server.socket) as session:  # one: the next would have the wrong values itself
            known = variables_of(session, "GLOBAL")
            absent = sorted(set(variables) - known)
            for name in sorted(known.intersection(variables)):
                absent += ["%s=%s" % (name, word) for word in set_variable(session, name, variables[name])]
        return "\n".join(filter(None, (contract(server, program) for program in programs))), absent


def are_wrong(variables, programs):
    problem, absent = with_variables(variables, programs)
    say("%d variables; not tested, because this server does not know them: %s" % (len(variables), " ".join(absent) or "none"))
    return problem


def are_wrong_at_connecting(programs):
    with private_mariadb.server(fast=True) as server:
        with private_mariadb.Session(server.socket) as session:
            known = variables_of(session, "SESSION")
            statement = "SET " + ", ".join("%s=%s" % item for item in AT_CONNECTING.items() if item[0] in known)
            session.sql('SET GLOBAL init_connect = "%s"' % statement)
        say("init_connect: " + statement)
        return "\n".join(filter(None, (contract(server, program) for program in programs)))


def tests(tap):
    tap.run("answers and commits are the same whatever the variables of the server are", are_wrong, WRONG, PROGRAMS)
    tap.run("and with other values of them", are_wrong, {**WRONG, **OTHER}, PROGRAMS[:2])
    tap.run("and whatever the server executes for each session that begins", are_wrong_at_connecting, PROGRAMS[:1])


if __name__ == "__main__":
    main(tests)
