/* SPDX-License-Identifier: MIT */
/*
 * fuse_unanswered: a server that leaves thousands of requests unanswered is served as fast as any
 * other when it answers the next one.
 */
#include "fuse_server.h"

#define UNANSWERED 16000
#define LOOKS 200

static double answer_us; /* how long the last answer to GETATTR took */

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	struct fuse_entry_out e = { .nodeid = 2, .entry_valid = 1000 };
	struct fuse_attr_out a = { .attr_valid = 0 };

	switch (h->opcode) {
	case FUSE_RELEASE: break;
	case FUSE_LOOKUP:
		file_attr(&e.attr, 2, 0644, 0);
		reply(h->unique, 0, &e, sizeof(e));
		break;
	case FUSE_GETATTR:
		file_attr(&a.attr, h->nodeid, 0644, 0);
		answer_us = now_us();
		reply(h->unique, 0, &a, sizeof(a));
		answer_us = now_us() - answer_us;
		break;
	default: serve_rest(h);
	}
}

/*
 * Returns the quickest of a few answers. Each is measured before the server takes the next request.
 */
static double answers(void)
{
	double best = 1e9;
	struct stat st;

	for (int i = 0; i < LOOKS; i++) {
		NEED(stat("m/f", &st));
		NEED(close(NEED(open("m/f", O_RDONLY))));
		best = answer_us < best ? answer_us : best;
	}
	return best;
}

TEST(fuse_unanswered)
{
	CHILD({
		double before, after;

		fuse_serve();
		before = answers();
		for (int i = 0; i < UNANSWERED; i++)
			NEED(close(NEED(open("m/f", O_RDONLY))));
		after = answers();
		say("as quick as before: %d", after < 8 * before + 15);
		NEED(umount2("m", MNT_FORCE));
	});
}
