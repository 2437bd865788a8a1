/* SPDX-License-Identifier: MIT */
/*
 * aio_host.h: reads that go from the host's disk into the guest's memory, past the host's page cache, and need no thread that waits for
 * them. For what the guest itself reads past its cache (O_DIRECT), and the host does not have in its own.
 *
 *	ubd_aio_read(a, fd, off, r)     fd is open with O_DIRECT; *r is the host's until ubd_aio_reap() gives it back
 *	ubd_aio_ready(a)                has something ended? Without a system call
 *
 * All functions but open and close may be called from several threads at once.
 */
#ifndef NESTLING_UBD_AIO_HOST_H
#define NESTLING_UBD_AIO_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/ubd/ubd_host.h"

struct ubd_aio;

/* At most @depth at a time; what ends raises @irq. NULL: the host has no such calls, or does not let us. */
struct ubd_aio *ubd_aio_open(int irq, unsigned int depth);
/* Waits for what is under way, and forgets it. */
void ubd_aio_close(struct ubd_aio *a);
/* 0, or -errno: the host would have to wait, or refuses. */
int ubd_aio_read(struct ubd_aio *a, int fd, uint64_t off, struct ubd_req *r);
bool ubd_aio_ready(const struct ubd_aio *a);
/* The next one that has ended, or NULL. *res: bytes, or -errno: -EAGAIN where the host would have had to wait. */
struct ubd_req *ubd_aio_reap(struct ubd_aio *a, int64_t *res);

#endif
