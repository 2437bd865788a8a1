/* SPDX-License-Identifier: MIT */
/*
 * isofs.h: declarations that the files of the ISO 9660 driver share.
 *
 *	super.c   volume descriptors, options, mount
 *	record.c  directory records and their names
 *	inode.c   inodes, pages
 *	rock.c    System Use entries: Rock Ridge
 *	dir.c     lookup, readdir
 *
 * The contents of the disk are untrusted. A walk through a directory only moves forward, a chain of
 * System Use entries has at most ISO_MAX_AREAS areas, a file has at most ISO_MAX_SECTIONS sections,
 * and reading beyond the device gives -EIO. An inode's number is the position of its record on the
 * device. A directory's number is the position of its own "." record, to which all records that
 * name it lead.
 *
 * The file system is read-only, so there are no locks. Functions that read the device may sleep,
 * and return 0 or -errno, such as -EIO for damage, unless their comment says more.
 */
#ifndef NESTLING_ISOFS_H
#define NESTLING_ISOFS_H

#include "kernel/block/block.h"
#include "kernel/fs/isofs/disk.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/super.h"

#define ISO_MAX_SECTIONS 1024
#define ISO_MAX_AREAS 32

struct iso_sb {
	struct super_block *sb;
	/* log2 of the bytes in a logical block, the unit of extents */
	u32 block_bits;
	u64 blocks; /* logical blocks of the volume */
	bool rock, joliet;
	/* bytes to skip before the System Use entries of each record (SP entry) */
	u8 rock_skip;
	/* Mount options of these names; override: overriderockperm. */
	bool norock, nojoliet, utf8, hide, showassoc, override, cruft, nocompress;
	/*
	 * check=: 'r' (relaxed): names are found in any case; 's' (strict): exactly. 0: not given,
	 * so that Joliet names are relaxed and others strict.
	 */
	char check;
	char map; /* map=: n(ormal), o(ff), a(corn) */
	/*
	 * session=: a session's number on a disc with several, which disks of Nestling never have.
	 * 255: not given.
	 */
	u8 session;
	bool sector_given; /* sbsector= was given */
	kuid_t uid;
	kgid_t gid;
	u32 mode, dmode; /* ISO_NO_MODE: not given */
	u64 sector;      /* sbsector=: first sector of the session */
};
#define ISO_NO_MODE 0xffffffffU

/* A contiguous piece of a file: its bytes [pos, pos + size) lie at byte @at of the device. */
struct iso_section {
	u64 pos, size, at;
};
struct iso_inode {
	struct inode vfs;
	u64 dir_at; /* directory's byte position on the device */
	u32 nr_sections;
	struct iso_section *sections; /* immutable */
	struct iso_section one;
};

static inline struct iso_sb *ISO_SB(const struct super_block *sb)
{
	return sb->s_fs_info;
}
static inline struct iso_inode *ISO_I(const struct inode *inode)
{
	return container_of(inode, struct iso_inode, vfs);
}

/* ---- record.c ---- */

/* A copy of a directory record. All lengths in it have been checked. */
struct iso_record {
	u64 at; /* byte position on the device */
	union {
		struct iso_dir_record d;
		u8 raw[256];
	};
};
/*
 * A walk through the records of a directory of @size bytes at byte @at of the device. The caller
 * sets @at, @size and @pos.
 */
struct iso_walk {
	/* pos: offset in bytes of the next record in the directory */
	u64 at, size, pos;
	struct iso_record r;
	u64 r_pos; /* offset of @r in the directory */
};
/* Reads the next record into @w. Returns 1, 0 at the directory's end, or -errno. */
int iso_next(struct super_block *sb, struct iso_walk *w);
/* Reads and checks the record at byte @at of the device. */
int iso_read_record(struct super_block *sb, u64 at, struct iso_record *r);
/* Returns the byte position of the contents on the device. */
u64 iso_extent(const struct iso_sb *s, const struct iso_dir_record *d);
/* True for "." (@which 0), or ".." (1). */
bool iso_is_dot(const struct iso_dir_record *d, u8 which);
/* Converts a record's date (7 bytes) to seconds since 1970; 0 if it is invalid. */
s64 iso_date(const u8 *d);
/*
 * Makes the name of a record without Rock Ridge, at most NAME_MAX bytes, not terminated, at @name,
 * which has NAME_MAX + 1 bytes. Returns its length in bytes, or 0 if the record is not shown.
 */
u32 iso_plain_name(const struct iso_sb *s, const struct iso_dir_record *d, char *name);

/* ---- rock.c: the attributes of a file in its System Use entries ---- */
struct rock {
	u32 have; /* ROCK_*: members that were found */
	u32 mode, nlink, uid, gid;
	u32 dev_high, dev_low;
	s64 mtime, atime, ctime;
	/* from CL: block number of the directory that was moved away from here */
	u32 child;
	u32 name_len, link_len;
	bool link_joins; /* next entry continues a component */
	char name[NAME_MAX + 1];
	char *link; /* PATH_MAX bytes, or NULL: ignore links */
};
#define ROCK_NAME 1
#define ROCK_ATTRS 2
#define ROCK_DEVICE 4
#define ROCK_LINK 8
#define ROCK_CHILD 16
/* from RE: a moved directory, which is shown only at its original place */
#define ROCK_MOVED 32
#define ROCK_MTIME 64
#define ROCK_ATIME 128
#define ROCK_CTIME 256
/* Looks for Rock Ridge in the root's "." record @r, and sets s->rock and s->rock_skip. */
void iso_rock_probe(struct iso_sb *s, const struct iso_record *r);
/*
 * Reads the System Use entries of @r into @k, which the caller has zeroed except for @link. Does
 * nothing without Rock Ridge.
 */
int iso_rock(struct iso_sb *s, const struct iso_record *r, struct rock *k);

/* ---- inode.c, dir.c ---- */
/*
 * Returns the inode of the directory whose "." record is at byte @at, with a reference, or ERR_PTR.
 */
struct inode *iso_iget_dir(struct super_block *sb, u64 at);
/*
 * Returns the inode of @dir's current record, which is no directory, with a reference, or ERR_PTR.
 */
struct inode *iso_iget_file(struct super_block *sb, const struct iso_walk *dir);
int iso_inode_cache_init(void);
struct inode *iso_alloc_inode(struct super_block *sb);
void iso_free_inode(struct inode *inode);
extern const struct file_operations iso_dir_fops;
extern const struct inode_operations iso_dir_iops;

#endif
