/* SPDX-License-Identifier: MIT */
/*
 * ext4_image.c: populates an ext4 image through libext2fs (see ext4_image.h for the interface).
 *
 * mke2fs makes the empty file system with Debian's default features. libext2fs then allocates
 * inodes and blocks in the file itself. Other ways do not work for a normal user: a guest that
 * unpacks the archive would need a kernel first, and `mke2fs -d` takes owners and devices from a
 * folder.
 *
 * States: an image has at most one open regular file, `file`, the last entry added. finish_file()
 * closes it when the next entry is added, or the image is closed.
 *
 * Invariants:
 * 1. `paths` maps every path added so far to its inode number; a missing parent directory is made
 *    as 0755 root.
 * 2. Inode fields that libext2fs itself changes (link count, size, blocks, extents) are never
 *    written from a stale copy: set_attributes() reads, changes and writes back in one go.
 *
 * Hash trees of directories are not built here: e2fsck -D does that afterwards.
 */
#include <errno.h>
#include <et/com_err.h>
#include <ext2fs/ext2fs.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/image/ext4_image.h"
#include "tools/nestctl/core/nestctl.h"

/* A path that was added, in a list of its bucket. */
struct path_node {
	struct path_node *next;
	ext2_ino_t ino;
	char path[];
};

#define PATH_BUCKETS 16384
#define LINKS_MAX 65000       /* ext4's limit */
#define TIME_MAX 0x37fffffffL /* the year 2446 */

struct ext4_image {
	ext2_filsys fs;
	const char *name;
	ext2_ino_t ino;   /* of the last entry */
	ext2_file_t file; /* of the last entry, or NULL */
	char *path;       /* of the last entry, for messages */
	struct path_node *paths[PATH_BUCKETS];
};

/* Dies if @err is an error of libext2fs. @what: begins its message. */
static void check(struct ext4_image *im, errcode_t err, const char *what)
{
	if (err == EXT2_ET_BLOCK_ALLOC_FAIL || err == EXT2_ET_INODE_ALLOC_FAIL)
		die("%s: the image is full; give it a larger --size", im->name);
	if (err)
		die("%s: %s %s: %s", im->name, what, im->path ? im->path : "", error_message(err));
}

/*
 * Returns the pointer to the node of the path or, if there is none, the pointer to set to a new
 * node.
 */
static struct path_node **path_slot(struct ext4_image *im, const char *path)
{
	struct path_node **slot;
	uint32_t hash = 2166136261u;

	for (const char *p = path; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	slot = &im->paths[hash % PATH_BUCKETS];
	while (*slot && strcmp((*slot)->path, path))
		slot = &(*slot)->next;
	return slot;
}

/* Returns the inode of a path that was added, or 0. */
static ext2_ino_t path_lookup(struct ext4_image *im, const char *path)
{
	struct path_node *node = *path_slot(im, path);

	return node ? node->ino : 0;
}

/* Records the inode of a path, in the place of an earlier inode. */
static void path_remember(struct ext4_image *im, const char *path, ext2_ino_t ino)
{
	struct path_node **slot = path_slot(im, path);

	if (!*slot) {
		*slot = xalloc(sizeof(**slot) + strlen(path) + 1);
		strcpy((*slot)->path, path);
	}
	(*slot)->ino = ino;
}

/* Returns "usr/bin" for "./usr//bin/". Dies if the path has "..". */
static char *clean_path(const char *path)
{
	char *out = xalloc(strlen(path) + 1), *end = out;

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && !strncmp(path, "..", 2))
			die("the archive holds a path with '..': %s", path);
		if (len && !(len == 1 && *path == '.')) {
			if (end != out)
				*end++ = '/';
			memcpy(end, path, len);
			end += len;
		}
		path += len + (path[len] == '/');
	}
	return out;
}

