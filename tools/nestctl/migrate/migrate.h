/* SPDX-License-Identifier: MIT */
/* migrate.h: what the files of `nestctl migrate` and `nestctl receive` share. */
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
	int in, out;
	pid_t child;      /* the process at the other end, or 0 */
	const char *peer; /* for messages */
	long timeout_ms;
	/* bytes that came; those of [used, nr_got) were not used yet */
	uint8_t *got;
	size_t used, nr_got;
	/* bytes that wait to be sent */
	uint8_t *waits;
	size_t nr_waits;
	bool ended;               /* the peer sends no more */
	int error;                /* with which it ended, or 0 */
	long last_sent, last_got; /* ms of the host's clock */
	uint64_t sent;            /* bytes */
	/* The peer has said MIG_REFUSED: the line with which conn_receive() died. */
	bool refused;
};
struct message {
	uint32_t type, length;
	const uint8_t *data; /* valid until the next call */
};

/* Prepares a stream and exchanges greetings. Dies if the other end speaks another language. */
void conn_begin(struct conn *c, long timeout_ms);
/* Queues a message of two parts, of which any may be empty. */
void conn_send(struct conn *c, uint32_t type, const void *head, size_t nr_head, const void *data,
	size_t n);
void conn_flush(struct conn *c);
/* Sends a message without content, alone. False with errno: the peer cannot have got it. */
bool conn_send_surely(struct conn *c, uint32_t type);
/*
 * Waits for a message, other than MIG_ALIVE. Dies if the peer has gone or said MIG_REFUSED, or at a
 * signal.
 */
struct message conn_receive(struct conn *c);
/* As above, and dies if it is another type or shorter than @least. */
struct message conn_expect(struct conn *c, uint32_t type, size_t least);
/*
 * To be called from time to time: says that this end is at work; dies if the peer has gone, or at a
 * signal.
 */
void conn_tick(void *conn);
/* Waits until @fd can be read, for as long as it takes. Dies as conn_tick() does. */
void conn_await(struct conn *c, int fd);
/* Says why this end gives up, if the peer still listens. */
void conn_refuse(struct conn *c, const char *why);
void conn_end(struct conn *c);
/* From now on SIGINT, SIGTERM and SIGHUP end the waits of this file's functions with a line. */
void conn_watch_signals(void);
/* Blocks these signals, or lets them come again. */
void conn_hold_signals(bool hold);
/* Returns the text of a message without control characters. */
const char *conn_text(const struct message *m);
long conn_now(void);

/* ---- address.c: tcp:[HOST:]PORT, unix:PATH, exec:COMMAND ---- */

struct conn conn_to(const char *address);
struct conn conn_to_command(char *const *argv);
/* Waits for one connection. "-": standard input and output. */
struct conn conn_from(const char *address);

/* ---- names.c: the files of a state ---- */

/* memory, memory.N, and the parts of each disk */
#define MIG_FILES (1 + STATE_OLDER + STATE_DISKS * (STATE_PARTS + 1))
/* Returns the name of a file, from 0 on: memory is the first, then the older ones. */
const char *mig_name(int i);
/* Returns the number of a name, or -1 if it is unknown. */
int mig_number(const char *name);
/*
 * Readies the folder @dir, which may have the files of a save, for the next one: its memory will be
 * what has changed since. When there are too many older files, only the first of them remains.
 */
void mig_next(int dir);

/* ---- delta.c: the source's half of a file ---- */

struct version { /* of a file */
	int fd;  /* -1: there is none */
	uint64_t size, inode;
	const uint8_t *map;
};
/* Opens a file for comparison. Dies on an error. */
struct version version_open(int dirfd, const char *name);
void version_close(struct version *v);
/*
 * Sends @new to a receiver that has @old (NULL: it has none) under the same name. @step is called
 * with the number of bytes compared so far. Returns the bytes of content that were sent.
 */
uint64_t delta_send(struct conn *c, const char *name, const struct version *old,
	const struct version *new, void (*step)(uint64_t bytes));

/* ---- apply.c: the receiver's half ---- */

struct apply {
	struct conn *conn;
	int dirfd; /* where files of the state are made */
	int image[MIG_IMAGES];
	uint64_t wanted; /* bit N: image N may come, once */
	uint64_t bytes;  /* of content that came */
};
/* Takes a file, from its MIG_FILE to its MIG_DONE. Dies on an error. */
void apply_file(struct apply *a, const struct message *first);
/* Takes a MIG_KEEP. */
void apply_keep(const struct apply *a, const struct message *m);
/* Ends a round: its files are those of the round before from now on. */
void apply_round(const struct apply *a);

/* ---- offer.c ---- */

struct offer {
	const char *umid, *kernel, *build, *flags;
	uint64_t mem, bytes; /* of all files together */
	bool shared;         /* images are shared files */
	struct state_image images[MIG_IMAGES];
	uint32_t sums[MIG_IMAGES];
	size_t nr_images;
};
/* Describes an instance. @flags: of its CPU. */
struct offer offer_of(const struct state *s, const char *flags, uint64_t bytes, bool shared);
void offer_send(struct conn *c, const struct offer *o);
struct offer offer_parse(const struct message *m);
/* Dies if this CPU lacks a feature. */
void offer_check_cpu(const struct offer *o);
/*
 * Finds an image on this host that has the content. Returns its path, or NULL. Dies if images are
 * shared and it is missing.
 */
const char *offer_find_image(const struct offer *o, size_t i);

/* ---- hold.c: an instance that stands still ---- */

struct hold {
	const struct instance *in;
	struct umid_console console;
	int channel;
	uint64_t ns; /* since when, at the time of the answer */
};
/* Saves to the folder @dir and holds. @c: kept alive meanwhile, or NULL. Dies on an error. */
struct hold hold_begin(const struct instance *in, const char *dir, struct conn *c);
/* From now on the instance does not run on by itself. Returns false if it has gone. */
bool hold_commit(struct hold *h);
/* Lets the instance run. Returns false if it has gone. */
bool hold_release(struct hold *h);
/* Closes the channel: the instance runs on, or stays held if hold_commit() was called. */
void hold_leave(struct hold *h);

/* ---- here.c ---- */

/* what the folder of names of a process has behind its name while another takes its place */
#define MIG_ASIDE ".before-"

/* Migrates to a new process on this host. */
void migrate_here(const struct instance *in, const char *wanted_kernel, bool json);

/* ---- migrate.c ---- */

/* Returns the ms of --timeout. Dies if it is invalid. */
long migrate_seconds(const char *text);

#endif
