/* SPDX-License-Identifier: MIT */
/* fields.c: see fields.h. */
#include "tools/nestctl/core/fields.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/json_in.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/table.h"

#define COLUMNS_MAX 16

/* A piece of a template: a text, or a field. */
struct piece {
	const char *text;
	bool field, json;
	/* of a field: "State.ExitCode", "" for the whole row */
	char *path;
	/* of index and .Label: a name in the object there; or NULL */
	char *key;
	/* of range: it stands for these pieces, once for each value there */
	bool range;
	struct piece *each;
	struct piece *next;
};

struct fields {
	struct piece *first;
	bool in_table;
	struct table *table;
	/* the row that is being written */
	FILE *f;
	char *row;
	size_t size;
};

static void __attribute__((noreturn)) bad(const char *at)
{
	die("--format: '%.*s': only fields are known here, as {{.Name}}, {{json .}}, "
	    "{{json .Name}}, {{index .Name \"key\"}}, {{range .Names}}{{.}}{{end}}",
		(int)(strcspn(at, "}") + 2 * !!strchr(at, '}')), at);
}

/* ---- the template ---- */

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* Reads ".A.B"; returns what follows. */
static const char *read_path(struct piece *piece, const char *p, const char *all)
{
	size_t n;

	if (*p++ != '.')
		bad(all);
	n = 0;
	while (isalnum((unsigned char)p[n]) || p[n] == '_' || p[n] == '.')
		n++;
	piece->path = format("%.*s", (int)n, p);
	return skip_blanks(p + n);
}

static const char *read_key(struct piece *piece, const char *p, const char *all)
{
	const char *end = *p == '"' ? strchr(p + 1, '"') : NULL;

	if (!end)
		bad(all);
	piece->key = format("%.*s", (int)(end - p - 1), p + 1);
	return skip_blanks(end + 1);
}

static struct piece *read_pieces(const char **at, const char *range);

/* Reads "{{...}}"; returns what follows. */
static const char *read_field(struct piece *piece, const char *all)
{
	const char *p = skip_blanks(all + 2);
	bool index = !strncmp(p, "index ", 6);

	piece->field = true;
	piece->json = !strncmp(p, "json ", 5);
	piece->range = !strncmp(p, "range ", 6);
	p = skip_blanks(p + (index || piece->range ? 6 : piece->json ? 5 : 0));
	p = read_path(piece, p, all);
	if (index || !strcmp(piece->path, "Label"))
		p = read_key(piece, p, all);
	if (strncmp(p, "}}", 2) != 0)
		bad(all);
	p += 2;
	if (piece->range)
		piece->each = read_pieces(&p, all);
	return p;
}

/* Reads a text up to the next field, with \t and \n in it. */
static const char *read_text(struct piece *piece, const char *p)
{
	const char *end = strstr(p, "{{");
	size_t n = end ? (size_t)(end - p) : strlen(p);
	char *to = xalloc(n + 1);

	piece->text = to;
	for (size_t i = 0; i < n; i++) {
		bool escape = p[i] == '\\' && i + 1 < n && (p[i + 1] == 't' || p[i + 1] == 'n');

		*to++ = (char)(!escape ? p[i] : p[i + 1] == 't' ? '\t' : '\n');
		i += escape;
	}
	return p + n;
}

/* Returns the length of "{{end}}" at @p, or 0. */
static size_t end_at(const char *p)
{
	const char *word = strncmp(p, "{{", 2) ? "" : skip_blanks(p + 2);
	const char *rest = strncmp(word, "end", 3) ? "" : skip_blanks(word + 3);

	return strncmp(rest, "}}", 2) ? 0 : (size_t)(rest + 2 - p);
}

/* Reads pieces up to the end, or of a @range, unless that is NULL, to its {{end}}. */
static struct piece *read_pieces(const char **at, const char *range)
{
	struct piece *first = NULL, **last = &first;
	const char *p = *at;

	while (*p && !end_at(p)) {
		struct piece *piece = xalloc(sizeof(*piece));

		p = strncmp(p, "{{", 2) ? read_text(piece, p) : read_field(piece, p);
		*last = piece;
		last = &piece->next;
	}
	if (!*p != !range)
		bad(range ?: p);
	*at = p + end_at(p);
	return first;
}

