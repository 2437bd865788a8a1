/* SPDX-License-Identifier: MIT */
/*
 * proc.h: how to make a file in /proc (or /sys).
 *
 * When a file is read from the start, a show function prints its whole text into a growing buffer,
 * and reads copy from that. Long texts, such as maps, are made in pieces. The files outside
 * /proc/PID are the fixed tree. Each entry of it is registered by its path:
 *
 *	static int show_uptime(struct seq *s, void *arg) { seq_printf(s, ...); return 0; }
 *	proc_create("uptime", 0444, show_uptime, NULL, NULL);
 *
 * The files of /proc/PID are a table in pid.c. Locks: entries are added to the fixed tree, even
 * after boot, but never removed, so lookups take no lock. A struct seq belongs to one open file;
 * reads hold its own lock.
 */
#ifndef NESTLING_FS_PROC_H
#define NESTLING_FS_PROC_H

#include "kernel/ident/cred.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/vfs/super.h"

struct pid;
struct task;

struct seq {
	/*
	 * Held by a reader while the text is made and copied, since pread() does not take
	 * f_pos_lock.
	 */
	struct mutex lock;
	char *buf;
	char **more;      /* the blocks after @buf, or NULL */
	size_t len, size; /* bytes printed, and bytes of all blocks */
	/* Start of the current piece, in units of the show function; 0: start of the text. */
	u64 cursor;
	/* Start of the next piece, set by the show function; 0: this is the last piece. */
	u64 next;
	/* Position in the file of the current piece's first byte. */
	loff_t base;
	/* The opener, to whom an open file's text is charged (held by f_cred), or NULL. */
	struct user_struct *payer;
	/* True if memory was short. Further output is dropped. */
	bool full;
	/* If @full is set: bytes that the next try needs, unless aside_wanted is set. */
	size_t wanted;
	/*
	 * While a text is made: buffer for one print that does not fit into the current block, or
	 * NULL.
	 */
	char *aside;
	/*
	 * aside_size: bytes of @aside. aside_wanted: bytes that @aside needs, if @full was set
	 * because @aside was too small; else 0.
	 */
	size_t aside_size, aside_wanted;
	/*
	 * The open file, from which the namespaces of the text follow: the mount's pid namespace
	 * and the opener's user namespace.
	 */
	const struct file *file;
	/*
	 * For a text about memory: the mm that the process had at open (mmgrab()), or NULL if it
	 * had none.
	 */
	struct mm *mm;
	/* For an attribute in /sys: true once it was read through this open file. */
	bool seen;
	/* For a variable of proc_may_change(): value of *changes last reported to this file. */
	u32 changes;
	/* For a text about memory with MM_TASK: mempolicy of the task. */
	u64 mempolicy;
};
#define SEQ_PIECE (32U << 10)
/*
 * Print at the end of the text. They do not sleep. If memory is short, they set s->full, and the
 * show function is called again with more.
 */
void seq_printf(struct seq *s, const char *fmt, ...) __printf(2, 3);
void seq_write(struct seq *s, const void *p, size_t n);
void seq_puts(struct seq *s, const char *text);
/* Returns byte @at of the printed text, which is below s->len. */
char seq_char(const struct seq *s, size_t at);
/* True if the show function should end the current piece: it is long enough, or memory is short. */
static inline bool seq_has_piece(const struct seq *s)
{
	return s->full || s->len >= SEQ_PIECE;
}
/*
 * Reserves memory for @n more bytes, so that printing them under spinlocks need not allocate any.
 * May sleep.
 */
void seq_reserve(struct seq *s, size_t n);
/*
 * Prints a text that takes a spinlock to make: calls @turn, which writes the next part of it, up to
 * @size bytes, and returns the bytes, until it returns 0 or less. Other tasks run between two
 * turns. Ends early if current is being killed. Returns 0 or -ENOMEM.
 */
int seq_turns(
	struct seq *s, size_t size, int (*turn)(void *arg, char *buf, size_t size), void *arg);
