#include "tests/lib/json_mutate.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

/* libFuzzer's; not there when a target only replays its corpus. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) __attribute__((weak));

/* xorshift: what the fuzzer found is found again by the seed that it gives. */
static uint32_t mutate_next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static json_t *mutate_number(uint32_t *state)
{
	static const double reals[] = {0.5,   -0.0,  1e-300, 1e15, 1.8446744073709552e19,
				       1e300, -1e300};
	static const json_int_t integers[] = {0,	 1,	    2,	       3,	 10,
					      -1,	 100,	    1000,      1 << 20,	 INT32_MAX,
					      INT32_MIN, INT64_MAX, INT64_MIN, 1LL << 53};
	uint32_t n = mutate_next(state);

	if (n % 3 == 0)
		return json_real(reals[n / 3 % (sizeof(reals) / sizeof(reals[0]))]);
	return json_integer(integers[n / 3 % (sizeof(integers) / sizeof(integers[0]))]);
}

static json_t *mutate_value(uint32_t *state)
{
	static const char *const texts[] = {"", "a", "A", "%s", "<b>", "-1", "1e9999", "B", "\n"};

	switch (mutate_next(state) % 8) {
	case 0:
		return json_null();
	case 1:
		return json_boolean(mutate_next(state) % 2);
	case 2:
		return json_string(texts[mutate_next(state) % (sizeof(texts) / sizeof(texts[0]))]);
	case 3:
		return json_array();
	case 4:
		return json_object();
	default:
		return mutate_number(state);
	}
}

static size_t mutate_count(const json_t *json)
{
	return json_is_object(json) ? json_object_size(json) : json_array_size(json);
}

static const char *mutate_key(json_t *object, size_t at)
{
	void *member = json_object_iter(object);

	while (member != NULL && at-- > 0)
		member = json_object_iter_next(object, member);
	return member == NULL ? NULL : json_object_iter_key(member);
}

static json_t *mutate_child(json_t *json, size_t at)
{
	return json_is_array(json) ? json_array_get(json, at)
				   : json_object_get(json, mutate_key(json, at));
}

/* Consumes value; NULL: removes the child. */
static void mutate_set(json_t *json, size_t at, json_t *value)
{
	if (json_is_array(json) && value == NULL)
		json_array_remove(json, at);
	else if (json_is_array(json))
		json_array_set_new(json, at, value);
	else if (value == NULL)
		json_object_del(json, mutate_key(json, at));
	else
		json_object_set_new(json, mutate_key(json, at), value);
}

/* Walks down to a container and changes one of its children. */
static void mutate_tree(json_t *json, uint32_t *state)
{
	size_t count, at;
	json_t *child;

	for (;;) {
		count = mutate_count(json);
		if (count == 0)
			return;
		at = mutate_next(state) % count;
		child = mutate_child(json, at);
		if (mutate_count(child) == 0 || mutate_next(state) % 8 == 0)
			break;
		json = child;
	}
	switch (mutate_next(state) % 6) {
	case 0:
		mutate_set(json, at, NULL);
		break;
	case 1: /* another's value */
		mutate_set(json, at,
			   json_deep_copy(mutate_child(json, mutate_next(state) % count)));
		break;
	case 2:
		if (json_is_array(json))
			json_array_append_new(json, json_deep_copy(child));
		break;
	default:
		mutate_set(json, at, mutate_value(state));
	}
}

static bool mutate_document(uint8_t *data, size_t *size, size_t max_size, uint32_t *state)
{
	json_t *json = json_loadb((const char *)data, *size, JSON_ALLOW_NUL, NULL);
	size_t len;
	bool fits;

	if (json == NULL)
		return false;
	for (uint32_t n = mutate_next(state) % 3 + 1; n > 0; n--)
		mutate_tree(json, state);
	len = json_dumpb(json, (char *)data, max_size, JSON_COMPACT);
	json_decref(json);
	/* Where it does not fit, the bytes are those of a document that was cut: as good. */
	fits = len > 0 && len <= max_size;
	*size = fits ? len : max_size;
	return true;
}

size_t json_mutate(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	uint32_t state = seed * 2654435761U | 1;

	if (mutate_next(&state) % 4 == 0 || !mutate_document(data, &size, max_size, &state))
		return LLVMFuzzerMutate(data, size, max_size);
	return size;
}
