/* SPDX-License-Identifier: MIT */
/*
 * fields_parse.c: parses a template of --format: the language of Go's text/template, as far as it
 * is useful in listings.
 *
 *	template   text and {{ action }}; {{- and -}} remove the blanks of the text beside them
 *	action     pipeline | $x := pipeline | $x = pipeline | comment | end | break | continue
 *	           | else | else if pipeline | else with pipeline
 *	           | if pipeline | with pipeline | range [$x [, $y] :=] pipeline
 *	pipeline   command { "|" command }: the value of a command is the last argument of the next
 *	command    operand | function operand... | .Label operand
 *	operand    ( . | $ | $x | "text" | `text` | number | true | false | nil | (pipeline) ) [.A]
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/fields_tree.h"
#include "tools/nestctl/core/nestctl.h"

/* The state of the parser, whose functions die at the first error. */
struct parser {
	const char *p; /* the text that is left */
	int depth;
	/* how many ranges are open, which break and continue need */
	int ranges;
	/* names of variables; the index is the variable's number */
	char *names[FIELDS_VARIABLES_MAX];
	int nr;
};

/* What ended a list of nodes: the end of the text, {{end}} or {{else}}. */
enum end { END_TEXT, END_END, END_ELSE };

/* Dies with the action that begins at @at, and the reason. */
static void __attribute__((noreturn)) bad(const struct parser *s, const char *at, const char *why)
{
	const char *end = strstr(at, "}}");
	int n = end ? (int)(end - at) + 2 : (int)strlen(at);

	die("--format: '%.*s': %s", n < 80 ? n : 80, at, why);
}

static void skip_blanks(struct parser *s)
{
	s->p += strspn(s->p, " \t\r\n");
}

/* Takes @word and blanks after it. True if the text continues with @word, not a longer name. */
static bool take(struct parser *s, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(s->p, word, n) != 0 ||
		(isalpha((unsigned char)*word) &&
			(isalnum((unsigned char)s->p[n]) || s->p[n] == '_')))
		return false;
	s->p += n;
	skip_blanks(s);
	return true;
}

/* True at "}}" or "-}}". */
static bool at_end(const struct parser *s)
{
	return !strncmp(s->p, "}}", 2) || !strncmp(s->p, "-}}", 3);
}

