/* Source: "Error responses", list of error codes (Amazon S3 API reference). */
#include "aws/s3/explain.h"

#include <stdio.h>
#include <string.h>

static bool explain_is(const struct s3_answer *answer, const char *const codes[])
{
	for (size_t i = 0; codes[i] != NULL; i++)
		if (strcmp(answer->code, codes[i]) == 0)
			return true;
	return false;
}

/* Of an error whose status alone does not say it. */
static enum s3_meaning explain_code(const struct s3_answer *answer)
{
	static const char *const again[] = {"SlowDown",
					    "ServiceUnavailable",
					    "Throttling",
					    "ThrottlingException",
					    "RequestLimitExceeded",
					    "TooManyRequests",
					    "OperationAborted",
					    "ConditionalRequestConflict",
					    NULL};
	/* What came is not what was sent, or came too slowly. */
	static const char *const damaged[] = {"BadDigest",
					      "XAmzContentSHA256Mismatch",
					      "XAmzContentChecksumMismatch",
					      "RequestTimeout",
					      "IncompleteBody",
					      NULL};
	static const char *const clock[] = {"RequestTimeTooSkewed", NULL};
	static const char *const identity[] = {"ExpiredToken", "TokenRefreshRequired", NULL};
	static const char *const unknown[] = {"NotImplemented", NULL};

	if (explain_is(answer, again) || explain_is(answer, damaged))
		return S3_MEANS_AGAIN;
	if (explain_is(answer, clock))
		return S3_MEANS_CLOCK;
	if (explain_is(answer, identity))
		return S3_MEANS_IDENTITY;
	if (explain_is(answer, unknown))
		return S3_MEANS_NO_CONDITIONS;
	return S3_MEANS_REFUSED;
}

enum s3_meaning s3_meaning_of(const struct s3_request *request, const struct s3_answer *answer)
{
	enum s3_meaning meaning;

	/* Nobody else answers there a moment later. */
	if (request->code == CURLE_PEER_FAILED_VERIFICATION ||
	    request->code == CURLE_SSL_CACERT_BADFILE)
		return S3_MEANS_REFUSED;
	if (request->status == 0)
		return request->too_long ? S3_MEANS_REFUSED
		       : request->sent	 ? S3_MEANS_DOUBT
					 : S3_MEANS_AGAIN;
	if (request->status / 100 == 2)
		return S3_MEANS_DONE;
	meaning = explain_code(answer);
	if (request->status == 412)
		return S3_MEANS_CONDITION;
	if (meaning == S3_MEANS_NO_CONDITIONS && request->condition == NULL)
		return S3_MEANS_REFUSED;
	if (meaning != S3_MEANS_REFUSED)
		return meaning;
	/* A proxy has a 404 too, and another server one for keys that it does not know. */
	if (request->status == 404 && strcmp(answer->code, "NoSuchKey") == 0)
		return S3_MEANS_ABSENT;
	if (request->status == 429)
		return S3_MEANS_AGAIN;
	return request->status >= 500 ? S3_MEANS_DOUBT : S3_MEANS_REFUSED;
}

/* Of S3's permissions. */
static const char *explain_action(const struct s3_request *request)
{
	if (request->key == NULL)
		return "s3:ListBucket on the bucket";
	if (strcmp(request->method, "PUT") == 0)
		return "s3:PutObject";
	return strcmp(request->method, "DELETE") == 0
		       ? "s3:DeleteObject"
		       : "s3:GetObject, and s3:ListBucket on the bucket";
}

/* What to do about it; NULL: nothing is known. */
static const char *explain_advice(const struct s3_config *config, const struct s3_request *request,
				  const struct s3_answer *answer, char *room, size_t size)
{
	const char *region = request->region[0] != '\0' ? request->region : answer->region;

	if (strcmp(answer->code, "NoSuchBucket") == 0)
		return "there is no such bucket; cartctl makes none";
	if (region[0] != '\0' && strcmp(region, config->endpoint->region) != 0) {
		snprintf(room, size, "the bucket is in the region %.40s: set s3.region to it",
			 region);
		return room;
	}
	if (request->status == 301 || request->status == 307)
		return "the bucket is at another endpoint: set s3.region or s3.endpoint";
	if (strcmp(answer->code, "InvalidObjectState") == 0)
		return "the object is in a storage class that has to be restored first";
	if (strcmp(answer->code, "EntityTooLarge") == 0)
		return "the file is too large: archive with a smaller --batch";
	if (strcmp(answer->code, "AccessDenied") == 0) {
		snprintf(room, size, "the identity needs %s", explain_action(request));
		return room;
	}
	if (strcmp(answer->code, "InvalidAccessKeyId") == 0 ||
	    strcmp(answer->code, "SignatureDoesNotMatch") == 0)
		return "the credentials are wrong";
	return NULL;
}

enum s3_result s3_explain(const struct s3_config *config, const struct s3_request *request,
			  const struct s3_answer *answer, struct cart_error *error)
{
	char room[160], status[32] = "";
	const char *advice = explain_advice(config, request, answer, room, sizeof(room));
	const char *what = request->key == NULL			 ? "list"
			   : strcmp(request->method, "PUT") == 0 ? "write"
			   : strcmp(request->method, "GET") == 0 ? "read"
								 : "remove";

	if (request->status != 0)
		snprintf(status, sizeof(status), " (HTTP %ld)", request->status);
	cart_error_set(error, "cannot %s s3://%s/%.160s at %.100s: %.63s%s%.120s%s%s%s", what,
		       config->bucket, request->key != NULL ? request->key : "",
		       config->endpoint->url, answer->code,
		       answer->code[0] != '\0' && advice == NULL ? ": " : "",
		       advice != NULL	      ? ""
		       : request->status == 0 ? request->why
					      : answer->message,
		       status, advice != NULL ? ": " : "", advice != NULL ? advice : "");
	return S3_FAILED;
}
