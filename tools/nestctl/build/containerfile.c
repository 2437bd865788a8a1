/* SPDX-License-Identifier: MIT */
/*
 * containerfile.c: lines, comments, continuations and heredocs of a Containerfile.
 *
 * Parser directives ("# escape=`") come first. A line that begins with # is a comment, also between
 * the lines of an instruction. Empty lines there are ignored, too. A line that ends in the escape
 * character continues in the next one. RUN, COPY and ADD may have heredocs, whose lines follow the
 * instruction's own.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/nestctl/build/containerfile.h"
#include "tools/nestctl/core/nestctl.h"

#define INSTRUCTIONS_MAX 10000
#define DOCS_MAX 16
#define FLAGS_MAX 64

static const struct {
	const char *name, *flags;
} verbs[] = {
#define ROW(name, flags) { #name, flags },
	VERBS(ROW)
#undef ROW
};

/* The text of the file, and where its next line begins. */
struct reader {
	const char *name, *next, *end;
	unsigned int line; /* number of the last line that was read */
	char escape;
};

const char *verb_name(enum verb verb)
{
	return verbs[verb].name;
}

void instruction_bad(const struct instruction *i, const char *fmt, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	die("%s:%u: %s", i->file, i->line, text ? text : "out of memory");
}

/* Returns the next line without its end, or NULL. */
static char *next_line(struct reader *r)
{
	const char *end;
	size_t n;
	char *line;

	if (r->next == r->end)
		return NULL;
	end = memchr(r->next, '\n', (size_t)(r->end - r->next));
	n = (size_t)((end ? end : r->end) - r->next);
	line = format("%.*s", (int)n, r->next);
	if (n && line[n - 1] == '\r')
		line[n - 1] = '\0';
	r->next = end ? end + 1 : r->end;
	r->line++;
	return line;
}

static char *skip_blanks(char *text)
{
	while (*text == ' ' || *text == '\t')
		text++;
	return text;
}

/* Removes blanks at the end of the text. */
static void trim(char *text)
{
	size_t n = strlen(text);

	while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
		text[--n] = '\0';
}

/* True if the line continues in the next one. Then removes the escape character. */
static bool goes_on(char *line, char escape)
{
	size_t n = strlen(line);

	while (n && (line[n - 1] == ' ' || line[n - 1] == '\t'))
		n--;
	if (!n || line[n - 1] != escape)
		return false;
	line[n - 1] = '\0';
	return true;
}

/* ---- directives ---- */

/* Reads a directive "# NAME=VALUE". Returns false if the line is no directive. */
static bool directive(struct reader *r, char *line)
{
	char *name = skip_blanks(line), *value, *end;

	if (*name != '#')
		return false;
	name = skip_blanks(name + 1);
	for (end = name; isalpha((unsigned char)*end); end++)
		;
	value = skip_blanks(end);
	if (end == name || *value != '=')
		return false;
	*end = '\0';
	value = skip_blanks(value + 1);
	trim(value);
	if (!strcasecmp(name, "escape")) {
		if (strcmp(value, "\\") != 0 && strcmp(value, "`") != 0)
			die("%s:%u: escape=%s: expected \\ or `", r->name, r->line, value);
		r->escape = *value;
	}
	return !strcasecmp(name, "escape") || !strcasecmp(name, "syntax") ||
	       !strcasecmp(name, "check");
}

/* Reads the directives at the beginning of the file. */
static void read_directives(struct reader *r)
{
	for (;;) {
		struct reader before = *r;
		char *line = next_line(r);

		if (!line || !directive(r, line)) {
			*r = before;
			return;
		}
	}
}

/* ---- heredocs ---- */

static void add_doc(struct instruction *i, const char *name, bool raw)
{
	if (i->nr_docs == DOCS_MAX)
		instruction_bad(i, "more than %d heredocs", DOCS_MAX);
	if (!i->docs)
		i->docs = xalloc(DOCS_MAX * sizeof(*i->docs));
	i->docs[i->nr_docs++] = (struct heredoc){ .name = name, .raw = raw };
}

/*
 * Reads the name after << and adds a heredoc. Returns the text after it, or NULL without a name.
 */
static const char *doc_name(struct instruction *i, const char *p)
{
	char quote = *p == '"' || *p == '\'' ? *p++ : '\0';
	const char *from = p;

	while (isalnum((unsigned char)*p) || *p == '_' || *p == '.' || *p == '-')
		p++;
	if (p == from || (quote && *p != quote))
		return NULL;
	add_doc(i, format("%.*s", (int)(p - from), from), quote);
	return p + (quote != '\0');
}

/* Finds each "<<NAME" and "<<-NAME" outside quotes. *tabs: bit N is set if heredoc N has "-". */
static void find_docs(struct instruction *i, unsigned int *tabs)
{
	char quote = '\0';

	*tabs = 0;
	for (const char *p = i->text; *p; p++) {
		if (quote) {
			quote = *p == quote ? '\0' : quote;
		} else if (*p == '"' || *p == '\'') {
			quote = *p;
		} else if (*p == i->escape && p[1]) {
			p++;
		} else if (p[0] == '<' && p[1] == '<' && p[2] != '<' &&
			   (p == i->text || p[-1] != '<')) {
			bool strip = p[2] == '-';
			const char *end = doc_name(i, p + 2 + strip);

			if (!end)
				continue;
			*tabs |= (unsigned int)strip << (i->nr_docs - 1);
			p = end - 1;
		}
	}
}

