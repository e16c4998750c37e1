/*
 * Credentials of AWS, as its SDKs find them: the first source of a chain that has some. Environment
 * (AWS_ACCESS_KEY_ID, ...), web identity (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN), shared
 * credentials and config files (a profile; credential_process too), container
 * (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI), instance metadata (IMDSv2).
 *
 * The first source that has something configured is the one: if that does not work, the error says
 * so, and the next is not asked, because it would be another identity. (AWS's SDKs differ in that;
 * their order is this one, but for roles and SSO in a profile, which are refused here by name: a
 * credential_process does the same.) When the settings choose a profile, the environment and web
 * identity are not asked, as in boto3. The source that has given some once is kept.
 *
 * A thread of the process fetches and refreshes them; a loop only ever copies what is there. They
 * are fetched anew well before they expire. When a source fails, the old ones stay in use, past
 * their expiry too (static stability), and the source is asked again with backoff. No credential
 * is ever logged or put into an error.
 */
#ifndef BACKENDS_DYNAMODB_AWS_CREDENTIALS_H
#define BACKENDS_DYNAMODB_AWS_CREDENTIALS_H

#include "backends/dynamodb/aws/identity.h"
#include "backends/dynamodb/aws/sigv4.h"
#include "core/base/attr.h"
#include "core/base/clock.h"
#include "core/base/error.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* What is public of a source. */
struct ddb_credentials_source {
	_Atomic uint64_t generation; /* read it with ddb_credentials_generation() */
	_Atomic int64_t refreshes;   /* counter: brought new credentials */
	_Atomic int64_t failures;    /* counter: a source that was asked failed */
};

/* Starts the thread, which begins with the first fetch. -1: error says why. */
CART_MUST_CHECK int ddb_credentials_new(struct ddb_credentials_source **source,
					const struct ddb_credentials_config *config,
					struct cart_error *error);
/* Ends the thread, whatever it is at, within a second. Takes NULL; sets it. Wipes. */
void ddb_credentials_free(struct ddb_credentials_source **source);

/*
 * Waits for the first ones. 0: they are there. -1: none within the time, or none at all before
 * somebody changes what is configured (a profile that does not exist, an id without a secret), and
 * then at once; error says in one line which sources were tried and what each lacked. At start
 * only.
 */
CART_MUST_CHECK int ddb_credentials_wait(struct ddb_credentials_source *source, int64_t timeout_ms,
					 struct cart_error *error);

/* Any thread, no lock: grows by one with each set of credentials; 0: there are none yet. */
static inline uint64_t ddb_credentials_generation(const struct ddb_credentials_source *source)
{
	return atomic_load_explicit(&source->generation, memory_order_acquire);
}
/* Any thread; a short lock. Copies the newest; returns their generation, 0: there are none. */
uint64_t ddb_credentials_copy(struct ddb_credentials_source *source, struct ddb_credentials *out);
/* Any thread: the service has refused those of that generation as expired or unknown; they are
 * fetched anew soon, unless that has happened meanwhile. A second or more lies between two
 * fetches for this reason, and up to a minute where the source keeps giving the same. */
void ddb_credentials_refused(struct ddb_credentials_source *source, uint64_t generation);

/* "environment", "profile default", "IMDS": where the newest are from; for logs. */
void ddb_credentials_origin(struct ddb_credentials_source *source, char *text, size_t room);

#endif
