/* SPDX-License-Identifier: MIT */
/* table.c: see table.h. */
#include "tools/nestctl/core/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/width.h"

#define COLUMNS_MAX 16
#define GAP 3

/* A table. Rows are one after the other in @cells. */
struct table {
	int columns;
	size_t rows;
	const char **cells; /* the heads are the first row */
	int coloured;       /* the column that colour_of() colours */
	enum colour (*colour_of)(const char *cell);
};

struct table *table_new(const char *const *heads)
{
	struct table *t = xalloc(sizeof(*t));

	while (heads[t->columns])
		t->columns++;
	if (t->columns > COLUMNS_MAX)
		die("a table has at most %d columns", COLUMNS_MAX);
	table_row(t, heads);
	return t;
}

void table_row(struct table *t, const char *const *cells)
{
	t->cells = realloc(t->cells, (t->rows + 1) * (size_t)t->columns * sizeof(*t->cells));
	if (!t->cells)
		die("out of memory");
	memcpy(t->cells + t->rows++ * (size_t)t->columns, cells,
		(size_t)t->columns * sizeof(*cells));
}

/*
 * Makes the widest column narrower until all columns fit, or until no column is wider than eight
 * characters.
 */
static void fit(const struct table *t, int *widths)
{
	const int limit = terminal_columns();

	for (;;) {
		int all = GAP * (t->columns - 1), widest = 0;

		for (int i = 0; i < t->columns; i++) {
			all += widths[i];
			if (widths[i] > widths[widest])
				widest = i;
		}
		if (!limit || all <= limit || widths[widest] <= 8)
			return;
		widths[widest]--;
	}
}

void table_colours(struct table *t, int column, enum colour (*of)(const char *cell))
{
	t->coloured = column;
	t->colour_of = of;
}

/* Prints a cell with the blanks after it. */
static void put_cell(const struct table *t, const char *text, int column, int width, bool head)
{
	const enum colour c = head                                  ? COLOUR_BOLD :
			      t->colour_of && column == t->coloured ? t->colour_of(text) :
								      COLOUR_NONE;

	if (c != COLOUR_NONE)
		fputs(colour(c), stdout);
	if (column < t->columns - 1)
		put_padded(stdout, text, width);
	else
		put_cut(stdout, text, width);
	if (c != COLOUR_NONE)
		fputs(colour(COLOUR_NONE), stdout);
	if (column < t->columns - 1)
		printf("%*s", GAP, "");
}

void table_print(struct table *t)
{
	int widths[COLUMNS_MAX] = { 0 };

	for (size_t i = 0; i < t->rows * (size_t)t->columns; i++) {
		int *w = &widths[i % (size_t)t->columns], n = text_width(t->cells[i]);

		*w = n > *w ? n : *w;
	}
	fit(t, widths);
	for (size_t row = 0; row < t->rows; row++) {
		const char **cells = t->cells + row * (size_t)t->columns;

		for (int i = 0; i < t->columns; i++)
			put_cell(t, cells[i], i, widths[i], !row);
		putchar('\n');
	}
	free(t->cells);
	free(t);
}

const char *duration_text(int64_t ns)
{
	const long s = (long)(ns / 1000000000), m = s / 60, h = (s + 1800) / 3600, d = h / 24;

	return s < 1          ? "Less than a second" :
	       s == 1         ? "1 second" :
	       s < 60         ? format("%ld seconds", s) :
	       m == 1         ? "About a minute" :
	       m < 46         ? format("%ld minutes", m) :
	       h == 1         ? "About an hour" :
	       h < 48         ? format("%ld hours", h) :
	       h < 24 * 7 * 2 ? format("%ld days", d) :
	       d < 60         ? format("%ld weeks", d / 7) :
	       d < 730        ? format("%ld months", d / 30) :
				format("%ld years", d / 365);
}
