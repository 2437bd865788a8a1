/* SPDX-License-Identifier: MIT */
/*
 * words.h: splits an instruction's text into words and expands variables, as docker documents it:
 *
 *      $NAME  ${NAME}  ${NAME:-WORD}  ${NAME:+WORD}  ${NAME:?WORD}, and the three without the colon
 *
 * Single quotes prevent expansion. The escape character makes the next character an ordinary one;
 * within double quotes it does so only for ", $ and itself. Lists end in NULL. Lists and texts are
 * never freed. Invalid text dies with a message that names the instruction.
 */
#ifndef NESTLING_NESTCTL_WORDS_H
#define NESTLING_NESTCTL_WORDS_H

#include "tools/nestctl/build/containerfile.h"

/* Returns a variable's value, or NULL if it is not set. */
typedef const char *variable_get(const void *arg, const char *name);

struct variables {
	const struct instruction *at; /* for messages, and the escape character */
	variable_get *get;
	const void *arg;
};

/* Returns @text with variables expanded and quotes removed. */
char *words_expand(const struct variables *v, const char *text);
/* As words_expand(), but for a heredoc, in which quotes are ordinary characters. */
char *words_expand_text(const struct variables *v, const char *text);
/* Splits the text at blanks outside quotes. Quotes and variables stay in the words. */
char **words_split(const struct instruction *i, const char *text);
/* Returns the strings of a JSON list such as ["a", "b"], or NULL if the text is no such list. */
char **words_json(const char *text);
/* Returns the expanded words of a list in JSON or shell form. */
char **words_list(const struct variables *v, const char *text);

#endif
