/* SPDX-License-Identifier: MIT */
/*
 * fields_call.c: the functions of templates: those of Go that are useful in listings, and docker's
 * json, join, split, upper, lower, title, pad and truncate.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/fields_tree.h"
#include "tools/nestctl/core/nestctl.h"

#define PAD_MAX 1000

/* ---- values as text ---- */

void field_put_json(FILE *out, const struct json *j)
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
				field_put_json(
					out, &(struct json){ .kind = JSON_TEXT, .text = v->key });
				putc(':', out);
			}
			field_put_json(out, v);
			if (v->next)
				putc(',', out);
		}
		putc(list ? ']' : '}', out);
	} else {
		fputs(j->kind == JSON_NULL ? "null" : j->text, out);
	}
}

void field_put_plainly(FILE *out, const struct json *j)
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
		field_put_plainly(out, v);
		if (v->next)
			putc(' ', out);
	}
	putc(']', out);
}

/* Returns the text that @put writes for a value. */
static char *text_of(void (*put)(FILE *out, const struct json *j), const struct json *j)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		die("out of memory");
	put(f, j);
	if (fclose(f))
		die("out of memory");
	return text;
}

static char *plain(const struct json *j)
{
	return text_of(field_put_plainly, j);
}

bool field_is_true(const struct json *j)
{
	switch (j->kind) {
	case JSON_BOOL: return *j->text == 't';
	case JSON_NUMBER: return strtod(j->text, NULL) != 0;
	case JSON_TEXT: return *j->text;
	case JSON_LIST:
	case JSON_OBJECT: return j->first;
	default: return false;
	}
}

/* Sets a text, which must stay valid. */
static void set_text(struct json *out, char *text)
{
	*out = (struct json){ .kind = JSON_TEXT, .text = text };
}

static void set_bool(struct json *out, bool yes)
{
	*out = (struct json){ .kind = JSON_BOOL, .text = format("%s", yes ? "true" : "false") };
}

/* Returns the text of @j. Dies with the name of the function if @j is no text. */
static const char *text_argument(const struct json *j, const char *function)
{
	if (j->kind != JSON_TEXT)
		die("--format: %s: '%.80s' is no text", function, plain(j));
	return j->text;
}

/* Returns the number @j. Dies unless it is a whole number from 0. */
static long number_argument(const struct json *j, const char *function)
{
	char *end;
	long n = j->kind == JSON_NUMBER ? strtol(j->text, &end, 10) : -1;

	if (n < 0 || *end)
		die("--format: %s: '%.80s' is no whole number", function, plain(j));
	return n;
}

/* ---- maps and lists ---- */

/*
 * Returns the element @key of a list or an object; "" if the object lacks it. Dies if the list is
 * too short.
 */
static const struct json *at(const struct json *j, const struct json *key)
{
	static const struct json none = { .kind = JSON_TEXT, .text = (char *)"" };
	const struct json *v;
	long n;

	if (j->kind == JSON_OBJECT)
		return json_get(j, text_argument(key, "index")) ?: &none;
	if (j->kind != JSON_LIST)
		die("--format: index: '%.80s' is neither a list nor a map", plain(j));
	n = number_argument(key, "index");
	for (v = j->first; v && n; v = v->next)
		n--;
	if (!v)
		die("--format: index: there is no %s in a list of this length", key->text);
	return v;
}

static void call_index(struct json *out, const struct json *const *args, int nr)
{
	const struct json *v = args[0];

	for (int i = 1; i < nr; i++)
		v = at(v, args[i]);
	*out = *v;
}

static void call_len(struct json *out, const struct json *const *args, int nr)
{
	size_t n = 0;

	if (args[0]->kind == JSON_TEXT)
		n = strlen(args[0]->text);
	else if (args[0]->kind == JSON_LIST || args[0]->kind == JSON_OBJECT)
		for (const struct json *v = args[0]->first; v; v = v->next)
			n++;
	else
		die("--format: len: '%.80s' has no length", plain(args[0]));
	*out = (struct json){ .kind = JSON_NUMBER, .text = format("%zu", n) };
}

static void call_json(struct json *out, const struct json *const *args, int nr)
{
	set_text(out, text_of(field_put_json, args[0]));
}

