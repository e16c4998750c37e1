/*
 * At first, and after the writer failed, there is no writer. Then one thread goes through the list
 * in order, from the front, and again from the start while no host can be used; the first host
 * that accepts writes becomes the writer, and the other threads wait for that. An attempt that was
 * begun before the writer failed may still succeed, which shows that the host works: whichever
 * succeeds while there is no writer makes one. A success at another host than the writer is not
 * used.
 *
 * A host without room for another connection has not failed. It is not tried for a while either,
 * but stays the writer, and no other host is tried instead: its other clients continue to write to
 * it.
 */
#include "backends/mysql/hosts.h"

#include "core/base/clock.h"

void sql_hosts_init(struct sql_hosts *hosts, size_t count, bool one)
{
	*hosts = (struct sql_hosts){
		.count = count, .one = one, .chosen = SQL_NO_HOST, .last = SQL_NO_HOST};
}

static enum sql_turn hosts_try(struct sql_hosts *hosts, size_t host, int64_t now_ns,
			       struct sql_try *attempt)
{
	struct sql_breaker *breaker = &hosts->breakers[host];
	bool elector = hosts->one && hosts->chosen == SQL_NO_HOST;

	if (elector)
		hosts->front = (host + 1) % hosts->count;
	*attempt = (struct sql_try){.host = host,
				    .change = breaker->change,
				    .election = hosts->election,
				    .only = !breaker->healthy,
				    .elector = elector};
	breaker->trying = !breaker->healthy;
	breaker->slow_ns = now_ns + SQL_TRY_SLOW_MS * CLOCK_NS_PER_MS;
	hosts->electing = hosts->electing || elector;
	return SQL_TURN_TRY;
}

/* Whether this host may be tried: TRY, WAIT or NONE, which lowers *retry_ns. */
static enum sql_turn hosts_may_try(const struct sql_breaker *breaker, int64_t now_ns,
				   int64_t *retry_ns)
{
	int64_t again_ns;

	if (breaker->healthy)
		return SQL_TURN_TRY;
	if (breaker->trying)
		return SQL_TURN_WAIT;
	if (now_ns >= breaker->until_ns && !breaker->slow)
		return SQL_TURN_TRY;
	/* The end of a slow attempt cannot be known: check again after a while. */
	again_ns = breaker->until_ns > now_ns ? breaker->until_ns
					      : now_ns + SQL_BREAKER_MIN_MS * CLOCK_NS_PER_MS;
	if (again_ns < *retry_ns)
		*retry_ns = again_ns;
	return SQL_TURN_NONE;
}

static enum sql_turn hosts_elect(struct sql_hosts *hosts, int64_t now_ns, struct sql_try *attempt,
				 int64_t *retry_ns)
{
	if (hosts->electing)
		return SQL_TURN_WAIT;
	for (size_t n = 0; n < hosts->count; n++) {
		size_t i = (hosts->front + n) % hosts->count;
		enum sql_turn turn = hosts_may_try(&hosts->breakers[i], now_ns, retry_ns);

		if (turn == SQL_TURN_TRY)
			return hosts_try(hosts, i, now_ns, attempt);
		if (turn == SQL_TURN_WAIT)
			return turn;
		if (hosts->breakers[i].full) {
			*retry_ns = hosts->breakers[i].until_ns;
			return SQL_TURN_NONE;
		}
	}
	return SQL_TURN_NONE;
}

static enum sql_turn hosts_in_turn(struct sql_hosts *hosts, int64_t now_ns, struct sql_try *attempt,
				   int64_t *retry_ns)
{
	enum sql_turn result = SQL_TURN_NONE;

	for (size_t i = 0; i < hosts->count; i++) {
		size_t host = (hosts->turn + i) % hosts->count;
		enum sql_turn turn;

		turn = hosts_may_try(&hosts->breakers[host], now_ns, retry_ns);
		if (turn == SQL_TURN_TRY) {
			hosts->turn = host + 1;
			return hosts_try(hosts, host, now_ns, attempt);
		}
		if (turn == SQL_TURN_WAIT)
			result = turn;
	}
	return result;
}