/* Initialise a zeroed seq, and free its text. @f is borrowed for as long as the file is open. */
void seq_open(struct seq *s, const struct file *f);
void seq_close(struct seq *s);
/*
 * Reads from the text of an open file, after seq_open(). A read at position 0 calls @make, which
 * returns 0 or -errno, to print the text. If memory was short, @make is called again with a larger
 * buffer. Returns the number of bytes or -errno, and moves *pos. Takes s->lock; -ERESTARTSYS:
 * current is being killed.
 */
ssize_t seq_read(struct seq *s, struct iov_iter *to, loff_t *pos,
	int (*make)(struct seq *s, void *arg), void *arg);

/*
 * A show function: prints the text. Returns 0 or -errno. May sleep, and may be called several times
 * for one text. @arg was given to proc_create() or its relative.
 */
typedef int (*show_fn)(struct seq *s, void *arg);
/*
 * A store function: parses one write. @text is NUL-terminated, without its last newline, and has @n
 * bytes. The function may overwrite @text. Returns 0 or -errno. May sleep.
 */
typedef int (*store_fn)(char *text, size_t n, void *arg);

/*
 * Functions that add to the fixed tree. Paths have no slash at the start, and are copied. Missing
 * directories are made. Functions, arguments and targets are kept. All may sleep; the caller
 * serialises them after boot.
 *
 * Makes a directory of the fixed tree. Returns 0 or -ENOMEM; 0 if it exists.
 */
int proc_mkdir(const char *path);
/*
 * Makes a file. Files below "sys" are variables (proc_sysctl_fops). @show or @store may be NULL.
 * Returns 0 or -ENOMEM.
 */
int proc_create(const char *path, umode_t mode, show_fn show, store_fn store, void *arg);
/*
 * Gives tasks for which @may is true the rights of the file's owner, in addition to root. For a
 * value of one of current's namespaces. @may is checked for the opener, and again at each write,
 * since a write changes the writer's namespace. Returns 0, or -ENOENT if @path does not exist, or
 * -ENOMEM.
 */
int proc_let(const char *path, bool (*may)(const struct cred *c));
/* Does what proc_let() does, with its results, and also restricts root. */
int proc_let_only(const char *path,
	bool (*may)(const struct cred *c)); /* root too writes only if @may is true */
/* Makes a symbolic link to @target, which is kept. Returns 0 or -ENOMEM. */
int proc_symlink(const char *path, const char *target);
/* Makes a file with its own operations (kmsg). Returns 0 or -ENOMEM. */
int proc_create_fops(const char *path, umode_t mode, const struct file_operations *fops);

/*
 * These functions do for another file system that is a fixed tree (sysfs) what the ones above do
 * for /proc. Paths are relative to @root.
 */
struct proc_entry;
/* Returns the entry, or NULL if @path does not exist. Takes no lock: entries are never removed. */
struct proc_entry *tree_find(struct proc_entry *root, const char *path);
int tree_mkdir(struct proc_entry *root, const char *path);
int tree_create(struct proc_entry *root, const char *path, umode_t mode, show_fn show,
	store_fn store, void *arg);
/* Makes a symbolic link. @show prints its target each time it is read. */
int tree_symlink_shown(struct proc_entry *root, const char *path, show_fn show, void *arg);
int tree_symlink(struct proc_entry *root, const char *path, const char *target);
/*
 * Gives the entry at @path the name @name. Keeps the pointer, so that the text may change later.
 * Returns 0 or -ENOENT.
 */
int tree_rename(struct proc_entry *root, const char *path, const char *name);
/*
 * Makes a file of /proc/sys a string, which may be read and written in pieces. It has at most @max
 * bytes, including its terminator. This function and the two that follow return 0, -ENOENT or
 * -ENOMEM.
 */
