/* SPDX-License-Identifier: MIT */
/*
 * man.c: `nestctl man` prints nestctl(1) from the table; docs/man/nestctl.1 is its output, which a
 * test compares.
 */
#include <stdio.h>
#include <string.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"

/* Prints text that troff shows unchanged: no hyphen becomes a dash, no line is a request. */
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

static void roff_line(const char *text)
{
	roff(text, strlen(text), false);
	putchar('\n');
}

static void paragraphs(const char *text)
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

static void print_option(const struct option_row *o)
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
		fputs(o->arg[0] == '[' ? "\\fI" : " \\fI", stdout);
		roff(o->arg, strlen(o->arg), false);
		fputs("\\fR", stdout);
	}
	putchar('\n');
	roff_line(o->help);
}

static void print_command(const struct command *c)
{
	if (c->hidden)
		return;
	printf(".SS %s\n", c->name);
	if (c->run || c->helper) {
		fputs(".B ", stdout);
		roff_line(command_usage(c));
		puts(".PP");
	}
	roff_line(c->help);
	if (c->text)
		paragraphs(c->text);
	for (const struct option_row *o = c->options; o && (o->key || o->name); o++)
		print_option(o);
	for (const struct command *const *s = c->sub; s && *s; s++)
		print_command(*s);
}

static void print_exits(const struct command *const *table)
{
	for (; *table; table++) {
		if ((*table)->sub)
			print_exits((*table)->sub);
		if (!(*table)->exits)
			continue;
		printf(".TP\n.B %s\n", (*table)->name);
		roff_line((*table)->exits);
	}
}

static const char head[] =
	".\\\" SPDX-License-Identifier: MIT\n"
	".\\\" Made by `nestctl man`; change the table in tools/nestctl.\n"
	".TH NESTCTL 1 \"\" Nestling \"User commands\"\n"
	".SH NAME\n"
	"nestctl \\- make images and run Nestling instances\n"
	".SH SYNOPSIS\n"
	".B nestctl\n"
	".I COMMAND\n"
	".RI [ OPTION ...]\n"
	".SH DESCRIPTION\n"
	".B nestctl\n"
	"is the friendly face of\n"
	".BR nestling (1),\n"
	"a Linux guest kernel that runs as an ordinary process. It needs no privilege.\n"
	".PP\n"
	"An\n"
	".I IMAGE\n"
	"is a name, looked up in\n"
	".IR $XDG_DATA_HOME/nestling/images ,\n"
	"or, with a slash in it, the path of an ext4 file-system image. A\n"
	".I UMID\n"
	"is the name of a running instance.\n"
	".PP\n"
	"Every command has\n"
	".BR \\-\\-help ;\n"
	"listings have\n"
	".BR \\-\\-json .\n"
	"Colours and progress bars appear on a terminal only, colours not if\n"
	".B NO_COLOR\n"
	"is set, a bar after a second.\n";

static const char foot[] =
	".SH EXAMPLES\n"
	".nf\n"
	"nestctl image build\n"
	"nestctl run debian\n"
	"nestctl run debian \\-\\- apt list \\-\\-installed | wc \\-l\n"
	"nestctl run \\-\\-net slirp,hostfwd=tcp:127.0.0.1:8080\\-:80 debian\n"
	"nestctl switch /tmp/lan & nestctl run \\-\\-net switch,/tmp/lan debian\n"
	"nestctl cow create my.cow \\-\\-backing debian.ext4 \\-\\-format v4; nestctl cow pack "
	"my.cow "
	"send.me\n"
	"nestctl run \\-m 256M \\-\\-param seccomp=off busybox \\-\\- uname \\-a\n"
	".fi\n"
	".SH FILES\n"
	".I $XDG_DATA_HOME/nestling/images\n"
	"(by default\n"
	".IR ~/.local/share/nestling/images )\n"
	".SH SEE ALSO\n"
	".BR nestling (1),\n"
	".BR mmdebstrap (1),\n"
	".BR uml_moo (1)\n";

static int man(int argc, char **argv)
{
	while (next_option(&cmd_man, argc, argv))
		;
	take_words(&cmd_man, argc, argv, 0, 0);
	fputs(head, stdout);
	puts(".SH COMMANDS");
	for (const struct command *const *c = commands; *c; c++)
		print_command(*c);
	puts(".SH EXIT STATUS\n0; 1 when something could not be done, with one line on standard "
	     "error that says why; besides:");
	print_exits(commands);
	fputs(foot, stdout);
	return 0;
}

const struct command cmd_man = {
	.name = "man",
	.args = "",
	.help = "Prints the manual page in troff's form.",
	.hidden = true,
	.run = man,
};
