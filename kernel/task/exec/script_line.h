/* SPDX-License-Identifier: MIT */
/* script_line.h: the first line of a script, "#! interpreter argument". Pure. */
#ifndef NESTLING_TASK_SCRIPT_LINE_H
#define NESTLING_TASK_SCRIPT_LINE_H

#include "kernel/lib/types.h"

struct script_line {
	const char *interp; /* points into the buffer, as does arg */
	const char *arg;    /* NULL: none */
};

/*
 * Parses the first line. @buf has the first @size bytes of the file, padded with zeros, and is
 * modified. Returns 0, or -ENOEXEC: the file is no script, the line contains no interpreter, or the
 * interpreter's name does not end within @size.
 */
int script_parse(char *buf, size_t size, struct script_line *line);

#endif
