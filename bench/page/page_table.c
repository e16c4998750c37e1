/* Tables. In the HTML each cell also carries its column's name, which narrow screens show beside
 * it, where a row becomes a card. */
#include "bench/result/html.h"
#include "bench/page/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TABLE_WORD	   20
#define TABLE_KEPT	   20
#define TABLE_KEPT_NUMBERS 24

CART_PRINTF(2, 0)
static void table_add(struct buf *buf, const char *format, va_list args)
{
	char text[1024];
	int len = vsnprintf(text, sizeof(text), format, args);

	if (len < 0) {
		buf->failed = true;
		return;
	}
	/* A longer text is cut between two characters. */
	if ((size_t)len >= sizeof(text)) {
		char *end = text + sizeof(text) - 8;

		while (((unsigned char)*end & 0xc0) == 0x80)
			end--;
		strcpy(end, "\xe2\x80\xa6");
	}
	buf_add(buf, text, strlen(text) + 1);
}

void page_table_begin(struct page_table *table, struct report *report, const char *title, ...)
{
	char text[512];
	va_list args;

	*table = (struct page_table){.report = report};
	va_start(args, title);
	vsnprintf(text, sizeof(text), title, args);
	va_end(args);
	page_title(&table->title, "%s", text);
}

void page_column(struct page_table *table, char align, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_add_char(&table->heads, align);
	table_add(&table->heads, format, args);
	va_end(args);
	table->columns++;
}

void page_heads(struct page_table *table, const char *heads)
{
	for (size_t len; *heads != '\0'; heads += len + (heads[len] == '|')) {
		len = strcspn(heads, "|");
		page_column(table, *heads, "%.*s", (int)len - 2, heads + 2);
	}
}

void page_cell(struct page_table *table, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	table_add(&table->cells, format, args);
	va_end(args);
	table->count++;
}

static const char *table_next(const char *text)
{
	return text + strlen(text) + 1;
}

/* The classes of a cell: k is not broken on a wide page, x may be broken anywhere because a word is
 * longer than a column, e is empty and left out of a card. */
static const char *table_class(char align, const char *text)
{
	size_t word = 0, longest = 0, len = html_characters(text);

	for (const char *at = text; *at != '\0'; at++) {
		word = *at == ' ' ? 0 : word + 1;
		longest = word > longest ? word : longest;
	}
	if (len == 0)
		return "e";
	if (longest > TABLE_WORD)
		return align == 'r' ? "r x" : "l x";
	if (len <= (align == 'r' ? TABLE_KEPT_NUMBERS : TABLE_KEPT))
		return align == 'r' ? "r k" : "l k";
	return align == 'r' ? "r" : "l";
}

static void table_html_row(struct page_table *table, const char **cell)
{
	struct buf *out = &table->report->html;
	const char *head = table->heads.data;

	buf_add_string(out, "<tr>");
	for (size_t column = 0; column < table->columns; column++) {
		const char *text = *cell;
		bool strong = *text == *PAGE_STRONG;

		text += strong;
		if (column == 0)
			html_add(out, "<th scope=\"row\" class=\"$\">$</th>",
				 table_class('l', text), text, NULL);
		else
			html_add(out,
				 strong ? "<td class=\"$\" data-h=\"$\"><strong>$</strong></td>"
					: "<td class=\"$\" data-h=\"$\"><span>$</span></td>",
				 table_class(*head, text), head + 1, text, NULL);
		head = table_next(head);
		*cell = table_next(*cell);
	}
	buf_add_string(out, "</tr>\n");
}

static void table_html(struct page_table *table, bool folded)
{
	struct buf *out = &table->report->html;
	const char *head = table->heads.data, *cell = table->cells.data;

	if (folded)
		html_add(out, "<details><summary>$</summary>\n", buf_string(&table->title), NULL);
	html_add(out, "<table>\n<caption>$</caption>\n<thead><tr>", buf_string(&table->title),
		 NULL);
	for (size_t i = 0; i < table->columns; i++, head = table_next(head))
		html_add(out, "<th scope=\"col\" class=\"$\">$</th>",
			 table_class(i == 0 ? 'l' : *head, head + 1), head + 1, NULL);
	buf_add_string(out, "</tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < table->count; i += table->columns)
		table_html_row(table, &cell);
	buf_add_string(out, "</tbody>\n</table>\n");
	buf_add_string(out, folded ? "</details>\n" : "");
}

static void table_markdown(struct page_table *table)
{
	struct buf *out = &table->report->markdown;
	const char *head = table->heads.data, *cell = table->cells.data;
	size_t column = 0;

	buf_add_string(out, "**");
	html_add_markdown(out, buf_string(&table->title));
	buf_add_string(out, "**\n\n|");
	for (size_t i = 0; i < table->columns; i++, head = table_next(head)) {
		buf_add_char(out, ' ');
		html_add_markdown(out, head + 1);
		buf_add_string(out, " |");
	}
	buf_add_string(out, "\n|");
	head = table->heads.data;
	for (size_t i = 0; i < table->columns; i++, head = table_next(head))
		buf_add_string(out, *head == 'r' ? "---:|" : "---|");
	for (size_t i = 0; i < table->count; i++, cell = table_next(cell)) {
		bool strong = *cell == *PAGE_STRONG;

		buf_add_string(out, column == 0 ? "\n| " : " ");
		column = column + 1 == table->columns ? 0 : column + 1;
		buf_add_string(out, strong ? "**" : "");
		html_add_markdown(out, cell + strong);
		buf_add_string(out, strong ? "** |" : " |");
	}
	buf_add_string(out, "\n\n");
}

void page_table_end(struct page_table *table, enum page_where where)
{
	struct buf *html = &table->report->html;

	html->failed =
		html->failed || table->title.failed || table->heads.failed || table->cells.failed;
	if (!html->failed && table->count > 0) {
		if ((where & PAGE_HTML) != 0)
			table_html(table, (where & PAGE_FOLDED) == PAGE_FOLDED);
		if ((where & PAGE_MARKDOWN) != 0)
			table_markdown(table);
	}
	buf_free(&table->title);
	buf_free(&table->heads);
	buf_free(&table->cells);
}

struct list_table {
	struct page_table table;
	const struct page_list *list;
	size_t left_out;
};

static void list_row(const struct table_row *row, void *user)
{
	struct list_table *to = user;
	char text[TABLE_TEXT];

	if (to->list->keeps != NULL && !to->list->keeps(row)) {
		to->left_out++;
		return;
	}
	for (const struct table_column *column = to->list->columns; column->name != NULL; column++)
		if ((column->places & ON_PAGE) != 0)
			page_cell(&to->table, "%s", table_cell(column, row, text));
}

size_t page_list(struct report *report, enum page_where where, const struct report_doc *doc,
		 const struct page_list *list)
{
	struct list_table to = {.list = list};
	char text[TABLE_TEXT];

	page_table_begin(&to.table, report, "%s: %s", list->title, list->of);
	for (const struct table_column *column = list->columns; column->name != NULL; column++)
		if ((column->places & ON_PAGE) != 0)
			page_column(&to.table, column->unit == UNIT_TEXT ? 'l' : 'r', "%s",
				    table_title(column, doc->json, text));
	table_each(doc->json, json_object_get(doc->results, list->list), list->inner, list_row,
		   &to);
	page_table_end(&to.table, where);
	return to.left_out;
}