struct ext4_image *ext4_image_create(const char *path, const char *name, uint64_t size)
{
	const char *blocks = format("%lluk", (unsigned long long)size / 1024);
	const char *const mke2fs[] = { "mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-E",
		"root_owner=0:0,lazy_itable_init=1", path, blocks, NULL };
	const int fds[3] = { -1, -1, memfd_create("mke2fs", MFD_CLOEXEC) };
	struct ext4_image *im = xalloc(sizeof(*im));

	im->name = name;
	if (fds[2] < 0)
		die("memfd: %s", strerror(errno));
	if (wait_for(spawn(mke2fs, fds))) {
		char *said = program_said(fds[2]);

		die("%s: not made: %.*s", name, (int)strcspn(said, "\n"), said);
	}
	close(fds[2]);
	initialize_ext2_error_table();
	check(im,
		ext2fs_open(path, EXT2_FLAG_RW | EXT2_FLAG_64BITS, 0, 0, unix_io_manager, &im->fs),
		"cannot open");
	check(im, ext2fs_read_bitmaps(im->fs), "cannot read the bitmaps of");
	path_remember(im, "", EXT2_ROOT_INO);
	path_remember(im, "lost+found", 11);
	return im;
}

/* Closes the file of the last entry, if it is open. */
static void finish_file(struct ext4_image *im)
{
	if (im->file)
		check(im, ext2fs_file_close(im->file), "cannot write");
	im->file = NULL;
}

/* Sets all times to that of the entry, clamped to what ext4 can hold. */
static void set_time(struct ext2_inode_large *inode, const struct entry *e)
{
	int64_t sec = e->mtime < INT32_MIN ? INT32_MIN : e->mtime > TIME_MAX ? TIME_MAX : e->mtime;
	/* The low half is signed, so the two bits count the multiples of 2^32 to add. */
	uint32_t extra = e->mtime_nsec << 2 | ((uint64_t)(sec - (int32_t)sec) >> 32 & 3);

	inode->i_atime = inode->i_ctime = inode->i_mtime = inode->i_crtime = (uint32_t)sec;
	inode->i_extra_isize = sizeof(*inode) - EXT2_GOOD_OLD_INODE_SIZE;
	inode->i_atime_extra = inode->i_ctime_extra = inode->i_mtime_extra = inode->i_crtime_extra =
		extra;
}

static void set_attributes(struct ext4_image *im, ext2_ino_t ino, const struct entry *e)
{
	struct ext2_inode_large inode;
	struct ext2_inode *small = (struct ext2_inode *)&inode;

	check(im, ext2fs_read_inode_full(im->fs, ino, small, sizeof(inode)),
		"cannot read the inode of");
	inode.i_mode = e->mode;
	inode.i_uid = e->uid & 0xffff;
	inode.i_gid = e->gid & 0xffff;
	ext2fs_set_i_uid_high(inode, e->uid >> 16);
	ext2fs_set_i_gid_high(inode, e->gid >> 16);
	set_time(&inode, e);
	check(im, ext2fs_write_inode_full(im->fs, ino, small, sizeof(inode)),
		"cannot write the inode of");
}

/* Returns the type for an entry of a folder. */
static int dir_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return EXT2_FT_REG_FILE;
	case S_IFDIR: return EXT2_FT_DIR;
	case S_IFLNK: return EXT2_FT_SYMLINK;
	case S_IFCHR: return EXT2_FT_CHRDEV;
	case S_IFBLK: return EXT2_FT_BLKDEV;
	case S_IFIFO: return EXT2_FT_FIFO;
	case S_IFSOCK: return EXT2_FT_SOCK;
	default: return EXT2_FT_UNKNOWN;
	}
}

/* Adds a name to the folder @dir, which grows if it is full. */
static void link_name(
	struct ext4_image *im, ext2_ino_t dir, const char *name, ext2_ino_t ino, int type)
{
	errcode_t err = ext2fs_link(im->fs, dir, name, ino, type);

	if (err == EXT2_ET_DIR_NO_SPACE) {
		check(im, ext2fs_expand_dir(im->fs, dir), "cannot grow the folder of");
		err = ext2fs_link(im->fs, dir, name, ino, type);
	}
	check(im, err, "cannot add");
}