/* Returns the length of the name at @p, or 0. */
static size_t name_length(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

/* Enters a level of nesting. The caller leaves it by s->depth--. */
static void deeper(struct parser *s, const char *at)
{
	if (++s->depth > FIELDS_DEPTH_MAX)
		bad(s, at, "nested too deep");
}

/* ---- operands ---- */

static struct field_expr *new_expr(int kind)
{
	struct field_expr *e = xalloc(sizeof(*e));

	e->kind = kind;
	return e;
}

static struct field_expr *new_value(int kind, char *text)
{
	struct field_expr *e = new_expr(EXPR_VALUE);

	e->value = xalloc(sizeof(*e->value));
	*e->value = (struct json){ .kind = kind, .text = text };
	return e;
}

/* Reads "text" or `text`. */
static struct field_expr *read_string(struct parser *s)
{
	const char quote = *s->p, *from = s->p++;
	char *text = xalloc(strlen(from)), *to = text;

	for (; *s->p != quote; s->p++) {
		if (!*s->p)
			bad(s, from, "its text has no end");
		if (quote == '`' || *s->p != '\\') {
			*to++ = *s->p;
			continue;
		}
		switch (*++s->p) {
		case 'n': *to++ = '\n'; break;
		case 't': *to++ = '\t'; break;
		case '"':
		case '\\': *to++ = *s->p; break;
		default: bad(s, from, "\\n, \\t, \\\" and \\\\ are known here");
		}
	}
	s->p++;
	return new_value(JSON_TEXT, text);
}

static struct field_expr *read_number(struct parser *s)
{
	char *end;
	double n = strtod(s->p, &end);
	const char *from = s->p;

	s->p = end;
	return n < 1e15 && n > -1e15 ?
		       new_value(JSON_NUMBER, format("%.*s", (int)(end - from), from)) :
		       (bad(s, from, "no number"), NULL);
}

/* Reads "$NAME" and returns the latest variable of this name. Dies if there is none. */
static int read_variable_name(struct parser *s)
{
	const char *from = s->p++;
	size_t n = name_length(s->p);
	int i = s->nr - 1;

	while (i >= 0 && (strlen(s->names[i]) != n || strncmp(s->names[i], s->p, n) != 0))
		i--;
	if (i < 0)
		bad(s, from, "no such variable");
	s->p += n;
	return i;
}

static struct field_expr *read_variable(struct parser *s)
{
	struct field_expr *e = new_expr(EXPR_VARIABLE);

	e->variable = read_variable_name(s);
	return e;
}

static struct field_expr *read_pipeline(struct parser *s);

/* Reads ".A.B" after an operand. */
static void read_path(struct parser *s, struct field_expr *e)
{
	const char *from = s->p;

	while (*s->p == '.' && name_length(s->p + 1))
		s->p += 1 + name_length(s->p + 1);
	if (s->p > from)
		e->path = format("%.*s", (int)(s->p - from - 1), from + 1);
	if (*s->p == '.')
		bad(s, from, "a field has no name");
}

/* Reads an operand. Returns NULL if there is none. */
static struct field_expr *read_operand(struct parser *s)
{
	static const struct {
		const char *word;
		int kind;
	} words[] = { { "true", JSON_BOOL }, { "false", JSON_BOOL }, { "nil", JSON_NULL } };
	const char *from = s->p;
	struct field_expr *e = NULL;

	if (*s->p == '.') {
		e = new_expr(EXPR_DOT);
		if (!name_length(s->p + 1))
			s->p++;
	} else if (*s->p == '$') {
		e = read_variable(s);
	} else if (*s->p == '"' || *s->p == '`') {
		e = read_string(s);
	} else if (isdigit((unsigned char)*s->p) ||
		   (*s->p == '-' && isdigit((unsigned char)s->p[1]))) {
		e = read_number(s);
	} else if (*s->p == '(') {
		s->p++;
		skip_blanks(s);
		deeper(s, from);
		e = read_pipeline(s);
		s->depth--;
		if (*s->p != ')')
			bad(s, from, "a parenthesis is not closed");
		s->p++;
		/*
		 * the expression has a path already: wrap it, so that the next path starts from its
		 * value
		 */
		if (*s->p == '.' && e->path) {
			struct field_expr *same = new_expr(EXPR_OR);

			same->args[same->nr++] = e;
			e = same;
		}
	}
	for (size_t i = 0; !e && i < sizeof(words) / sizeof(words[0]); i++)
		if (take(s, words[i].word))
			e = new_value(words[i].kind, format("%s", words[i].word));
	if (!e)
		return NULL;
	read_path(s, e);
	if (*s->p && !strchr(" \t\r\n)|,}", *s->p) && strncmp(s->p, ":=", 2) &&
		strncmp(s->p, "-}}", 3))
		bad(s, from, "what is behind this value?");
	skip_blanks(s);
	return e;
}

/* ---- commands ---- */

/* Reads the name of a function. Returns a call without arguments. */
static struct field_expr *read_function(struct parser *s)
{
	static const struct {
		const char *name;
		int kind;
	} logic[] = { { "and", EXPR_AND }, { "or", EXPR_OR }, { "not", EXPR_NOT } };
	const char *from = s->p;
	char *name = format("%.*s", (int)name_length(s->p), s->p);
	struct field_expr *e = new_expr(EXPR_CALL);

	for (size_t i = 0; i < sizeof(logic) / sizeof(logic[0]); i++)
		if (!strcmp(name, logic[i].name))
			e->kind = logic[i].kind;
	if (e->kind == EXPR_CALL)
		e->call = field_call_find(name);
	if (e->kind == EXPR_CALL && !e->call)
		bad(s, from,
			*name ? format("no function '%s'; docs/nestctl.md lists them", name) :
				"a field is .Name, a text is \"text\"");
	s->p += strlen(name);
	skip_blanks(s);
	return e;
}

static void add_argument(
	struct parser *s, struct field_expr *e, struct field_expr *arg, const char *at)
{
	if (e->nr == FIELDS_ARGS_MAX)
		bad(s, at, "too many arguments");
	e->args[e->nr++] = arg;
}

/* Dies if a call has too few or too many arguments. */
static void check_arguments(const struct parser *s, const struct field_expr *e, const char *at)
{
	int min = e->kind == EXPR_CALL ? e->call->min : 1;
	int max = e->kind == EXPR_CALL ? e->call->max : e->kind == EXPR_NOT ? 1 : FIELDS_ARGS_MAX;

	if (e->nr < min || e->nr > max)
		bad(s, at, "wrong number of arguments");
}

/* .Label "a": docker's only field with an argument. */
static struct field_expr *label_of(struct field_expr *field)
{
	struct field_expr *e = new_expr(EXPR_CALL);

	e->call = field_call_find("index");
	e->args[e->nr++] = field;
	return e;
}

/* Reads a command. @last: the value of the command in front of its "|", or NULL. */
static struct field_expr *read_command(struct parser *s, struct field_expr *last)
{
	const char *from = s->p;
	struct field_expr *e = read_operand(s), *arg;

	if (e && e->kind == EXPR_DOT && e->path && !strcmp(e->path, "Label"))
		e = label_of(e);
	else if (e && last)
		bad(s, from, "only a function takes a value");
	else if (e)
		return e;
	else
		e = read_function(s);
	while ((arg = read_operand(s)))
		add_argument(s, e, arg, from);
	if (last)
		add_argument(s, e, last, from);
	check_arguments(s, e, from);
	return e;
}

/* Reads commands that are joined by "|". */
static struct field_expr *read_pipeline(struct parser *s)
{
	struct field_expr *e = read_command(s, NULL);

	while (*s->p == '|') {
		s->p++;
		skip_blanks(s);
		e = read_command(s, e);
	}
	return e;
}

/* ---- actions ---- */

/* Reads "$x" if @next follows it. Returns the number of the new variable, or 0. */
static int read_new_variable(struct parser *s, const char *next)
{
	const char *from = s->p;
	size_t n = *s->p == '$' ? name_length(s->p + 1) : 0;
	char *name = format("%.*s", (int)n, s->p + (n ? 1 : 0));

	if (!n)
		return 0;
	s->p += 1 + n;
	skip_blanks(s);
	if (!take(s, next)) {
		s->p = from;
		return 0;
	}
	if (s->nr == FIELDS_VARIABLES_MAX)
		bad(s, from, "too many variables");
	s->names[s->nr] = name;
	return s->nr++;
}

/*
 * Reads "$x =". Returns the number of the variable, or 0 if there is no assignment. Dies if no such
 * variable is there. $ itself is the row and stays.
 */
static int read_assigned(struct parser *s)
{
	const char *from = s->p;
	size_t n = *s->p == '$' ? name_length(s->p + 1) : 0;
	int variable;

	s->p += n ? n + 1 : 0;
	skip_blanks(s);
	if (!n || *s->p != '=' || s->p[1] == '=') {
		s->p = from;
		return 0;
	}
	s->p = from;
	variable = read_variable_name(s);
	skip_blanks(s);
	s->p++;
	skip_blanks(s);
	return variable;
}

/* Takes "}}", or "-}}" and the blanks after it. */
static void end_action(struct parser *s, const char *from)
{
	bool trim;

	skip_blanks(s);
	trim = *s->p == '-';
	if (!at_end(s))
		bad(s, from, strstr(from, "}}") ? "what is behind this value?" : "no }} ends it");
	s->p += trim ? 3 : 2;
	if (trim)
		skip_blanks(s);
}

static struct field_node *read_nodes(struct parser *s, const char *block, enum end *end);
static bool read_head(struct parser *s, struct field_node *n);
static void read_value(struct parser *s, struct field_node *n, int before);

/* Reads the rest of a block after its head, up to its {{end}}. */
static void read_block(struct parser *s, struct field_node *n, const char *from)
{
	struct field_node *other = xalloc(sizeof(*other));
	int before = s->nr;
	enum end end;

	s->ranges += n->kind == NODE_RANGE;
	n->then = read_nodes(s, from, &end);
	s->ranges -= n->kind == NODE_RANGE;
	if (end == END_END)
		return;
	s->nr = before;
	/* {{else if ...}} is an if inside the else, and both share one {{end}} */
	if (read_head(s, other)) {
		if (other->kind == NODE_RANGE)
			bad(s, from, "an {{else range}} is not known");
		n->otherwise = other;
		other->value = read_new_variable(s, ":=");
		read_value(s, other, before);
		end_action(s, from);
		deeper(s, from);
		read_block(s, other, from);
		s->depth--;
		return;
	}
	end_action(s, from);
	n->otherwise = read_nodes(s, from, &end);
	if (end == END_ELSE)
		bad(s, from, "it has two {{else}}");
}

/*
 * Reads the value of an action. It cannot use the variables that the action declares, whose numbers
 * are @before and above.
 */
static void read_value(struct parser *s, struct field_node *n, int before)
{
	int after = s->nr;

	s->nr = before;
	n->expr = read_pipeline(s);
	s->nr = after;
}

/* Reads if, with or range and sets n->kind. Returns false if there is none. */
static bool read_head(struct parser *s, struct field_node *n)
{
	static const struct {
		const char *word;
		int kind;
	} heads[] = { { "if", NODE_IF }, { "with", NODE_WITH }, { "range", NODE_RANGE } };

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (take(s, heads[i].word)) {
			n->kind = heads[i].kind;
			return true;
		}
	return false;
}

/* Reads an action after its "{{". */
static struct field_node *read_action(struct parser *s, const char *from)
{
	struct field_node *n = xalloc(sizeof(*n));
	int before = s->nr;

	n->kind = NODE_PRINT;
	if (!strncmp(s->p, "/*", 2)) {
		s->p = strstr(s->p, "*/") ?: (bad(s, from, "no */ ends it"), NULL);
		s->p += 2;
		n->kind = NODE_TEXT;
		n->text = "";
		end_action(s, from);
		return n;
	}
	if (take(s, "break") || take(s, "continue")) {
		n->kind = from[strcspn(from, "bc")] == 'b' ? NODE_BREAK : NODE_CONTINUE;
		end_action(s, from);
		if (!s->ranges)
			bad(s, from, "no {{range}} is open");
		return n;
	}
	if (!read_head(s, n)) {
		n->value = read_assigned(s);
		n->value = n->value ? n->value : read_new_variable(s, ":=");
		n->kind = n->value ? NODE_SET : NODE_PRINT;
		read_value(s, n, before);
		end_action(s, from);
		return n;
	}
	if (n->kind == NODE_RANGE)
		n->key = read_new_variable(s, ",");
	n->value = read_new_variable(s, ":=");
	if (n->key && !n->value)
		bad(s, from, "expected range $key, $value := .Field");
	read_value(s, n, before);
	end_action(s, from);
	deeper(s, from);
	read_block(s, n, from);
	s->depth--;
	s->nr = before;
	return n;
}

/* Reads text up to the next action, and converts \t and \n in it. */
static struct field_node *read_text(struct parser *s)
{
	const char *end = strstr(s->p, "{{"), *from = s->p;
	size_t n = end ? (size_t)(end - from) : strlen(from);
	struct field_node *node = xalloc(sizeof(*node));
	char *to = xalloc(n + 1);

	s->p += n;
	if (end && end[2] == '-' && end[3] && strchr(" \t\r\n", end[3]))
		while (n && strchr(" \t\r\n", from[n - 1]))
			n--;
	node->text = to;
	for (size_t i = 0; i < n; i++) {
		bool escape =
			from[i] == '\\' && i + 1 < n && (from[i + 1] == 't' || from[i + 1] == 'n');

		*to++ = (char)(!escape ? from[i] : from[i + 1] == 't' ? '\t' : '\n');
		i += escape;
	}
	return node;
}

/* Reads nodes up to the end of the text, or of the block that began at @block. Sets *end. */
static struct field_node *read_nodes(struct parser *s, const char *block, enum end *end)
{
	struct field_node *first = NULL, **last = &first;

	while (*s->p) {
		const char *from = s->p;

		if (strncmp(s->p, "{{", 2) != 0) {
			*last = read_text(s);
		} else {
			s->p += s->p[2] == '-' && s->p[3] && strchr(" \t\r\n", s->p[3]) ? 3 : 2;
			skip_blanks(s);
			if (!block && (take(s, "end") || take(s, "else")))
				bad(s, from, "no block is open");
			if (take(s, "end")) {
				end_action(s, from);
				*end = END_END;
				return first;
			}
			*end = END_ELSE;
			if (take(s, "else"))
				return first;
			*last = read_action(s, from);
		}
		last = &(*last)->next;
	}
	if (block)
		bad(s, block, "no {{end}} ends it");
	*end = END_TEXT;
	return first;
}

struct field_node *field_nodes_parse(const char *text)
{
	struct parser s = { .p = text, .names = { format("%s", "") }, .nr = 1 };
	enum end end;

	return read_nodes(&s, NULL, &end);
}
