/* SPDX-License-Identifier: MIT */
/*
 * audit.h: `nestctl run --audit`: numbers the audit lines of the kernel and of its slirp helper,
 * and carries them to files and descriptors (docs/policy.md).
 *
 *	audit_add("events.jsonl")     each --audit, while options are read
 *	audit_prepare(r)              opens files, makes the pipe, adds the kernel's parameter
 *	audit_begin()                 the kernel has its end of the pipe: starts to carry lines
 *	audit_report("refused", ...)    adds a line of nestctl's own
 *	audit_finish(status, hurry)   the kernel has ended
 *
 * Each function does nothing without --audit.
 */
#ifndef NESTLING_NESTCTL_AUDIT_H
#define NESTLING_NESTCTL_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

struct run;

/*
 * Adds an output, FILE or fd:N, of which there may be 4. @text must stay valid. Duplicates the
 * descriptor, and makes N close-on-exec if it is above 2. Dies if @text is invalid, the descriptor
 * is not writable, or there are 4 outputs.
 */
void audit_add(const char *text);
/*
 * Sets the limit in bytes of each file. Of two limits the smaller applies. Returns false if @size
 * is below AUDIT_SIZE_MIN_KIB KiB.
 */
#define AUDIT_SIZE_MIN_KIB 256 /* more than one write */
bool audit_size(uint64_t size);
/*
 * Removes all outputs. run_parse() begins so, since the supervisor of a detached instance reads the
 * options again.
 */
void audit_clear(void);
/*
 * Makes the audit's thread call @f with each line as a string (learn.c). The string is valid during
 * the call only.
 */
void audit_listen(void (*f)(const char *line));
/*
 * Opens the outputs, makes the pipe, adds the kernel's parameter and writes the line "start". Dies
 * if a file cannot be opened, or if a size is given but no output.
 */
void audit_prepare(struct run *r);
/*
 * Starts the thread that carries lines to the outputs, once the kernel has its end of the pipe.
 * @again: keeps this end, which the machine's next kernel gets, too.
 */
void audit_begin(bool again);
/*
 * Writes a line @event with one field of text, @key and @value. A line that has no room in the pipe
 * or is longer than PIPE_BUF is lost and counted.
 */
void audit_report(const char *event, const char *key, const char *value);
/*
 * Waits until all lines are written, then writes the line "end" with the exit status @status. Once
 * @hurry() is true, does not wait for a reader that reads nothing. Returns true, or false after a
 * message if lines are missing.
 */
bool audit_finish(int status, bool (*hurry)(void));

#endif