int proc_is_text(const char *path, u32 max);
/* Makes a file of /proc/sys a text that may be read in pieces, but is written in one piece. */
int proc_is_words(const char *path);
/*
 * Makes a file of /proc/sys a list, which may be written in pieces. @store parses the @n bytes at
 * @text (NUL-terminated), which begin at offset @pos of the file. @cut: the write has more bytes.
 * @store returns the number of bytes parsed, and changes nothing if it fails.
 */
typedef ssize_t (*store_list_fn)(char *text, size_t n, bool cut, loff_t pos);
int proc_is_list(const char *path, store_list_fn store);
/*
 * Makes poll() of the variable report each change. To report a change, the caller increments
 * *changes and wakes up @changed. Returns 0, -ENOENT if the variable does not exist, or -ENOMEM.
 * The pointers are kept.
 */
int proc_may_change(const char *path, const u32 *changes, struct wait_queue_head *changed);
/* Does what tree_show_when() does, in /proc, and renames the entry, as tree_rename() does. */
int proc_show_when(const char *path, const char *name, bool (*when)(void *arg), void *arg);
/* Hides the entry at @path while @when(@arg) returns false. Returns 0, -ENOENT or -ENOMEM. */
int tree_show_when(struct proc_entry *root, const char *path, bool (*when)(void *arg), void *arg);
/* Fills in @sb for a mount of the tree. Returns 0 or -ENOMEM. */
int tree_fill_super(struct super_block *sb, struct proc_entry *root, u64 magic);
bool tree_is_bare(const struct inode *dir); /* True for an empty directory of a tree */

/* ---- shared by the files of kernel/fs/proc ---- */

struct proc_entry {
	const char *name;
	umode_t mode;
	u32 ino;
	show_fn show;
	store_fn store;
	void *arg;
	const struct file_operations *fops;
	struct proc_entry *parent, *next;
	union {
		struct proc_entry *children; /* of a directory */
		const char *target;          /* of a symbolic link; NULL: it is computed */
	};
	struct proc_extra *extra; /* NULL: all zero */
};
/* Members that few of the some 2,000 entries need, to keep the others small. */
struct proc_extra {
	/* The entry exists only while this returns true; NULL: always. tree_show_when(). */
	bool (*when)(void *arg);
	void *when_arg;
	bool (*may)(const struct cred *c); /* proc_let() */
	store_list_fn store_list;          /* proc_is_list() */
	const u32 *changes;                /* proc_may_change() */
	struct wait_queue_head *changed;
	u32 text_max;  /* proc_is_text() */
	bool may_only; /* proc_let_only() */
	bool words;    /* proc_is_words() */
};
static inline const struct proc_extra *proc_extra(const struct proc_entry *e)
{
	static const struct proc_extra none;
	const struct proc_extra *x = smp_load_acquire(&e->extra);

	return x ? x : &none;
}
/* True if the opener of @f may write to the entry @e. */
bool proc_opener_may(const struct file *f, const struct proc_entry *e);
extern struct proc_entry proc_root_entry;
/* Returns the child of @dir called @name (@len bytes), or NULL. Takes no lock. */
struct proc_entry *proc_find(struct proc_entry *dir, const char *name, u32 len);

/*
 * i_private of an inode in /proc: the process and the entry in pid.c's table, or the entry of the
 * fixed tree.
 */
