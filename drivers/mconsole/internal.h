/* SPDX-License-Identifier: MIT */
/* internal.h: between mconsole.c (requests and replies) and commands.c (what they mean). */
#ifndef NESTLING_MCONSOLE_INTERNAL_H
#define NESTLING_MCONSOLE_INTERNAL_H

#include "drivers/mconsole/mconsole.h"
#include "drivers/mconsole/mconsole_host.h"

#define MCONSOLE_DATA 512 /* of a packet, with the end of the text */

struct mconsole_call {
	const char *args;             /* what stands behind the command, without blanks around it */
	struct mconsole_packet *from; /* its descriptors may be taken: -1 is left */
	char text[MCONSOLE_DATA];     /* of the reply, not sent yet */
	u32 len;
	bool ended, lost; /* the last packet was sent; the asker does not read */
};

/* More of the reply. What does not fit a packet goes on its way at once. */
void mconsole_write(struct mconsole_call *c, const char *text, size_t len);
void mconsole_print(struct mconsole_call *c, const char *fmt, ...) __printf(2, 3);
/* The end of the reply: @err 0 or -errno. Only the first call counts; a command that says nothing gets err 0. */
void mconsole_end(struct mconsole_call *c, int err);
/* Instead of a reply: one line that says why not. @err is -errno, or 1. */
void mconsole_fail(struct mconsole_call *c, int err, const char *fmt, ...) __printf(3, 4);

/* trace.c, perf.c: the commands of these names. */
void mconsole_trace(struct mconsole_call *c);
void mconsole_perf(struct mconsole_call *c);

/* Carries out the line @text, which it cuts into words. */
void mconsole_command(struct mconsole_call *c, char *text);

/* notify.c: SOCKET of mconsole=notify:SOCKET, false: not a path that fits; the console is there. */
bool mconsole_notify_set(const char *path);
void mconsole_notify_start(const char *console);

/* commands.c: the next device after @d (NULL: the first); NULL. */
struct mconsole_device *mconsole_next_device(struct mconsole_device *d);

/* snapshot.c */
void mconsole_snapshot(struct mconsole_call *c);
bool snapshot_is_held(void);

/* dmesg.c */
void cmd_dmesg(struct mconsole_call *c);
/* exec.c */
void cmd_exec(struct mconsole_call *c);

#endif
