/* SPDX-License-Identifier: MIT */
/*
 * command.h: the table of commands, the only source of dispatch, --help, nestctl(1) and shell
 * completion.
 *
 * A new command is a file with `const struct command cmd_NAME = { ... }`, and a row ROW(NAME) in
 * COMMANDS below.
 *
 *      const char **words;
 *      for (int key; (key = next_option(&cmd_NAME, argc, argv));)
 *              switch (key) { case 'f': file = optarg; break; }
 *      words = take_words(&cmd_NAME, argc, argv, 1, 1);
 *
 * The placeholder of a value (option_row.arg, command.args) in capitals decides its completion:
 * FILE, DIR, IMAGE (a name of the store), UMID (a running instance), TAG (a saved state), PATH
 * (like FILE). "a|b|c" are its words. Any other value is not completed.
 */
#ifndef NESTLING_NESTCTL_COMMAND_H
#define NESTLING_NESTCTL_COMMAND_H

#include <stdbool.h>

/* In the order of --help, which has a heading above each group (help.c). */
#define COMMANDS(ROW)                                                                              \
	ROW(run)                                                                                   \
	ROW(ps)                                                                                    \
	ROW(logs)                                                                                  \
	ROW(exec)                                                                                  \
	ROW(shell)                                                                                 \
	ROW(attach)                                                                                \
	ROW(cp)                                                                                    \
	ROW(export)                                                                                \
	ROW(create)                                                                                \
	ROW(port)                                                                                  \
	ROW(inspect)                                                                               \
	ROW(stop)                                                                                  \
	ROW(kill)                                                                                  \
	ROW(start)                                                                                 \
	ROW(restart)                                                                               \
	ROW(pause)                                                                                 \
	ROW(unpause)                                                                               \
	ROW(wait)                                                                                  \
	ROW(rename)                                                                                \
	ROW(rm)                                                                                    \
	ROW(container)                                                                             \
	ROW(events)                                                                                \
	ROW(generate)                                                                              \
	ROW(images)                                                                                \
	ROW(build)                                                                                 \
	ROW(builder)                                                                               \
	ROW(image)                                                                                 \
	ROW(pull)                                                                                  \
	ROW(tag)                                                                                   \
	ROW(import)                                                                                \
	ROW(load)                                                                                  \
	ROW(commit)                                                                                \
	ROW(diff)                                                                                  \
	ROW(rmi)                                                                                   \
	ROW(volume)                                                                                \
	ROW(system)                                                                                \
	ROW(cow)                                                                                   \
	ROW(save)                                                                                  \
	ROW(restore)                                                                               \
	ROW(rollback)                                                                              \
	ROW(clone)                                                                                 \
	ROW(states)                                                                                \
	ROW(snapshot)                                                                              \
	ROW(migrate)                                                                               \
	ROW(receive)                                                                               \
	ROW(list)                                                                                  \
	ROW(top)                                                                                   \
	ROW(watch)                                                                                 \
	ROW(stats)                                                                                 \
	ROW(mem)                                                                                   \
	ROW(console)                                                                               \
	ROW(trace)                                                                                 \
	ROW(perf)                                                                                  \
	ROW(gdb)                                                                                   \
	ROW(switch)                                                                                \
	ROW(info)                                                                                  \
	ROW(version)                                                                               \
	ROW(from_docker)                                                                           \
	ROW(completion)                                                                            \
	ROW(man)

struct option_row {
	/* result of next_option(): the short letter, or from 256 without one */
	int key;
	/* the long name, or NULL; with key 0: the end of the table */
	const char *name;
	/* its value, or NULL for none; "[=VALUE]": it may be left out, of long names only */
	const char *arg;
	/* NULL: accepted but not shown (an old spelling) */
	const char *help;
};
/* True for a value that is given behind "=" or not at all, as "[=PORT]". */
static inline bool value_is_optional(const struct option_row *o)
{
	return o->arg && o->arg[0] == '[' && o->arg[1] == '=';
}
/* Every listing has this option. */
#define KEY_JSON 1000
/* clang-format off */
#define OPTION_JSON { KEY_JSON, "json", NULL, "print JSON, for programs" }
/* clang-format on */

struct command {
	const char *name; /* full name: "image build" */
	bool program;     /* no command of nestctl */
	const char *args; /* behind the options: "[--] FILE..." */
	const char *help; /* one line */
	/*
	 * Further text, or NULL: paragraphs between empty lines. Lines that begin with a tab stay
	 * unchanged.
	 */
	const char *text;
	/* its exit statuses besides 0 and 1, or NULL */
	const char *exits;
	const struct option_row *options; /* or NULL */
	/* returns what to say of an option that is not known, or NULL; may be NULL */
	const char *(*hint)(const char *word);
	bool command_follows; /* options end at the first word */
	bool hidden;          /* from --help */
	bool helper;          /* nestctl-image runs it, instead of @run */
	int (*run)(int argc, char **argv);
	/* ends in NULL; a group with @run does that if no verb follows */
	const struct command *const *sub;
};

#define ROW(name) extern const struct command cmd_##name;
COMMANDS(ROW)
#undef ROW
extern const struct command *const commands[]; /* ends in NULL */

/*
 * Runs the command of @table that argv[0] names. Returns the exit status. @in: the group's name, or
 * NULL.
 */
int command_dispatch(const struct command *const *table, const char *in, int argc, char **argv);

/* Executes nestctl-image in place of this process (helper.c). Dies if it is missing. */
int helper_run(const struct command *c, int argc, char **argv) __attribute__((noreturn));

/*
 * Returns the key of the next option, or 0 behind the last (options.c). --help prints and exits, an
 * unknown option dies.
 */
int next_option(const struct command *c, int argc, char **argv);
/*
 * Returns the words behind the options. Dies with the usage if there are fewer than @min or more
 * than @max (-1: any number).
 */
char **take_words(const struct command *c, int argc, char **argv, int min, int max);
/* Returns the last word of its name. */
const char *command_verb(const struct command *c);

/* help.c */
void help_command(const struct command *c);
void help_all(const struct command *const *table);
/* Returns "nestctl run [OPTION...] IMAGE [-- COMMAND...]", which is never freed. */
const char *command_usage(const struct command *c);
/* Returns "nestctl run", or the name of a program; never freed. */
const char *command_line_name(const struct command *c);

/* Prints the manual page of a program in troff's form (troff.c). */
void man_program(const struct command *c);

#endif
