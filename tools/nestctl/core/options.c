/* SPDX-License-Identifier: MIT */
/* options.c: reads a command's options and words, by the command's row in the table. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"

#define OPTIONS_MAX 96
#define KEY_HELP 2000

const char *command_verb(const struct command *c)
{
	const char *space = strrchr(c->name, ' ');

	return space ? space + 1 : c->name;
}

bool command_has_h(const struct command *c)
{
	const struct option_row *o = c->options;

	while (o && (o->key || o->name) && o->key != 'h')
		o++;
	return o && o->key == 'h';
}

/* Converts the table into getopt's two forms, which it writes into the caller's memory. */
static void translate(const struct command *c, char *letters, struct option *names)
{
	const struct option_row *o = c->options;
	int n = 0;

	if (c->command_follows)
		*letters++ = '+';
	*letters++ = ':';
	if (!command_has_h(c))
		*letters++ = 'h';
	names[n++] = (struct option){ "help", no_argument, NULL, KEY_HELP };
	for (; o && (o->key || o->name); o++) {
		if (n == OPTIONS_MAX)
			die("%s: too many options in its table", c->name);
		if (o->key < 256) {
			*letters++ = (char)o->key;
			if (o->arg)
				*letters++ = ':';
		}
		if (o->name)
			names[n++] = (struct option){ o->name,
				!o->arg              ? no_argument :
				value_is_optional(o) ? optional_argument :
						       required_argument,
				NULL, o->key };
	}
	*letters = '\0';
	names[n] = (struct option){ NULL, 0, NULL, 0 };
}

/* Dies since the command has no option @word. */
static void __attribute__((noreturn)) no_option(const struct command *c, const char *word)
{
	const char *hint = c->hint ? c->hint(word) : NULL;

	if (hint)
		die("%s: no option %s; %s", c->name, word, hint);
	die("%s: no option %s; see %s --help", c->name, word, command_line_name(c));
}

/* Returns the truth value in a word OPTION=VALUE: 1 or 0, or -1 if it has none. */
static int truth_of(const char *word)
{
	static const char *const values[2][3] = { { "false", "0", "f" }, { "true", "1", "t" } };
	const char *value = strchr(word, '=');

	for (int i = 0; value && i < 6; i++)
		if (!strcmp(value + 1, values[i / 3][i % 3]))
			return i / 3;
	return -1;
}

/*
 * Returns how many letters stand before the "=" of a word such as -d=true or -it=true, if each is
 * an option that takes no value; else 0. @letters: as for getopt(3).
 */
static size_t letters_of(const char *word, const char *letters)
{
	size_t n = strcspn(word, "=");

	if (word[0] != '-' || !word[n])
		return 0;
	for (size_t i = 1; i < n; i++) {
		const char *at = strchr("-:+", word[i]) ? NULL : strchr(letters, word[i]);

		if (!at || at[1] == ':')
			return 0;
	}
	return n - 1;
}

/*
 * True after getopt_long(3) has refused a value of a long option: it returns '?' for unknown
 * letters, too, but those are keys of no long option.
 */
static bool has_unwanted_value(const struct option *names)
{
	while (names->name && (names->val != optopt || names->has_arg != no_argument))
		names++;
	return names->name;
}

/*
 * getopt_long(3), with docker's form of options that take no value: --rm=true and -d=true stand for
 * the option alone, --rm=false and -d=false for no option.
 */
static int get_option(int argc, char **argv, const char *letters, const struct option *names)
{
	int key, truth;

	do {
		const char *word = optind < argc ? argv[optind] : "";
		size_t n = letters_of(word, letters);

		/* "false" belongs to the last letter, and may stand after one letter only */
		truth = n ? truth_of(word) : -1;
		truth = n == 1 || truth ? truth : -1;
		if (truth >= 0)
			argv[optind] = format("%.*s", (int)n + 1, word);
		key = getopt_long(argc, argv, letters, names, NULL);
		/* musl's is argc + 1 where the last letter lacks its value */
		if (optind > argc)
			optind = argc;
		if (key == '?' && has_unwanted_value(names)) {
			truth = truth_of(argv[optind - 1]);
			key = truth >= 0 ? optopt : key;
		}
	} while (!truth);
	return key;
}

int next_option(const struct command *c, int argc, char **argv)
{
	char letters[3 + 2 * OPTIONS_MAX];
	struct option names[OPTIONS_MAX + 1];
	int word = optind, key;

	translate(c, letters, names);
	opterr = 0;
	key = get_option(argc, argv, letters, names);
	switch (key) {
	case -1: return 0;
	case 'h':
		if (command_has_h(c))
			return key; /* fall through */
	case KEY_HELP: help_command(c); exit(finish_output(0));
	case ':':
		if (optopt == 'h' && strncmp(argv[optind - 1], "--", 2) != 0) {
			help_command(c);
			exit(finish_output(0));
		}
		die("%s: %s needs a value; see %s --help", c->name, argv[optind - 1],
			command_line_name(c));
	case '?':
		if (has_unwanted_value(names))
			die("%s: %s: expected no value but true or false", c->name,
				argv[optind - 1]);
		if (optopt && optopt < 256)
			no_option(c, format("-%c", optopt));
		no_option(c, argv[optind > word ? optind - 1 : word]);
	default: return key;
	}
}

char **take_words(const struct command *c, int argc, char **argv, int min, int max)
{
	int n = argc - optind;

	if (n < min || (max >= 0 && n > max))
		die("usage: %s", command_usage(c));
	return argv + optind;
}
