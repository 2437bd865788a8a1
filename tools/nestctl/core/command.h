/* SPDX-License-Identifier: MIT */
/*
 * command.h: the table of commands, the only source of dispatch, --help, nestctl(1) and shell
 * completion.
 *
 * A new command is a file with `const struct command cmd_NAME = { ... }`, and a row ROW(NAME) in
 * COMMANDS below.
 *
 *      char **words;
 *      for (int key; (key = next_option(&cmd_NAME, argc, argv));)
 *              switch (key) { case 'f': file = optarg; break; }
 *      words = take_words(&cmd_NAME, argc, argv, 1, 1);
 *
 * The placeholder of a value (option_row.arg, command.args) in capitals decides its completion:
 * IMAGE (a name of the store), UMID (a running instance), TAG (a saved state), DIR and HOSTDIR (a
 * folder), FILE, PATH, ARCHIVE, OUT, NEW and B (a file). "a|b|c" are its words. Any other value is
 * not completed.
 */
#ifndef NESTLING_NESTCTL_COMMAND_H
#define NESTLING_NESTCTL_COMMAND_H

#include <stdbool.h>

/* The commands, in the order of --help, which has a heading above each group (help.c). */
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
	/*
	 * what next_option() returns for the option: its short letter, or a number from 256 if it
	 * has none
	 */
	int key;
	/* the long name, or NULL. A row without key and name ends the table. */
	const char *name;
	/*
	 * placeholder of the option's value, or NULL if it takes none. "[=VALUE]": the value may be
	 * left out, which only long names allow.
	 */
	const char *arg;
	/* text for --help. NULL: the option is accepted but not shown (an old spelling). */
	const char *help;
};
/* True if the option's value may be left out, as in "[=PORT]". */
static inline bool value_is_optional(const struct option_row *o)
{
	return o->arg && o->arg[0] == '[' && o->arg[1] == '=';
}
/* key of --json, which every listing has */
#define KEY_JSON 1000
/* clang-format off */
#define OPTION_JSON { KEY_JSON, "json", NULL, "print JSON, for programs" }
/* clang-format on */

struct command {
	const char *name; /* full name: "image build" */
	/* the row is a program of its own, no command of nestctl */
	bool program;
	/* words behind the options: "[--] FILE...", or NULL */
	const char *args;
	const char *help; /* one line of --help */
	/*
	 * Further text, or NULL: paragraphs between empty lines. Lines that begin with a tab stay
	 * unchanged.
	 */
	const char *text;
	/* the meaning of exit statuses besides 0 and 1, or NULL */
	const char *exits;
	const struct option_row *options; /* or NULL */
	/*
	 * returns a message about the unknown option @word ("--word=value" or "-x"), or NULL for
	 * the general message. May be NULL.
	 */
	const char *(*hint)(const char *word);
	bool command_follows; /* options end at the first word */
	bool hidden;          /* not shown by --help */
	bool helper;          /* run by nestctl-image, in place of @run */
	/*
	 * returns the exit status, or dies; argv[0] is the command's last word. NULL for a mere
	 * group.
	 */
	int (*run)(int argc, char **argv);
	/*
	 * the commands of a group, ending in NULL. A group that has @run too calls it if no verb
	 * follows.
	 */
	const struct command *const *sub;
};

#define ROW(name) extern const struct command cmd_##name;
COMMANDS(ROW)
#undef ROW
extern const struct command *const commands[]; /* ends in NULL */

/*
 * Runs the command of @table (which ends in NULL) that argv[0] names, and returns its exit status.
 * Dies if none has this name. @in: the name of the group to which @table belongs, or NULL.
 */
int command_dispatch(const struct command *const *table, const char *in, int argc, char **argv);

/*
 * Executes nestctl-image in place of this process, to run @c with the words of @argv (helper.c).
 * Dies if it is missing.
 */
int helper_run(const struct command *c, int argc, char **argv) __attribute__((noreturn));

/*
 * Returns the key of the next option, or 0 behind the last (options.c). Its value is optarg, which
 * is NULL if the option was given none. An option that takes no value may be written --rm=true;
 * --rm=false is skipped. Prints the help and exits at --help, and at -h as command_has_h() says.
 * Dies at an unknown option, and at a value that is missing or not wanted.
 */
int next_option(const struct command *c, int argc, char **argv);
/*
 * Returns the words behind the options, which end in NULL and stay in @argv. Called after
 * next_option() has returned 0. Dies with the usage if there are fewer than @min or more than @max
 * words (-1: any number).
 */
char **take_words(const struct command *c, int argc, char **argv, int min, int max);
/*
 * Returns the last word of the command's name: "build" for "image build". The text is a part of the
 * name.
 */
const char *command_verb(const struct command *c);
/*
 * True if the command has an option -h with a value, as docker's for --hostname. Such a command
 * prints its help at -h without a value, and every other command at any -h.
 */
bool command_has_h(const struct command *c);

/* help.c */
/* Print a command's --help, or the help of all commands of @table, on standard output. */
void help_command(const struct command *c);
void help_all(const struct command *const *table);
/* Returns "nestctl run [OPTION...] IMAGE [-- COMMAND...]". The text is never freed. */
const char *command_usage(const struct command *c);
/* Returns "nestctl run", or the name of a program. The text is never freed. */
const char *command_line_name(const struct command *c);

/*
 * Prints the manual page of a program in troff's form on standard output (troff.c). Its @text,
 * @options and @exits are not NULL.
 */
void man_program(const struct command *c);

#endif
