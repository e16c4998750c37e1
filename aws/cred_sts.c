/*
 * Reads the XML of the security token service (STS): credentials, or an error with a code.
 *
 * Source: "AssumeRoleWithWebIdentity" (AWS STS API reference).
 */
#include "aws/cred.h"

#include <expat.h>
#include <stdio.h>
#include <string.h>

#define CRED_STS_DEPTH_MAX 16
#define CRED_STS_NOTE_MAX  200

enum cred_sts_parent { CRED_STS_OTHER, CRED_STS_CREDENTIALS, CRED_STS_ERROR };

/* The elements that are read. Those of an error are the last. */
enum {
	CRED_STS_ID,
	CRED_STS_SECRET,
	CRED_STS_TOKEN,
	CRED_STS_EXPIRES,
	CRED_STS_CODE,
	CRED_STS_MESSAGE,
	CRED_STS_FIELDS
};

static const struct {
	const char *name;
	enum cred_sts_parent parent;
	size_t room;
} cred_sts_fields[CRED_STS_FIELDS] = {
	[CRED_STS_ID] = {"AccessKeyId", CRED_STS_CREDENTIALS, AWS_ACCESS_KEY_MAX + 1},
	[CRED_STS_SECRET] = {"SecretAccessKey", CRED_STS_CREDENTIALS, AWS_SECRET_MAX + 1},
	[CRED_STS_TOKEN] = {"SessionToken", CRED_STS_CREDENTIALS, AWS_SESSION_TOKEN_MAX + 1},
	[CRED_STS_EXPIRES] = {"Expiration", CRED_STS_CREDENTIALS, 64},
	[CRED_STS_CODE] = {"Code", CRED_STS_ERROR, CRED_STS_NOTE_MAX},
	[CRED_STS_MESSAGE] = {"Message", CRED_STS_ERROR, CRED_STS_NOTE_MAX},
};

struct cred_sts {
	struct {
		char text[AWS_SESSION_TOKEN_MAX + 1]; /* the longest of them */
		size_t len;
		bool seen, too_long;
	} fields[CRED_STS_FIELDS];
	XML_Parser parser;
	enum cred_sts_parent parents[CRED_STS_DEPTH_MAX];
	int depth;
	int open; /* the field that is being read; CRED_STS_FIELDS: none */
};

static void cred_sts_open(void *user, const XML_Char *name, const XML_Char **attributes)
{
	struct cred_sts *sts = user;
	enum cred_sts_parent parent =
		sts->depth > 0 ? sts->parents[sts->depth - 1] : CRED_STS_OTHER;

	(void)attributes;
	sts->open = CRED_STS_FIELDS;
	if (sts->depth == CRED_STS_DEPTH_MAX) {
		XML_StopParser(sts->parser, XML_FALSE);
		return;
	}
	for (int i = 0; i < CRED_STS_FIELDS; i++)
		if (cred_sts_fields[i].parent == parent && !sts->fields[i].seen &&
		    strcmp(cred_sts_fields[i].name, name) == 0) {
			sts->open = i;
			sts->fields[i].seen = true;
		}
	sts->parents[sts->depth] = CRED_STS_OTHER;
	if (strcmp(name, "Credentials") == 0)
		sts->parents[sts->depth] = CRED_STS_CREDENTIALS;
	else if (strcmp(name, "Error") == 0)
		sts->parents[sts->depth] = CRED_STS_ERROR;
	sts->depth++;
}

static void cred_sts_close(void *user, const XML_Char *name)
{
	struct cred_sts *sts = user;

	(void)name;
	sts->open = CRED_STS_FIELDS;
	sts->depth--;
}

static void cred_sts_text(void *user, const XML_Char *text, int len)
{
	struct cred_sts *sts = user;
	size_t left, fits = (size_t)len;

	if (sts->open == CRED_STS_FIELDS)
		return;
	left = cred_sts_fields[sts->open].room - 1 - sts->fields[sts->open].len;
	if (fits > left) {
		fits = left;
		sts->fields[sts->open].too_long = true;
	}
	memcpy(sts->fields[sts->open].text + sts->fields[sts->open].len, text, fits);
	sts->fields[sts->open].len += fits;
}

/* A document type may declare entities, which STS never does: it is refused. */
static void cred_sts_doctype(void *user, const XML_Char *name, const XML_Char *system,
			     const XML_Char *public, int internal)
{
	const struct cred_sts *sts = user;

	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	XML_StopParser(sts->parser, XML_FALSE);
}

static bool cred_sts_parse(struct cred_sts *sts, const struct cred_text *answer)
{
	enum XML_Status status;

	sts->parser = XML_ParserCreate(NULL);
	if (sts->parser == NULL)
		return false;
	XML_SetUserData(sts->parser, sts);
	XML_SetElementHandler(sts->parser, cred_sts_open, cred_sts_close);
	XML_SetCharacterDataHandler(sts->parser, cred_sts_text);
	XML_SetStartDoctypeDeclHandler(sts->parser, cred_sts_doctype);
	status = XML_Parse(sts->parser, answer->data, (int)answer->len, XML_TRUE);
	XML_ParserFree(sts->parser);
	return status == XML_STATUS_OK;
}

static int cred_sts_refusal(const struct cred_sts *sts, const char *secret,
			    struct cart_error *error)
{
	char code[CRED_STS_NOTE_MAX], message[CRED_STS_NOTE_MAX];

	cred_printable(code, sizeof(code), sts->fields[CRED_STS_CODE].text);
	cred_printable(message, sizeof(message), sts->fields[CRED_STS_MESSAGE].text);
	/* Comparing the start of the secret is enough; the message may be cut within it. */
	if (strstr(code, secret) != NULL)
		code[0] = '\0';
	if (*message == '\0' || strstr(message, secret) != NULL)
		return cart_error_set(error, "STS refuses: %s", code);
	return cart_error_set(error, "STS refuses: %s (%s)", code, message);
}

static int cred_sts_result(const struct cred_sts *sts, const char *secret,
			   struct aws_credentials *out, struct cart_error *error)
{
	if (sts->fields[CRED_STS_CODE].seen)
		return cred_sts_refusal(sts, secret, error);
	for (int i = CRED_STS_ID; i <= CRED_STS_EXPIRES; i++) {
		if (sts->fields[i].len == 0)
			return cart_error_set(error, "STS's answer has no %s",
					      cred_sts_fields[i].name);
		if (sts->fields[i].too_long)
			return cart_error_set(error, "the %s in STS's answer is too long",
					      cred_sts_fields[i].name);
	}
	return cred_set(out, sts->fields[CRED_STS_ID].text, sts->fields[CRED_STS_SECRET].text,
			sts->fields[CRED_STS_TOKEN].text, sts->fields[CRED_STS_EXPIRES].text,
			error);
}

int cred_sts_read(const struct cred_text *answer, const char *secret, struct aws_credentials *out,
		  struct cart_error *error)
{
	struct cred_sts sts = {.open = CRED_STS_FIELDS};
	char start[17];
	int result;

	snprintf(start, sizeof(start), "%s", secret);
	if (cred_sts_parse(&sts, answer))
		result = cred_sts_result(&sts, start, out, error);
	else
		result = cart_error_set(error, "STS's answer is not its XML");
	explicit_bzero(&sts, sizeof(sts));
	explicit_bzero(start, sizeof(start));
	return result;
}
