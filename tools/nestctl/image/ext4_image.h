/* SPDX-License-Identifier: MIT */
/*
 * ext4_image.h: fills a new ext4 image without a mount and without root's rights.
 *
 *      im = ext4_image_create(path, size);
 *      ext4_image_add(im, &entry); ext4_image_write(im, data, size, offset) ...
 *                                               for every entry, parents first
 *      ext4_image_close(im);
 *
 * Any user may give any owners, modes, times, device numbers, hard links and extended attributes.
 * Every failure dies with a message that names the file.
 */
#ifndef NESTLING_EXT4_IMAGE_H
#define NESTLING_EXT4_IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct entry {
	/* relative to the root; "" and "." are the root itself */
	const char *path;
	/* with the file type; ignored for a hard link */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int64_t mtime;
	uint32_t mtime_nsec;
	uint64_t size;        /* for a regular file */
	const char *symlink;  /* target, for S_IFLNK */
	const char *hardlink; /* path of an earlier entry, or NULL */
	unsigned int major, minor;
};

struct ext4_image;

/* Makes an empty image. @name: the image's name in messages. */
struct ext4_image *ext4_image_create(const char *path, const char *name, uint64_t size);
void ext4_image_add(struct ext4_image *im, const struct entry *e);
/* Writes data of the regular file that was added last. Data that is not written reads as zeros. */
void ext4_image_write(struct ext4_image *im, const void *data, size_t size, uint64_t offset);
/* Sets an extended attribute of the entry that was added last. */
void ext4_image_xattr(struct ext4_image *im, const char *name, const void *value, size_t size);
void ext4_image_close(struct ext4_image *im);
/* Checks a closed image with e2fsck, which also builds the hash trees of large folders. */
void ext4_image_check(const char *path, const char *name);

#endif
