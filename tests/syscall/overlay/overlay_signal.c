/* SPDX-License-Identifier: MIT */
/*
 * overlay_signal: a signal during a copy-up ends the call with EINTR, or with SA_RESTART lets it
 * begin again. Each signal comes while the file is copied.
 */
#include "mounts.h"

#define MIB 32

static const struct itimerval never = { 0 };

static void fill(const char *path)
{
	static char buf[1 << 20];
	int fd = NEED(open(path, O_WRONLY | O_CREAT, 0600));

	memset(buf, 'x', sizeof(buf));
	for (int i = 0; i < MIB; i++)
		NEED(write(fd, buf, sizeof(buf)));
	close(fd);
}

static volatile bool early; /* a signal came before u/a was there */

static void stop_timer(int sig)
{
	early |= access("u/a", F_OK) != 0;
	setitimer(ITIMER_REAL, &never, NULL);
}

static void start_timer(void)
{
	const struct itimerval often = { { 0, 500 }, { 0, 500 } };

	NEED(setitimer(ITIMER_REAL, &often, NULL));
}

static void state(const char *name)
{
	struct stat st;

	NEED(stat(name, &st));
	say("mode %o, %ld MiB", st.st_mode & 07777, st.st_size >> 20);
}

TEST(overlay_signal)
{
	struct sigaction again = { .sa_handler = stop_timer, .sa_flags = SA_RESTART };

	own_mounts();
	scratch_enter(NULL);
	NEED(mkdir("l", 0755) | mkdir("u", 0755) | mkdir("w", 0755) | mkdir("o", 0755));
	fill("l/a");
	NEED(mount("o", "o", "overlay", 0, "lowerdir=l,upperdir=u,workdir=w"));
	t_handle(SIGALRM, 0);
	start_timer();
	T(chmod("o/a", 0644));
	NEED(setitimer(ITIMER_REAL, &never, NULL));
	state("o/a");
	NEED(sigaction(SIGALRM, &again, NULL));
	start_timer();
	T(chmod("o/a", 0644));
	IS(early);
	state("o/a");
	NEED(umount("o"));
	scratch_leave();
}