static void call_join(struct json *out, const struct json *const *args, int nr)
{
	const char *between = text_argument(args[1], "join");
	char *text;
	size_t size;
	FILE *f;

	if (args[0]->kind != JSON_LIST)
		die("--format: join: '%.80s' is no list", plain(args[0]));
	f = open_memstream(&text, &size);
	if (!f)
		die("out of memory");
	for (const struct json *v = args[0]->first; v; v = v->next) {
		field_put_plainly(f, v);
		if (v->next)
			fputs(between, f);
	}
	if (fclose(f))
		die("out of memory");
	set_text(out, text);
}

/* split TEXT SEPARATOR: the list of the parts; with an empty separator, of the single bytes. */
static void call_split(struct json *out, const struct json *const *args, int nr)
{
	const char *p = text_argument(args[0], "split"), *by = text_argument(args[1], "split");
	struct json **last = &out->first;

	*out = (struct json){ .kind = JSON_LIST };
	for (const char *end; p; p = end ? end + strlen(by) : NULL) {
		struct json *v = xalloc(sizeof(*v));

		end = *by ? strstr(p, by) : *p && p[1] ? p + 1 : NULL;
		set_text(v, format("%.*s", (int)(end ? end - p : (long)strlen(p)), p));
		*last = v;
		last = &v->next;
	}
}

/* ---- comparing ---- */

/* Compares two values, which must be of one kind, like strcmp(). Dies if they are not. */
static int compare(const struct json *a, const struct json *b, const char *function)
{
	double x, y;

	if (a->kind != b->kind || a->kind == JSON_LIST || a->kind == JSON_OBJECT)
		die("--format: %s: '%.80s' and '%.80s' are not of one kind", function, plain(a),
			plain(b));
	if (a->kind == JSON_NULL)
		return 0;
	if (a->kind != JSON_NUMBER)
		return strcmp(a->text, b->text);
	x = strtod(a->text, NULL);
	y = strtod(b->text, NULL);
	return x < y ? -1 : x > y;
}

/* eq A B...: true if A equals one of the others. */
static void call_eq(struct json *out, const struct json *const *args, int nr)
{
	bool yes = false;

	for (int i = 1; i < nr && !yes; i++)
		yes = !compare(args[0], args[i], "eq");
	set_bool(out, yes);
}