/* Returns the head of a column, as docker has it. */
static const char *head_of(const struct piece *p)
{
	static const char *const heads[][2] = { { "ID", "CONTAINER ID" },
		{ "CreatedAt", "CREATED AT" }, { "RunningFor", "CREATED" },
		{ "CreatedSince", "CREATED" } };
	char *text;

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (!strcmp(p->path, heads[i][0]))
			return heads[i][1];
	text = format("%s", p->key ?: strrchr(p->path, '.') ? strrchr(p->path, '.') + 1 : p->path);
	for (char *c = text; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return text;
}

/* Splits a line at its tabs. */
static int cells_of(char *line, const char **cells)
{
	int n = 0;

	for (char *cell; n < COLUMNS_MAX && (cell = strsep(&line, "\t"));)
		cells[n++] = cell;
	return n;
}

static void begin_table(struct fields *f)
{
	const char *cells[COLUMNS_MAX + 1] = { NULL };
	char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);

	for (struct piece *p = f->first; out && p; p = p->next)
		fputs(p->field ? head_of(p) : p->text, out);
	if (!out || fclose(out))
		die("out of memory");
	cells[cells_of(line, cells)] = NULL;
	f->table = table_new(cells);
}

struct fields *fields_parse(const char *template)
{
	struct fields *f = xalloc(sizeof(*f));
	const char *p = template;

	f->in_table = !strncmp(p, "table ", 6);
	p += f->in_table ? 6 : 0;
	if (!strcmp(p, "json"))
		p = "{{json .}}";
	f->first = read_pieces(&p, NULL);
	if (f->in_table)
		begin_table(f);
	return f;
}

/* ---- rows ---- */

/* Writes a value in JSON's form again. */
static void put_json(FILE *out, const struct json *j)
{
	const bool list = j->kind == JSON_LIST;

	if (j->kind == JSON_TEXT) {
		putc('"', out);
		for (const char *p = j->text; *p; p++)
			if (*p == '"' || *p == '\\')
				fprintf(out, "\\%c", *p);
			else if ((unsigned char)*p < ' ')
				fprintf(out, "\\u%04x", *p);
			else
				putc(*p, out);
		putc('"', out);
	} else if (list || j->kind == JSON_OBJECT) {
		putc(list ? '[' : '{', out);
		for (const struct json *v = j->first; v; v = v->next) {
			if (!list) {
				put_json(out, &(struct json){ .kind = JSON_TEXT, .text = v->key });
				putc(':', out);
			}
			put_json(out, v);
			if (v->next)
				putc(',', out);
		}
		putc(list ? ']' : '}', out);
	} else {
		fputs(j->kind == JSON_NULL ? "null" : j->text, out);
	}
}

/* As Go prints it: map[a:1 b:2], [a b]. */
static void put_plainly(FILE *out, const struct json *j)
{
	const bool list = j->kind == JSON_LIST;

	if (!list && j->kind != JSON_OBJECT) {
		fputs(j->kind == JSON_NULL ? "<no value>" : j->text, out);
		return;
	}
	fputs(list ? "[" : "map[", out);
	for (const struct json *v = j->first; v; v = v->next) {
		if (!list)
			fprintf(out, "%s:", v->key);
		put_plainly(out, v);
		if (v->next)
			putc(' ', out);
	}
	putc(']', out);
}

/* Returns the names of an object's fields, for a message. */
static const char *names_of(const struct json *j)
{
	const char *all = "";

	for (const struct json *v = j->kind == JSON_OBJECT ? j->first : NULL; v; v = v->next)
		all = format("%s%s%s", all, *all ? ", " : "", v->key);
	return *all ? all : "none";
}

static void put_pieces(FILE *out, const struct piece *p, const struct json *row);

static void put_field(FILE *out, const struct piece *p, const struct json *row)
{
	char *path = format("%s", p->path);

	for (char *name; *p->path && (name = strsep(&path, "."));) {
		const struct json *next = json_get(row, name);

		if (!next)
			die("--format: no field '%s'; there are %s", name, names_of(row));
		row = next;
	}
	if (p->key) {
		row = json_get(row, p->key);
		if (!row)
			return;
	}
	if (p->range)
		for (const struct json *v = row->first; v; v = v->next)
			put_pieces(out, p->each, v);
	else if (p->json)
		put_json(out, row);
	else
		put_plainly(out, row);
}

static void put_pieces(FILE *out, const struct piece *p, const struct json *row)
{
	for (; p; p = p->next)
		if (p->field)
			put_field(out, p, row);
		else
			fputs(p->text, out);
}

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
	put_pieces(out, f->first, row);
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
