/* SPDX-License-Identifier: MIT */
/*
 * table.h: tables for people to read. Columns are as wide as their content. On a terminal the
 * widest are cut until all columns fit, but to no less than eight characters.
 */
#ifndef NESTLING_NESTCTL_TABLE_H
#define NESTLING_NESTCTL_TABLE_H

#include <stdint.h>

#include "tools/nestctl/core/colour.h"

/*
 * Makes a table. @heads ends in NULL and has at most 16 texts, else the call dies. Heads and cells
 * must stay in memory until table_print(), which frees the table.
 */
struct table *table_new(const char *const *heads);
/*
 * Adds a row. @cells has as many texts as there are heads, none of them NULL. The array is copied.
 */
void table_row(struct table *t, const char *const *cells);
/*
 * Sets the function that returns the colour of a cell of @column (from 0) by its text. Only one
 * column has colours.
 */
void table_colours(struct table *t, int column, enum colour (*of)(const char *cell));
/* Prints the table on standard output, the heads first, and frees @t. */
void table_print(struct table *t);

/*
 * Returns docker's text of a duration, such as "5 minutes" or "About an hour". The text is never
 * freed.
 */
const char *duration_text(int64_t ns);

#endif