#define COMPARISON(name, op)                                                                       \
	static void call_##name(struct json *out, const struct json *const *args, int nr)          \
	{                                                                                          \
		set_bool(out, compare(args[0], args[1], #name) op 0);                              \
	}
COMPARISON(ne, !=)
COMPARISON(lt, <)
COMPARISON(le, <=)
COMPARISON(gt, >)
COMPARISON(ge, >=)
#undef COMPARISON

/* ---- texts ---- */

static void call_upper(struct json *out, const struct json *const *args, int nr)
{
	char *text = format("%s", text_argument(args[0], "upper"));

	for (char *c = text; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	set_text(out, text);
}

static void call_lower(struct json *out, const struct json *const *args, int nr)
{
	char *text = format("%s", text_argument(args[0], "lower"));

	for (char *c = text; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	set_text(out, text);
}

/* Makes the first letter of each word a capital. */
static void call_title(struct json *out, const struct json *const *args, int nr)
{
	char *text = format("%s", text_argument(args[0], "title"));

	for (char *c = text; *c; c++)
		if (c == text || c[-1] == ' ')
			*c = (char)toupper((unsigned char)*c);
	set_text(out, text);
}

/*
 * pad TEXT BEFORE BEHIND: adds these numbers of blanks, each at most PAD_MAX, unless the text is
 * empty.
 */
static void call_pad(struct json *out, const struct json *const *args, int nr)
{
	const char *text = text_argument(args[0], "pad");
	long before = number_argument(args[1], "pad"), behind = number_argument(args[2], "pad");

	if (before > PAD_MAX || behind > PAD_MAX)
		die("--format: pad: more than %d blanks", PAD_MAX);
	set_text(out, *text ? format("%*s%s%*s", (int)before, "", text, (int)behind, "") :
			      format("%s", ""));
}

/* truncate TEXT N: cuts the text to at most N bytes, but not inside a character. */
static void call_truncate(struct json *out, const struct json *const *args, int nr)
{
	const char *text = text_argument(args[0], "truncate");
	long n = number_argument(args[1], "truncate"), len = (long)strlen(text);

	n = n < len ? n : len;
	/* do not cut a character in two */
	while (n && n < len && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	set_text(out, format("%.*s", (int)n, text));
}

/*
 * Joins values with blanks, as Go does. @all: between all of them; otherwise only between two
 * values neither of which is a text.
 */
static char *side_by_side(const struct json *const *args, int nr, bool all)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		die("out of memory");
	for (int i = 0; i < nr; i++) {
		if (i && (all || (args[i]->kind != JSON_TEXT && args[i - 1]->kind != JSON_TEXT)))
			putc(' ', f);
		field_put_plainly(f, args[i]);
	}
	if (all)
		putc('\n', f);
	if (fclose(f))
		die("out of memory");
	return text;
}

static void call_print(struct json *out, const struct json *const *args, int nr)
{
	set_text(out, side_by_side(args, nr, false));
}

static void call_println(struct json *out, const struct json *const *args, int nr)
{
	set_text(out, side_by_side(args, nr, true));
}

/* A directive of printf: %[-+0][WIDTH][.PRECISION]LETTER. */
struct directive {
	bool left, plus, zeros;
	int width, precision; /* @precision: -1 if none is given */
	char letter;
};

/* Reads a number, 0 if there is no digit. Dies if it is above PAD_MAX. */
static int read_count(const char **p)
{
	int n = 0;

	while (isdigit((unsigned char)**p) && n <= PAD_MAX)
		n = n * 10 + (*(*p)++ - '0');
	if (n > PAD_MAX)
		die("--format: printf: a width above %d", PAD_MAX);
	return n;
}

/* Reads the directive after its "%", and moves *p past the directive. */
static struct directive read_directive(const char **p)
{
	struct directive d = { .precision = -1 };

	for (; **p && strchr("-+0", **p); ++*p) {
		d.left = d.left || **p == '-';
		d.plus = d.plus || **p == '+';
		d.zeros = d.zeros || **p == '0';
	}
	d.width = read_count(p);
	if (**p == '.') {
		++*p;
		d.precision = read_count(p);
	}
	d.letter = **p;
	*p += !!**p;
	return d;
}

/* Returns the bytes of the first @n characters of a text of UTF-8. @n: -1 for all. */
static size_t bytes_of(const char *text, int n)
{
	const char *p = text;

	while (*p && n) {
		do
			p++;
		while (((unsigned char)*p & 0xc0) == 0x80);
		n--;
	}
	return (size_t)(p - text);
}

/* Returns how many characters of UTF-8 a text has. */
static int characters_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* Returns the text of a number for %d, %x, %X, %f or %g. */
static char *number_text(const struct json *j, const struct directive *d)
{
	const bool whole = strchr("dxX", d->letter);
	long long n;
	char *end;

	if (j->kind != JSON_NUMBER || (whole && strpbrk(j->text, ".eE")))
		die("--format: printf: %%%c: '%.80s' is no%s number", d->letter, plain(j),
			whole ? " whole" : "");
	if (!whole) {
		const double x = strtod(j->text, NULL);

		/* no JSON of nestctl has a number of more digits than this holds */
		return d->letter == 'f' ? format("%.*f", d->precision < 0 ? 6 : d->precision, x) :
		       d->precision < 0 ? format("%s", j->text) :
					  format("%.*g", d->precision, x);
	}
	if (d->letter == 'd')
		return format("%s", j->text);
	n = strtoll(j->text, &end, 10);
	if (*end)
		die("--format: printf: %%%c: '%.80s' is no decimal number", d->letter, j->text);
	return format(d->letter == 'x' ? "%s%llx" : "%s%llX", n < 0 ? "-" : "",
		n < 0 ? 0 - (unsigned long long)n : (unsigned long long)n);
}

/* Returns a value's text for a directive, before it is padded. Dies if the directive is unknown. */
static char *by_letter(const struct json *j, const struct directive *d)
{
	char *text;

	switch (d->letter) {
	case 'd':
	case 'x':
	case 'X':
	case 'f':
	case 'g':
		text = number_text(j, d);
		return d->plus && *text != '-' ? format("+%s", text) : text;
	case 't':
		if (j->kind != JSON_BOOL)
			die("--format: printf: %%t: '%.80s' is neither true nor false", plain(j));
		return plain(j);
	case 'q': return text_of(field_put_json, j);
	case 's':
	case 'v': text = plain(j); return format("%.*s", (int)bytes_of(text, d->precision), text);
	}
	die("--format: printf: %%s, %%d, %%v, %%q, %%t, %%x, %%f, %%g and %%%% are known here");
}

/* Writes a value in the format of the directive. */
static void put_directive(FILE *f, const struct json *j, const struct directive *d)
{
	const char *text = by_letter(j, d);
	const int room = d->width - characters_of(text);

	if (d->zeros && !d->left && room > 0 && j->kind == JSON_NUMBER) {
		const bool sign = *text == '-' || *text == '+';

		fprintf(f, "%.*s", sign, text);
		for (int i = 0; i < room; i++)
			putc('0', f);
		fputs(text + sign, f);
		return;
	}
	fprintf(f, "%*s%s%*s", d->left || room < 0 ? 0 : room, "", text,
		d->left && room > 0 ? room : 0, "");
}

static void call_printf(struct json *out, const struct json *const *args, int nr)
{
	const char *p = text_argument(args[0], "printf");
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int i = 1;

	if (!f)
		die("out of memory");
	while (*p) {
		struct directive d;

		if (*p != '%' || p[1] == '%') {
			putc(*p, f);
			p += 1 + (*p == '%');
			continue;
		}
		p++;
		d = read_directive(&p);
		if (i == nr)
			die("--format: printf: more places than values");
		put_directive(f, args[i++], &d);
	}
	if (i != nr)
		die("--format: printf: more values than places");
	if (fclose(f))
		die("out of memory");
	set_text(out, text);
}

/* slice X [FROM [TO]]: a part of a text, by bytes as in Go, or of a list. */
static void call_slice(struct json *out, const struct json *const *args, int nr)
{
	const struct json *all = args[0];
	struct json **last = &out->first;
	long from, to, n = 0;

	if (all->kind != JSON_TEXT && all->kind != JSON_LIST)
		die("--format: slice: '%.80s' is neither a text nor a list", plain(all));
	for (const struct json *v = all->first; v; v = v->next)
		n++;
	n = all->kind == JSON_TEXT ? (long)strlen(all->text) : n;
	from = nr > 1 ? number_argument(args[1], "slice") : 0;
	to = nr > 2 ? number_argument(args[2], "slice") : n;
	if (from > to || to > n)
		die("--format: slice: %ld to %ld of %ld", from, to, n);
	if (all->kind == JSON_TEXT) {
		set_text(out, format("%.*s", (int)(to - from), all->text + from));
		return;
	}
	*out = (struct json){ .kind = JSON_LIST };
	n = 0;
	for (const struct json *v = all->first; v && n < to; v = v->next) {
		if (n++ < from)
			continue;
		*last = xalloc(sizeof(**last));
		**last = *v;
		(*last)->next = NULL;
		last = &(*last)->next;
	}
}

const struct field_call *field_call_find(const char *name)
{
	static const struct field_call calls[] = {
		{ "json", 1, 1, call_json },
		{ "index", 1, FIELDS_ARGS_MAX, call_index },
		{ "len", 1, 1, call_len },
		{ "join", 2, 2, call_join },
		{ "split", 2, 2, call_split },
		{ "eq", 2, FIELDS_ARGS_MAX, call_eq },
		{ "ne", 2, 2, call_ne },
		{ "lt", 2, 2, call_lt },
		{ "le", 2, 2, call_le },
		{ "gt", 2, 2, call_gt },
		{ "ge", 2, 2, call_ge },
		{ "upper", 1, 1, call_upper },
		{ "lower", 1, 1, call_lower },
		{ "title", 1, 1, call_title },
		{ "pad", 3, 3, call_pad },
		{ "truncate", 2, 2, call_truncate },
		{ "print", 0, FIELDS_ARGS_MAX, call_print },
		{ "println", 0, FIELDS_ARGS_MAX, call_println },
		{ "printf", 1, FIELDS_ARGS_MAX, call_printf },
		{ "slice", 1, 3, call_slice },
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(calls[i].name, name))
			return &calls[i];
	return NULL;
}
