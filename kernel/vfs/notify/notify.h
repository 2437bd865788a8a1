/* SPDX-License-Identifier: MIT */
/*
 * notify.h: the form in which fsnotify.c, which vfs calls, passes an event of a file to inotify,
 * fanotify and dnotify. The functions take their mutexes and may sleep.
 */
#ifndef NESTLING_IPC_NOTIFY_H
#define NESTLING_IPC_NOTIFY_H

#include "kernel/vfs/vfs.h"

/* Bits of events: IN_* of inotify, which fanotify shares, and bits that only fanotify has. */
#define FS_ISDIR 0x40000000U
/* Events for inotify: IN_ALL_EVENTS, IN_UNMOUNT. */
#define FS_INOTIFY_EVENTS 0x00006fffU

/* All pointers are borrowed for the call. Names are not NUL-terminated. */
struct fs_event {
	u32 mask;                /* IN_* and FAN_* */
	const struct path *path; /* path of an open file, or NULL */
	struct inode *inode;     /* the file that the event is about */
	struct inode *dir;       /* the directory of its name, or NULL */
	const char *name;        /* its name in @dir */
	u32 len;                 /* bytes of @name */
	u32 cookie;              /* as in fsnotify_name() */
	/*
	 * An entry of a directory was made, removed or renamed, so the event belongs to the
	 * directory.
	 */
	bool dirent;
	bool unlinked;         /* the name was removed, the file is open */
	struct inode *new_dir; /* of a rename: the new directory */
	const char *new_name;
	u32 new_len;
};

/* inotify.c */
void inotify_event(const struct fs_event *e);
void inotify_inode_gone(struct inode *inode); /* removes its watches */
/* fanotify.c */
extern u32 fanotify_nr_marks; /* read without a lock; 0: no marks at all */
void fanotify_event(const struct fs_event *e);
void fanotify_error(struct super_block *sb, struct inode *inode, int error);
/* Waits for the answers of the listeners. Returns 0, or -errno to refuse: -EPERM, -ENOMEM. */
int fanotify_permission(const struct fs_event *e);
void fanotify_inode_gone(struct inode *inode);
void fanotify_gone(const void *object); /* @object: a mount or superblock */
void fanotify_sb_inodes_gone(struct super_block *sb);

#endif
