/* Source: "Error responses" and "ListObjectsV2" (Amazon S3 API reference). */
#include "aws/s3/answer.h"

#include <expat.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_DEPTH_MAX 16

enum answer_element { ANSWER_CODE, ANSWER_MESSAGE, ANSWER_REGION, ANSWER_KEY, ANSWER_TOKEN };
#define ANSWER_ELEMENTS (ANSWER_TOKEN + 1)

static const struct {
	const char *parent, *name;
} answer_elements[ANSWER_ELEMENTS] = {
	[ANSWER_CODE] = {"Error", "Code"},
	[ANSWER_MESSAGE] = {"Error", "Message"},
	[ANSWER_REGION] = {"Error", "Region"},
	[ANSWER_KEY] = {"Contents", "Key"},
	[ANSWER_TOKEN] = {"ListBucketResult", "NextContinuationToken"},
};

struct answer_reader {
	struct s3_answer *answer;
	XML_Parser parser;
	char parents[ANSWER_DEPTH_MAX][32]; /* names of the open elements, cut */
	int depth;
	int open;	 /* the element whose text is read; ANSWER_ELEMENTS: none */
	struct buf text; /* of it */
	bool failed;
};

static void answer_stop(struct answer_reader *reader)
{
	reader->failed = true;
	XML_StopParser(reader->parser, XML_FALSE);
}

static void answer_open(void *user, const XML_Char *name, const XML_Char **attributes)
{
	struct answer_reader *reader = user;
	const char *parent = reader->depth > 0 ? reader->parents[reader->depth - 1] : "";

	(void)attributes;
	reader->open = ANSWER_ELEMENTS;
	if (reader->depth == ANSWER_DEPTH_MAX) {
		answer_stop(reader);
		return;
	}
	for (int i = 0; i < ANSWER_ELEMENTS; i++)
		if (strcmp(answer_elements[i].parent, parent) == 0 &&
		    strcmp(answer_elements[i].name, name) == 0)
			reader->open = i;
	buf_reset(&reader->text);
	if (reader->depth == 0)
		reader->answer->is_error = strcmp(name, "Error") == 0;
	strncpy(reader->parents[reader->depth], name, sizeof(reader->parents[0]) - 1);
	reader->parents[reader->depth++][sizeof(reader->parents[0]) - 1] = '\0';
}

/* Text for a message: what is not printable is replaced, and what does not fit is cut. */
static void answer_copy(char *to, size_t room, const char *text)
{
	size_t len = 0;

	for (; text[len] != '\0' && len + 1 < room; len++)
		to[len] = text[len] >= ' ' && text[len] <= '~' ? text[len] : '?';
	to[len] = '\0';
}

static bool answer_add_key(struct s3_answer *answer, const char *key)
{
	char **keys = reallocarray(answer->keys, answer->count + 1, sizeof(*keys));

	if (keys == NULL)
		return false;
	answer->keys = keys;
	keys[answer->count] = strdup(key);
	if (keys[answer->count] == NULL)
		return false;
	answer->count++;
	return true;
}

static bool answer_take(struct s3_answer *answer, int element, const char *text)
{
	switch (element) {
	case ANSWER_CODE:
		answer_copy(answer->code, sizeof(answer->code), text);
		return true;
	case ANSWER_MESSAGE:
		answer_copy(answer->message, sizeof(answer->message), text);
		return true;
	case ANSWER_REGION:
		answer_copy(answer->region, sizeof(answer->region), text);
		return true;
	case ANSWER_KEY:
		return answer_add_key(answer, text);
	default:
		free(answer->token);
		answer->token = strdup(text);
		return answer->token != NULL;
	}
}

static void answer_close(void *user, const XML_Char *name)
{
	struct answer_reader *reader = user;

	(void)name;
	if (reader->open != ANSWER_ELEMENTS &&
	    (reader->text.failed ||
	     !answer_take(reader->answer, reader->open, buf_string(&reader->text))))
		answer_stop(reader);
	reader->open = ANSWER_ELEMENTS;
	reader->depth--;
}

static void answer_text(void *user, const XML_Char *text, int len)
{
	struct answer_reader *reader = user;

	if (reader->open != ANSWER_ELEMENTS)
		buf_add(&reader->text, text, (size_t)len);
}

/* A document type may declare entities, which S3 never does: it is refused. */
static void answer_doctype(void *user, const XML_Char *name, const XML_Char *system,
			   const XML_Char *public, int internal)
{
	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	answer_stop(user);
}

bool s3_answer_read(struct s3_answer *answer, const struct buf *text)
{
	struct answer_reader reader = {.answer = answer, .open = ANSWER_ELEMENTS};
	bool read;

	reader.parser = XML_ParserCreate(NULL);
	if (reader.parser == NULL || text->len > INT_MAX) {
		XML_ParserFree(reader.parser);
		return false;
	}
	XML_SetUserData(reader.parser, &reader);
	XML_SetElementHandler(reader.parser, answer_open, answer_close);
	XML_SetCharacterDataHandler(reader.parser, answer_text);
	XML_SetStartDoctypeDeclHandler(reader.parser, answer_doctype);
	read = XML_Parse(reader.parser, text->len > 0 ? text->data : "", (int)text->len,
			 XML_TRUE) == XML_STATUS_OK;
	XML_ParserFree(reader.parser);
	buf_free(&reader.text);
	return read && !reader.failed;
}

void s3_answer_clear(struct s3_answer *answer)
{
	for (size_t i = 0; i < answer->count; i++)
		free(answer->keys[i]);
	free(answer->keys);
	free(answer->token);
	*answer = (struct s3_answer){0};
}