/* Returns the lines of a heredoc up to the line @name. @strip: without leading tabs. */
static const char *read_doc(struct reader *r, struct instruction *i, const char *name, bool strip)
{
	size_t size;
	char *text, *line;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		die("out of memory");
	while ((line = next_line(r))) {
		const char *p = line;

		while (strip && *p == '\t')
			p++;
		if (!strcmp(p, name)) {
			fclose(f);
			return text;
		}
		fprintf(f, "%s\n", p);
	}
	instruction_bad(i, "the lines of <<%s have no end", name);
}

static void read_docs(struct reader *r, struct instruction *i)
{
	unsigned int tabs;

	if (i->verb != VERB_RUN && i->verb != VERB_COPY && i->verb != VERB_ADD)
		return;
	find_docs(i, &tabs);
	for (size_t n = 0; n < i->nr_docs; n++)
		i->docs[n].text = read_doc(r, i, i->docs[n].name, tabs >> n & 1);
}

/* ---- instructions ---- */

/* Returns the joined text of an instruction whose first line is @line. */
static char *join_lines(struct reader *r, char *line)
{
	size_t size;
	char *text;
	FILE *f = open_memstream(&text, &size);
	bool more = goes_on(line, r->escape);

	if (!f)
		die("out of memory");
	fputs(line, f);
	while (more && (line = next_line(r))) {
		char *start = skip_blanks(line);

		if (*start == '#' || !*start)
			continue;
		more = goes_on(line, r->escape);
		fputs(line, f);
	}
	if (fclose(f))
		die("out of memory");
	return text;
}

/* True if instructions of this verb may have the flag. */
static bool takes_flag(enum verb verb, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = verbs[verb].flags; *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");

		if (len == n && !strncmp(p, name, n))
			return true;
		p += len;
	}
	return false;
}

/* Moves one "--NAME[=VALUE]" from the beginning of the text to the flags. */
static void take_flag(struct instruction *i)
{
	size_t n = strcspn(i->text, " \t");
	char *word = format("%.*s", (int)n, i->text + 2), *value;

	word[n - 2] = '\0';
	value = strchr(word, '=');
	if (value)
		*value++ = '\0';
	if (!takes_flag(i->verb, word))
		instruction_bad(i, "%s has no flag --%s", verb_name(i->verb), word);
	if (i->nr_flags == FLAGS_MAX)
		instruction_bad(i, "more than %d flags", FLAGS_MAX);
	if (!i->flags)
		i->flags = xalloc(FLAGS_MAX * sizeof(*i->flags));
	i->flags[i->nr_flags++] = (struct flag){ word, value };
	i->text = skip_blanks(i->text + n);
}

struct instruction instruction_parse(
	const char *file, unsigned int line, const char *text, char escape)
{
	struct instruction i = { .file = file, .line = line, .escape = escape };
	char *copy = skip_blanks(format("%s", text));
	size_t n = strcspn(copy, " \t");

	for (; i.verb < sizeof(verbs) / sizeof(verbs[0]); i.verb++)
		if (strlen(verbs[i.verb].name) == n && !strncasecmp(verbs[i.verb].name, copy, n))
			break;
	if (i.verb == sizeof(verbs) / sizeof(verbs[0]))
		instruction_bad(&i, "there is no instruction '%.*s'", (int)(n < 40 ? n : 40), copy);
	i.text = skip_blanks(copy + n);
	trim(i.text);
	while (*verbs[i.verb].flags && !strncmp(i.text, "--", 2))
		take_flag(&i);
	if (!*i.text)
		instruction_bad(&i, "%s needs an argument", verb_name(i.verb));
	return i;
}

const char *instruction_flag(const struct instruction *i, const char *name)
{
	for (size_t n = i->nr_flags; n--;)
		if (!strcmp(i->flags[n].name, name))
			return i->flags[n].value ? i->flags[n].value : "";
	return NULL;
}

static void add(struct containerfile *f, const struct instruction *i)
{
	if (f->nr == INSTRUCTIONS_MAX)
		instruction_bad(i, "more than %d instructions", INSTRUCTIONS_MAX);
	if (!(f->nr & (f->nr - 1))) {
		f->list = realloc(f->list, (f->nr ? 2 * f->nr : 1) * sizeof(*f->list));
		if (!f->list)
			die("out of memory");
	}
	f->list[f->nr++] = *i;
}

struct containerfile containerfile_parse(const char *name, const char *text, size_t size)
{
	struct reader r = { .name = name, .next = text, .end = text + size, .escape = '\\' };
	struct containerfile f = { 0 };
	char *line;

	if (size > CONTAINERFILE_MAX)
		die("%s: more than %d bytes", name, CONTAINERFILE_MAX);
	if (memchr(text, '\0', size))
		die("%s: not a text", name);
	if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		r.next += 3;
	read_directives(&r);
	while ((line = next_line(&r))) {
		char *start = skip_blanks(line);
		unsigned int number = r.line;
		struct instruction i;

		if (!*start || *start == '#')
			continue;
		i = instruction_parse(name, number, join_lines(&r, line), r.escape);
		read_docs(&r, &i);
		add(&f, &i);
	}
	if (!f.nr)
		die("%s: no instruction is in it", name);
	return f;
}
