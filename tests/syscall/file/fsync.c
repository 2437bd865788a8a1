/* SPDX-License-Identifier: MIT */
/* fsync(2), fdatasync(2), sync(2), syncfs(2), sync_file_range(2). */
#include "t.h"

TEST(fsync)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600)), p[2];

	NEED(write(fd, "data", 4));
	T(fsync(fd));
	T(fdatasync(fd));
	T(fsync(NEED(open("f", O_RDONLY))));
	T(fsync(NEED(open(".", O_RDONLY))));
	T(fsync(NEED(open("f", O_PATH))));
	T(fsync(-1));
	T(fdatasync(-1));
	NEED(pipe(p));
	T(fsync(p[1]));
	T(fdatasync(p[0]));
	T(syscall(SYS_sync));
	T(syncfs(fd));
	T(syncfs(-1));
	T(syncfs(NEED(open("f", O_PATH))));
	T(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
	T(sync_file_range(fd, 0, 4096,
		SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
	T(sync_file_range(fd, -1, 0, SYNC_FILE_RANGE_WRITE));
	T(sync_file_range(fd, 0, -1, SYNC_FILE_RANGE_WRITE));
	T(sync_file_range(fd, 0, 0, 8));
	T(sync_file_range(p[0], 0, 0, SYNC_FILE_RANGE_WRITE));
	T(sync_file_range(-1, 0, 0, 0));
	fd = NEED(open("s", O_RDWR | O_CREAT | O_SYNC, 0600));
	T(write(fd, "sync", 4));
	fd = NEED(open("s", O_RDWR | O_DSYNC | O_APPEND));
	T(write(fd, "dsync", 5));
	t_cat("s");
}
