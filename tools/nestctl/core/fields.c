/* SPDX-License-Identifier: MIT */
/* fields.c: see fields.h. */
#include "tools/nestctl/core/fields.h"

#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/fields_tree.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/json_in.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/table.h"

#define COLUMNS_MAX 16

/* A template. @table: NULL unless @in_table. */
struct fields {
	struct field_node *first;
	bool in_table;
	struct table *table;
	/* memory stream of the row that is being written, its text and its size in bytes */
	FILE *f;
	char *row;
	size_t size;
};

/* Splits a line at its tabs, in place, into at most COLUMNS_MAX cells. Returns their number. */
static int cells_of(char *line, const char **cells)
{
	int n = 0;

	for (char *cell; n < COLUMNS_MAX && (cell = strsep(&line, "\t"));)
		cells[n++] = cell;
	return n;
}

static void begin_table(struct fields *f, const char *id)
{
	const char *cells[COLUMNS_MAX + 1] = { NULL };
	char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);

	if (!out)
		die("out of memory");
	field_nodes_heads(out, f->first, id);
	if (fclose(out))
		die("out of memory");
	cells[cells_of(line, cells)] = NULL;
	f->table = table_new(cells);
}

struct fields *fields_parse(const char *template)
{
	return fields_parse_with(template, "CONTAINER ID");
}

struct fields *fields_parse_with(const char *template, const char *id)
{
	struct fields *f = xalloc(sizeof(*f));
	const char *p = template;

	f->in_table = !strncmp(p, "table ", 6);
	p += f->in_table ? 6 : 0;
	if (!strcmp(p, "json"))
		p = "{{json .}}";
	f->first = field_nodes_parse(p);
	if (f->in_table)
		begin_table(f, id);
	return f;
}

/* ---- rows ---- */

void fields_row_begin(struct fields *f)
{
	f->row = NULL;
	f->f = open_memstream(&f->row, &f->size);
	if (!f->f)
		die("out of memory");
	json_to(f->f);
}

void fields_row_end(struct fields *f)
{
	const struct json *row;
	char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);
	const char *cells[COLUMNS_MAX];
	int n;

	json_to(NULL);
	if (!out || fclose(f->f))
		die("out of memory");
	row = json_parse(f->row, f->size, "--format");
	field_nodes_run(out, f->first, row);
	if (fclose(out))
		die("out of memory");
	if (!f->table) {
		puts(line);
		return;
	}
	n = cells_of(line, cells);
	while (n < COLUMNS_MAX)
		cells[n++] = "";
	table_row(f->table, cells);
}

void fields_finish(struct fields *f)
{
	if (f->table)
		table_print(f->table);
	free(f);
}
