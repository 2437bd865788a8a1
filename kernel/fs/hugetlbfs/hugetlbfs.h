/* SPDX-License-Identifier: MIT */
/* hugetlbfs.h: declarations that the files of hugetlbfs share. */
#ifndef NESTLING_FS_HUGETLBFS_H
#define NESTLING_FS_HUGETLBFS_H

#include "kernel/fs/tmpfs/tmpfs.h"
#include "kernel/mm/hugetlb/hugetlb.h"

struct hugetlbfs_sb {
	struct tmpfs_sb t;        /* first, since tmpfs uses it */
	struct huge_quota *quota; /* NULL: no limits; immutable */
};
struct hugetlbfs_inode {
	struct tmpfs_inode t; /* first, since tmpfs uses it */
	struct huge_file huge;
};

static inline struct hugetlbfs_sb *hugetlbfs_sb(struct super_block *sb)
{
	return container_of(tmpfs_sb(sb), struct hugetlbfs_sb, t);
}
static inline struct hugetlbfs_inode *hugetlbfs_inode(struct inode *inode)
{
	return container_of(tmpfs_inode(inode), struct hugetlbfs_inode, t);
}

extern const struct tmpfs_kind hugetlbfs_files; /* file.c */

#endif
