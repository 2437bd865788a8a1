/* SPDX-License-Identifier: MIT */
/*
 * man.c: `nestctl man` prints nestctl(1) from the table of commands. A test compares its output
 * with docs/man/nestctl.1.
 */
#include <stdio.h>
#include <string.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/troff.h"

static void print_command(const struct command *c)
{
	if (c->hidden)
		return;
	printf(".SS %s\n", c->name);
	if (c->run || c->helper) {
		fputs(".B ", stdout);
		troff_line(command_usage(c));
		puts(".PP");
	}
	troff_line(c->help);
	if (c->text)
		troff_paragraphs(c->text);
	for (const struct option_row *o = c->options; o && (o->key || o->name); o++)
		troff_option(o);
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
		troff_line((*table)->exits);
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
