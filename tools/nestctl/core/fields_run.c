/* SPDX-License-Identifier: MIT */
/* fields_run.c: writes a row as the tree of a template describes it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/fields_tree.h"
#include "tools/nestctl/core/nestctl.h"

/* A run for one row. @variables: by their numbers. */
struct run {
	FILE *out;
	const struct json *variables[FIELDS_VARIABLES_MAX];
};

static const struct json nothing = { .kind = JSON_NULL };

/* How a list of nodes ended: at its end, or for the range around it by break or continue. */
enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

/* Returns the names of an object's fields, for a message. */
static const char *names_of(const struct json *j)
{
	const char *all = "";

	for (const struct json *v = j->kind == JSON_OBJECT ? j->first : NULL; v; v = v->next)
		all = format("%s%s%s", all, *all ? ", " : "", v->key);
	return *all ? all : "none";
}

/* True if a field is a map, whose keys an object may lack; the others are members of a struct. */
static bool is_map(const char *name)
{
	static const char *const maps[] = { "Labels", "Label", "Ports", "PortBindings",
		"ExposedPorts", "Networks", "Sysctls", "Volumes" };

	for (size_t i = 0; name && i < sizeof(maps) / sizeof(maps[0]); i++)
		if (!strcmp(name, maps[i]))
			return true;
	return false;
}

/*
 * Returns the value of path "A.B" in @j. @may_lack: a missing field is null, otherwise it is an
 * error unless it is the last one of the path and a map lacks it.
 */
static const struct json *follow(const struct json *j, const char *path, bool may_lack)
{
	char *rest = format("%s", path);
	const char *parent = NULL;

	for (char *name; (name = strsep(&rest, ".")); parent = name) {
		const struct json *next = json_get(j, name);

		if (!next && (may_lack || (is_map(parent) && !rest && j->kind == JSON_OBJECT)))
			return &nothing;
		if (!next)
			die("--format: no field '%s'; there are %s", name, names_of(j));
		j = next;
	}
	return j;
}

static const struct json *value_of(
	struct run *r, const struct field_expr *e, const struct json *dot, bool may_lack);

/* Calls a function. Returns its result in fresh memory. */
static const struct json *call(struct run *r, const struct field_expr *e, const struct json *dot)
{
	const struct json *args[FIELDS_ARGS_MAX];
	struct json *out = xalloc(sizeof(*out));

	for (int i = 0; i < e->nr; i++)
		args[i] = value_of(r, e->args[i], dot, false);
	e->call->run(out, args, e->nr);
	return out;
}

/* Returns the first argument that decides the value of "and" or "or", or the last argument. */
static const struct json *decide(struct run *r, const struct field_expr *e, const struct json *dot)
{
	const struct json *v = &nothing;

	for (int i = 0; i < e->nr; i++) {
		v = value_of(r, e->args[i], dot, e->nr > 1);
		if (field_is_true(v) == (e->kind == EXPR_OR))
			break;
	}
	return v;
}

static const struct json *negate(struct run *r, const struct field_expr *e, const struct json *dot)
{
	static const struct json yes = { .kind = JSON_BOOL, .text = (char *)"true" },
				 no = { .kind = JSON_BOOL, .text = (char *)"false" };

	return field_is_true(value_of(r, e->args[0], dot, true)) ? &no : &yes;
}

static const struct json *value_of(
	struct run *r, const struct field_expr *e, const struct json *dot, bool may_lack)
{
	const struct json *v = dot;

	switch (e->kind) {
	case EXPR_DOT: break;
	case EXPR_VARIABLE: v = r->variables[e->variable]; break;
	case EXPR_VALUE: v = e->value; break;
	case EXPR_CALL: v = call(r, e, dot); break;
	case EXPR_AND:
	case EXPR_OR: v = decide(r, e, dot); break;
	case EXPR_NOT: v = negate(r, e, dot); break;
	}
	return e->path ? follow(v, e->path, may_lack) : v;
}

static enum flow run_nodes(struct run *r, const struct field_node *n, const struct json *dot);

static int by_key(const void *a, const void *b)
{
	return strcmp((*(const struct json *const *)a)->key, (*(const struct json *const *)b)->key);
}

/*
 * Runs the block for each value: those of a list in their order, those of an object by their names.
 */
static enum flow run_range(struct run *r, const struct field_node *n, const struct json *dot)
{
	const struct json *all = value_of(r, n->expr, dot, true), **list;
	size_t nr = 0, i = 0;

