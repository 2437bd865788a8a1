/* SPDX-License-Identifier: MIT */
/*
 * migrate.h: shared by the files of `nestctl migrate` and `nestctl receive`. Functions die on an
 * error that their comment does not name. Texts that they return are never freed.
 */
#ifndef NESTLING_NESTCTL_MIGRATE_H
#define NESTLING_NESTCTL_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/nestctl/core/instance.h"
#include "tools/nestctl/core/umid.h"
#include "tools/nestctl/migrate/protocol.h"
#include "tools/nestctl/state/state.h"

/* ---- conn.c: the stream, and its messages ---- */

struct conn {
	/* descriptors, which may be the same one; non-blocking from conn_begin() on */
	int in, out;
	pid_t child;      /* process at the other end, or 0 */
	const char *peer; /* for messages */
	/* how long an end waits for the other */
	long timeout_ms;
	/* bytes that were received; those of [used, nr_got) are not yet processed */
	uint8_t *got;
	size_t used, nr_got;
	/* bytes that were queued and not yet sent */
	uint8_t *waits;
	size_t nr_waits;
	bool ended; /* the peer has closed its end */
	/* the errno with which reading failed, or 0 */
	int error;
	long last_sent, last_got; /* ms of the host's clock */
	uint64_t sent;            /* bytes */
	/*
	 * the peer has sent MIG_REFUSED, whose text is the message with which conn_receive() died
	 */
	bool refused;
};
struct message {
	uint32_t type, length;
	const uint8_t *data; /* valid until the next conn_receive() */
};

/*
 * Prepares a stream and exchanges greetings. Dies if the peer's protocol or version differs, or if
 * it is silent for @timeout_ms.
 */
void conn_begin(struct conn *c, long timeout_ms);
/*
 * Queues a message of two parts, either of which may be empty; together at most MIG_MAX bytes.
 * Sends the queue if it is long.
 */
void conn_send(struct conn *c, uint32_t type, const void *head, size_t nr_head, const void *data,
	size_t n);
/* Sends the queue. Waits while the peer is slow, until the time limit. */
void conn_flush(struct conn *c);
/*
 * Sends the queue and an empty message without waiting for the peer's answer. True if all of the
 * message was sent. False with errno: the peer cannot have received the message completely. Dies if
 * the queue cannot be sent.
 */
bool conn_send_surely(struct conn *c, uint32_t type);
/*
 * Sends the queue and waits for a message other than MIG_ALIVE. Dies if the peer has gone, is
 * silent for the time limit or has sent MIG_REFUSED, or at a signal.
 */
struct message conn_receive(struct conn *c);
/* As conn_receive(). Also dies if the message has another type, or is shorter than @least bytes. */
struct message conn_expect(struct conn *c, uint32_t type, size_t least);
/*
 * Called with a struct conn several times a second during long work: sends MIG_ALIVE if it is due.
 * Dies if the peer has gone or has sent MIG_REFUSED, or at a signal.
 */
void conn_tick(void *conn);
/* Waits until @fd is readable, without a time limit. Dies as conn_tick() does. */
void conn_await(struct conn *c, int fd);
/*
 * Sends MIG_REFUSED with the reason @why, and waits up to 5 s until the peer closes its end. Does
 * nothing if the peer has sent a MIG_REFUSED, or before conn_begin(). Errors are ignored.
 */
void conn_refuse(struct conn *c, const char *why);
/* Closes the descriptors, and waits up to 5 s for the end of c->child. */
void conn_end(struct conn *c);
/* From now on SIGINT, SIGTERM and SIGHUP make the waits of conn.c die with a message. */
void conn_watch_signals(void);
/* Blocks the signals of conn_watch_signals() if @hold, else unblocks them. */
void conn_hold_signals(bool hold);
/* Returns the text of a message, at most 2000 bytes, with '?' for control characters. */
const char *conn_text(const struct message *m);
/* Returns ms of CLOCK_MONOTONIC. */
long conn_now(void);

/* ---- address.c: tcp:[HOST:]PORT, unix:PATH, exec:COMMAND ---- */

/*
 * Return a stream for conn_begin(). conn_to_command() starts @argv, which ends in NULL. The
 * @address of conn_to() must stay valid.
 */
struct conn conn_to(const char *address);
struct conn conn_to_command(char *const *argv);
/*
 * Waits for one connection, without a limit. For tcp: first prints the address. Dies if another
 * user but root connects to unix:PATH. @address "-": standard input and output, after which the
 * process's own standard output goes to standard error.
 */
struct conn conn_from(const char *address);

/* ---- names.c: the files of a state ---- */

/* memory, memory.N, and the parts of each disk */
#define MIG_FILES (1 + STATE_OLDER + STATE_DISKS * (STATE_PARTS + 1))
/*
 * Returns the name of file @i, from 0 to MIG_FILES - 1: the memory, then the older ones, then
 * disks. The text is constant.
 */
