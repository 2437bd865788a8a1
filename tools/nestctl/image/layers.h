/* SPDX-License-Identifier: MIT */
/*
 * layers.h: merges archives, which are layers of an image, into one file system.
 *
 *      l = layers_new(); layers_add(l, &blob, true) ... for each, the lowest first
 *      layers_finish(l, &files, &bytes); layers_write(l, image);
 *
 * Each blob is read twice: to find the names that remain, and to write their files. It must not
 * change in between.
 */
#ifndef NESTLING_NESTCTL_LAYERS_H
#define NESTLING_NESTCTL_LAYERS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/nestctl/image/blob.h"
#include "tools/nestctl/image/tree.h"

struct ext4_image;
struct layers;
#define LAYERS_MAX 512

struct layers *layers_new(void);
/*
 * Adds a layer above the others. @b must stay until layers_write(). @whiteouts: names .wh.NAME and
 * .wh..wh..opq remove files of lower layers, as the OCI image specification says ("Layer Filesystem
 * Changeset"). Dies if there are more than LAYERS_MAX layers, or on an error.
 */
void layers_add(struct layers *l, const struct blob *b, bool whiteouts);
/* Returns the tree of the layers added so far, which @l owns, for lookups. */
struct tree *layers_tree(struct layers *l);
/*
 * Ends the first pass. Sets *files to the number of entries, and *bytes to the sum of their sizes,
 * each rounded up to 4 KiB. Dies if that is above blob_most().
 */
void layers_finish(struct layers *l, uint64_t *files, uint64_t *bytes);
/*
 * Reads the blobs again and adds the remaining entries to @im. Dies if a blob has other entries or
 * sizes than before. Missing entries at its end are found by its digest only.
 */
void layers_write(struct layers *l, struct ext4_image *im);

#endif
