/* The file of tokens: of what is accepted each token is found by its hash and by its name. */
#include "server/access/tokens.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tokens tokens;
	struct cart_error error;

	if (tokens_parse(&tokens, (const char *)data, size, &error) != 0) {
		if (tokens.all != NULL || tokens.count != 0)
			abort();
		return 0;
	}
	for (size_t i = 0; i < tokens.count; i++) {
		const struct token *token = &tokens.all[i];

		if (tokens_find(&tokens, token->hash) != token ||
		    tokens_named(&tokens, token->caller.name) != token ||
		    token->caller.scopes == 0 || !token_name_is_valid(token->caller.name) ||
		    (token->caller.bound && token->caller.customer.size > 0 &&
		     !shop_id_is_valid(&token->caller.customer))) /* of size 0: a guest's */
			abort();
	}
	tokens_clear(&tokens);
	return 0;
}
