/* SPDX-License-Identifier: MIT */
/*
 * media_host.h: the system calls by which a disk's requests reach its files, in one place. So a
 * crash test can record them, and a test of errors can make them fail. (Copies for a saved state
 * make others.) Without cutlog= and diskfault= each function costs only the system call and one
 * test of a flag.
 *
 * The record (cutlog=FILE) is a sequence of struct media_rec, with data behind those of writes, in
 * the order of events: a write begins (with its data) and ends; a flush begins and ends. The record
 * shows what a power cut at any point may leave on the disk: data whose write had ended before a
 * completed flush began is on the disk, and each sector of other writes is old or new.
 * tests/crash/cut.c computes it.
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
	uint32_t file;  /* unit number of the disk */
	int32_t status; /* of MEDIA_END: 0 or -errno */
	uint64_t id;    /* id of the operation, also in its end */
	uint64_t off;   /* bytes in the file */
	/*
	 * length of the range; for MEDIA_FILE (the path) and MEDIA_WRITE, length of the data behind
	 * the record
	 */
	uint64_t len;
};

/*
 * Makes a record of all writes in the new file @path. Called before the first disk is opened.
 * Returns 0 or -errno.
 */
int media_record(const char *path);
/*
 * Sets up failures described as
 * [UNIT,]read|write|data|flush,eio|enospc,EVERY[,SEED[,FROM[,BYTES[,COUNT]]]]. On average one call
 * in EVERY fails, at random, and COUNT calls in all; reads and writes fail only if they begin in
 * the BYTES from FROM on. data: writes, but not punched holes. Called before the first disk is
 * opened. Returns 0, or -EINVAL on a syntax error.
 */
int media_fault(const char *spec);
/* Names the written file behind disk @unit, once, before its first write. */
void media_attach(int fd, uint32_t unit, const char *path);
/* Called before the file is closed. */
void media_detach(int fd);

/*
 * Behave like the system calls: -1 and errno. A failing write may have written a part, as on any
 * disk.
 */
ssize_t media_pwritev(int fd, const struct iovec *iov, int nr, uint64_t off);
ssize_t media_pwrite(int fd, const void *p, size_t n, uint64_t off);
ssize_t media_preadv2(int fd, const struct iovec *iov, int nr, uint64_t off, int flags);
/*
 * True if calls are recorded or made to fail. Then all of them must use these functions, on
 * attached descriptors.
 */
bool media_watches(void);
/* Submits a read. Returns 0 or -errno. */
int media_aio_submit(aio_context_t ctx, struct iocb *io);
int media_punch(int fd, uint64_t off, uint64_t len);
int media_fdatasync(int fd);

#endif
