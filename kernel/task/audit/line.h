/* SPDX-License-Identifier: MIT */
/*
 * line.h: lines of JSON for audit=, the host's log of the guest's actions (docs/policy.md).
 *
 *	struct audit a;
 *
 *	if (audit_on() && audit_begin(&a, "exec")) {
 *		audit_number(&a, "pid", pid);
 *		audit_text(&a, "exe", path, strlen(path), 1024);
 *		audit_end(&a);
 *	}
 *
 * A line is written by the caller, as one message, and never waits for its reader: a line that the
 * writer cannot take is counted as lost, and the next line contains the count. Keys are constants
 * of the kernel. Values may come from the guest: each is bounded and escaped, so it can neither end
 * a line nor forge a field. audit_begin() may sleep for memory.
 */
#ifndef NESTLING_TASK_AUDIT_LINE_H
#define NESTLING_TASK_AUDIT_LINE_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/types.h"

/*
 * Bytes of a line without its time. With the time the line stays below PIPE_BUF (4096), so a pipe
 * takes it as a whole.
 */
#define AUDIT_LINE 4000
/* Maximum of bytes for a path in a line. */
#define AUDIT_PATH 1400

/* The writer; drivers/audit registers it for audit=. */
struct audit_ops {
	/* Writes a line without its beginning: "\"event\":...}". Never waits. */
	void (*add)(const char *line, size_t n);
	/* Counts a line for which there was no memory. */
	void (*lose)(void);
};
extern const struct audit_ops *audit_ops; /* NULL: no audit */

/* True if there is a writer (audit=). Costs a test of one word. */
static inline bool audit_on(void)
{
	return unlikely(READ_ONCE(audit_ops) != NULL);
}

struct audit {
	char *line; /* a buffer of AUDIT_LINE bytes */
	u32 at;
	/* True if a text did not fit; the line then gets "cut":true. */
	bool cut;
};

/*
 * Begins a line, only while audit_on() is true. Returns false if there is no memory; the line then
 * counts as lost. After true, audit_end() must follow.
 */
bool audit_begin(struct audit *a, const char *event);
/* Adds a number. */
void audit_number(struct audit *a, const char *key, s64 n);
/*
 * Adds text of @n bytes, which after escaping is cut at @most bytes. @key is NULL within a list.
 * Returns false if the text did not fit; no more texts may then be added to the list. A line that
 * is nearly full takes no text, not even an empty text.
 */
bool audit_text(struct audit *a, const char *key, const char *s, size_t n, u32 most);
/* Begin and end a list of texts. */
void audit_list(struct audit *a, const char *key);
void audit_list_end(struct audit *a);
/* Marks the line as incomplete. */
void audit_cut(struct audit *a);
/* Ends the line, writes it and frees it. */
void audit_end(struct audit *a);

#endif
