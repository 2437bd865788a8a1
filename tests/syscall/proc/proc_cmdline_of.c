/* SPDX-License-Identifier: MIT */
/*
 * proc_cmdline_of: a reader of /proc/PID does not wait for the server of a FUSE file that the
 * process maps. Arguments are read from anonymous memory alone. While the process waits for a page,
 * others can look at its memory and change it.
 */
#include "t.h"

#include "fuse_server.h"

static volatile unsigned long owed; /* the READ that has not been answered */
static int told[2], go[2];

static void serve_one(const char *request)
{
	const struct fuse_in_header *h = (const void *)request;

	if (h->opcode == FUSE_READ) {
		owed = h->unique;
		NEED(write(told[1], "r", 1));
	} else {
		serve_file(h, 0644, 4096);
	}
}

static void bring(void)
{
	static char page[4096] = "--FROM FUSE";

	reply(owed, 0, page, sizeof(page));
}

static char next_told(void)
{
	struct pollfd p = { told[0], POLLIN, 0 };
	char c = 0;

	if (poll(&p, 1, 100000) != 1)
		return '-';
	NEED(read(told[0], &c, 1));
	return c;
}

/* Reads the file in a child, which may have to be left waiting. */
static void look(pid_t of, const char *file, bool contents)
{
	static char text[65536];
	char path[64];
	pid_t pid = SPAWN({
		long n;
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/%s", (int)of, file);
		fd = NEED(open(path, O_RDONLY));
		n = read(fd, text, sizeof(text) - 1);
		if (!strcmp(file, "environ")) /* more or less of it may be on that page */
			say("%s: done", file);
		else if (contents)
			say("%s: %ld \"%s\"", file, n, n < 0 ? t_errno(errno) : text);
		else
			say("%s: %s", file, n > 0 ? "there" : n ? t_errno(errno) : "nothing");
		NEED(write(told[1], "l", 1));
	});

	if (next_told() != 'l') {
		say("%s: not in 100 seconds", file);
		kill(pid, SIGKILL);
		bring();
	}
	t_wait("reader", pid);
}

static void looks(pid_t pid, bool contents)
{
	look(pid, "cmdline", contents);
	look(pid, "maps", false);
	look(pid, "status", false);
	look(pid, "comm", false);
	look(pid, "stat", false);
}

/*
 * Maps a page of the file over the arguments, and perhaps over the first thread's stack, which that
 * thread does not touch while it waits.
 */
static void *cover(void *unused)
{
	int fd = NEED(open("m/file", O_RDONLY));

	t_until(getpid(), 'S');
	NEED(mmap((void *)((unsigned long)t_argv[0] & ~4095UL), 4096, PROT_READ,
		     MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED ?
			-1 :
			0);
	NEED(write(told[1], "m", 1));
	for (;;)
		pause();
	return NULL;
}

static void over_arguments(void)
{
	pthread_t t;

	NEED0(pthread_create(&t, NULL, cover, NULL));
	pthread_join(t, NULL);
}

static void *toucher(void *p)
{
	say("touched: %.9s", (char *)p);
	return NULL;
}

static void one_waits(void)
{
	int fd = NEED(open("m/file", O_RDONLY));
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	pthread_t t;
	char c;

	NEED0(pthread_create(&t, NULL, toucher, p));
	NEED(read(go[0], &c, 1)); /* until the other touches */
	NEED(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 :
											     0);
	NEED(write(told[1], "m", 1));
	pthread_join(t, NULL);
}

TEST(proc_cmdline_of)
{
	pid_t pid;

	NEED(pipe(told));
	NEED(pipe(go));
	fuse_serve();
	say("-- arguments");
	pid = SPAWN(over_arguments());
	say("mapped: %c", next_told());
	looks(pid, true);
	look(pid, "environ", true);
	kill(pid, SIGKILL);
	t_wait("it", pid);
	IS(!owed);

	say("-- one that waits");
	pid = SPAWN(one_waits());
	say("asked: %c", next_told());
	NEED(write(go[1], "x", 1));
	say("mapped: %c", next_told());
	looks(pid, false);
	bring();
	t_wait("it", pid);
	umount2("m", MNT_DETACH);
}
