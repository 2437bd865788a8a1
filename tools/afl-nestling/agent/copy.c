/* SPDX-License-Identifier: MIT */
/*
 * copy.c: replaces a mounted folder of the host by a copy in memory: files of the host cannot be
 * rolled back, so the kernel makes no mark while such a folder is mounted.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/afl-nestling/agent/agent.h"

#define COPY "/run/afl-copy"

static void copy_file(const char *from, const char *to, const struct stat *st)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st->st_mode & 07777);
	static char buf[65536];
	ssize_t n;

	if (in < 0 || out < 0)
		fail("%s: %s", from, strerror(errno));
	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			break;
	if (n || fchmod(out, st->st_mode & 07777))
		fail("%s: cannot be copied: %s", from, strerror(errno));
	close(in);
	close(out);
}

static void copy_link(const char *from, const char *to)
{
	char target[4096];
	ssize_t n = readlink(from, target, sizeof(target) - 1);

	target[n > 0 ? n : 0] = '\0';
	if (n < 0 || symlink(target, to))
		fail("%s: cannot be copied: %s", from, strerror(errno));
}

/* Copies one entry; sockets, FIFOs and devices are left out. */
static void copy_entry(const FTSENT *e, const char *to)
{
	switch (e->fts_info) {
	case FTS_D:
		if (e->fts_level && mkdir(to, 0700))
			fail("%s: cannot be copied: %s", e->fts_path, strerror(errno));
		break;
	case FTS_DP:
		if (chmod(to, e->fts_statp->st_mode & 07777))
			fail("%s: cannot be copied: %s", e->fts_path, strerror(errno));
		break;
	case FTS_F: copy_file(e->fts_path, to, e->fts_statp); break;
	case FTS_SL:
	case FTS_SLNONE: copy_link(e->fts_path, to); break;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS: fail("%s: %s", e->fts_path, strerror(e->fts_errno));
	default: break;
	}
}

void copy_folder(const char *dir)
{
	char *paths[] = { (char *)dir, NULL }, to[8192], here[4096];
	FTS *tree;

	if (!getcwd(here, sizeof(here)) || chdir("/"))
		fail("the working directory: %s", strerror(errno));
	if ((mkdir(COPY, 0700) && errno != EEXIST) || mount("tmpfs", COPY, "tmpfs", 0, NULL))
		fail("%s: %s", COPY, strerror(errno));
	tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!tree)
		fail("%s: %s", dir, strerror(errno));
	for (FTSENT *e; (e = fts_read(tree));) {
		snprintf(to, sizeof(to), "%s%s", COPY, e->fts_path + strlen(dir));
		copy_entry(e, to);
	}
	fts_close(tree);
	if (umount(dir) || mount(COPY, dir, NULL, MS_MOVE, NULL) || chdir(here))
		fail("%s: cannot be replaced by a copy: %s", dir, strerror(errno));
}
