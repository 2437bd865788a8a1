/* SPDX-License-Identifier: MIT */
/*
 * cow_output.c: files that appear complete or not at all, and the progress of those that take their time.
 *
 * A new file has no name until it is on the disk (O_TMPFILE), so that nothing has to be removed whatever ends us. Where the host cannot do
 * that it has a name of its own, which goes at exit and on signals.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/cow.h"
#include "tools/nestctl/nestctl.h"

static char *unfinished; /* its name where it has one */

static const char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return slash == path ? "/" : format("%.*s", (int)(slash - path), path);
}

static void remove_unfinished(void)
{
	if (unfinished)
		unlink(unfinished);
}

void output_abandon(void)
{
	remove_unfinished();
}

static void on_signal(int sig)
{
	remove_unfinished();
	signal(sig, SIG_DFL);
	raise(sig);
}

static int open_named(const char *path)
{
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP };
	int fd;

	unfinished = format("%s.%d", path, (int)getpid());
	fd = open(unfinished, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	atexit(remove_unfinished);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		signal(sigs[i], on_signal);
	return fd;
}

int output_open(const char *path)
{
	int fd = open(folder_of(path), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);

	return fd < 0 ? open_named(path) : fd;
}

static void sync_folder(const char *path)
{
	int fd = open(folder_of(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd))
		die("%s: %s", path, strerror(errno));
	close(fd);
}

/* A name for a file that has none; a second one when the first is to replace something. */
static void name_it(int fd, const char *path, bool replace)
{
	char *self = format("/proc/self/fd/%d", fd);

	if (linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
		return;
	if (errno != EEXIST || !replace)
		die("%s: %s", path, strerror(errno));
	unfinished = format("%s.%d", path, (int)getpid());
	if (linkat(AT_FDCWD, self, AT_FDCWD, unfinished, AT_SYMLINK_FOLLOW))
		die("%s: %s", unfinished, strerror(errno));
	atexit(remove_unfinished);
}

void output_finish(int fd, const char *path, bool replace)
{
	if (fsync(fd))
		die("%s: %s", path, strerror(errno));
	if (!unfinished)
		name_it(fd, path, replace);
	if (unfinished && (replace ? rename(unfinished, path) : link(unfinished, path)))
		die("%s: %s", path, strerror(errno));
	remove_unfinished();
	unfinished = NULL;
	sync_folder(path);
	close(fd);
}

/* ---- progress ---- */

static bool shown;

void progress(const char *what, uint64_t done, uint64_t total)
{
	static double begun, last;
	struct timespec t;
	double now;
	char bar[41];
	int n = total ? (int)((double)done / (double)total * 40) : 40;

	if (!isatty(2))
		return;
	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
	if (begun == 0)
		begun = now;
	if (now - begun < 1 || now - last < 0.2)
		return;
	last = now;
	memset(bar, '.', 40);
	memset(bar, '#', (size_t)n);
	bar[40] = 0;
	fprintf(stderr, "\r%s [%s] %3d %%", what, bar, (int)((double)done * 100 / (double)total));
	shown = true;
}

void progress_end(void)
{
	if (shown)
		fprintf(stderr, "\r%*s\r", 78, "");
	shown = false;
}
