/* SPDX-License-Identifier: MIT */
/* io_uring: calls on registered files whose descriptors are closed. */
#include "uring.h"
#include "recorded.h"
#include <linux/falloc.h>
#include <sys/socket.h>

static const char expected[] =
#include "uring_fixed.inc"
	;

TEST(uring_fixed)
{
	int pair[2], files[3];
	struct stat st;
	char c;

	if (refused())
		RECORDED(expected);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	files[0] = pair[0];
	files[1] = NEED(open("f", O_RDWR | O_CREAT, 0600));
	files[2] = -1;
	open_ring(8, 0, 0);
	T(reg(IORING_REGISTER_FILES, files, 3));
	close(files[0]);
	close(files[1]);
	add(IORING_OP_FALLOCATE, 1, (void *)10000, 0, 0, 1)->flags = IOSQE_FIXED_FILE;
	go("fallocate", 1);
	NEED(stat("f", &st));
	say("%ld bytes", (long)st.st_size);
	add(IORING_OP_FADVISE, 1, NULL, 0, 0, 2)->flags = IOSQE_FIXED_FILE;
	go("fadvise", 1);
	add(IORING_OP_SYNC_FILE_RANGE, 1, NULL, 0, 0, 3)->flags = IOSQE_FIXED_FILE;
	go("sync_file_range", 1);
	add(IORING_OP_SYNC_FILE_RANGE, 0, NULL, 0, 0, 4)->flags = IOSQE_FIXED_FILE;
	go("sync_file_range of a socket", 1);
	add(IORING_OP_SHUTDOWN, 0, NULL, 7, 0, 5)->flags = IOSQE_FIXED_FILE;
	go("shutdown", 1);
	add(IORING_OP_SHUTDOWN, 0, NULL, SHUT_WR, 0, 6)->flags = IOSQE_FIXED_FILE;
	go("shutdown", 1);
	T(read(pair[1], &c, 1));
	add(IORING_OP_SHUTDOWN, 1, NULL, SHUT_WR, 0, 7)->flags = IOSQE_FIXED_FILE;
	go("shutdown of a file", 1);
	add(IORING_OP_SHUTDOWN, 2, NULL, SHUT_WR, 0, 8)->flags = IOSQE_FIXED_FILE;
	go("shutdown of none", 1);
	add(IORING_OP_SHUTDOWN, pair[1], NULL, SHUT_WR, 0, 9);
	go("shutdown", 1);
	add(IORING_OP_FALLOCATE, -1, (void *)10000, 0, 0, 10);
	go("fallocate", 1);
	close_ring();
}
