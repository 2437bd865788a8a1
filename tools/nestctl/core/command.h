/* SPDX-License-Identifier: MIT */
/*
 * command.h: the table of commands, the one place that dispatch, --help, nestctl(1) and shell completion come from.
 *
 * A new command: a file with `const struct command cmd_NAME = { ... }`, and a row ROW(NAME) in COMMANDS below.
 *
 *	const char **words;
 *	for (int key; (key = next_option(&cmd_NAME, argc, argv));)
 *		switch (key) { case 'f': file = optarg; break; }
 *	words = take_words(&cmd_NAME, argc, argv, 1, 1);
 *
 * What stands for a value (option_row.arg, command.args) in capitals says how it is completed: FILE, DIR, IMAGE (a name of the
 * store), UMID (a running instance), PATH (as FILE); "a|b|c" are its words. Anything else is not completed.
 */
#ifndef NESTLING_NESTCTL_COMMAND_H
#define NESTLING_NESTCTL_COMMAND_H

#include <stdbool.h>

#define COMMANDS(ROW)                                                                              \
	ROW(run)                                                                                   \
	ROW(exec)                                                                                  \
	ROW(list)                                                                                  \
	ROW(top)                                                                                   \
	ROW(logs)                                                                                  \
	ROW(mem)                                                                                   \
	ROW(snapshot)                                                                              \
	ROW(stop)                                                                                  \
	ROW(kill)                                                                                  \
	ROW(image)                                                                                 \
	ROW(cow)                                                                                   \
	ROW(console)                                                                               \
	ROW(switch)                                                                                \
	ROW(gdb)                                                                                   \
	ROW(trace)                                                                                 \
	ROW(perf)                                                                                  \
	ROW(completion)                                                                            \
	ROW(man)

struct option_row {
	int key; /* what next_option() gives: the short letter, or from 256 when there is none */
	const char *name; /* the long name, or NULL; both 0: the end of the table */
	const char *arg;  /* its value, or NULL: it takes none */
	const char *help; /* NULL: known but not shown (an old spelling) */
};
/* Every listing has it, under the same name. */
#define KEY_JSON 1000
/* clang-format off */
#define OPTION_JSON { KEY_JSON, "json", NULL, "print JSON, for programs" }
/* clang-format on */

struct command {
	const char *name; /* in full: "image build" */
	const char *args; /* behind the options: "[--] FILE..." */
	const char *help; /* one line */
	/* More, or NULL: paragraphs between empty lines; lines that begin with a tab stay as they are. */
	const char *text;
	const char *exits; /* its exit status, where it is not 0 and 1 alone; or NULL */
	const struct option_row *options; /* or NULL */
	bool command_follows;             /* options end at the first word */
	bool hidden;                      /* from --help */
	bool helper;                      /* nestctl-image runs it, instead of @run */
	int (*run)(int argc, char **argv);
	const struct command *const *sub; /* instead of run: ends in NULL */
};

#define ROW(name) extern const struct command cmd_##name;
COMMANDS(ROW)
#undef ROW
extern const struct command *const commands[]; /* ends in NULL */

/* Runs what argv[0] (of @table) names; the exit status. @in: the group's name, or NULL. */
int command_dispatch(const struct command *const *table, const char *in, int argc, char **argv);

/* helper.c: executes nestctl-image in place of this process. Dies if it is missing. */
int helper_run(const struct command *c, int argc, char **argv) __attribute__((noreturn));

/* options.c: the key of the next option, 0 when there are no more. --help prints and exits, an unknown one dies. */
int next_option(const struct command *c, int argc, char **argv);
/* The words behind the options; dies with the usage when there are fewer than @min or more than @max (-1: any). */
char **take_words(const struct command *c, int argc, char **argv, int min, int max);
/* The last word of its name. */
const char *command_verb(const struct command *c);

/* help.c */
void help_command(const struct command *c);
void help_all(const struct command *const *table);
/* "nestctl run [OPTION...] IMAGE [-- COMMAND...]", kept to the end. */
const char *command_usage(const struct command *c);

#endif
