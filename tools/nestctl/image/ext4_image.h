/* SPDX-License-Identifier: MIT */
/*
 * ext4_image.h: fills a new ext4 image without a mount and without root's rights.
 *
 *      im = ext4_image_create(path, name, size);
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
	/* seconds since 1970; also used for the other times */
	int64_t mtime;
	uint32_t mtime_nsec;
	uint64_t size;        /* bytes of a regular file */
	const char *symlink;  /* target, for S_IFLNK */
	const char *hardlink; /* path of an earlier entry, or NULL */
	unsigned int major, minor;
};

struct ext4_image;

/*
 * Makes an empty image of @size bytes, rounded down to whole blocks of 4 KiB, in the file @path.
 * @name: the image's name in messages, which must stay valid.
 */
struct ext4_image *ext4_image_create(const char *path, const char *name, uint64_t size);
/*
 * Adds an entry. Parents that are missing are made with mode 0755. @e may be freed afterwards. A
 * folder that exists gets the new attributes; another path that exists is an error.
 */
void ext4_image_add(struct ext4_image *im, const struct entry *e);
/*
 * Writes @size bytes of data at byte @offset of the regular file that was added last. Data that is
 * not written reads as zeros.
 */
void ext4_image_write(struct ext4_image *im, const void *data, size_t size, uint64_t offset);
/* Sets an extended attribute of the entry that was added last. @name has its prefix: "user.x". */
void ext4_image_xattr(struct ext4_image *im, const char *name, const void *value, size_t size);
/* Writes everything to the file. The image cannot be used any more. */
void ext4_image_close(struct ext4_image *im);
/*
 * Checks a closed image with e2fsck, which also builds the hash trees of large folders. Dies if the
 * image is damaged.
 */
void ext4_image_check(const char *path, const char *name);

#endif
