/* SPDX-License-Identifier: MIT */
/*
 * words.h: words of an instruction's text, and variables in them, as docker documents them:
 *
 *      $NAME  ${NAME}  ${NAME:-WORD}  ${NAME:+WORD}  ${NAME:?WORD}, and the three without the colon
 *
 * Between single quotes nothing is expanded. The escape character takes the meaning of the next
 * one; between double quotes only of ", $ and itself. Lists end in NULL and are never freed.
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

/* Returns @text with its variables' values and without quotes. */
char *words_expand(const struct variables *v, const char *text);
/* Likewise of a heredoc, in which quotes are ordinary characters. */
char *words_expand_text(const struct variables *v, const char *text);
/* Returns the words between blanks, which quotes protect; quotes and variables stay. */
char **words_split(const struct instruction *i, const char *text);
/* Returns the strings of a JSON list such as ["a", "b"]; NULL: the text is something else. */
char **words_json(const char *text);
/* Returns the words of a list in either form, expanded. */
char **words_list(const struct variables *v, const char *text);
size_t words_count(char *const *words);
/* Adds a word to a list, which may be NULL. */
char **words_add(char **words, char *word);

#endif