static void hosts_open_breaker(struct sql_breaker *breaker, bool full, int64_t now_ns,
			       uint64_t random)
{
	int64_t ms = SQL_BREAKER_MAX_MS;
	uint64_t half;

	if (breaker->failures < 8 && SQL_BREAKER_MIN_MS << breaker->failures < SQL_BREAKER_MAX_MS)
		ms = SQL_BREAKER_MIN_MS << breaker->failures;
	half = (uint64_t)(ms * CLOCK_NS_PER_MS / 2);
	breaker->healthy = false;
	breaker->full = full;
	breaker->failures++;
	breaker->change++;
	breaker->until_ns = now_ns + (int64_t)(half + random % (half + 1));
}

/* Attempts that have become slow no longer make others wait. */
static void hosts_pass_slow(struct sql_hosts *hosts, int64_t now_ns)
{
	for (size_t i = 0; i < hosts->count; i++) {
		struct sql_breaker *breaker = &hosts->breakers[i];

		if (!breaker->trying || now_ns < breaker->slow_ns)
			continue;
		hosts_open_breaker(breaker, false, now_ns, 0);
		breaker->trying = false;
		breaker->slow = true;
		if (hosts->chosen == i)
			hosts->chosen = SQL_NO_HOST;
		hosts->electing = false;
		hosts->election++;
	}
}

enum sql_turn sql_hosts_next(struct sql_hosts *hosts, int64_t now_ns, struct sql_try *attempt,
			     int64_t *retry_ns)
{
	enum sql_turn turn;

	*retry_ns = INT64_MAX;
	hosts_pass_slow(hosts, now_ns);
	if (!hosts->one)
		return hosts_in_turn(hosts, now_ns, attempt, retry_ns);
	if (hosts->chosen == SQL_NO_HOST)
		return hosts_elect(hosts, now_ns, attempt, retry_ns);
	turn = hosts_may_try(&hosts->breakers[hosts->chosen], now_ns, retry_ns);
	return turn == SQL_TURN_TRY ? hosts_try(hosts, hosts->chosen, now_ns, attempt) : turn;
}

/* True: the connection to it is to be used. */
static bool hosts_succeeded(struct sql_hosts *hosts, size_t host)
{
	struct sql_breaker *breaker = &hosts->breakers[host];

	breaker->healthy = true;
	breaker->trying = false;
	breaker->full = false;
	breaker->failures = 0;
	if (!hosts->one)
		return true;
	if (hosts->chosen == SQL_NO_HOST) {
		hosts->chosen = host;
		hosts->front = 0; /* of the next election */
		if (hosts->last != host)
			hosts->epoch++;
		hosts->last = host;
	}
	return hosts->chosen == host;
}

bool sql_hosts_done(struct sql_hosts *hosts, const struct sql_try *attempt,
		    enum sql_outcome outcome, int64_t now_ns, uint64_t random)
{
	struct sql_breaker *breaker = &hosts->breakers[attempt->host];

	if (attempt->elector && attempt->election == hosts->election)
		hosts->electing = false;
	if (attempt->only)
		breaker->trying = breaker->slow = false;
	if (outcome == SQL_OUTCOME_GOOD)
		return hosts_succeeded(hosts, attempt->host);
	if (attempt->change != breaker->change)
		return false;
	hosts_open_breaker(breaker, outcome == SQL_OUTCOME_FULL, now_ns, random);
	if (outcome == SQL_OUTCOME_FULL && attempt->elector)
		hosts->front = attempt->host;
	if (outcome != SQL_OUTCOME_FULL && hosts->chosen == attempt->host)
		hosts->chosen = SQL_NO_HOST;
	return false;
}

void sql_hosts_suspect(struct sql_hosts *hosts, size_t host)
{
	struct sql_breaker *breaker = &hosts->breakers[host];

	if (!breaker->healthy)
		return;
	breaker->healthy = false;
	breaker->until_ns = 0;
}

bool sql_hosts_reject(struct sql_hosts *hosts, size_t host, uint64_t epoch, int64_t now_ns,
		      uint64_t random)
{
	if (!hosts->one || hosts->chosen != host || hosts->epoch != epoch)
		return false;
	hosts->chosen = SQL_NO_HOST;
	hosts_open_breaker(&hosts->breakers[host], false, now_ns, random);
	return true;
}

size_t sql_hosts_open(const struct sql_hosts *hosts)
{
	size_t open = 0;

	for (size_t i = 0; i < hosts->count; i++)
		open += hosts->breakers[i].failures > 0;
	return open;
}
