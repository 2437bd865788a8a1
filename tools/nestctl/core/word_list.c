/* SPDX-License-Identifier: MIT */
/* word_list.c: lists of words that end in NULL. */
#include "tools/nestctl/core/word_list.h"

#include <stdlib.h>

#include "tools/nestctl/core/nestctl.h"

size_t words_count(char *const *words)
{
	size_t n = 0;

	while (words && words[n])
		n++;
	return n;
}

char **words_add(char **words, char *word)
{
	size_t n = words_count(words);

	words = realloc(words, (n + 2) * sizeof(*words));
	if (!words)
		die("out of memory");
	words[n] = word;
	words[n + 1] = NULL;
	return words;
}
