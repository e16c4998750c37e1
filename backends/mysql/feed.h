/*
 * Reading the feed: pages of events from the rows of cart_events (outbox.h), in the order of their
 * numbers.
 *
 * The difficulty: a transaction takes the number of its row before it ends, so a row may appear
 * after one with a higher number, and a reader that has gone on would never see it. So a reader
 * stops at the first number that is missing, the gap. Mostly the transaction ends within
 * milliseconds, and the row is there at the next look. If the gap stays, the reader closes it: it
 * inserts empty rows with the missing numbers, tombstones, in two round trips:
 *
 *	START TRANSACTION; SELECT the rows from the last one before the gap to the last one that was
 *		read FOR UPDATE
 *	INSERT the numbers that are still missing; COMMIT
 *
 * So it closes all gaps of a page together: in a Galera cluster there is one after each number,
 * because each node leaves out those of the others. Where a row of these is locked, it closes the
 * first gap alone.
 *
 * The SELECT meets the lock of a row that was inserted and whose transaction is open: the gap stays
 * open, and the page ends before it. A number that nobody has inserted is the tombstone's from then
 * on: a transaction that had taken it and inserts it later fails as with any key that exists
 * (SQL_FAULT_DUPLICATE), and is tried again as a whole. So what lies before a reader never changes,
 * and a cursor is one number: the row, and how many of its events are read.
 *
 * InnoDB shows a commit to others before its log is flushed, and a server that is killed just then
 * forgets it: its event would never have been, and its number would be given again, to one that the
 * reader has passed. So before a page is given out the reader commits a write of its own, which
 * flushes the log up to there: one row of cart_settings. Rows that a loop knows to be flushed cost
 * it nothing.
 *
 * A cursor is good while its row is there, which the sweeper sees to: of the rows that are older
 * than feed.retention it keeps the newest. It removes only from the beginning. The row before a gap
 * is locked while the gap is closed, so that no number is inserted among those that were removed.
 */
#ifndef BACKENDS_MYSQL_FEED_H
#define BACKENDS_MYSQL_FEED_H

#include "backends/mysql/task.h"

/* The lane's task is one FEED op. */
void sql_feed_begin(struct sql_lane *lane);
/* The answer to one of its steps, which has not failed if the step is SQL_STEP_FEED. */
void sql_feed_done(struct sql_lane *lane, struct sql_reply *reply);

#endif
