/* SPDX-License-Identifier: MIT */
/*
 * internal.h: declarations shared by mconsole.c (requests and replies) and the files of commands.
 */
#ifndef NESTLING_MCONSOLE_INTERNAL_H
#define NESTLING_MCONSOLE_INTERNAL_H

#include "drivers/mconsole/mconsole.h"
#include "drivers/mconsole/mconsole_host.h"

#define MCONSOLE_DATA 512 /* maximum text of a packet, with its zero */
/*
 * maximum text of a request "state", with its zero; it contains a path, which must also fit into a
 * request of the kernel process to its broker (os-linux/jail/broker.h: ASK_TEXT)
 */
#define MCONSOLE_STATE 3072

struct mconsole_call {
	/* The text behind the command, without surrounding blanks. */
	const char *args;
	struct mconsole_packet *from;
	char text[MCONSOLE_DATA]; /* part of the reply that is not sent yet */
	u32 len;
	/*
	 * ended: the last packet of the reply was sent, or another thread replies
	 * (mconsole_take()). lost: the client has gone or does not read.
	 */
	bool ended, lost;
};

/*
 * Append to the reply. When the text fills a packet, that packet is sent, for which they may sleep.
 * A line of mconsole_print() is cut to 399 bytes.
 */
void mconsole_write(struct mconsole_call *c, const char *text, size_t len);
void mconsole_print(struct mconsole_call *c, const char *fmt, ...) __printf(2, 3);
/*
 * Ends the reply with @err, 0 or -errno. Only the first call counts. If a command does not call it,
 * the reply ends with 0.
 */
void mconsole_end(struct mconsole_call *c, int err);
/*
 * Copies a request to *mine and *from for another thread, which replies later by *mine. *from must
 * live as long as *mine. The descriptors of the packet stay with @c, by which the caller can no
 * longer reply.
 */
void mconsole_take(
	struct mconsole_call *mine, struct mconsole_packet *from, struct mconsole_call *c);
/*
 * Replies with a line of text that gives the reason of a failure, in place of the text so far, and
 * ends the reply. @err is -errno, or 1. Does nothing if the reply has ended.
 */
void mconsole_fail(struct mconsole_call *c, int err, const char *fmt, ...) __printf(3, 4);

/* Execute the commands "trace" (trace.c) and "perf" (perf.c). */
void mconsole_trace(struct mconsole_call *c);
void mconsole_perf(struct mconsole_call *c);

/*
 * Records the instance's new name after a program of the host has renamed the folder of the
 * console's socket to @umid. @p: the packet with the command. Returns 0, or -errno if @umid is
 * invalid or names another folder.
 */
int mconsole_rename(const char *umid, const struct mconsole_packet *p);

/* Executes the command line @text, which it cuts into words. */
void mconsole_command(struct mconsole_call *c, char *text);

/*
 * Called while the machine is stopped: answers the requests that have arrived. Returns MCONSOLE_GO
 * at once after "state go" or, if the instance can take the name, "state go NAME", and with
 * @may_end MCONSOLE_END after "state end". These get an empty reply without error. A name that the
 * instance cannot take gets the error and its text, all other requests -EBUSY and the line @why.
 * Returns MCONSOLE_NONE when no request is left.
 */
enum mconsole_order { MCONSOLE_NONE, MCONSOLE_GO, MCONSOLE_END };
enum mconsole_order mconsole_serve_stopped(const char *why, bool may_end);

/*
 * Sets the socket of mconsole=notify:SOCKET; returns false if the path is not absolute or too long.
 * mconsole_notify_start() announces the console to it (notify.c).
 */
bool mconsole_notify_set(const char *path);
void mconsole_notify_start(const char *console);
/* Notifies that socket of the console's path in a restored instance. */
void mconsole_notify_again(const char *console);

/* Returns the next device after @d (NULL: the first), or NULL (commands.c). */
struct mconsole_device *mconsole_next_device(struct mconsole_device *d);

/* snapshot.c */
void mconsole_snapshot(struct mconsole_call *c);
/* True while a snapshot is under way. May sleep. */
bool snapshot_is_held(void);

/* state.c */
void cmd_state(struct mconsole_call *c);

/* reset.c */
void cmd_reset(struct mconsole_call *c);
/*
 * True if a reset server (kernel/state/reset_abi.h) is attached; then also replies that @what is
 * refused. The server rolls the machine back, which would not undo changes of @what on the host.
 */
bool mconsole_not_with_reset(struct mconsole_call *c, const char *what);

/* dmesg.c */
void cmd_dmesg(struct mconsole_call *c);
/* exec.c */
void cmd_exec(struct mconsole_call *c);
/* commands.c: true between the commands "stop" and "go", when no program of the guest runs. */
bool mconsole_has_stopped(void);

#endif
