/* SPDX-License-Identifier: MIT */
/*
 * ubd.h: a disk of the front end, shared by ubd.c (requests, adding and removing disks) and
 * ubd_state.c.
 */
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
	int irq; /* 0: none yet */
	/* true: @disk was registered once, and may be removed now */
	bool added;
	/* first frame of the image's pages, and their number; or 0; immutable */
	pfn_t frames;
	u64 nr_frames;
	struct ubd_base base; /* the image below the disk's changes */
	/* true: the parameter was given again in a process that continues from a saved state */
	bool given_again;
	char kept_serial[UBD_SERIAL_MAX + 1]; /* serial number at the save */
	struct gendisk disk;
};
extern struct ubd ubd_units[UBD_UNITS];
/*
 * True in a process that continues from a saved state: parameters that are parsed now belong to
 * disks that the guest already has. Changed with the machine stopped.
 */
extern bool ubd_is_saved;

/*
 * Opens the files of disk number @n, with @state (a folder or NULL) as ubd_open.state, and sets *@o
 * and u->host. Returns 0, or -errno with a line in @why. **@o stays valid until the next call: one
 * caller at a time.
 */
int ubd_open_host(
	struct ubd *u, u32 n, const char *state, const struct ubd_open **o, char *why, size_t size);
/* Reports the features of the opened disk to the block layer. */
void ubd_take_over(struct ubd *u, const struct ubd_open *o);

#endif
