/* SPDX-License-Identifier: MIT */
/*
 * script_line.c: the rules of execve(2) for "#!": the line ends at a newline or a zero byte, or is
 * cut off at the end of the buffer. Blanks and tabs before the interpreter, between it and its
 * argument and at the end are ignored. The rest of the line is one argument. A line that is cut off
 * must contain the interpreter's whole name, and a blank behind it as proof.
 */
#include <asm/errno.h>

#include "kernel/task/exec/script_line.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *skip_blanks(char *p, char *end)
{
	while (p < end && blank(*p))
		p++;
	return p;
}

static char *skip_word(char *p, char *end)
{
	while (p < end && !blank(*p) && *p)
		p++;
	return p;
}

/* Returns the end of the line, or NULL if the buffer ends within the interpreter's name. */
static char *line_end(char *p, char *end)
{
	char *e;

	for (e = p; e < end; e++)
		if (*e == '\n' || !*e)
			return e;
	e = skip_word(skip_blanks(p, end), end);
	return e < end ? end - 1 : NULL;
}

int script_parse(char *buf, size_t size, struct script_line *line)
{
	char *end, *word, *p;

	if (size < 3 || buf[0] != '#' || buf[1] != '!')
		return -ENOEXEC;
	end = line_end(buf + 2, buf + size);
	if (!end)
		return -ENOEXEC;
	while (end > buf + 2 && blank(end[-1]))
		end--;
	word = skip_blanks(buf + 2, end);
	if (word == end)
		return -ENOEXEC;
	p = skip_word(word, end);
	line->interp = word;
	line->arg = NULL;
	*end = 0;
	if (p < end) {
		*p = 0;
		p = skip_blanks(p + 1, end);
		if (p < end)
			line->arg = p;
	}
	return 0;
}
