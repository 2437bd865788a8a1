/* SPDX-License-Identifier: MIT */
/*
 * race_ctty_hangup: a terminal hangs up while its process opens /dev/tty, and others read the
 * process's stat.
 */
#include "t.h"

#include <pthread.h>
#include <sys/ioctl.h>

#define ROUNDS 2000

static volatile int over;
static char stat_name[64];

static void *reader(void *arg)
{
	char b[1024];
	int fd = NEED(open(stat_name, O_RDONLY));

	while (!over)
		pread(fd, b, sizeof(b), 0);
	close(fd);
	return NULL;
}

/*
 * Makes each terminal that @told names its controlling one, keeps no descriptor of it, and opens it
 * as /dev/tty.
 */
static void leader(int told, int done)
{
	char name[64];

	signal(SIGHUP, SIG_IGN);
	setsid();
	while (read(told, name, sizeof(name)) == sizeof(name)) {
		close(open(name, O_RDWR));
		write(done, "", 1);
		for (int fd; (fd = open("/dev/tty", O_RDWR)) >= 0;)
			close(fd);
	}
	_exit(5);
}

TEST(race_ctty_hangup)
{
	int told[2], done[2], status;
	char name[64] = "", c;
	pthread_t t;
	pid_t pid;

	NEED(pipe(told));
	NEED(pipe(done));
	pid = NEED(fork());
	if (!pid) {
		close(told[1]);
		leader(told[0], done[1]);
	}
	snprintf(stat_name, sizeof(stat_name), "/proc/%d/stat", pid);
	NEED0(pthread_create(&t, NULL, reader, NULL));
	for (int k = 0; k < ROUNDS; k++) {
		int m = NEED(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));

		NEED(unlockpt(m));
		snprintf(name, sizeof(name), "%s", ptsname(m));
		NEED(write(told[1], name, sizeof(name)));
		NEED(read(done[0], &c, 1));
		close(m);
	}
	over = 1;
	pthread_join(t, NULL);
	close(told[1]);
	NEED(waitpid(pid, &status, 0));
	say("exited %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}
