/* SPDX-License-Identifier: MIT */
/*
 * race_fuse: a server has the same directory under two names at the same time: it is found at one
 * of them.
 */
#include "fuse_server.h"

#define ROUNDS 4000

/* a LOOKUP that waits for another of its round */
static struct fuse_in_header first;
static unsigned long first_node;
/* the round whose first LOOKUP may be answered by the helper, and was */
static volatile int turn, taken;

/* Nodes: 1 the root, 2 and 3 its folders a and b, 10 and on what is found in them. */
static void found(const struct fuse_in_header *h, unsigned long node)
{
	struct fuse_entry_out e;

	memset(&e, 0, sizeof(e));
	e.nodeid = e.attr.ino = node;
	e.attr.mode = S_IFDIR | 0755;
	e.attr.nlink = 1;
	if (node < 4)
		e.entry_valid = 1000;
	reply(h->unique, 0, &e, sizeof(e));
}

static void lookup(const struct fuse_in_header *h, const char *name)
{
	unsigned long node;

	if (h->nodeid == 1) {
		found(h, *name - 'a' + 2);
		return;
	}
	node = 10 + strtoul(name, NULL, 10);
	if (node != first_node) {
		first_node = node;
		first = *h;
		return;
	}
	turn++;
	found(h, node);
	while (taken != turn)
		sched_yield();
}

static void *helper(void *unused)
{
	for (;;) {
		while (taken == turn)
			sched_yield();
		found(&first, first_node);
		taken = turn;
	}
	return NULL;
}

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	struct fuse_attr_out a = { .attr = {
					   .ino = h->nodeid, .nlink = 1, .mode = S_IFDIR | 0755 } };

	switch (h->opcode) {
	case FUSE_LOOKUP: lookup(h, (const void *)(h + 1)); break;
	case FUSE_GETATTR:
		a.attr.mode = h->nodeid == 4 ? S_IFREG | 0644 : S_IFDIR | 0755;
		reply(h->unique, 0, &a, sizeof(a));
		break;
	default: serve_rest(h);
	}
}

static pthread_barrier_t both;
static int fds[2];

static void *look(void *dir)
{
	char path[20];
	int i;

	for (i = 0; i < ROUNDS; i++) {
		snprintf(path, sizeof(path), "m/%s/%d", (char *)dir, i);
		pthread_barrier_wait(&both);
		fds[*(char *)dir - 'a'] = open(path, O_PATH);
		pthread_barrier_wait(&both);
		pthread_barrier_wait(&both);
	}
	return NULL;
}

static bool same_place(void)
{
	char path[2][40], to[2][PATH_MAX];
	int i;

	for (i = 0; i < 2; i++) {
		if (fds[i] == -1)
			/* the second lookup may say that it has gone */
			return true;
		snprintf(path[i], sizeof(path[i]), "/proc/self/fd/%d", fds[i]);
		to[i][NEED(readlink(path[i], to[i], sizeof(to[i]) - 1))] = 0;
	}
	return !strcmp(to[0], to[1]);
}

static void one_name(void)
{
	int i, apart = 0, none = 0;
	pthread_t t[2];

	NEED0(pthread_barrier_init(&both, NULL, 3));
	NEED0(pthread_create(&t[0], NULL, helper, NULL));
	for (i = 0; i < 2; i++)
		NEED0(pthread_create(&t[i], NULL, look, i ? "b" : "a"));
	for (i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&both);
		pthread_barrier_wait(&both);
		apart += !same_place();
		none += fds[0] == -1 && fds[1] == -1;
		close(fds[0]);
		close(fds[1]);
		pthread_barrier_wait(&both);
	}
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	say("at two places: %d; at none: %d", apart, none);
}

TEST(race_fuse)
{
	CHILD({
		fuse_serve();
		one_name();
	});
}