/*
 * Makes an inode for anything but a folder or a symbolic link. A device number that does not fit
 * into the old encoding uses Linux's new one, in the second word.
 */
static ext2_ino_t make_inode(struct ext4_image *im, ext2_ino_t dir, const struct entry *e)
{
	struct ext2_inode inode = { .i_mode = e->mode, .i_links_count = 1 };
	ext2_ino_t ino;

	check(im, ext2fs_new_inode(im->fs, dir, e->mode, NULL, &ino), "no inode for");
	ext2fs_inode_alloc_stats2(im->fs, ino, 1, 0);
	if (S_ISCHR(e->mode) || S_ISBLK(e->mode)) {
		if (e->major < 256 && e->minor < 256)
			inode.i_block[0] = e->major << 8 | e->minor;
		else
			inode.i_block[1] =
				(e->minor & 0xff) | e->major << 8 | (e->minor & ~0xffu) << 12;
	} else if (S_ISREG(e->mode)) {
		ext2_extent_handle_t handle;

		inode.i_flags = EXT4_EXTENTS_FL;
		check(im, ext2fs_extent_open2(im->fs, ino, &inode, &handle), "no extents for");
		ext2fs_extent_free(handle);
	}
	check(im, ext2fs_write_new_inode(im->fs, ino, &inode), "cannot write the inode of");
	return ino;
}

/* Makes a folder in the folder @dir. Returns its inode. Dies on an error. */
static ext2_ino_t make_dir(struct ext4_image *im, ext2_ino_t dir, const char *name)
{
	ext2_ino_t ino;
	errcode_t err = ext2fs_mkdir(im->fs, dir, 0, name);

	if (err == EXT2_ET_DIR_NO_SPACE) {
		check(im, ext2fs_expand_dir(im->fs, dir), "cannot grow the folder of");
		err = ext2fs_mkdir(im->fs, dir, 0, name);
	}
	check(im, err, "cannot make");
	check(im, ext2fs_lookup(im->fs, dir, name, strlen(name), NULL, &ino), "cannot find");
	return ino;
}

/* Makes a symbolic link. Returns its inode. Dies on an error. */
static ext2_ino_t make_symlink(
	struct ext4_image *im, ext2_ino_t dir, const char *name, const char *target)
{
	ext2_ino_t ino;
	errcode_t err = ext2fs_symlink(im->fs, dir, 0, name, target);

	if (err == EXT2_ET_DIR_NO_SPACE) {
		check(im, ext2fs_expand_dir(im->fs, dir), "cannot grow the folder of");
		err = ext2fs_symlink(im->fs, dir, 0, name, target);
	}
	check(im, err, "cannot make");
	check(im, ext2fs_lookup(im->fs, dir, name, strlen(name), NULL, &ino), "cannot find");
	return ino;
}

/* Returns the inode of the folder that contains @path, which is made if needed. */
static ext2_ino_t parent_of(struct ext4_image *im, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent = slash ? strndup(path, slash - path) : strdup("");
	ext2_ino_t ino = path_lookup(im, parent);

	if (!ino) {
		struct entry e = { .path = parent, .mode = S_IFDIR | 0755 };

		ext4_image_add(im, &e);
		ino = im->ino;
	}
	free(parent);
	return ino;
}

/*
 * Opens a file and preallocates its data as initialised extents, so that it is contiguous. Holes
 * need no writing, since the blocks of a new image read as zeros.
 */
static void open_file(struct ext4_image *im, uint64_t size)
{
	uint64_t blocks = (size + im->fs->blocksize - 1) / im->fs->blocksize;
	struct ext2_inode inode;

	if (size) {
		check(im,
			ext2fs_fallocate(
				im->fs, EXT2_FALLOCATE_FORCE_INIT, im->ino, NULL, ~0ULL, 0, blocks),
			"cannot allocate");
		check(im, ext2fs_read_inode(im->fs, im->ino, &inode), "cannot read the inode of");
		check(im, ext2fs_inode_size_set(im->fs, &inode, size), "cannot size");
		check(im, ext2fs_write_inode(im->fs, im->ino, &inode), "cannot write the inode of");
	}
	check(im, ext2fs_file_open(im->fs, im->ino, EXT2_FILE_WRITE, &im->file), "cannot open");
}

