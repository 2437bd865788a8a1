/* SPDX-License-Identifier: MIT */
/* help.c: `nestctl --help` and `nestctl COMMAND --help`, from the table of commands (command.h). */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"

/* Returns the width of the output: that of a terminal of 40 columns or more, up to 100; else 80. */
static int columns(void)
{
	struct winsize ws;

	if (isatty(1) && !ioctl(1, TIOCGWINSZ, &ws) && ws.ws_col >= 40)
		return ws.ws_col < 100 ? ws.ws_col : 100;
	return 80;
}

/*
 * Prints the first @len bytes of @text, wrapped at the width of columns(). The cursor is in column
 * @at, and further lines begin in column @indent.
 */
static void wrap(const char *text, size_t len, int indent, int at)
{
	const char *end = text + len;
	bool first = true;

	while (text < end) {
		int n = (int)strcspn(text, " \n");

		if (n > end - text)
			n = (int)(end - text);
		if (!first && at + 1 + n > columns()) {
			printf("\n%*s", indent, "");
			at = indent;
		} else if (!first) {
			putchar(' ');
			at++;
		}
		printf("%.*s", n, text);
		at += n;
		first = false;
		text += n;
		text += strspn(text, " \n");
	}
	putchar('\n');
}

/* Prints paragraphs of the form that command.h describes. */
static void paragraphs(const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t n = end ? (size_t)(end - text) : strlen(text);

		if (*text == '\t') {
			printf("%.*s\n", (int)n, text);
		} else {
			wrap(text, n, 0, 0);
		}
		text += n;
		text += strspn(text, "\n");
		putchar('\n');
	}
}

const char *command_line_name(const struct command *c)
{
	return c->program ? c->name : format("nestctl %s", c->name);
}

const char *command_usage(const struct command *c)
{
	return format("%s%s%s%s", command_line_name(c), c->options ? " [OPTION...]" : "",
		c->args && *c->args ? " " : "", c->args ? c->args : "");
}

static void print_option(const struct option_row *o)
{
	char head[80];
	int n;

	if (!o->help)
		return;
	if (o->key < 256 && o->name)
		n = snprintf(head, sizeof(head), "  -%c, --%s", o->key, o->name);
	else if (o->name)
		n = snprintf(head, sizeof(head), "      --%s", o->name);
	else
		n = snprintf(head, sizeof(head), "  -%c", o->key);
	if (o->arg)
		n += snprintf(head + n, sizeof(head) - (size_t)n, "%s%s",
			value_is_optional(o) ? "" : " ", o->arg);
	if (n > 28)
		printf("%s\n%30s", head, "");
	else
		printf("%-30s", head);
	wrap(o->help, strlen(o->help), 30, 30);
}

/* Headings of `nestctl --help`, above the first command of each group in COMMANDS. */
static const struct {
	const struct command *first;
	const char *title;
} groups[] = {
	{ &cmd_run, "Instances" },
	{ &cmd_images, "Images, volumes and layers" },
	{ &cmd_save, "States and copies of running instances" },
	{ &cmd_list, "Watching and debugging" },
	{ &cmd_switch, "Others" },
};

/* Prints the title of the group that begins with the command, if there is such a group. */
static void print_heading(const struct command *c)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (groups[i].first == c)
			printf("%s%s:\n", i ? "\n" : "", groups[i].title);
}

static void print_table(const struct command *const *table)
{
	for (; *table; table++) {
		if ((*table)->hidden)
			continue;
		print_heading(*table);
		printf("  %-14s", command_verb(*table));
		wrap((*table)->help, strlen((*table)->help), 16, 16);
	}
}

void help_command(const struct command *c)
{
	if (c->run || c->helper || c->program)
		printf("usage: %s\n\n", command_usage(c));
	else
		printf("usage: nestctl %s COMMAND\n\n", c->name);
	wrap(c->help, strlen(c->help), 0, 0);
	putchar('\n');
	if (c->text)
		paragraphs(c->text);
	if (c->sub)
		print_table(c->sub);
	if (c->sub && c->options)
		putchar('\n');
	for (const struct option_row *o = c->options; o && (o->key || o->name); o++)
		print_option(o);
	if (!c->sub)
		print_option(&(const struct option_row){
			command_has_h(c) ? 256 : 'h', "help", NULL, "print this" });
	if (c->exits)
		printf("\nExit status: ");
	if (c->exits)
		wrap(c->exits, strlen(c->exits), 0, 13);
}

void help_all(const struct command *const *table)
{
	puts("usage: nestctl COMMAND [OPTION...]\n\nMakes images and starts, lists and controls "
	     "instances of Nestling.\n");
	print_table(table);
	puts("\n`nestctl COMMAND --help` says more, and nestctl(1) says all of it. A UMID is\nthe "
	     "name of an instance that runs (nestctl ps).\n"
	     "Exit status: 0; 1 when it could not be done, with one line on standard error\nthat "
	     "says why; the command's own for run and exec.");
}
