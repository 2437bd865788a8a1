/* SPDX-License-Identifier: MIT */
/*
 * fuse_exit: a process ends that has written through a shared mapping of a FUSE file: the server
 * gets all of the data, and then the release.
 */
#include "fuse_server.h"

#define SIZE (4 << 20)

static char content[SIZE];
static struct fuse_in_header held[SIZE / PAGE + 1]; /* WRITEs without an answer so far */
static struct fuse_write_out took[SIZE / PAGE + 1];
static int nr_held;
static volatile int released, overtook;

static void take(const struct fuse_in_header *h, const struct fuse_write_in *w)
{
	if (w->offset + w->size <= SIZE)
		memcpy(content + w->offset, w + 1, w->size);
	took[nr_held] = (struct fuse_write_out){ .size = w->size };
	held[nr_held++] = *h;
}

static void serve_known(const struct fuse_in_header *h)
{
	switch (h->opcode) {
	case FUSE_READ: {
		const struct fuse_read_in *r = (const void *)(h + 1);

		reply(h->unique, 0, content + r->offset, r->offset + r->size <= SIZE ? r->size : 0);
		break;
	}
	case FUSE_WRITE: take(h, (const void *)(h + 1)); break;
	case FUSE_RELEASE:
		overtook |= nr_held;
		serve_rest(h);
		released++;
		break;
	default: serve_file(h, 0644, SIZE);
	}
}

/*
 * WRITEs are answered when nothing else is left to do: what comes after them overtakes their
 * answers.
 */
static void serve_one(const char *buf)
{
	struct pollfd p = { dev, POLLIN, 0 };

	serve_known((const void *)buf);
	while (nr_held && poll(&p, 1, 0) == 0) {
		nr_held--;
		reply(held[nr_held].unique, 0, &took[nr_held], sizeof(took[0]));
	}
}

static void write_all(char what)
{
	int fd = NEED(open("m/file", O_RDWR));
	char *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	NEED(p == MAP_FAILED ? -1 : 0);
	close(fd);
	memset(p, what, SIZE);
}

static void arrived(char what)
{
	int n = 0, i;

	T_WAIT(released);
	for (i = 0; i < SIZE; i++)
		n += content[i] == what;
	say("arrived: %d; closed too early: %s", n, overtook ? "yes" : "no");
	released = overtook = 0;
}

static void ends(void)
{
	pid_t pid;
	int ready[2];
	char c;

	fuse_serve();
	CHILD(write_all('a'));
	arrived('a');
	NEED(pipe(ready));
	pid = SPAWN({
		write_all('b');
		NEED(write(ready[1], "x", 1));
		pause();
	});
	NEED(read(ready[0], &c, 1));
	NEED(kill(pid, SIGKILL));
	t_wait("killed", pid);
	arrived('b');
}

TEST(fuse_exit)
{
	CHILD(ends());
}