/* Adds the name of an earlier entry. Sets im->ino, as add_new() does. */
static void add_hardlink(
	struct ext4_image *im, const char *target, ext2_ino_t dir, const char *name)
{
	struct ext2_inode inode;
	char *path = clean_path(target);

	im->ino = path_lookup(im, path);
	if (!im->ino)
		die("%s: hard link to %s, which is not earlier in the archive", im->path, target);
	check(im, ext2fs_read_inode(im->fs, im->ino, &inode), "cannot read the inode of");
	if (inode.i_links_count >= LINKS_MAX)
		die("%s: more than %d names of one file", im->path, LINKS_MAX);
	inode.i_links_count++;
	check(im, ext2fs_write_inode(im->fs, im->ino, &inode), "cannot write the inode of");
	link_name(im, dir, name, im->ino, dir_type(inode.i_mode));
	free(path);
}

static void add_new(struct ext4_image *im, const struct entry *e, ext2_ino_t dir, const char *name)
{
	if (S_ISDIR(e->mode)) {
		im->ino = make_dir(im, dir, name);
	} else if (S_ISLNK(e->mode)) {
		im->ino = make_symlink(im, dir, name, e->symlink);
	} else {
		im->ino = make_inode(im, dir, e);
		link_name(im, dir, name, im->ino, dir_type(e->mode));
	}
}

void ext4_image_add(struct ext4_image *im, const struct entry *e)
{
	char *path = clean_path(e->path);
	const char *name = strrchr(path, '/');
	ext2_ino_t dir = *path ? parent_of(im, path) : 0, old = path_lookup(im, path);

	name = name ? name + 1 : path;
	finish_file(im);
	free(im->path);
	im->path = path;
	if (e->hardlink) {
		add_hardlink(im, e->hardlink, dir, name);
	} else {
		if (old && !S_ISDIR(e->mode))
			die("%s: the archive holds %s twice", im->name, path);
		if (old)
			im->ino = old;
		else
			add_new(im, e, dir, name);
		if (S_ISREG(e->mode))
			open_file(im, e->size);
		set_attributes(im, im->ino, e);
	}
	path_remember(im, path, im->ino);
}

void ext4_image_write(struct ext4_image *im, const void *data, size_t size, uint64_t offset)
{
	const char *p = data;
	unsigned int done;

	check(im, ext2fs_file_llseek(im->file, offset, EXT2_SEEK_SET, NULL), "cannot seek in");
	for (; size; p += done, size -= done)
		check(im, ext2fs_file_write(im->file, p, size, &done), "cannot write");
}

void ext4_image_xattr(struct ext4_image *im, const char *name, const void *value, size_t size)
{
	struct ext2_xattr_handle *handle;

	check(im, ext2fs_xattrs_open(im->fs, im->ino, &handle), "no attributes for");
	check(im, ext2fs_xattrs_read(handle), "cannot read the attributes of");
	check(im, ext2fs_xattr_set(handle, name, value, size), "cannot set an attribute of");
	check(im, ext2fs_xattrs_close(&handle), "cannot write the attributes of");
}

void ext4_image_close(struct ext4_image *im)
{
	finish_file(im);
	check(im, ext2fs_close_free(&im->fs), "cannot close");
}

void ext4_image_check(const char *path, const char *name)
{
	const char *const argv[] = { "e2fsck", "-f", "-y", "-D", path, NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int fds[3] = { null, null, null };
	int status = wait_for(spawn(argv, fds));

	close(null);
	if (status > 1)
		die("%s: e2fsck finds the new image broken (status %d)", name, status);
}
