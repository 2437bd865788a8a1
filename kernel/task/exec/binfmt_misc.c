/* SPDX-License-Identifier: MIT */
/*
 * binfmt_misc.c: interpreters for formats that the administrator registers, and the file system for
 * registering them.
 *
 *	register	write ":name:M:offset:magic:mask:interpreter:flags" (or E and an extension):
 *	                makes an entry, and a file with its name
 *	status		a read shows whether the instance is enabled; a write of 0 or 1 disables or
 *	                enables it, -1 removes all entries
 *	NAME		a read shows the entry; 0, 1 or -1 disables, enables or removes it
 *	load_misc()	exec.c calls it before other formats, for the file and each interpreter
 *
 * Each user namespace may have an instance. Its entries are removed with its last mount. A program
 * uses the instance of its own user namespace, or of the nearest ancestor that ever had one.
 *
 * Flags: P keeps argv[0] and sets a bit in AT_FLAGS. O gives the interpreter a descriptor of the
 * file (AT_EXECFD). C implies O, and takes set-id bits and capabilities from the file, not from the
 * interpreter. F opens the interpreter when the entry is made, with the root directory of the task
 * that makes it.
 *
 * Locks: each instance's lock protects its entries and whether they are enabled. The users of an
 * instance decide how many entries there are, and so how long the lock is held; tasks outside the
 * instance's namespace never wait for it. The lock nests inside s_umount and outside of the root
 * directory's i_rwsem. bm_lock, innermost, protects the superblock pointer of each instance.
 * bm_mount_lock serialises mounts.
 */
#include <linux/fcntl.h>

#include "kernel/task/exec/exec.h"
#include "kernel/ident/user_ns.h"
#include "kernel/vfs/libfs.h"
#include "kernel/vfs/super.h"

#define BINFMTFS_MAGIC 0x42494e4d
#define MIN_LINE 11
#define MAX_LINE 1920
/*
 * Bytes of a printed entry: hex digits for magic and mask, which have 256 bytes together, and
 * names.
 */
#define SHOW_SIZE 4096

#define FLAG_P 1
#define FLAG_O 2
#define FLAG_C 4
#define FLAG_F 8

struct bm_entry {
	struct list_head list;
	/* one reference of the list, and one of each exec that uses the entry */
	atomic_t refs;
	u32 flags;
	bool enabled, by_magic;
	u32 offset, size;
	/* A bit of magic counts only if it is set in mask. */
	u8 magic[BPRM_BUF], mask[BPRM_BUF];
	bool masked;
	const char *name, *ext, *interp; /* all three point into @line */
	struct file *file;               /* flag F: the open interpreter */
	struct dentry *dentry;
	char line[MAX_LINE + 1];
};

/* An instance. It exists as long as its namespace. */
struct binfmt_misc {
	struct mutex lock;
	/* NULL while not mounted; under bm_lock. */
	struct super_block *sb;
	bool enabled;
	u64 last_ino;
	struct list_head entries; /* newest first */
};

static DEFINE_MUTEX(bm_mount_lock); /* serialises mounts; outside s_umount */
static DEFINE_MUTEX(bm_lock);
/* True after the first instance was made; load_misc() reads it without a lock. */
static bool any_instance;

static void entry_put(struct bm_entry *e)
{
	if (!atomic_dec_and_test(&e->refs))
		return;
	if (e->file)
		exe_file_put(e->file);
	kfree(e);
}

/* ---- running a program ---- */

static struct binfmt_misc *nearest(struct user_namespace *ns)
{
	for (; ns; ns = ns->parent)
		if (smp_load_acquire(&ns->binfmt_misc))
			return ns->binfmt_misc;
	return NULL;
}

/* True if the entry is for this file. */
static bool matches(const struct bm_entry *e, const struct bprm *b)
{
	const char *name = b->interp ? b->interp : b->filename, *dot = strrchr(name, '.');

	if (!e->enabled)
		return false;
	if (!e->by_magic)
		return dot && !strcmp(dot + 1, e->ext);
	for (u32 i = 0; i < e->size; i++)
		if (((u8)b->buf[e->offset + i] ^ e->magic[i]) & e->mask[i])
			return false;
	return true;
}

/* Returns the entry for the file with a reference, or NULL. */
static struct bm_entry *find_for(const struct bprm *b)
{
	struct binfmt_misc *m = nearest(current_user_ns());
	struct bm_entry *e, *found = NULL;

	if (!m || !READ_ONCE(m->enabled))
		return NULL;
	mutex_lock(&m->lock);
	list_for_each_entry(e, &m->entries, list) {
		if (matches(e, b)) {
			found = e;
			atomic_inc(&e->refs);
			break;
		}
		cond_resched();
	}
	mutex_unlock(&m->lock);
	return found;
}

