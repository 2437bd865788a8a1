/* SPDX-License-Identifier: MIT */
/*
 * media_host.h: the system calls that reach the files behind disks, all of them, in one place: so that a crash test can have a record of
 * them and a test of errors can make them fail. Without cutlog= and diskfault= each is the system call and one test of a flag.
 *
 * The record (cutlog=FILE) is a sequence of struct media_rec, data behind those of writes, in the order of what happened: a write begins
 * (with its data), and ends; a flush begins, and ends. What a power cut at any point of it may leave on the disk follows: all that had
 * ended before a flush began which has ended is there; any sector of anything else is as before or after. tests/crash/cut.c makes it.
 */
#ifndef NESTLING_UBD_MEDIA_HOST_H
#define NESTLING_UBD_MEDIA_HOST_H

#include <linux/aio_abi.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define MEDIA_MAGIC 0x6375744cU
enum { MEDIA_FILE, MEDIA_WRITE, MEDIA_PUNCH, MEDIA_FLUSH, MEDIA_END };
/* Native byte order: a record is read on the machine that made it. */
struct media_rec {
	uint32_t magic, type;
	uint32_t file;  /* the number of the disk */
	int32_t status; /* of MEDIA_END: 0 or -errno */
	uint64_t id;    /* a MEDIA_END has that of its beginning */
	uint64_t off;   /* bytes in the file */
	uint64_t
		len; /* of a range; of the data behind it for MEDIA_FILE (the path) and MEDIA_WRITE */
};

/* Both before the first disk is opened. 0 or -errno. */
int media_record(const char *path);
/*
 * [UNIT,]read|write|data|flush,eio|enospc,EVERY[,SEED[,FROM[,BYTES[,COUNT]]]]: one in EVERY on the average fails, at random; COUNT of them in all; of reads
 * and writes only such as begin in BYTES from FROM on. data: writes, but holes are punched. -EINVAL: not understood.
 */
int media_fault(const char *spec);
/* The file behind disk @unit that is written to; said once, before its first write. */
void media_attach(int fd, uint32_t unit, const char *path);
/* Before it is closed. */
void media_detach(int fd);

/* As the system calls: -1 and errno. A failing write may have written a part of it, as on any disk. */
ssize_t media_pwritev(int fd, const struct iovec *iov, int nr, uint64_t off);
ssize_t media_pwrite(int fd, const void *p, size_t n, uint64_t off);
ssize_t media_preadv2(int fd, const struct iovec *iov, int nr, uint64_t off, int flags);
/* Is there a record, or do calls fail? Then all must be done by these functions, on descriptors that were attached. */
bool media_watches(void);
/* Of a read; 0 or -errno. */
int media_aio_submit(aio_context_t ctx, struct iocb *io);
int media_punch(int fd, uint64_t off, uint64_t len);
int media_fdatasync(int fd);

#endif
