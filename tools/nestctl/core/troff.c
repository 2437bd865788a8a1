/* SPDX-License-Identifier: MIT */
/* troff.c: writes parts of manual pages, and the page of a program. */
#include "tools/nestctl/core/troff.h"

#include <stdio.h>
#include <string.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"

/* Prints text that troff shows unchanged: escapes hyphens, and characters that begin a request. */
static void roff(const char *text, size_t len, bool verbatim)
{
	bool start = true;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (start && (c == '.' || c == '\''))
			fputs("\\&", stdout);
		if (c == '\\')
			fputs("\\e", stdout);
		else if (c == '-')
			fputs("\\-", stdout);
		else if (c == '\t' && verbatim)
			fputs("    ", stdout);
		else
			putchar(c);
		start = c == '\n';
	}
}

void troff_line(const char *text)
{
	roff(text, strlen(text), false);
	putchar('\n');
}

void troff_paragraphs(const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t n = end ? (size_t)(end - text) : strlen(text);
		bool verbatim = *text == '\t';

		puts(verbatim ? ".PP\n.nf" : ".PP");
		roff(text, n, verbatim);
		puts(verbatim ? "\n.fi" : "");
		text += n;
		text += strspn(text, "\n");
	}
}

void troff_option(const struct option_row *o)
{
	if (!o->help)
		return;
	printf(".TP\n");
	if (o->key < 256)
		printf("\\fB\\-%c\\fR%s", o->key, o->name ? ", " : "");
	if (o->name) {
		fputs("\\fB\\-\\-", stdout);
		roff(o->name, strlen(o->name), false);
		fputs("\\fR", stdout);
	}
	if (o->arg) {
		fputs(value_is_optional(o) ? "\\fI" : " \\fI", stdout);
		roff(o->arg, strlen(o->arg), false);
		fputs("\\fR", stdout);
	}
	putchar('\n');
	troff_line(o->help);
}

void man_program(const struct command *c)
{
	printf(".\\\" SPDX-License-Identifier: MIT\n"
	       ".\\\" Made by the program's option --man; change its table of options.\n"
	       ".TH \"%s\" 1 \"\" Nestling \"User commands\"\n.SH NAME\n",
		c->name);
	troff_line(format("%s - %s", c->name, c->help));
	puts(".SH SYNOPSIS");
	troff_line(command_usage(c));
	puts(".SH DESCRIPTION");
	troff_paragraphs(c->text);
	puts(".SH OPTIONS");
	for (const struct option_row *o = c->options; o->key || o->name; o++)
		troff_option(o);
	puts(".SH EXIT STATUS");
	troff_line(c->exits);
	puts(".SH SEE ALSO\n.BR nestling (1),\n.BR nestctl (1)");
}