static int push_names(struct bprm *b, const struct bm_entry *e)
{
	int err = e->flags & FLAG_P ? 0 : args_remove_first(&b->args);

	if (!err)
		err = args_push_kernel(&b->args, b->interp ? b->interp : b->filename);
	if (!err)
		err = args_push_kernel(&b->args, e->interp);
	b->args.argc += 2;
	return err;
}

/*
 * Opens the interpreter, which was opened when the entry was made (flag F), once more for this
 * exec. Returns 0 or -errno.
 */
static int open_again(struct bprm *b, const struct bm_entry *e)
{
	struct file *f = dentry_open(&e->file->f_path, O_RDONLY, 0);
	int err;

	if (IS_ERR(f))
		return PTR_ERR(f);
	err = deny_write_access(f);
	if (err) {
		fput(f);
		return err;
	}
	return bprm_take(b, f);
}

/* Replaces b->file by the entry's interpreter. Returns 0 or -errno. */
static int become(struct bprm *b, const struct bm_entry *e)
{
	char *interp;
	int err;

	if (b->path_inaccessible)
		return -ENOENT;
	err = push_names(b, e);
	if (err)
		return err;
	interp = kstrdup(e->interp);
	if (!interp)
		return -ENOMEM;
	kfree(b->interp);
	b->interp = interp;
	b->keep_argv0 = e->flags & FLAG_P;
	if (e->flags & FLAG_O) {
		if (b->executable)
			exe_file_put(b->executable);
		b->executable = b->file;
		b->file = NULL;
		b->its_creds = e->flags & FLAG_C;
	}
	return e->file ? open_again(b, e) : bprm_open(b, interp);
}

int load_misc(struct bprm *b)
{
	struct bm_entry *e;
	int err;

	if (likely(!READ_ONCE(any_instance)))
		return -ENOEXEC;
	e = find_for(b);
	if (!e)
		return -ENOEXEC;
	err = become(b, e);
	entry_put(e);
	return err;
}

/* ---- registration ---- */

/*
 * Cuts the next field off *@p and returns it. Returns NULL if no delimiter @del follows the field.
 */
