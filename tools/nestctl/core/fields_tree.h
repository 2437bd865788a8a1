/* SPDX-License-Identifier: MIT */
/*
 * fields_tree.h: a template of --format as a tree: fields_parse.c makes it, fields_run.c writes a
 * row by it, fields_call.c has the functions. Nothing is freed.
 */
#ifndef NESTLING_NESTCTL_FIELDS_TREE_H
#define NESTLING_NESTCTL_FIELDS_TREE_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/nestctl/core/json_in.h"

#define FIELDS_ARGS_MAX 16
/* variables that are visible at once, the first of which is $ */
#define FIELDS_VARIABLES_MAX 32
/* parentheses and blocks in each other */
#define FIELDS_DEPTH_MAX 64

struct field_call {
	const char *name;
	int min, max;
	/* writes the value to @out */
	void (*run)(struct json *out, const struct json *const *args, int nr);
};
/* Returns the function of a name, or NULL. "and", "or" and "not" are no functions. */
const struct field_call *field_call_find(const char *name);

struct field_expr {
	enum { EXPR_DOT, EXPR_VARIABLE, EXPR_VALUE, EXPR_CALL, EXPR_AND, EXPR_OR, EXPR_NOT } kind;
	int variable;
	struct json *value;
	const struct field_call *call;
	struct field_expr *args[FIELDS_ARGS_MAX];
	int nr;
	/* "A.B": fields of what it is; or NULL */
	const char *path;
};

struct field_node {
	enum { NODE_TEXT, NODE_PRINT, NODE_SET, NODE_IF, NODE_WITH, NODE_RANGE } kind;
	const char *text;
	struct field_expr *expr;
	/* a variable that is set: its number, or 0; of range the key's comes first */
	int key, value;
	struct field_node *then, *otherwise, *next;
};

/* Parses a template. Dies with a line that names what is wrong. */
struct field_node *field_nodes_parse(const char *text);
/* Writes a row. Dies if the row lacks what the template names. */
void field_nodes_run(FILE *out, const struct field_node *n, const struct json *row);
/* Writes the heads of columns: the names of the fields in the places of their values. */
void field_nodes_heads(FILE *out, const struct field_node *n);

/* fields_call.c */
/* True unless it is false, null, 0 or empty. */
bool field_is_true(const struct json *j);
/* Writes a value in JSON's form, or as Go prints it: map[a:1 b:2], [a b]. */
void field_put_json(FILE *out, const struct json *j);
void field_put_plainly(FILE *out, const struct json *j);

#endif
