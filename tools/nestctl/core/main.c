/* SPDX-License-Identifier: MIT */
/* main.c: nestctl's command line: finds the row of command.h's table and runs it. */
#include <stdio.h>
#include <string.h>

#include "gen/build_id.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/docker.h"
#include "tools/nestctl/core/nestctl.h"

const struct command *const commands[] = {
#define ROW(name) &cmd_##name,
	COMMANDS(ROW)
#undef ROW
		NULL,
};

static bool is_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help");
}

/* Returns the command of the table, or NULL. */
static const struct command *find(const struct command *const *table, const char *verb)
{
	for (; *table; table++)
		if (!strcmp(command_verb(*table), verb))
			return *table;
	return NULL;
}

#define WORD_MAX 32

/*
 * Returns the edit distance of two words: how many letters to change, add, remove, or swap with the
 * next letter.
 */
static int distance(const char *a, const char *b)
{
	int d[WORD_MAX + 1][WORD_MAX + 1], n = (int)strlen(a), m = (int)strlen(b);

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (int i = 0; i <= n; i++)
		for (int j = 0; j <= m; j++) {
			int best = i + j;

			if (i && j)
				best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (i && d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (j && d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[n][m];
}

/* Returns the name of the command nearest to @word, or NULL if none is near enough. */
static const char *nearest(const struct command *const *table, const char *word)
{
	int best = strlen(word) > 3 ? 3 : 2;
	const char *name = NULL;

	for (; *table; table++) {
		int n = distance(word, command_verb(*table));

		if (n < best && !(*table)->hidden) {
			best = n;
			name = command_verb(*table);
		}
	}
	return name;
}

/* Dies since the table has no command @word. @in: see command_dispatch(). */
static void __attribute__((noreturn))
unknown(const struct command *const *table, const char *in, const char *word)
{
	const char *what = docker_verb(word), *near = nearest(table, word);
	const char *where = in ? format("%s ", in) : "";

	if (!in && what)
		die("no command '%s'; %s", word, what);
	/* docker's image tag, image pull and others are commands of their own here */
	if (in && find(commands, word))
		die("%s: no command '%s'; nestctl %s is one", in, word, word);
	if (near)
		die("%s%sno command '%s'; is it nestctl %s%s?", in ? in : "", in ? ": " : "", word,
			where, near);
	die("%s%sno command '%s'; try nestctl %s--help", in ? in : "", in ? ": " : "", word, where);
}

int command_dispatch(const struct command *const *table, const char *in, int argc, char **argv)
{
	const struct command *c = find(table, argv[0]);

	if (!c)
		unknown(table, in, argv[0]);
	if (c->helper && argc == 2 && is_help(argv[1]) && strcmp(argv[1], "help")) {
		help_command(c);
		return 0;
	}
	if (c->helper)
		helper_run(c, argc, argv);
	if (!c->sub)
		return c->run(argc, argv);
	if (c->run && (argc < 2 || (argv[1][0] == '-' && !is_help(argv[1]))))
		return c->run(argc, argv);
	if (argc > 1 && !is_help(argv[1]))
		return command_dispatch(c->sub, c->name, argc - 1, argv + 1);
	if (argc < 2)
		die("%s: which command? try nestctl %s --help", c->name, c->name);
	help_command(c);
	return 0;
}

/* Runs `nestctl help run` as `nestctl run --help`. */
static int help(int argc, char **argv)
{
	const struct command *c = NULL;
	const struct command *const *table = commands;

	for (int i = 2; i < argc && table; i++) {
		c = find(table, argv[i]);
		if (!c)
			unknown(table, NULL, argv[i]);
		table = c->sub;
	}
	if (c)
		help_command(c);
	else
		help_all(commands);
	return 0;
}

static int run(int argc, char **argv)
{
	if (argc < 2)
		die("which command? try nestctl --help");
	if (is_help(argv[1]))
		return help(argc, argv);
	if (!strcmp(argv[1], "--version")) {
		puts("nestctl " NESTLING_VERSION);
		return 0;
	}
	return command_dispatch(commands, NULL, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	prepare_process();
	return finish_output(run(argc, argv));
}