static char *field(char **p, char del)
{
	char *s = *p, *end = strchr(s, del);

	if (!end)
		return NULL;
	*end = 0;
	*p = end + 1;
	return s;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Parses a magic or mask, in which \xHH is a byte. Returns the number of bytes, or -1. */
static int bytes_of(const char *s, u8 *to)
{
	int n = 0;

	for (; *s; n++) {
		int high = -1, low = -1;

		if (n == BPRM_BUF)
			return -1;
		if (s[0] == '\\' && s[1] == 'x') {
			high = hex_digit(s[2]);
			low = high < 0 ? -1 : hex_digit(s[3]);
			if (low < 0)
				return -1;
		}
		to[n] = low < 0 ? (u8)*s : (u8)(high << 4 | low);
		s += low < 0 ? 1 : 4;
	}
	return n;
}

/*
 * The functions parse_*() take parts of the entry's line, in place, and return false if they are
 * invalid.
 */
static bool parse_magic(struct bm_entry *e, char **p, char del)
{
	char *offset = field(p, del), *magic = offset ? field(p, del) : NULL;
	char *mask = magic ? field(p, del) : NULL;
	int n;

	if (!mask)
		return false;
	for (; *offset; offset++) {
		if (*offset < '0' || *offset > '9' || e->offset > BPRM_BUF)
			return false;
		e->offset = e->offset * 10 + (u32)(*offset - '0');
	}
	n = bytes_of(magic, e->magic);
	if (n <= 0 || e->offset > BPRM_BUF || (u32)n > BPRM_BUF - e->offset)
		return false;
	e->size = (u32)n;
	e->masked = *mask;
	memset(e->mask, 0xff, sizeof(e->mask));
	return !*mask || bytes_of(mask, e->mask) == n;
}

static bool parse_extension(struct bm_entry *e, char **p, char del)
{
	if (!field(p, del))
		return false;
	e->ext = field(p, del);
	return e->ext && *e->ext && !strchr(e->ext, '/') && field(p, del);
}

/*
 * Adds the flags in the terminated string @p to e->flags. Returns false if the string has an
 * unknown character, or more after a newline.
 */
static bool parse_flags(struct bm_entry *e, const char *p)
{
	for (;; p++) {
		switch (*p) {
		case 'P': e->flags |= FLAG_P; break;
		case 'O': e->flags |= FLAG_O; break;
		case 'C': e->flags |= FLAG_C | FLAG_O; break;
		case 'F': e->flags |= FLAG_F; break;
		case '\n': p++; return !*p;
		default: return !*p;
		}
	}
}

/*
 * Cuts e->line into fields, to which the members of @e then point. Returns false if the line is
 * invalid.
 */
static bool parse(struct bm_entry *e)
{
	char del = e->line[0], *p = e->line + 1, *type;

	e->name = field(&p, del);
	if (!e->name || !*e->name || !strcmp(e->name, ".") || !strcmp(e->name, "..") ||
		strchr(e->name, '/'))
		return false;
	type = field(&p, del);
	if (!type || (strcmp(type, "M") != 0 && strcmp(type, "E") != 0))
		return false;
	e->by_magic = *type == 'M';
	if (!(e->by_magic ? parse_magic(e, &p, del) : parse_extension(e, &p, del)))
		return false;
	e->interp = field(&p, del);
	return e->interp && *e->interp && parse_flags(e, p);
}

/* ---- files ---- */

static const struct file_operations entry_ops;

/*
 * Makes a file in the root. m->lock is held, or the file system is not mounted yet. Returns the
 * file's dentry, referenced, or ERR_PTR.
 */
static struct dentry *add_file(struct super_block *sb, const char *name, umode_t mode,
	const struct file_operations *fop, void *what)
{
	struct binfmt_misc *m = sb->s_fs_info;
	struct inode *inode = new_inode(sb);

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->i_ino = ++m->last_ino;
	inode->i_mode = S_IFREG | mode;
	inode->i_fop = fop;
	inode->i_private = what;
	inode->i_atime = inode->i_mtime = inode->i_ctime = inode->i_btime = current_time(inode);
	return simple_add_entry(sb->s_root, name, inode);
}

static void entry_remove(struct bm_entry *e)
{
	list_del(&e->list);
	e->dentry->d_inode->i_private = NULL;
	simple_remove_entry(e->dentry);
	dput(e->dentry);
	e->dentry = NULL;
	entry_put(e);
}

/*
 * Parses "0", "1" or "-1", perhaps with a newline. Returns 0 or 1; for -1 (remove) 2; or -EINVAL.
 */
static int command(const char *s, size_t n)
{
	if (n && s[n - 1] == '\n')
		n--;
	if (n == 1 && (*s == '0' || *s == '1'))
		return *s - '0';
	return n == 2 && s[0] == '-' && s[1] == '1' ? 2 : -EINVAL;
}

/* Reads "0", "1" or "-1" as *cmd 0, 1 or 2. Returns the bytes or -errno. */
static ssize_t take_command(struct iov_iter *from, int *cmd)
{
	size_t n = from->count;
	char s[4];

	if (n > 3)
		return -EINVAL;
	if (copy_from_iter(s, n, from) != n)
		return -EFAULT;
	*cmd = command(s, n);
	return *cmd < 0 ? *cmd : (ssize_t)n;
}

static ssize_t show(const char *text, int n, struct iov_iter *to, loff_t *pos)
{
	size_t left;

	if (*pos < 0 || *pos >= n)
		return 0;
	left = copy_to_iter(text + *pos, min_t(size_t, (size_t)(n - *pos), to->count), to);
	if (!left && to->count)
		return -EFAULT;
	*pos += (loff_t)left;
	return (ssize_t)left;
}

static int show_hex(char *buf, int n, const char *what, const u8 *bytes, u32 size)
{
	n += scnprintf(buf + n, SHOW_SIZE - (size_t)n, "%s ", what);
	for (u32 i = 0; i < size; i++)
		n += scnprintf(buf + n, SHOW_SIZE - (size_t)n, "%02x", bytes[i]);
	return n + scnprintf(buf + n, SHOW_SIZE - (size_t)n, "\n");
}

/*
 * Writes the text of the entry's file to @buf of SHOW_SIZE bytes. Returns the length without the
 * terminating zero.
 */
static int entry_text(const struct bm_entry *e, char *buf)
{
	int n = scnprintf(buf, SHOW_SIZE, "%s\ninterpreter %s\nflags: %s%s%s%s\n",
		e->enabled ? "enabled" : "disabled", e->interp, e->flags & FLAG_P ? "P" : "",
		e->flags & FLAG_O ? "O" : "", e->flags & FLAG_C ? "C" : "",
		e->flags & FLAG_F ? "F" : "");

	if (!e->by_magic)
		return n + scnprintf(buf + n, SHOW_SIZE - (size_t)n, "extension .%s\n", e->ext);
	n += scnprintf(buf + n, SHOW_SIZE - (size_t)n, "offset %u\n", e->offset);
	n = show_hex(buf, n, "magic", e->magic, e->size);
	return e->masked ? show_hex(buf, n, "mask", e->mask, e->size) : n;
}

/* Reads an entry's file. After the entry's removal the file is empty. */
static ssize_t entry_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct binfmt_misc *m = f->f_inode->i_sb->s_fs_info;
	char *buf = kmalloc(SHOW_SIZE, GFP_KERNEL);
	const struct bm_entry *e;
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	mutex_lock(&m->lock);
	e = f->f_inode->i_private;
	n = e ? entry_text(e, buf) : 0;
	mutex_unlock(&m->lock);
	n = show(buf, (int)n, to, pos);
	kfree(buf);
	return n;
}

