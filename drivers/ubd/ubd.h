/* SPDX-License-Identifier: MIT */
/* ubd.h: a disk of the front end, shared by ubd.c (requests, coming and going) and ubd_state.c. */
#ifndef NESTLING_UBD_H
#define NESTLING_UBD_H

#include "drivers/ubd/ubd_host.h"
#include "kernel/block/block.h"
#include "kernel/lib/lock.h"

#define UBD_UNITS 16
#define UBD_SERIAL_MAX 64

struct ubd {
	char param[16]; /* as the user wrote it: "ubd0r" */
	/* slices of the copied parameter; the last two may be NULL */
	char *file, *backing, *serial;
	u32 flags;
	spinlock_t lock;
	/* the open disk, in os-linux' table of objects; 0: absent */
	int host;
	int irq;    /* 0: none yet */
	bool added; /* the disk has existed once */
	/* immutable: the image's pages as frames, or 0 */
	pfn_t frames;
	u64 nr_frames;
	struct ubd_base base; /* the image that the disk is over */
	/* The parameter was given again in a process that continues from a saved state. */
	bool given_again;
	char kept_serial[UBD_SERIAL_MAX + 1]; /* the serial number from before that */
	struct gendisk disk;
};
extern struct ubd ubd_units[UBD_UNITS];
/*
 * In memory that was saved: parameters that are read now belong to disks that the guest has
 * already. Changed with the machine stopped.
 */
extern bool ubd_is_saved;

/*
 * Opens the disk's files, for ubd_open.state @state or NULL, and fills in @o. Returns 0, or -errno
 * with a line in @why. *o is used until the next call.
 */
int ubd_open_host(
	struct ubd *u, u32 n, const char *state, const struct ubd_open **o, char *why, size_t size);
/* Tells the block layer what can be done with the disk that was opened. */
void ubd_take_over(struct ubd *u, const struct ubd_open *o);

#endif
