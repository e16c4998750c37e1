/*
 * Credentials of AWS, found as its SDKs find them, by a chain of sources: environment
 * (AWS_ACCESS_KEY_ID, ...), web identity (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN), shared
 * credentials and config files (a profile; credential_process too), container
 * (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI), instance metadata (IMDSv2).
 *
 * The first source that is configured is used. If it fails, the error says so, and the next source
 * is not tried, because it would be another identity. (AWS's SDKs do try the next. Their order is
 * the same, except that roles and SSO in a profile are refused here by name: a credential_process
 * can replace them.) When the settings name a profile, the environment and web identity are
 * skipped, as in boto3. A source that succeeded once is used from then on.
 *
 * One thread of the process fetches credentials and refreshes them well before they expire; loops
 * only copy the newest. When a source fails, the old credentials stay in use, even after they
 * expired (static stability), and the source is tried again with backoff. Credentials never appear
 * in a log or an error.
 */
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include "aws/identity.h"
#include "aws/sigv4.h"
#include "core/base/attr.h"
#include "core/base/clock.h"
#include "core/base/error.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* What is public of a source. */
struct aws_credentials_source {
	_Atomic uint64_t generation; /* read it with aws_credentials_generation() */
	_Atomic int64_t refreshes;   /* counter: brought new credentials */
	_Atomic int64_t failures;    /* counter: a source that was asked failed */
};

/* Starts the thread, which begins with the first fetch. -1: error says why. */
CART_MUST_CHECK int aws_credentials_new(struct aws_credentials_source **source,
					const struct aws_credentials_config *config,
					struct cart_error *error);
/* Stops the thread within a second, whatever it is waiting for, and wipes the credentials. Takes
 * NULL; sets it. */
void aws_credentials_free(struct aws_credentials_source **source);

/*
 * Waits for the first credentials; at start only. 0: there are some. -1: the time is over, or (at
 * once) only a change of the configuration can help, such as for a profile that does not exist or
 * an id without a secret. error says in one line which sources were tried and what each lacked.
 */
CART_MUST_CHECK int aws_credentials_wait(struct aws_credentials_source *source, int64_t timeout_ms,
					 struct cart_error *error);

/* The number of the newest credentials; 0: there are none yet. For any thread, without a lock. */
static inline uint64_t aws_credentials_generation(const struct aws_credentials_source *source)
{
	return atomic_load_explicit(&source->generation, memory_order_acquire);
}
/* Copies the newest credentials and returns their generation; 0: there are none. For any thread,
 * with a short lock. */
uint64_t aws_credentials_copy(struct aws_credentials_source *source, struct aws_credentials *out);
/* Reports that the service refused the credentials of that generation as expired or unknown. New
 * ones are fetched soon, unless there are newer ones already. At least a second lies between two
 * fetches for this reason, and up to a minute while the source returns the same credentials. For
 * any thread. */
void aws_credentials_refused(struct aws_credentials_source *source, uint64_t generation);

#endif
