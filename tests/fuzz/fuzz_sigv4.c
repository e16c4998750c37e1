/* A request to sign, of any text: a signature is the same twice, and does not depend on the order
 * of headers of different names. */
#include "aws/sigv4.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define PIECES	  4
#define PIECE_MAX 600

/* The input in pieces, at newlines; the last has what is left, without NUL. */
static void split(const uint8_t *data, size_t size, char pieces[PIECES][PIECE_MAX + 1])
{
	size_t piece = 0, len = 0;

	for (size_t i = 0; i < size && piece < PIECES; i++) {
		if (data[i] == '\n') {
			pieces[piece++][len] = '\0';
			len = 0;
		} else if (data[i] != '\0' && len < PIECE_MAX) {
			pieces[piece][len++] = (char)data[i];
		}
	}
	if (piece < PIECES)
		pieces[piece++][len] = '\0';
	for (; piece < PIECES; piece++)
		pieces[piece][0] = '\0';
}

static bool sign(char pieces[PIECES][PIECE_MAX + 1], bool turned, struct sigv4_signed *out)
{
	static struct sigv4_signer signer = {.region = "us-east-1", .service = "dynamodb"};
	const struct sigv4_header host = {"host", pieces[1]}, other = {"x-other", pieces[2]};
	const struct sigv4_header headers[] = {turned ? other : host, turned ? host : other};
	const struct sigv4_credentials credentials = {.access_key_id = "AKIDEXAMPLE",
						      .secret_access_key = pieces[3]};
	const struct sigv4_request request = {
		.method = pieces[0],
		.headers = headers,
		.header_count = 2,
		.payload = pieces[2],
		.payload_len = strlen(pieces[2]),
	};

	return sigv4_sign(&signer, &credentials, &request, 1440938160, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char pieces[PIECES][PIECE_MAX + 1];
	struct sigv4_signed one, other;
	bool good;

	split(data, size, pieces);
	good = sign(pieces, false, &one);
	if (sign(pieces, true, &other) != good)
		abort();
	if (good && strcmp(one.authorization, other.authorization) != 0)
		abort();
	return 0;
}
