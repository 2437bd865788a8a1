/* SPDX-License-Identifier: MIT */
/* script_line.h: the first line of a script, "#! interpreter argument". Pure. */
#ifndef NESTLING_TASK_SCRIPT_LINE_H
#define NESTLING_TASK_SCRIPT_LINE_H

#include "kernel/lib/types.h"

struct script_line {
	const char *interp; /* into the buffer, both terminated */
	const char *arg;    /* NULL: none */
};

/*
 * Parses the first line. @buf: the first @size bytes of the file, zero behind its end; it is cut
 * into strings. 0, or -ENOEXEC: it is no script, names no interpreter, or the name does not fit
 * into @size.
 */
int script_parse(char *buf, size_t size, struct script_line *line);

#endif
