/* SPDX-License-Identifier: MIT */
/*
 * fuse_init_late: a lookup that began before the server answered INIT does not keep lookups of
 * other names waiting, if the server takes several lookups in a directory (FUSE_PARALLEL_DIROPS).
 */
#include "fuse_server.h"

static int go[2]; /* pipe: a byte lets the server answer INIT */
static unsigned long held;
static volatile int busy;

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	const char *name = (const void *)(h + 1);
	char c;

	if (h->opcode == FUSE_INIT) {
		NEED(read(go[0], &c, 1));
		serve_rest(h);
	} else if (h->opcode == FUSE_LOOKUP && !strcmp(name, "busy")) {
		held = h->unique;
		busy = 1;
	} else if (h->opcode == FUSE_LOOKUP) {
		reply(h->unique, -ENOENT, NULL, 0);
	} else {
		serve_file(h, 0644, 0);
	}
}

static bool waits(pid_t pid)
{
	char state = t_state(pid);

	return state == 'S' || state == 'D';
}

TEST(fuse_init_late)
{
	fuse_init_flags = FUSE_PARALLEL_DIROPS;
	NEED(pipe(go));
	CHILD({
		pid_t first, other;

		fuse_serve();
		first = SPAWN(T(access("m/busy", F_OK)));
		T_WAIT(waits(first));
		NEED(write(go[1], "x", 1));
		T_WAIT(busy);
		other = SPAWN(T(access("m/other", F_OK)));
		T_WAIT(waitpid(other, NULL, WNOHANG) == other);
		reply(held, -ENOENT, NULL, 0);
		t_wait("busy", first);
		NEED(umount2("m", MNT_DETACH));
	});
}
