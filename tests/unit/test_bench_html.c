/* Whatever a file says is text in the page: HTML and Markdown; and numbers read as they should. */
#include "bench/result/html.h"
#include "bench/result/number.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_text(const char *text, const char *wanted)
{
	struct buf out = {0};

	html_add_text(&out, text);
	assert_string_equal(buf_string(&out), wanted);
	buf_free(&out);
}

static void assert_markdown(const char *text, const char *wanted)
{
	struct buf out = {0};

	html_add_markdown(&out, text);
	assert_string_equal(buf_string(&out), wanted);
	buf_free(&out);
}

static void what_means_something_in_html_stands_for_itself(void **state)
{
	(void)state;
	assert_text("", "");
	assert_text("<script>alert('1') & \"2\"</script>",
		    "&lt;script&gt;alert(&#39;1&#39;) &amp; &quot;2&quot;&lt;/script&gt;");
	assert_text("&amp;", "&amp;amp;");
	assert_text("tab\tand\nline", "tab\tand\nline");
	assert_text("K\xc3\xb6ln \xe2\x82\xac \xf0\x9f\x9b\x92",
		    "K\xc3\xb6ln \xe2\x82\xac \xf0\x9f\x9b\x92");
}

static void what_is_no_text_is_replaced(void **state)
{
	(void)state;
	assert_text("a\x01z\x7f", "a\xef\xbf\xbdz\xef\xbf\xbd");
	assert_text("\xc2\x85", "\xef\xbf\xbd");	     /* a control, of two bytes */
	assert_text("\xff", "\xef\xbf\xbd");		     /* no first byte */
	assert_text("\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"); /* cut */
	assert_text("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"); /* "/", too long */
	assert_text("\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_text("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* a surrogate */
	assert_text("\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_text("a\xe2\x80\xae"
		    "b",
		    "a\xef\xbf\xbd"
		    "b"); /* turns the writing */
	assert_text("a\xe2\x81\xa7"
		    "b",
		    "a\xef\xbf\xbd"
		    "b");
	assert_text("\xe2\x80\x8e", "\xef\xbf\xbd");
	assert_text("a\xe2\x80\x93"
		    "b",
		    "a\xe2\x80\x93"
		    "b"); /* a dash does not */
}

static void a_template_is_filled_in_order_and_escaped(void **state)
{
	struct buf out = {0};

	(void)state;
	html_add(&out, "<b title=\"$\">$</b>", "\" onclick=\"x", "$ <", NULL);
	html_add(&out, "<hr>", NULL);
	assert_string_equal(buf_string(&out), "<b title=\"&quot; onclick=&quot;x\">$ &lt;</b><hr>");
	buf_free(&out);
}

static void what_means_something_in_markdown_stands_for_itself(void **state)
{
	(void)state;
	assert_markdown("a|b", "a\\|b");
	assert_markdown("two\nlines\tand", "two lines and");
	assert_markdown("*b* _i_ `c` [x](y) ~s~ #1 @all \\",
			"\\*b\\* \\_i\\_ \\`c\\` \\[x\\](y) \\~s\\~ \\#1 \\@all \\\\");
	assert_markdown("<img src=x> &", "&lt;img src=x&gt; &amp;");
	assert_markdown("\xe2\x80\xae", "\xef\xbf\xbd");
	assert_markdown("12.5 % (+3)", "12.5 % (+3)");
}

static void characters_are_counted_and_not_bytes(void **state)
{
	(void)state;
	assert_int_equal(html_characters("K\xc3\xb6ln"), 4);
	assert_int_equal(html_characters("\xff\xff"), 2);
	assert_int_equal(html_bytes_of("K\xc3\xb6ln", 2), 3);
	assert_int_equal(html_bytes_of("ab", 5), 2);
	assert_int_equal(html_bytes_of("ab", 0), 0);
}

static void numbers_have_the_digits_that_mean_something(void **state)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {
		{0, "0"},
		{1, "1.00"},
		{0.0834321, "0.0834"},
		{12.345, "12.3"},
		{999.4, "999"},
		{999.6, "1,000"},
		{9.996, "10.0"},
		{0.09996, "0.100"},
		{1234567, "1,234,567"},
		{-5.5, "\xe2\x88\x92"
		       "5.50"},
		{NAN, "\xe2\x80\x93"},
		{INFINITY, "\xe2\x80\x93"},
	};
	char text[NUMBER_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(number_digits(rows[i].value, 3, text), rows[i].text);
}

#define SPACE "\xc2\xa0"

static void numbers_have_their_units(void **state)
{
	char text[NUMBER_TEXT];

	(void)state;
	assert_string_equal(number_ms(512345, text), "0.512" SPACE "ms");
	assert_string_equal(number_ms(NAN, text), "\xe2\x80\x93");
	assert_string_equal(number_plain(0.25, text), "0.25");
	assert_string_equal(number_plain(0.1 + 0.2, text), "0.3");
	assert_string_equal(number_plain(1e6, text), "1,000,000");
	assert_string_equal(number_count(20000, text), "20,000");
	assert_string_equal(number_percent(0.95, text), "95" SPACE "%");
	assert_string_equal(number_percent(0.025, text), "2.5" SPACE "%");
	assert_string_equal(number_p(0.0004, text), "<" SPACE "0.001");
	assert_string_equal(number_p(0.0304, text), "0.030");
	assert_string_equal(number_percentile(0.5, text), "p50");
	assert_string_equal(number_percentile(0.999, text), "p99.9");
}

static void an_effect_says_which_way(void **state)
{
	char text[NUMBER_TEXT];

	(void)state;
	assert_string_equal(number_effect(0.0351, text), "+3.5" SPACE "%");
	assert_string_equal(number_effect(-0.1234, text), "\xe2\x88\x92"
							  "12" SPACE "%");
	assert_string_equal(number_effect(2.1, text), "+210" SPACE "%");
	assert_string_equal(number_effect(0, text), "0.0" SPACE "%");
	assert_string_equal(number_effect(-0.0001, text), "0.0" SPACE "%");
	assert_string_equal(number_effect(361, text), "\xc3\x97"
						      "362");
	assert_string_equal(number_effect(-0.9721, text), "\xc3\x97"
							  "0.028");
	assert_string_equal(number_effect(NAN, text), "\xe2\x80\x93");
}

/* 150 of 150 is 100 %; 19,999 of 20,000 is not. */
static void a_share_is_not_rounded_to_all_or_nothing(void **state)
{
	char text[NUMBER_TEXT];

	(void)state;
	assert_string_equal(number_share(1, text), "100" SPACE "%");
	assert_string_equal(number_share(0, text), "0" SPACE "%");
	assert_string_equal(number_share(0.99995, text), "99.9950" SPACE "%");
	assert_string_equal(number_share(0.0003, text), "0.030" SPACE "%");
	assert_string_equal(number_share(0.424, text), "42" SPACE "%");
	assert_string_equal(number_share(1 - 1e-16, text), "100" SPACE "%");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_means_something_in_html_stands_for_itself),
		cmocka_unit_test(what_is_no_text_is_replaced),
		cmocka_unit_test(a_template_is_filled_in_order_and_escaped),
		cmocka_unit_test(what_means_something_in_markdown_stands_for_itself),
		cmocka_unit_test(characters_are_counted_and_not_bytes),
		cmocka_unit_test(numbers_have_the_digits_that_mean_something),
		cmocka_unit_test(numbers_have_their_units),
		cmocka_unit_test(an_effect_says_which_way),
		cmocka_unit_test(a_share_is_not_rounded_to_all_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
