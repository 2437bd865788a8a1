/* SPDX-License-Identifier: MIT */
/*
 * Whom the out-of-memory killer has chosen waits for a frozen file system and cannot die: after some seconds another one does, and who needs
 * memory goes on. Only in the guest: a host's memory is for others.
 */
#include "guest.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

#define LARGE (48UL << 20)

static void touch(size_t n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; p != MAP_FAILED && i < n; i += PAGE)
		p[i] = 1;
}

static void adjust(pid_t pid, const char *to)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	fd = NEED(open(path, O_WRONLY));
	NEED(write(fd, to, strlen(to)));
	close(fd);
}

static void guest_part(int *first_waits, int *second_died)
{
	int root = NEED(open("/", O_RDONLY)), p[2], status;
	pid_t stuck, hungry;
	char c;

	NEED(pipe(p));
	stuck = SPAWN({
		touch(LARGE);
		NEED(read(p[0], &c, 1));
		open("new", O_WRONLY | O_CREAT, 0600);
	});
	adjust(stuck, "1000");
	sync();
	NEED(ioctl(root, FIFREEZE, 0));
	write(p[1], "", 1);
	T_WAIT(t_state(stuck) == 'D');
	hungry = SPAWN({
		adjust(getpid(), "0");
		for (;;)
			touch(16 << 20);
	});
	*second_died = waitpid(hungry, &status, 0) == hungry && WIFSIGNALED(status) &&
		       WTERMSIG(status) == SIGKILL;
	*first_waits = t_state(stuck) == 'D';
	NEED(ioctl(root, FITHAW, 0));
	waitpid(stuck, NULL, 0);
	close(root);
}

TEST(oom_frozen)
{
	int first_waits = 1, second_died = 1;

	if (in_guest())
		guest_part(&first_waits, &second_died);
	say("the first waits: %d, the second died: %d", first_waits, second_died);
}