struct pid_entry;
struct proc_inode {
	struct pid *pid; /* referenced; NULL in the fixed tree */
	/* True if the inode describes a thread (by its TID), not the whole process */
	bool thread;
	bool in_task; /* True below task/TID (fewer files) */
	int fd;       /* N of fd/N and fdinfo/N */
	/* the bounds of map_files/START-END; end is 0 for other entries */
	u64 map_start, map_end;
	const struct pid_entry *pe;
	const struct proc_entry *de;
	const struct file_operations *fops;
};
/* s_fs_info of a superblock of proc. The superblocks of sysfs and other trees have none. */
struct proc_sb {
	/* the mounter's pid namespace (referenced), whose numbers are shown */
	struct pid_namespace *ns;
	u32 hide; /* value of hidepid= */
	kgid_t gid;
	bool pids_only;
};
static inline struct pid_namespace *proc_pid_ns(const struct super_block *sb)
{
	return sb->s_fs_info ? ((const struct proc_sb *)sb->s_fs_info)->ns : &init_pid_ns;
}
bool proc_hides(const struct super_block *sb); /* True if hidepid= is set */
/* True if a listing of /proc shows @t to current, as hidepid= decides. */
bool proc_lists(const struct super_block *sb, struct task *t);
/* True if current may look up @t by its number in /proc, as hidepid= decides. */
bool proc_finds(const struct super_block *sb, struct task *t);
bool proc_pids_only(const struct super_block *sb); /* True with subset=pid */
/*
 * Check permission and get attributes of process directories on a mount with hidepid=. Return 0 or
 * -errno.
 */
int proc_hidden_permission(struct inode *inode, int mask);
int proc_hidden_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags);
extern const struct super_operations tree_super_operations;
static inline struct pid_namespace *seq_pid_ns(const struct seq *s)
{
	return proc_pid_ns(s->file->f_inode->i_sb);
}
static inline struct user_namespace *seq_user_ns(const struct seq *s)
{
	return s->file->f_cred->user_ns;
}
static inline struct proc_inode *PROC_I(const struct inode *inode)
{
	return inode->i_private;
}
/*
 * Makes an inode with a new proc_inode, which takes a reference of its own to @pid (or NULL).
 * Returns NULL if memory is short.
 */
struct inode *proc_new_inode(struct super_block *sb, umode_t mode, struct pid *pid);
/* Return the task of an inode below /proc/PID, referenced, or NULL if the task is gone. */
struct task *proc_task(const struct inode *inode);
struct task *proc_task_of(const struct proc_inode *pi);

/*
 * Parses a number as Linux does in /proc/sys: decimal, octal (leading 0) or hexadecimal (0x), with
 * no sign but "-". The number ends at the terminator. Returns 0 or -errno.
 */
int sysctl_number(const char *text, s64 *v);

/* Operations of files with a text that a show function prints. */
extern const struct file_operations proc_pid_text_fops; /* for /proc/PID, no splice() */
extern const struct file_operations proc_once_fops;     /* write() at offset 0 only; no pwrite() */
extern const struct file_operations proc_start_fops;    /* written at offset 0 only */
extern const struct file_operations proc_pid_seq_fops;  /* no pwrite() */
/* for files of the fixed tree whose changes poll() does not report */
extern const struct file_operations proc_text_fops;
extern const struct file_operations proc_sysctl_fops; /* /proc/sys: poll() reports changes */
extern const struct file_operations proc_polled_fops; /* poll(): always readable */
int proc_text_open(struct inode *inode, struct file *f);
int proc_text_release(struct inode *inode, struct file *f);
ssize_t proc_text_read(struct file *f, struct iov_iter *to, loff_t *pos);
ssize_t proc_text_write(struct file *f, struct iov_iter *from, loff_t *pos);
u32 proc_always_poll(struct file *f, struct poll_table *pt);
extern const struct dentry_operations proc_pid_dops;
/*
 * The lookup of /proc/PID: attaches an inode to @d and returns NULL, or ERR_PTR. proc_pid_iterate()
 * lists processes for readdir, at positions @base + PID; it returns 0.
 */
struct dentry *proc_pid_lookup(
	struct inode *dir, struct dentry *d, const struct qstr *name); /* ERR_PTR(-ENOENT): none */
int proc_pid_iterate(struct file *f, struct dir_context *ctx, loff_t base);
/*
 * Open and print the text of the entry @pi. proc_entry_open() checks current's right, and sets
 * s->mm for a text about memory. Both return 0 or -errno: -ESRCH if the task is gone.
 */
int proc_entry_open(const struct proc_inode *pi, struct seq *s);
int proc_entry_show(const struct proc_inode *pi, struct seq *s);
/*
 * Finds the target of a link. The path is referenced. The caller holds off execve (exec_hold()) and
 * has checked the task's right. Returns 0 or -errno.
 */
