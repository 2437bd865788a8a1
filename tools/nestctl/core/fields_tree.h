/* SPDX-License-Identifier: MIT */
/*
 * fields_tree.h: a template of --format as a tree. fields_parse.c makes the tree, fields_run.c
 * writes rows with it, and fields_call.c has the functions of templates. Nothing is freed.
 */
#ifndef NESTLING_NESTCTL_FIELDS_TREE_H
#define NESTLING_NESTCTL_FIELDS_TREE_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/nestctl/core/json_in.h"

#define FIELDS_ARGS_MAX 16
/* how many variables may be visible at once; the first is $ */
#define FIELDS_VARIABLES_MAX 32
/* how deep parentheses and blocks may be nested */
#define FIELDS_DEPTH_MAX 64

/* A function of templates, in constant memory. It has @min to @max arguments. */
struct field_call {
	const char *name;
	int min, max;
	/*
	 * writes the result to @out, which is JSON's null before. @args: @nr values, none of them
	 * NULL. Dies if the arguments do not fit.
	 */
	void (*run)(struct json *out, const struct json *const *args, int nr);
};
/*
 * Returns the function called @name, or NULL. "and", "or" and "not" are kinds of expressions
 * instead.
 */
const struct field_call *field_call_find(const char *name);

/* An expression. Each member that @kind does not use is 0. */
struct field_expr {
	enum { EXPR_DOT, EXPR_VARIABLE, EXPR_VALUE, EXPR_CALL, EXPR_AND, EXPR_OR, EXPR_NOT } kind;
	/* EXPR_VARIABLE: the number of the variable, below FIELDS_VARIABLES_MAX */
	int variable;
	/* EXPR_VALUE: the constant */
	struct json *value;
	/* EXPR_CALL: the function */
	const struct field_call *call;
	/* arguments of a call, "and", "or" and "not"; @nr is their number */
	struct field_expr *args[FIELDS_ARGS_MAX];
	int nr;
	/* "A.B": the fields to follow from the expression's value, or NULL */
	const char *path;
};

/* A text or action of the template. Its list continues with @next. */
struct field_node {
	enum {
		NODE_TEXT,
		NODE_PRINT,
		NODE_SET,
		NODE_IF,
		NODE_WITH,
		NODE_RANGE,
		NODE_BREAK,
		NODE_CONTINUE
	} kind;
	/* NODE_TEXT: the text to print */
	const char *text;
	/* the value to print, set or test, or to iterate over; NULL for a text, break, continue */
	struct field_expr *expr;
	/* numbers of the variables that the node sets, 0 for none; only range sets @key */
	int key, value;
	/*
	 * @then, @otherwise: first nodes of the blocks of if, with and range, or NULL. @next: the
	 * node that follows, or NULL.
	 */
	struct field_node *then, *otherwise, *next;
};

/*
 * Parses a template, which may be freed afterwards. Returns its first node, or NULL if it is empty.
 * Dies with a message about the first error.
 */
struct field_node *field_nodes_parse(const char *text);
/*
 * Writes @row by the template. Dies if the template prints a field that the row lacks, or calls a
 * function with it. A key that a map such as Labels lacks is null instead. So is every missing
 * field that if, with, range, and, or, not only test.
 */
void field_nodes_run(FILE *out, const struct field_node *n, const struct json *row);
/* Writes the heads of columns: each field's name instead of its value. @id: the head for ID. */
void field_nodes_heads(FILE *out, const struct field_node *n, const char *id);

/* fields_call.c */
/* True unless the value is false, null, 0 or empty. */
bool field_is_true(const struct json *j);
/* Write a value to @out: as JSON, or as Go prints it, such as map[a:1 b:2] or [a b]. */
void field_put_json(FILE *out, const struct json *j);
void field_put_plainly(FILE *out, const struct json *j);

#endif