const char *mig_name(int i);
/* Returns the number of the file called @name, or -1 if the name is unknown. */
int mig_number(const char *name);
/*
 * Prepares the folder @dir, which may have the files of a save, for the next save, whose memory
 * will have only the pages changed since: memory becomes memory.1 and so on. If there are too many
 * older files, only the oldest of them stays. Removes the files of disks. Errors are ignored.
 */
void mig_next(int dir);

/* ---- delta.c: the source's half of a transfer ---- */

/* A version of a file, mapped for comparison. */
struct version {
	int fd; /* -1: the file does not exist */
	uint64_t size, inode;
	const uint8_t *map; /* NULL if @size is 0 */
};
/* Opens and maps a file for comparison. Dies if it is missing. */
struct version version_open(int dirfd, const char *name);
/* Unmaps and closes the file, if there is one, and makes @v a version that does not exist. */
void version_close(struct version *v);
/*
 * Sends @new, from MIG_FILE to MIG_DONE, to a receiver that has @old (NULL: nothing) under the same
 * name. Calls @step, unless it is NULL, with the offset up to which the file was compared. Returns
 * the bytes of content that were sent.
 */
uint64_t delta_send(struct conn *c, const char *name, const struct version *old,
	const struct version *new, void (*step)(uint64_t bytes));

/* ---- apply.c: the receiver's half of a transfer ---- */

struct apply {
	struct conn *conn;
	int dirfd; /* of the folder for the state's files */
	/* descriptors for the files of the images in @wanted */
	int image[MIG_IMAGES];
	/* bit N: image N was requested and is still missing */
	uint64_t wanted;
	uint64_t bytes; /* bytes of content received */
};
/* Receives a file: its MIG_FILE, which is @first, up to its MIG_DONE. Dies on an error. */
void apply_file(struct apply *a, const struct message *first);
/* Carries out a MIG_KEEP: a file of the round before gets its name of this round. */
void apply_keep(const struct apply *a, const struct message *m);
/* Ends a round: its files become files of "the round before". */
void apply_round(const struct apply *a);

/* ---- offer.c ---- */

struct offer {
	/* @umid, @kernel, @build: as in struct state. @flags: as in offer_of(). */
	const char *umid, *kernel, *build, *flags;
	/* @mem: bytes of the instance's memory. @bytes: sum over all files of the state. */
	uint64_t mem, bytes;
	bool shared; /* both hosts share the files of images */
	struct state_image images[MIG_IMAGES];
	/* of each image: the sum of file_sum(), or 0 if @shared */
	uint32_t sums[MIG_IMAGES];
	size_t nr_images;
};
/*
 * Describes an instance. @flags: features of its CPU, separated by blanks. @bytes: the sum over all
 * files. Reads all images unless they are shared.
 */
struct offer offer_of(const struct state *s, const char *flags, uint64_t bytes, bool shared);
/* Queues MIG_OFFER. */
void offer_send(struct conn *c, const struct offer *o);
/* Reads the untrusted text of a MIG_OFFER. Dies if the text is invalid. */
struct offer offer_parse(const struct message *m);
/*
 * Dies if this host's CPU lacks one of the features o->flags. Checks nothing if /proc/cpuinfo does
 * not tell the features.
 */
void offer_check_cpu(const struct offer *o);
/*
 * Finds a file with the content of o->images[@i] on this host. Returns the file's path, or NULL.
 * Dies if images are shared and the image is missing.
 */
const char *offer_find_image(const struct offer *o, size_t i);

/* ---- hold.c: an instance that is stopped during its last save ---- */

struct hold {
	const struct instance *in;
	struct umid_console console;
	/* a socket to the kernel, or -1 */
	int channel;
	/* for how many ns the instance had been stopped when its kernel reported the time */
	uint64_t ns;
};
/*
 * Makes the instance save to the folder @dir and stay stopped. @c: a connection to keep alive
 * meanwhile, or NULL. Dies on an error.
 */
struct hold hold_begin(const struct instance *in, const char *dir, struct conn *c);
/*
 * From now on the instance stays stopped even if this process ends. Returns false if the instance
 * has ended.
 */
bool hold_commit(struct hold *h);
/*
 * Makes the instance continue and closes the channel. Returns false if the instance does not
 * answer, or, without closing the channel, if it has ended.
 */
bool hold_release(struct hold *h);
/*
 * Closes the channel and the console. The instance continues, or stays stopped if hold_commit() was
 * called.
 */
void hold_leave(struct hold *h);

/* ---- here.c ---- */

/* suffix of an old process's folder of names while the new process takes its name */
#define MIG_ASIDE ".before-"

/*
 * Migrates the instance to a new process on this host. @wanted_kernel: path of the new kernel, or
 * NULL for the present one. Prints the result, as JSON if @json. On a failure the old process
 * continues, and this function dies.
 */
void migrate_here(const struct instance *in, const char *wanted_kernel, bool json);

/* ---- migrate.c ---- */

/* Returns the value of --timeout, 1 to 86400 seconds, in ms. Dies if it is invalid. */
long migrate_seconds(const char *text);

#endif