/* Takes "0", "1" or "-1": disables, enables or removes the entry. May sleep. */
static ssize_t entry_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct binfmt_misc *m = f->f_inode->i_sb->s_fs_info;
	struct bm_entry *e;
	int cmd;
	ssize_t n = take_command(from, &cmd);

	if (n < 0)
		return n;
	mutex_lock(&m->lock);
	e = f->f_inode->i_private;
	if (e && cmd == 2)
		entry_remove(e);
	else if (e)
		e->enabled = cmd;
	mutex_unlock(&m->lock);
	return n;
}

static const struct file_operations entry_ops = {
	.llseek = generic_file_llseek,
	.read_iter = entry_read,
	.write_iter = entry_write,
};

static ssize_t status_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	const struct binfmt_misc *m = f->f_inode->i_sb->s_fs_info;
	const char *text = READ_ONCE(m->enabled) ? "enabled\n" : "disabled\n";

	return show(text, (int)strlen(text), to, pos);
}

/* Takes "0", "1" or "-1": disables or enables all, or removes every entry. May sleep. */
static ssize_t status_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct binfmt_misc *m = f->f_inode->i_sb->s_fs_info;
	int cmd;
	ssize_t n = take_command(from, &cmd);

	if (n < 0)
		return n;
	mutex_lock(&m->lock);
	if (cmd < 2)
		WRITE_ONCE(m->enabled, cmd);
	else
		while (!list_empty(&m->entries)) {
			entry_remove(list_first_entry(&m->entries, struct bm_entry, list));
			cond_resched();
		}
	mutex_unlock(&m->lock);
	return n;
}

static const struct file_operations status_ops = {
	.llseek = generic_file_llseek,
	.read_iter = status_read,
	.write_iter = status_write,
};

/* Makes the entry's file. m->lock is held. Returns 0 or -errno. */
static int entry_add(struct super_block *sb, struct bm_entry *e)
{
	struct binfmt_misc *m = sb->s_fs_info;
	struct dentry *d;

	d = add_file(sb, e->name, 0644, &entry_ops, e);
	if (IS_ERR(d))
		return PTR_ERR(d);
	e->dentry = d;
	list_add(&e->list, &m->entries);
	return 0;
}

/*
 * Makes an entry of a whole line of MIN_LINE to MAX_LINE bytes. Returns the bytes or -errno. May
 * sleep.
 */
static ssize_t register_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct binfmt_misc *m = f->f_inode->i_sb->s_fs_info;
	size_t n = from->count;
	struct bm_entry *e;
	int err = -EINVAL;

	if (n < MIN_LINE || n > MAX_LINE)
		return -EINVAL;
	/* Charged to a control group: any user can make a namespace and entries. */
	e = kzalloc(sizeof(*e), GFP_KERNEL | __GFP_ACCOUNT);
	if (!e)
		return -ENOMEM;
	atomic_set(&e->refs, 1);
	e->enabled = true;
	if (copy_from_iter(e->line, n, from) != n)
		err = -EFAULT;
	else if (strlen(e->line) == n && parse(e))
		err = 0;
	if (!err && e->flags & FLAG_F) {
		e->file = open_exec(AT_FDCWD, e->interp, 0);
		if (IS_ERR(e->file)) {
			err = PTR_ERR(e->file);
			e->file = NULL;
		}
	}
	mutex_lock(&m->lock);
	if (!err)
		err = entry_add(f->f_inode->i_sb, e);
	mutex_unlock(&m->lock);
	if (err)
		entry_put(e);
	return err ? err : (ssize_t)n;
}

static const struct file_operations register_ops = { .write_iter = register_write };

/* ---- instances ---- */

static const struct super_operations bm_super_ops = { .statfs = simple_statfs };
static const struct inode_operations bm_dir_iops = { .lookup = simple_lookup };