int proc_entry_link(const struct proc_inode *pi, struct task *t, struct path *path);
/*
 * Stores the text of one write to @f, as store_fn does. Returns 0 if the whole text was taken, or
 * the number of bytes taken, or -errno.
 */
int proc_entry_store(struct file *f, char *text, size_t n);
long proc_entry_ioctl(struct file *f, u32 cmd, u64 arg); /* -ENOTTY: the entry has none */

/* pid.c, pid_dirs.c */
/*
 * Returns a new inode with the owner of @t, which takes a reference to @pid, or NULL without
 * memory. @thread: it describes the thread @pid, not its process.
 */
struct inode *proc_pid_inode(
	struct inode *dir, umode_t mode, struct pid *pid, bool thread, struct task *t);
int proc_pid_setattr(struct dentry *d, struct iattr *attr);
extern const struct inode_operations proc_ns_dir_iops, proc_net_dir_iops, proc_attr_dir_iops,
	proc_map_files_iops, proc_pid_link_iops;
extern const struct file_operations proc_ns_dir_fops, proc_net_dir_fops, proc_attr_dir_fops,
	proc_map_files_fops, proc_pagemap_fops;

/*
 * Ends a lookup: attaches @inode, which belongs to a task, to @d, and returns NULL. Returns
 * ERR_PTR(-ENOMEM) if @inode is NULL.
 */
struct dentry *proc_pid_add(struct dentry *d, struct inode *inode);
/* Parses @name as a number into *n. Returns false if it is no number or is above 2^31 - 1. */
bool proc_parse_number(
	const struct qstr *name, u32 *n); /* decimal, without needless leading zeros */

/*
 * pid_fd.c, pid_link.c: targets of links. They set *path, referenced, and return 0 or -errno. The
 * caller holds a reference to @t, and the locks of proc_entry_link().
 */
int proc_link_fd(struct task *t, int fd, struct path *path);
int proc_link_exe(struct task *t, struct path *path);
int proc_link_cwd(struct task *t, struct path *path);
int proc_link_root(struct task *t, struct path *path);
int proc_show_fdinfo(struct seq *s, struct task *t, int fd);
extern const struct inode_operations proc_fd_dir_iops, proc_fdinfo_dir_iops;
extern const struct file_operations proc_fd_dir_fops, proc_fdinfo_dir_fops;

/* pid_mem.c */
/* Serves a write to clear_refs. 5 resets VmHWM; 1 to 4 have no effect. Takes mmap_lock. */
int proc_store_clear_refs(struct task *t, struct file *f, char *text);
/*
 * Finds the area [start, end) of @t that maps a file. Sets *flags to its VM_* and, unless @path is
 * NULL, *path to the file, referenced. Returns 0 or -ENOENT. Takes mmap_lock.
 */
int proc_map_file_path(struct task *t, u64 start, u64 end, struct path *path, u64 *flags);

/*
 * pid_text.c and others. The caller holds a reference to @t, or the users' reference to @mm
 * (mm_users). Functions that show print the file's text. Functions that store get the text of a
 * write to @f, NUL-terminated, which they may overwrite. All return 0 or -errno and may sleep.
 * proc_store_autogroup() returns the number of bytes taken if that is only a part.
 */
