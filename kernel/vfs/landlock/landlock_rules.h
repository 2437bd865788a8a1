/* SPDX-License-Identifier: MIT */
/*
 * landlock_rules.h: declarations shared by landlock.c (rule sets), landlock_domain.c (domains) and
 * landlock_path.c (checks of paths).
 */
#ifndef NESTLING_VFS_LANDLOCK_RULES_H
#define NESTLING_VFS_LANDLOCK_RULES_H

#include "kernel/vfs/internal.h"
#include "kernel/vfs/landlock/landlock.h"

#define LANDLOCK_ABI 6     /* as in Linux 6.12 */
#define LANDLOCK_LAYERS 16 /* of a domain, at most */

/* Rights and structures that older headers lack, with the values of Linux's UAPI. */
#define LL_EXECUTE (1U << 0)
#define LL_WRITE_FILE (1U << 1)
#define LL_READ_FILE (1U << 2)
#define LL_READ_DIR (1U << 3)
#define LL_REMOVE_DIR (1U << 4)
#define LL_REMOVE_FILE (1U << 5)
#define LL_MAKE_CHAR (1U << 6)
#define LL_MAKE_DIR (1U << 7)
#define LL_MAKE_REG (1U << 8)
#define LL_MAKE_SOCK (1U << 9)
#define LL_MAKE_FIFO (1U << 10)
#define LL_MAKE_BLOCK (1U << 11)
#define LL_MAKE_SYM (1U << 12)
#define LL_REFER (1U << 13)
#define LL_TRUNCATE (1U << 14)
#define LL_IOCTL_DEV (1U << 15)
#define LL_FS_ALL 0xffffU
#define LL_FS_FILE (LL_EXECUTE | LL_WRITE_FILE | LL_READ_FILE | LL_TRUNCATE | LL_IOCTL_DEV)
#define LL_BIND_TCP 1U
#define LL_CONNECT_TCP 2U
#define LL_NET_ALL 3U
#define LL_SCOPE_ABSTRACT 1U
#define LL_SCOPE_SIGNAL 2U
#define LL_SCOPE_ALL 3U

/*
 * A file to which rules apply. All copies of the rules share this object. It loses its inode when
 * the file system is unmounted.
 */
struct ll_object {
	u32 usage; /* number of references; under objects_lock */
	/*
	 * Holds a reference; NULL after the unmount; changes under objects_lock, read without a
	 * lock.
	 */
	struct inode *inode;
	struct super_block *sb; /* only compared */
	struct dentry *dentry;  /* as inode; NULL unless needed */
	/* References to the inode and the dentry that landlock_sb_gone() will drop. */
	struct inode *going;
	struct dentry *going_dentry;
	struct list_head list; /* in sb->s_ruled, under objects_lock */
};

struct ll_rule {
	u64 key;               /* the inode's address, or the port */
	struct ll_object *obj; /* holds a reference; NULL for a port */
	u32 access;            /* LL_*: the rights that it grants */
};

/* Rules, sorted by key. */
struct ll_rules {
	struct ll_rule *v;
	u32 nr, room; /* rules in @v; allocated entries */
};

struct landlock_domain {
	atomic_t usage;
	u32 depth; /* 1 for the oldest layer */
	/* Holds a reference. This and all members below are immutable. */
	struct landlock_domain *parent;
	u32 fs, net, scope;  /* rights that this layer handles */
	u32 any_fs, any_net; /* rights of this and all older layers */
	struct ll_rules files, ports;
	struct work freeing;
};

/*
 * Returns the rights (LL_*) that the rule for @key and @inode (NULL: a port) grants; 0: there is no
 * such rule. @r does not change during the call.
 */
u32 ll_find(const struct ll_rules *r, u64 key, const struct inode *inode);
/* Both may sleep. The copy has references of its own. */
int ll_copy(struct ll_rules *to, const struct ll_rules *from); /* 0, or -ENOMEM with @to empty */
void ll_free(struct ll_rules *r);                              /* leaves @r empty */

#endif
