/* SPDX-License-Identifier: MIT */
/*
 * Many of everything: descriptors, threads, processes, files in a directory, mappings, deep
 * directories.
 */
#include "t.h"
#include <dirent.h>

static volatile int gate;
static void *waiter(void *arg)
{
	while (!gate)
		usleep(2000);
	return arg;
}

static void descriptors(void)
{
	int i, fd = NEED(open("f", O_RDWR | O_CREAT, 0600)), top = -1, n;
	struct rlimit lim;

	getrlimit(RLIMIT_NOFILE, &lim);
	lim.rlim_cur = 1000;
	NEED(setrlimit(RLIMIT_NOFILE, &lim));
	for (i = 0; (n = dup(fd)) >= 0; i++)
		top = n;
	say("top %d, then %s", top, t_errno(errno));
	CHILD({
		close_range(3, ~0u, 0);
		say("child: %d", open("f", O_RDONLY));
	});
	T(fcntl(999, F_GETFD));
	T(close_range(fd + 1, ~0u, 0));
}

static void threads(void)
{
	pthread_t t[200];
	void *r;
	int i, ok = 0;

	for (i = 0; i < 200; i++)
		NEED0(pthread_create(&t[i], NULL, waiter, (void *)(intptr_t)i));
	gate = 1;
	for (i = 0; i < 200; i++) {
		pthread_join(t[i], &r);
		ok += (intptr_t)r == i;
	}
	say("threads: %d of 200", ok);
}

static void processes(void)
{
	int i, status, ok = 0, p[2];
	char c;

	NEED(pipe(p));
	for (i = 0; i < 200; i++)
		SPAWN({
			close(p[1]);
			_exit(read(p[0], &c, 1) == 0 ? i : 255);
		});
	close(p[1]);
	for (i = 0; wait(&status) > 0; i++)
		ok += WIFEXITED(status) && WEXITSTATUS(status) != 255;
	say("processes: %d of 200", ok);
}

static void files(void)
{
	char name[64];
	int i, n = 0, bad = 0;
	DIR *d;

	NEED(mkdir("d", 0755));
	for (i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "d/a-file-with-a-name-%d", i);
		close(NEED(open(name, O_WRONLY | O_CREAT | O_EXCL, 0600)));
	}
	for (i = 2999; i >= 0; i -= 3) {
		snprintf(name, sizeof(name), "d/a-file-with-a-name-%d", i);
		NEED(unlink(name));
	}
	for (i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "d/a-file-with-a-name-%d", i);
		bad += (access(name, F_OK) == 0) != (i % 3 != 2);
	}
	d = opendir("d");
	while (readdir(d))
		n++;
	closedir(d);
	say("files: %d listed, %d wrong", n, bad);
	for (i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "d/a-file-with-a-name-%d", i);
		unlink(name);
	}
	T(rmdir("d"));
}

static void mappings(void)
{
	char *p =
		mmap(NULL, 4000 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i, bad = 0;

	for (i = 0; i < 4000; i += 2) {
		p[i * PAGE] = (char)i;
		NEED(mprotect(p + i * PAGE, PAGE, PROT_READ));
	}
	CHILD({
		for (i = 0; i < 4000; i += 2)
			bad += p[i * PAGE] != (char)i;
		_exit(bad != 0);
	});
	NEED(mprotect(p, 4000 * PAGE, PROT_READ | PROT_WRITE));
	for (i = 0; i < 4000; i++)
		bad += p[i * PAGE] != (i % 2 ? 0 : (char)i);
	say("mappings: %d bad", bad);
	T(munmap(p, 4000 * PAGE));
}

static void deep(void)
{
	int i, n;

	for (i = 0; i < 200; i++) {
		NEED(mkdir("sub", 0755));
		NEED(chdir("sub"));
	}
	t_text("bottom", "found");
	t_cat("bottom");
	NEED(unlink("bottom"));
	for (n = 0; n < 200; n++) {
		NEED(chdir(".."));
		NEED(rmdir("sub"));
	}
	say("deep: %d", n);
}

TEST(many)
{
	descriptors();
	threads();
	processes();
	files();
	mappings();
	deep();
}
