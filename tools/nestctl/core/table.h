/* SPDX-License-Identifier: MIT */
/*
 * table.h: rows for people: columns as wide as their content, and on a terminal all of it within
 * the width.
 *
 *      struct table *t = table_new((const char *[]){ "NAME", "IMAGE", NULL });
 *      table_row(t, (const char *[]){ name, image });
 *      table_print(t);
 */
#ifndef NESTLING_NESTCTL_TABLE_H
#define NESTLING_NESTCTL_TABLE_H

#include <stdint.h>

#include "tools/nestctl/core/colour.h"

/* The texts must stay until table_print(), which frees the table. @heads ends in NULL. */
struct table *table_new(const char *const *heads);
/* @cells: as many as there are heads. */
void table_row(struct table *t, const char *const *cells);
/* Lets @of say the colour of each cell of a column by its text. */
void table_colours(struct table *t, int column, enum colour (*of)(const char *cell));
void table_print(struct table *t);

/* Returns "5 minutes" or "About an hour", as docker says it. */
const char *duration_text(int64_t ns);

#endif