	if (all->kind != JSON_LIST && all->kind != JSON_OBJECT && field_is_true(all))
		die("--format: range: neither a list nor a map");
	for (const struct json *v = all->first; v; v = v->next)
		nr++;
	if (!nr) {
		/* as in Go, the variables hold the empty list or map in the else block */
		if (n->key)
			r->variables[n->key] = all;
		if (n->value)
			r->variables[n->value] = all;
		return run_nodes(r, n->otherwise, dot);
	}
	list = xalloc(nr * sizeof(*list));
	for (const struct json *v = all->first; v; v = v->next)
		list[i++] = v;
	if (all->kind == JSON_OBJECT)
		qsort(list, nr, sizeof(*list), by_key);
	for (i = 0; i < nr; i++) {
		struct json *key = xalloc(sizeof(*key));

		*key = all->kind == JSON_OBJECT ?
			       (struct json){ .kind = JSON_TEXT, .text = list[i]->key } :
			       (struct json){ .kind = JSON_NUMBER, .text = format("%zu", i) };
		if (n->key)
			r->variables[n->key] = key;
		if (n->value)
			r->variables[n->value] = list[i];
		if (run_nodes(r, n->then, list[i]) == FLOW_BREAK)
			break;
	}
	free(list);
	return FLOW_ON;
}

static enum flow run_nodes(struct run *r, const struct field_node *n, const struct json *dot)
{
	for (; n; n = n->next) {
		const struct json *v;
		enum flow flow = FLOW_ON;

		switch (n->kind) {
		case NODE_TEXT: fputs(n->text, r->out); break;
		case NODE_PRINT: field_put_plainly(r->out, value_of(r, n->expr, dot, false)); break;
		case NODE_SET: r->variables[n->value] = value_of(r, n->expr, dot, false); break;
		case NODE_RANGE: flow = run_range(r, n, dot); break;
		case NODE_BREAK: flow = FLOW_BREAK; break;
		case NODE_CONTINUE: flow = FLOW_CONTINUE; break;
		case NODE_IF:
		case NODE_WITH:
			v = value_of(r, n->expr, dot, true);
			if (n->value)
				r->variables[n->value] = v;
			if (field_is_true(v))
				flow = run_nodes(r, n->then, n->kind == NODE_WITH ? v : dot);
			else
				flow = run_nodes(r, n->otherwise, dot);
		}
		if (flow != FLOW_ON)
			return flow;
	}
	return FLOW_ON;
}

void field_nodes_run(FILE *out, const struct field_node *n, const struct json *row)
{
	struct run r = { .out = out, .variables = { row } };

	run_nodes(&r, n, row);
}

/* ---- heads ---- */

/* Returns the head of the column for a field, as docker writes it. */
static const char *head_of(const char *name, const char *id)
{
	static const char *const heads[][2] = { { "CreatedAt", "CREATED AT" },
		{ "RunningFor", "CREATED" }, { "CreatedSince", "CREATED" },
		{ "LocalVolumes", "LOCAL VOLUMES" } };
	char *text;

	if (!strcmp(name, "ID"))
		return id;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (!strcmp(name, heads[i][0]))
			return heads[i][1];
	text = format("%s", name);
	for (char *c = text; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return text;
}

/* Returns the name of the label or first field in @e, for a column's head, or NULL. */
static const char *name_in(const struct field_expr *e)
{
	const char *name;

	if (e->kind == EXPR_CALL && !strcmp(e->call->name, "index") && e->nr == 2 &&
		e->args[1]->kind == EXPR_VALUE && e->args[1]->value->kind == JSON_TEXT)
		return e->args[1]->value->text;
	if (e->path)
		return strrchr(e->path, '.') ? strrchr(e->path, '.') + 1 : e->path;
	for (int i = 0; i < e->nr; i++)
		if ((name = name_in(e->args[i])))
			return name;
	return NULL;
}

void field_nodes_heads(FILE *out, const struct field_node *n, const char *id)
{
	for (; n; n = n->next) {
		const char *name = n->kind == NODE_PRINT ? name_in(n->expr) : NULL;

		if (n->kind == NODE_TEXT)
			fputs(n->text, out);
		else if (n->kind == NODE_PRINT)
			fputs(name ? head_of(name, id) : "", out);
		else if (n->kind == NODE_RANGE)
			fputs(head_of(name_in(n->expr) ?: "", id), out);
		else if (n->kind != NODE_SET)
			field_nodes_heads(out, n->then, id);
	}
}
