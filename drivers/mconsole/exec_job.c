/* SPDX-License-Identifier: MIT */
/*
 * exec_job.c: parses the text of a command's job (exec_host.h). The text comes from the owner, but
 * is checked like hostile input.
 */
#include <asm/errno.h>

#include "drivers/mconsole/exec.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"

/* Parses "UID:GID[:GID...]". */
static int parse_user(struct exec_session *s, char *text)
{
	u32 ids[EXEC_GROUPS_MAX + 2];
	u32 n = 0;
	char *word;

	while ((word = strsep(&text, ":"))) {
		u64 id;

		if (n == ARRAY_SIZE(ids) || kstrtou64(word, 10, &id) || id >= 0xffffffff)
			return -EINVAL;
		ids[n++] = (u32)id;
	}
	if (n < 2)
		return -EINVAL;
	s->spawn.uid = ids[0];
	s->spawn.gid = ids[1];
	s->spawn.nr_groups = n - 2;
	memcpy(s->groups, ids + 2, (n - 2) * sizeof(ids[0]));
	return 0;
}

static int parse_size(struct exec_session *s, char *text)
{
	const char *rows = strsep(&text, " ");
	u64 r, c;

	if (!text || kstrtou64(rows, 10, &r) || kstrtou64(text, 10, &c) || r > 0xffff || c > 0xffff)
		return -EINVAL;
	s->rows = (u32)r;
	s->cols = (u32)c;
	return 0;
}

static int parse_caps(struct exec_session *s, const char *text)
{
	u64 kept;

	if (kstrtou64(text, 16, &kept))
		return -EINVAL;
	s->spawn.caps_dropped = ~kept;
	return 0;
}

static int parse_word(struct exec_session *s, char *word, u32 *nr_env)
{
	switch (*word) {
	case 'm':
		s->terminal = !strcmp(word + 1, "terminal");
		s->detached = !strcmp(word + 1, "detached");
		return 0;
	case 'w': s->spawn.dir = word + 1; return 0;
	case 'h':
		s->spawn.dir = word + 1;
		s->spawn.dir_optional = true;
		return 0;
	case 's': return parse_size(s, word + 1);
	case 'u': return parse_user(s, word + 1);
	case 'c': return parse_caps(s, word + 1);
	case 'e': s->words[(*nr_env)++] = word + 1; return 0;
	}
	return -EINVAL;
}

/*
 * Parses the job: variables of the environment go to the start of s->words, the command and its
 * arguments after them. Each string has at least two bytes, except arguments.
 */
static int parse(struct exec_session *s, char *text, const char *end)
{
	u32 n = 0;
	int err;

	while (text < end && *text) {
		char *word = text;

		text += strlen(text) + 1;
		err = parse_word(s, word, &n); /* may cut the word into pieces */
		if (err)
			return err;
	}
	s->words[n++] = NULL;
	s->spawn.envp = s->words;
	s->spawn.argv = s->words + n;
	while (text < end && (text += strlen(text) + 1) < end)
		s->words[n++] = text;
	s->words[n] = NULL;
	s->spawn.groups = s->groups;
	return s->spawn.argv[0] && *s->spawn.argv[0] ? 0 : -EINVAL;
}

int exec_read_job(struct exec_session *s)
{
	long size;
	u32 words = 2;

	s->text = kmalloc(EXEC_JOB_MAX + 1, GFP_KERNEL);
	if (!s->text)
		return -ENOMEM;
	size = exec_host_read_job(s->fds[EXEC_JOB]->host, s->text, EXEC_JOB_MAX);
	if (size <= 0)
		return size ? (int)size : -EINVAL;
	s->text[size] = 0;
	for (long i = 0; i <= size; i++)
		words += !s->text[i];
	s->words = kmalloc(words * sizeof(*s->words), GFP_KERNEL);
	if (!s->words)
		return -ENOMEM;
	return parse(s, s->text, s->text + size);
}
