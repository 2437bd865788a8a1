/* SPDX-License-Identifier: MIT */
/*
 * state_host.h: the file of a disk that is written, in the folder of a saved state: DIR/ubdN.layer.
 * Host world.
 */
#ifndef NESTLING_UBD_STATE_HOST_H
#define NESTLING_UBD_STATE_HOST_H

#include "drivers/ubd/image_host.h"
#include "drivers/ubd/ubd_host.h"

/*
 * Copies the file that is written into the state in @dir, and brings it to the disk. No request may
 * be under way. Returns 0 or -errno with one line in @err.
 */
int layer_save(struct image *im, const char *dir, uint32_t unit, char *err, size_t size);
/*
 * Gives o->file the content that it had when the state in o->state was saved; makes it if it does
 * not exist. Returns 0 or -errno with o->err set.
 */
int layer_load(struct ubd_open *o);
/* Fills in what tells an image from another: see ubd_host.h. */
void image_identify(const struct image *im, struct ubd_base *base);

#endif
