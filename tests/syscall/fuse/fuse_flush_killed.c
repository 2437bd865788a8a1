/* SPDX-License-Identifier: MIT */
/*
 * fuse_flush_killed: a task is killed while close(2) waits for the answer to a WRITE. The server
 * gets a FLUSH nevertheless.
 */
#include "fuse_server.h"

static char page[PAGE];
static struct fuse_in_header written; /* the WRITE */
static struct fuse_write_out took;
static volatile bool writing;
static volatile int flushes;

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	const struct fuse_write_in *w = (const void *)(h + 1);

	switch (h->opcode) {
	case FUSE_READ: reply(h->unique, 0, page, PAGE); break;
	case FUSE_WRITE:
		written = *h;
		took.size = w->size;
		writing = true;
		break;
	case FUSE_FLUSH:
		flushes++;
		reply(h->unique, 0, NULL, 0);
		break;
	default: serve_file(h, 0644, PAGE);
	}
}

/* True if the task has seen a fatal signal. Linux ends it only after the answer. */
static bool is_killed(pid_t pid)
{
	char state = t_state(pid);

	return state == 'D' || state == 'Z';
}

static void killed(void)
{
	pid_t pid;

	fuse_serve();
	pid = SPAWN({
		int fd = NEED(open("m/file", O_RDWR));
		char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		NEED(p == MAP_FAILED ? -1 : 0);
		*p = 'x';
		close(fd);
		pause();
	});
	T_WAIT(writing);
	t_until(pid, 'D');
	NEED(kill(pid, SIGKILL));
	T_WAIT(is_killed(pid));
	NEED(reply(written.unique, 0, &took, sizeof(took)));
	t_wait("closer", pid);
	T_WAIT(flushes);
	say("FLUSH: %d", flushes);
	NEED(umount2("m", MNT_DETACH));
}

TEST(fuse_flush_killed)
{
	CHILD(killed());
}
