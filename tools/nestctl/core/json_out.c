/* SPDX-License-Identifier: MIT */
/* json_out.c: see json.h. */
#include <stdio.h>
#include <string.h>

#include "tools/nestctl/core/json.h"

static bool comma; /* the next value needs a comma */
/* how many lists and objects are open */
static int depth;
static FILE *out;
/* spaces for each level; 0: all is on one line */
static int indent;

void json_to(FILE *f)
{
	out = f;
}

void json_indent(int spaces)
{
	indent = spaces;
}

static FILE *stream(void)
{
	return out ? out : stdout;
}

/* Rejects overlong forms and surrogates (RFC 3629, section 4). */
int utf8_sequence(const unsigned char *s)
{
	int n = *s < 0x80 ? 1 : *s >= 0xf0 && *s < 0xf5 ? 4 : *s >= 0xe0 ? 3 : *s >= 0xc2 ? 2 : 0;

	if (*s >= 0xf5)
		return 0;
	for (int i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
		(*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* Prints a text in quotes. */
static void quoted(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	putc('"', stream());
	while (*s) {
		int n = utf8_sequence(s);

		if (*s == '"' || *s == '\\')
			fprintf(stream(), "\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f)
			fprintf(stream(), "\\u%04x", *s);
		else if (!n)
			fputs("\\ufffd", stream());
		else
			fprintf(stream(), "%.*s", n, (const char *)s);
		s += n ? n : 1;
	}
	putc('"', stream());
}

/* Begins a line at level @at, if lines are indented. */
static void begin_line(int at)
{
	if (indent && !out)
		fprintf(stream(), "\n%*s", at * indent, "");
}

/* Begins a value: a comma if needed, and the key if there is one. */
static void begin(const char *key)
{
	if (comma)
		putc(',', stream());
	if (depth)
		begin_line(depth);
	comma = true;
	if (key) {
		quoted(key);
		fputs(indent && !out ? ": " : ":", stream());
	}
}

void json_open(const char *key, char bracket)
{
	begin(key);
	putc(bracket, stream());
	comma = false;
	depth++;
}

void json_close(char bracket)
{
	depth--;
	/* after an empty list or object, @comma is still false */
	if (comma)
		begin_line(depth);
	putc(bracket, stream());
	comma = true;
	if (!depth) {
		putc('\n', stream());
		comma = false;
	}
}

void json_text(const char *key, const char *text)
{
	begin(key);
	if (text)
		quoted(text);
	else
		fputs("null", stream());
}

void json_number(const char *key, int64_t n)
{
	begin(key);
	fprintf(stream(), "%lld", (long long)n);
}

void json_real(const char *key, double x)
{
	begin(key);
	fprintf(stream(), "%.3f", x);
}

void json_bool(const char *key, bool b)
{
	begin(key);
	fputs(b ? "true" : "false", stream());
}
