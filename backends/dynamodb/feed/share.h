/*
 * Reads of the stream that several ops of a loop have in common.
 *
 * Cursors of two consumers are never the same text, but those who have read all stand at the same
 * places. What comes after a sequence number never changes, so one GetRecords answers all who stand
 * there: who comes while it is under way waits for it, and who comes a moment later takes what it
 * gave.
 *
 * A place of "now" has no sequence number. Those who ask for "now" while another one gets iterators
 * for it may not have these, which may be behind what they want: they wait for the next round, and
 * that one's cursor is for all who came before it began. So a crowd has the same cursor, and the
 * same places. Without an iterator such a place is read from the shard's beginning, and what is old
 * is left out: that is shared with nobody.
 */
#ifndef BACKENDS_DYNAMODB_FEED_SHARE_H
#define BACKENDS_DYNAMODB_FEED_SHARE_H

#include "backends/dynamodb/feed/types.h"

/* The answer of a GetRecords from that place on, which has records; NULL: none is kept. Good until
 * the next one is kept. */
const json_t *ddb_share_find(struct ddb_reader *reader, const struct ddb_spot *spot);
/* Keeps the answer to what the op asked for some seconds, unless it is too large. */
void ddb_share_keep(const struct ddb_read *read, json_t *answer, size_t bytes);
void ddb_share_clear(struct ddb_reader *reader);

/* The op asks for the records at its place; others wait until ddb_share_end(). */
void ddb_share_begin(struct ddb_read *read);
/* Whether another one asks there, whose time is not over later. Then start() is called, once that
 * has ended. */
bool ddb_share_wait(struct ddb_read *read, void (*start)(struct ddb_read *read));
/* busy: those who wait need not try, because the stream did not answer. */
void ddb_share_end(struct ddb_read *read, bool busy);

/* Whether the op's cursor is there, from a round of "now" that began after the op. */
bool ddb_share_take_now(struct ddb_read *read);
/* As ddb_share_wait(). Otherwise the op begins a round, of which it gives its cursor. */
bool ddb_share_wait_now(struct ddb_read *read, void (*start)(struct ddb_read *read));
void ddb_share_give_now(const struct ddb_read *read);

#endif
