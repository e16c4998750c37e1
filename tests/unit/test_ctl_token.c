/* cartctl token as a program: what it prints, what the file holds, and how it ends. */
#include "server/access/tokens.h"
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/scratch.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOGETHER 6

static char folder[SCRATCH_PATH_MAX], path[SCRATCH_PATH_MAX + 16];
static char *output;
static struct tokens tokens;

#define CTL(...) run_ctl((const char *const[]){__VA_ARGS__, NULL})

static int run_ctl(const char *const *arguments)
{
	const char *argv[16] = {"cartctl", "--auth.token_file", path, "token"};
	size_t n = 4;

	while (*arguments != NULL)
		argv[n++] = *arguments++;
	free(output);
	output = NULL;
	return cartd_run_program(argv, &output, 20000);
}

static void assert_output_holds(const char *text)
{
	if (strstr(output, text) == NULL)
		fail_msg("\"%s\" is not in: %s", text, output);
}

/* What the file holds; nobody else may read it. */
static void load(void)
{
	struct cart_error error;
	struct stat file;

	tokens_clear(&tokens);
	if (tokens_load(&tokens, path, &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
}

static void a_token_is_shown_once_and_kept_as_its_digest(void **state)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	const struct token *token;
	char text[1024];
	FILE *file;
	size_t len;

	(void)state;
	assert_int_equal(CTL("new", "--name", "ann", "--scope", "write,read", "--customer", "7",
			     "--expires", "30d"),
			 0);
	assert_memory_equal(output, TOKEN_PREFIX, strlen(TOKEN_PREFIX));
	assert_int_equal(strcspn(output, "\n"), TOKEN_TEXT);
	assert_output_holds("the only time that the token is shown");
	assert_int_equal(EVP_Digest(output, TOKEN_TEXT, hash, NULL, EVP_sha256(), NULL), 1);
	load();
	token = tokens_find(&tokens, hash);
	assert_non_null(token);
	assert_string_equal(token->caller.name, "ann");
	assert_int_equal(token->caller.scopes, ACCESS_READ | ACCESS_WRITE);
	assert_string_equal(token->caller.customer.text, "7");
	assert_int_equal(token->expires_ms - token->created_ms, INT64_C(30) * 24 * 3600 * 1000);
	output[TOKEN_TEXT] = '\0';
	file = fopen(path, "r");
	assert_non_null(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	assert_null(strstr(text, output + strlen(TOKEN_PREFIX)));
}

static void tokens_are_listed_and_revoked(void **state)
{
	(void)state;
	assert_int_equal(CTL("new", "--name", "shop", "--scope", "read"), 0);
	assert_int_equal(CTL("list"), 0);
	assert_output_holds("NAME ");
	assert_output_holds("\nshop                     read             any ");
	assert_output_holds("never\n");
	assert_output_holds("\nann ");
	assert_null(strstr(output, TOKEN_PREFIX));
	assert_int_equal(CTL("revoke", "ann"), 0);
	assert_string_equal(output, "");
	load();
	assert_int_equal(tokens.count, 1);
	assert_int_equal(CTL("revoke", "ann"), 1);
	assert_output_holds("there is none with the name \"ann\"");
	assert_int_equal(CTL("revoke", "--name=shop"), 0);
	load();
	assert_int_equal(tokens.count, 0);
	assert_int_equal(CTL("list"), 0);
}

static void a_customer_may_be_text_where_ids_are(void **state)
{
	(void)state;
	assert_int_equal(CTL("new", "--name", "text", "--scope", "read", "--customer", "a\"\\:7"),
			 2);
	assert_int_equal(CTL("new", "--name", "text", "--scope", "read", "--customer", "a\"\\:7",
			     "--cart.id_type", "string"),
			 0);
	assert_true(shop_id_type_take(SHOP_ID_STRING));
	load();
	assert_string_equal(tokens_named(&tokens, "text")->caller.customer.text, "a\"\\:7");
	shop_id_type_release();
	assert_int_equal(CTL("revoke", "text", "--cart.id_type", "string"), 0);
	assert_true(shop_id_type_take(SHOP_ID_INTEGER));
	shop_id_type_release();
}

static void a_guest_is_bound_to_no_customer(void **state)
{
	const struct access_caller *caller;

	(void)state;
	assert_int_equal(CTL("new", "--name", "page", "--scope", "read,write", "--guest"), 0);
	load();
	caller = &tokens_named(&tokens, "page")->caller;
	assert_true(caller->bound);
	assert_int_equal(caller->customer.size, 0);
	assert_int_equal(CTL("list"), 0);
	assert_output_holds("\npage                     read,write       guests ");
	assert_int_equal(CTL("revoke", "page"), 0);
	load();
}

static void bad_usage_is_named_and_changes_nothing(void **state)
{
	static const struct {
		const char *arguments[9];
		const char *says;
		int status;
	} bad[] = {
		{{NULL}, "say new, list or revoke", 2},
		{{"make"}, "say new, list or revoke", 2},
		{{"new"}, "needs --name and --scope", 2},
		{{"new", "--name", "a b", "--scope", "read"}, "--name", 2},
		{{"new", "--name", "x", "--scope", "root"}, "--scope", 2},
		{{"new", "--name", "x", "--scope", ""}, "--scope", 2},
		{{"new", "--name", "x", "--scope", "read", "--customer", "0"}, "--customer", 2},
		{{"new", "--name", "x", "--scope", "admin", "--customer", "1"}, "admin", 2},
		{{"new", "--name", "x", "--scope", "admin", "--guest"}, "admin", 2},
		{{"new", "--name", "x", "--scope", "read", "--guest", "--customer", "1"},
		 "a guest has no customer",
		 2},
		{{"list", "--guest"}, "takes no such option", 2},
		{{"new", "--name", "x", "--scope", "read", "--expires", "soon"}, "--expires", 2},
		{{"new", "--name", "x", "--scope", "read", "--expires", "0"}, "--expires", 2},
		{{"new", "x", "--name", "x", "--scope", "read"}, "unexpected argument", 2},
		{{"revoke"}, "needs a name", 2},
		{{"revoke", "a", "b"}, "unexpected argument", 2},
		{{"list", "--scope", "read"}, "no such option", 2},
		{{"new", "--name", "one", "--scope", "read"}, "one with the name \"one\"", 1},
	};

	(void)state;
	assert_int_equal(CTL("new", "--name", "one", "--scope", "admin"), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(run_ctl(bad[i].arguments), bad[i].status);
		assert_output_holds(bad[i].says);
	}
	load();
	assert_int_equal(tokens.count, 1);
	assert_int_equal(tokens.all[0].caller.scopes, ACCESS_ADMIN);
	assert_int_equal(CTL("revoke", "one"), 0);
}

/* A file that cannot be read is left alone. */
static void a_broken_file_is_not_overwritten(void **state)
{
	FILE *file = fopen(path, "w");
	char text[32] = "";

	(void)state;
	assert_non_null(file);
	fputs("not a file of tokens", file);
	fclose(file);
	assert_int_equal(CTL("new", "--name", "a", "--scope", "read"), 1);
	assert_output_holds("it is not JSON");
	file = fopen(path, "r");
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	assert_string_equal(text, "not a file of tokens");
	unlink(path);
}

static void those_who_change_it_together_wait_for_each_other(void **state)
{
	struct cartd runs[TOGETHER];

	(void)state;
	for (size_t i = 0; i < TOGETHER; i++) {
		char name[16];
		const char *argv[] = {
			"cartctl", "--auth.token_file", path,	"token", "new", "--name",
			name,	   "--scope",		"read", NULL};

		snprintf(name, sizeof(name), "token-%zu", i);
		cartd_start_program(&runs[i], argv);
	}
	for (size_t i = 0; i < TOGETHER; i++) {
		assert_int_equal(cartd_wait(&runs[i], 20000), 0);
		cartd_kill(&runs[i]);
	}
	load();
	assert_int_equal(tokens.count, TOGETHER);
}

static int start(void **state)
{
	(void)state;
	scratch_make_folder(folder, "tokens");
	snprintf(path, sizeof(path), "%s/tokens.json", folder);
	return 0;
}

/* Nothing but the file was left in the folder. */
static int stop(void **state)
{
	(void)state;
	tokens_clear(&tokens);
	free(output);
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_shown_once_and_kept_as_its_digest),
		cmocka_unit_test(tokens_are_listed_and_revoked),
		cmocka_unit_test(a_guest_is_bound_to_no_customer),
		cmocka_unit_test(a_customer_may_be_text_where_ids_are),
		cmocka_unit_test(bad_usage_is_named_and_changes_nothing),
		cmocka_unit_test(a_broken_file_is_not_overwritten),
		cmocka_unit_test(those_who_change_it_together_wait_for_each_other),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, stop);
}
