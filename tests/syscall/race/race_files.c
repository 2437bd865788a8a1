/* SPDX-License-Identifier: MIT */
/* Processes that create, rename, link, remove, list and write in one directory at the same time. */
#include "t.h"
#include <dirent.h>

static void worker(int me)
{
	char a[32], b[32];
	int i, fd;

	for (i = 0; i < 200; i++) {
		snprintf(a, sizeof(a), "d/f%d", i % 7);
		snprintf(b, sizeof(b), "d/g%d", (i + me) % 5);
		fd = open(a, O_RDWR | O_CREAT, 0600);
		if (fd >= 0) {
			if (write(fd, a, strlen(a)) < 0)
				_exit(2);
			close(fd);
		} else if (errno != ENOENT) {
			_exit(3);
		}
		if (rename(a, b) == -1 && errno != ENOENT)
			_exit(4);
		if (link(b, a) == -1 && errno != EEXIST && errno != ENOENT)
			_exit(5);
		if (unlink(a) == -1 && errno != ENOENT)
			_exit(6);
		if (i % 20 == 0) {
			DIR *d = opendir("d");
			int n = 0;

			while (readdir(d))
				n++;
			closedir(d);
			if (n < 2 || n > 40)
				_exit(7);
		}
		if (mkdir("d/sub", 0700) == -1 && errno != EEXIST)
			_exit(8);
		if (rmdir("d/sub") == -1 && errno != ENOENT)
			_exit(9);
	}
	_exit(0);
}

static void appenders(void)
{
	char line[32];
	int i, n, fd, status, counts[4] = { 0 }, bad = 0;
	FILE *f;

	for (n = 0; n < 4; n++)
		SPAWN({
			fd = NEED(open("log", O_WRONLY | O_CREAT | O_APPEND, 0600));
			for (i = 0; i < 300; i++) {
				snprintf(line, sizeof(line), "writer %d line\n", n);
				NEED(write(fd, line, strlen(line)));
			}
		});
	while (wait(&status) > 0)
		bad += status != 0;
	f = fopen("log", "r");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "writer %d line", &n) == 1 && n >= 0 && n < 4 &&
			strlen(line) == 14)
			counts[n]++;
		else
			bad++;
	}
	fclose(f);
	say("appended: %d %d %d %d, bad %d", counts[0], counts[1], counts[2], counts[3], bad);
}

static void exclusive(void)
{
	int i, n, won = 0, status;

	for (i = 0; i < 50; i++) {
		char name[32];

		snprintf(name, sizeof(name), "x%d", i);
		for (n = 0; n < 3; n++)
			SPAWN(_exit(open(name, O_CREAT | O_EXCL | O_WRONLY, 0600) >= 0));
		while (wait(&status) > 0)
			won += WEXITSTATUS(status);
	}
	say("O_EXCL: %d winners in 50 races", won);
}

TEST(race_files)
{
	int i, status, bad = 0;
	char name[300];

	NEED(mkdir("d", 0755));
	for (i = 0; i < 4; i++)
		SPAWN(worker(i));
	while (wait(&status) > 0)
		if (status) {
			t_status("worker", status);
			bad++;
		}
	say("workers that failed: %d", bad);
	for (i = 0; i < 7; i++) {
		snprintf(name, sizeof(name), "d/f%d", i);
		unlink(name);
		snprintf(name, sizeof(name), "d/g%d", i);
		unlink(name);
	}
	T(rmdir("d"));
	appenders();
	exclusive();
}