int proc_show_comm(struct seq *s, struct task *t);
int proc_store_comm(struct task *t, struct file *f, char *text);
int proc_show_cmdline(struct seq *s, struct task *t);
int proc_show_environ(struct seq *s, struct mm *mm);
int proc_show_auxv(struct seq *s, struct mm *mm);
int proc_show_wchan(struct seq *s, struct task *t);
int proc_show_syscall(struct seq *s, struct task *t);
int proc_show_personality(struct seq *s, struct task *t);
int proc_show_oom_adj(struct seq *s, struct task *t);
int proc_store_oom_adj(struct task *t, struct file *f, char *text);
int proc_show_autogroup(struct seq *s, struct task *t);
int proc_store_autogroup(struct task *t, struct file *f, char *text);
int proc_show_timers(struct seq *s, struct task *t);
int proc_show_oom_score(struct seq *s, struct task *t);
int proc_show_cgroup(struct seq *s, struct task *t);
int proc_show_cpuset(struct seq *s, struct task *t);
int proc_show_uid_map(struct seq *s, struct task *t);
int proc_show_gid_map(struct seq *s, struct task *t);
int proc_show_projid_map(struct seq *s, struct task *t);
int proc_show_timens(struct seq *s, struct task *t);
int proc_store_timens(struct task *t, struct file *f, char *text);
int proc_show_setgroups(struct seq *s, struct task *t);
int proc_store_uid_map(struct task *t, struct file *f, char *text);
int proc_store_gid_map(struct task *t, struct file *f, char *text);
int proc_store_projid_map(struct task *t, struct file *f, char *text);
int proc_store_setgroups(struct task *t, struct file *f, char *text);
int proc_show_schedstat(struct seq *s, struct task *t);
int proc_show_sched(struct seq *s, struct task *t);
int proc_show_stack(struct seq *s, struct task *t);
int proc_store_timerslack(struct task *t, struct file *f, char *text);
int proc_store_coredump_filter(struct task *t, struct file *f, char *text);
int proc_show_legacy_oom_adj(struct seq *s, struct task *t);
int proc_store_legacy_oom_adj(struct task *t, struct file *f, char *text);
int proc_show_timerslack(struct seq *s, struct task *t);
int proc_show_loginuid(struct seq *s, struct task *t);
int proc_store_loginuid(struct task *t, struct file *f, char *text);
int proc_show_sessionid(struct seq *s, struct task *t);
int proc_show_coredump_filter(struct seq *s, struct task *t);
int proc_show_children(struct seq *s, struct task *t);

/*
 * pid_maps.c, pid_stat.c and others: texts of one process (pid_) or thread (tid_), with the
 * contract of the functions above
 */
int proc_pid_status(struct seq *s, struct task *t);
int proc_pid_stat(struct seq *s, struct task *t);
int proc_tid_stat(struct seq *s, struct task *t);
int proc_pid_statm(struct seq *s, struct task *t);
int proc_pid_maps(struct seq *s, struct mm *mm);
/* Returns the name of an area without a file, or NULL. mmap_lock is held, and keeps the text. */
const char *proc_vma_name(struct vm_area *vma);
/* pid_pagemap_scan.c. The file's mm is @f->private_data. */
long proc_pagemap_ioctl(struct file *f, u32 cmd, u64 arg);
long proc_pid_maps_ioctl(struct mm *mm, u32 cmd, uaddr_t arg); /* pid_maps_query.c */
int proc_pid_smaps(struct seq *s, struct mm *mm);
int proc_pid_numa_maps(struct seq *s, struct mm *mm);
int proc_pid_ksm_stat(struct seq *s, struct mm *mm);
int proc_pid_ksm_pages(struct seq *s, struct mm *mm); /* number of merged pages */
int proc_pid_smaps_rollup(struct seq *s, struct mm *mm);
int proc_pid_limits(struct seq *s, struct task *t);
int proc_tid_io(struct seq *s, struct task *t);
int proc_pid_io(struct seq *s, struct task *t);
extern const struct file_operations proc_mem_fops, proc_mounts_fops, proc_mountinfo_fops,
	proc_mountstats_fops;

/* Prints the counts of system calls for /proc/nestling/syscalls. kernel/syscall registers it. */
struct proc_syscall_ops {
	/*
	 * Prints the line of system call @i and returns its length in bytes. 0: it has no line. -1:
	 * @i is beyond the last system call.
	 */
	int (*line)(int i, char *buf, size_t size);
};
extern const struct proc_syscall_ops *proc_syscall_ops;

#endif
