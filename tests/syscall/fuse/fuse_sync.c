/* SPDX-License-Identifier: MIT */
/*
 * fuse_sync: which writes ask the server for FSYNC: those to files opened with O_DSYNC or O_SYNC,
 * and all on a mount with the option sync.
 */
#include "fuse_server.h"

static volatile int fsyncs, fdatasyncs;

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	const struct fuse_write_in *w = (const void *)(h + 1);
	const struct fuse_fsync_in *s = (const void *)(h + 1);
	struct fuse_write_out took = { .size = w->size };

	switch (h->opcode) {
	case FUSE_WRITE: reply(h->unique, 0, &took, sizeof(took)); break;
	case FUSE_FSYNC:
		if (s->fsync_flags & FUSE_FSYNC_FDATASYNC)
			fdatasyncs++;
		else
			fsyncs++;
		reply(h->unique, 0, NULL, 0);
		break;
	default: serve_file(h, 0644, 0);
	}
}

static void writes(int flags)
{
	int fd = NEED(open("m/file", O_WRONLY | flags));

	fsyncs = fdatasyncs = 0;
	T(write(fd, "data", 4));
	T(pwrite(fd, "", 0, 0));
	T(write(fd, "more", 4));
	close(fd);
	say("FSYNC: %d, for data only: %d", fsyncs, fdatasyncs);
}

static void mounted(const char *how, unsigned long flags)
{
	fuse_mount_flags = flags;
	fuse_serve();
	say("%s", how);
	writes(0);
	writes(O_APPEND);
	writes(O_DSYNC);
	writes(O_SYNC);
	NEED(umount2("m", MNT_DETACH));
	NEED(rmdir("m"));
}

TEST(fuse_sync)
{
	CHILD(mounted("async", 0));
	CHILD(mounted("sync", MS_SYNCHRONOUS));
}