static int bm_fill_super(struct super_block *sb, void *data, bool silent)
{
	struct binfmt_misc *m = data;
	struct inode *root = new_inode(sb);
	struct dentry *d;

	if (!root)
		return -ENOMEM;
	sb->s_op = &bm_super_ops;
	sb->s_fs_info = m;
	sb->s_magic = BINFMTFS_MAGIC;
	sb->s_maxbytes = S64_MAX;
	sb->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	root->i_ino = m->last_ino = 1;
	root->i_mode = S_IFDIR | 0755;
	root->i_op = &bm_dir_iops;
	root->i_fop = &simple_dir_operations;
	root->i_atime = root->i_mtime = root->i_ctime = root->i_btime = current_time(root);
	set_nlink(root, 2);
	sb->s_root = d_make_root(root);
	if (!sb->s_root)
		return -ENOMEM;
	d = add_file(sb, "status", 0644, &status_ops, NULL);
	if (!IS_ERR(d)) {
		dput(d);
		d = add_file(sb, "register", 0200, &register_ops, NULL);
	}
	if (IS_ERR(d))
		return PTR_ERR(d);
	dput(d);
	return 0;
}

/*
 * Returns the root of the namespace's instance if it is still mounted, with s_umount held and
 * s_active incremented; else NULL.
 */
static struct dentry *instance_grab(struct user_namespace *ns)
{
	struct super_block *sb;

	mutex_lock(&bm_lock);
	sb = ns->binfmt_misc ? ns->binfmt_misc->sb : NULL;
	if (sb && !atomic_inc_not_zero(&sb->s_active))
		sb = NULL;
	mutex_unlock(&bm_lock);
	if (!sb)
		return NULL;
	down_write(&sb->s_umount);
	return dget(sb->s_root);
}

/* Mounts an instance for @ns. bm_mount_lock is held. Returns its root, or ERR_PTR. */
static struct dentry *instance_make(
	struct file_system_type *t, u32 flags, struct user_namespace *ns)
{
	struct binfmt_misc *m =
		ns->binfmt_misc ? ns->binfmt_misc : kzalloc(sizeof(*m), GFP_KERNEL | __GFP_ACCOUNT);
	struct dentry *root;

	if (!m)
		return ERR_PTR(-ENOMEM);
	if (!ns->binfmt_misc) {
		INIT_LIST_HEAD(&m->entries);
		mutex_init(&m->lock);
	}
	root = mount_nodev(t, flags, m, bm_fill_super);
	if (IS_ERR(root)) {
		if (!ns->binfmt_misc)
			kfree(m);
		return root;
	}
	mutex_lock(&bm_lock);
	m->sb = root->d_sb;
	WRITE_ONCE(m->enabled, true);
	smp_store_release(&ns->binfmt_misc, m);
	WRITE_ONCE(any_instance, true);
	mutex_unlock(&bm_lock);
	return root;
}

/*
 * Returns the root of the instance of current's user namespace (as instance_grab() does), or
 * ERR_PTR. Takes bm_mount_lock.
 */
static struct dentry *bm_mount(struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	struct user_namespace *ns = current_user_ns();
	struct dentry *root;

	if (data && *data)
		return ERR_PTR(-EINVAL);
	mutex_lock(&bm_mount_lock);
	root = instance_grab(ns);
	if (!root)
		root = instance_make(t, flags, ns);
	mutex_unlock(&bm_mount_lock);
	return root;
}

/*
 * Unmounts an instance, and drops the superblock's reference to the namespace. If the mount has
 * failed, @sb is not the superblock of the namespace's instance.
 */
static void bm_kill_sb(struct super_block *sb)
{
	struct binfmt_misc *m = sb->s_fs_info;
	struct bm_entry *e, *next;

	if (m) {
		mutex_lock(&bm_lock);
		/* If m->sb is another superblock, a newer mount has taken over this instance. */
		if (m->sb == sb)
			m->sb = NULL;
		mutex_unlock(&bm_lock);
		mutex_lock(&m->lock);
		list_for_each_entry_safe(e, next, &m->entries, list) {
			if (e->dentry->d_sb == sb)
				entry_remove(e);
			cond_resched();
		}
		mutex_unlock(&m->lock);
	}
	kill_anon_super(sb);
}

static struct file_system_type bm_type = {
	.name = "binfmt_misc",
	.fs_flags = FS_USERNS_MOUNT,
	.mount = bm_mount,
	.kill_sb = bm_kill_sb,
};

static int bm_init(void)
{
	return register_filesystem(&bm_type);
}
INITCALL(3, bm_init);
