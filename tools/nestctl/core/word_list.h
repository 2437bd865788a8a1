/* SPDX-License-Identifier: MIT */
/* word_list.h: lists of words, which end in NULL; NULL is an empty list. */
#ifndef NESTCTL_CORE_WORD_LIST_H
#define NESTCTL_CORE_WORD_LIST_H

#include <stddef.h>

/* Returns the number of words, without the NULL. */
size_t words_count(char *const *words);
/*
 * Appends a word, which must stay valid, to a list. Returns the list, whose address may have
 * changed. Dies without memory.
 */
char **words_add(char **words, char *word);

#endif
