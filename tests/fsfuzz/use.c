/* SPDX-License-Identifier: MIT */
/*
 * use.c: mounts a damaged image, walks through it, reads, writes and unmounts it, by the operations
 * that vfs would call. Errors are expected everywhere, but no crash, no access that ASan refuses,
 * no wait without end, no memory that is left behind.
 *
 * The walk is bounded: names of a folder, folders in folders, pages of a file. The choice decides
 * which changes are made, and where.
 */
#include <linux/falloc.h>
#include <linux/fs.h>

#include "kernel/block/internal.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/internal.h"
#include "tests/fsfuzz/machine.h"
#include "tests/fsfuzz/world.h"

#define NAMES 12 /* names of a folder */
#define DEPTH 4  /* levels of folders */
#define FILES 40 /* files of the image */
#define PIECES 6 /* pages of a file */

unsigned long world_mounted;
static u32 files_left;
static bool writing;

struct names {
	struct dir_context ctx;
	u32 nr, seen;
	char name[NAMES][256];
};

static u32 pick(u32 below)
{
	return machine_random() % below;
}

static bool note_name(
	struct dir_context *ctx, const char *name, int len, loff_t pos, u64 ino, u32 type)
{
	struct names *n = container_of(ctx, struct names, ctx);

	if (len <= 0 || len > 255)
		panic("a name of %d bytes", len);
	if (++n->seen > 4000)
		return false;
	if (len <= 2 && name[0] == '.' && name[len - 1] == '.')
		return true;
	if (n->nr < NAMES) {
		memcpy(n->name[n->nr], name, (size_t)len);
		n->name[n->nr++][len] = 0;
	}
	return true;
}

static struct file *open_inode(struct dentry *d)
{
	struct file *f = kzalloc(sizeof(*f), GFP_KERNEL);
	struct inode *inode = d->d_inode;

	atomic_set(&f->f_count, 1);
	f->f_path.dentry = d;
	f->f_inode = inode;
	f->f_op = inode->i_fop;
	f->f_mapping = inode->i_mapping;
	f->f_mode = FMODE_READ | (writing ? FMODE_WRITE : 0);
	if (f->f_op && f->f_op->open && f->f_op->open(inode, f)) {
		kfree(f);
		return NULL;
	}
	return f;
}

static void close_inode(struct file *f)
{
	if (f->f_op && f->f_op->release)
		f->f_op->release(f->f_inode, f);
	kfree(f);
}

/* ---- names ---- */

/* Looks a name up as vfs does. Returns a reference, whose dentry may be negative, or NULL. */
static struct dentry *look_up(struct dentry *dir, const char *name)
{
	struct qstr q = { .name = name, .len = (u32)strlen(name) };
	struct dentry *d, *other;

	q.hash = full_name_hash(q.name, q.len);
	d = d_lookup(dir, &q);
	if (d || !dir->d_inode->i_op->lookup)
		return d;
	d = d_alloc(dir, &q);
	down_write(&dir->d_inode->i_rwsem);
	other = dir->d_inode->i_op->lookup(dir->d_inode, d, 0);
	up_write(&dir->d_inode->i_rwsem);
	if (!other)
		return d;
	dput(d);
	return IS_ERR(other) ? NULL : other;
}

/* ---- files ---- */

static void read_page(struct file *f, u64 index)
{
	struct page *p = read_cache_page(f->f_mapping, index, f);
	u64 sum = 0;

	if (IS_ERR(p))
		return;
	for (u64 i = 0; i < PAGE_SIZE; i += 64)
		sum += *((u8 *)page_address(p) + i);
	(void)sum;
	put_page(p);
}

static void read_file(struct file *f)
{
	struct inode *inode = f->f_inode;
	u64 nr = ((u64)i_size_read(inode) + PAGE_SIZE - 1) >> PAGE_SHIFT;
	struct file_extent e;

	if (!f->f_mapping->a_ops || !f->f_mapping->a_ops->readpage)
		return;
	for (u64 i = 0; i < nr && i < PIECES; i++)
		read_page(f, i);
	for (u32 i = 0; nr > PIECES && i < 3; i++)
		read_page(f, i ? pick((u32)min_t(u64, nr, 1U << 30)) : nr - 1);
	if (!inode->i_op->extent_at)
		return;
	for (u64 pos = 0, i = 0; i < 8 && !inode->i_op->extent_at(inode, pos, &e) && e.len; i++)
		pos = e.pos + e.len;
}

static void read_attributes(struct inode *inode)
{
	char *list = kmalloc(1024, GFP_KERNEL), *value = kmalloc(2048, GFP_KERNEL), *p;
	ssize_t n = inode->i_op->listxattr ? inode->i_op->listxattr(inode, list, 1024) : 0;

	if (n > 1024)
		panic("a list of %ld bytes", n);
	if (n > 0 && list[n - 1])
		panic("a list of attributes that does not end");
	for (p = list; n > 0 && p < list + n; p += strlen(p) + 1) {
		ssize_t size =
			inode->i_op->getxattr ? inode->i_op->getxattr(inode, p, value, 2048) : 0;

		if (size > 2048)
			panic("a value of %ld bytes", size);
	}
	kfree(list);
	kfree(value);
}

static void read_link(struct dentry *d)
{
	char *to_free = NULL;
	const char *text;

	if (!d->d_inode->i_op->get_link)
		return;
	text = d->d_inode->i_op->get_link(d, d->d_inode, &to_free);
	if (!IS_ERR(text) && text && strlen(text) > 4096)
		panic("a link of %lu bytes", strlen(text));
	kfree(to_free);
}

/* ---- changes ---- */

static void write_page(struct file *f, loff_t pos, u32 len)
{
	struct address_space *m = f->f_mapping;
	struct page *p = NULL;
	void *fsdata = NULL;

	if (!m->a_ops || !m->a_ops->write_begin ||
		m->a_ops->write_begin(f, m, pos, len, &p, &fsdata))
		return;
	memset((u8 *)page_address(p) + (pos & (PAGE_SIZE - 1)), 'w', len);
	m->a_ops->write_end(f, m, pos, len, len, p, fsdata);
}

static void set_size(struct dentry *d, loff_t size)
{
	struct iattr a = { .ia_valid = ATTR_SIZE | ATTR_MTIME, .ia_size = size };

	if (d->d_inode->i_op->setattr)
		d->d_inode->i_op->setattr(d, &a);
}

static void set_mode(struct dentry *d)
{
	struct iattr a = { .ia_valid = ATTR_MODE | ATTR_UID,
		.ia_mode = (d->d_inode->i_mode & S_IFMT) | pick(01000),
		.ia_uid = pick(70000) };

	if (d->d_inode->i_op->setattr)
		d->d_inode->i_op->setattr(d, &a);
}

static void change_file(struct file *f)
{
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE };
	struct inode *inode = f->f_inode;
	loff_t size = i_size_read(inode), at = pick(3) ? (loff_t)pick(40) << 10 : size;

	if (at < 0 || at > inode->i_sb->s_maxbytes - (1 << 20))
		at = 4096;
	if (f->f_op->fallocate && pick(4) == 0)
		f->f_op->fallocate(f, modes[pick(6)], at & -1024L, (loff_t)(1 + pick(20)) << 10);
	down_write(&inode->i_rwsem);
	if (pick(4) == 0)
		set_size(f->f_path.dentry, at);
	else
		write_page(f, at, 1 + pick((u32)(PAGE_SIZE - (at & (PAGE_SIZE - 1)))));
	up_write(&inode->i_rwsem);
	if (pick(3) == 0 && f->f_op->fsync)
		f->f_op->fsync(f, 0, inode->i_sb->s_maxbytes, pick(2));
}

static void set_attribute(struct inode *inode)
{
	static const char *const names[] = { "user.a", "user.second", "trusted.x", "security.y" };
	u32 n = pick(8) ? pick(200) : pick(3000);
	u8 *value = kmalloc(n + 1, GFP_KERNEL);

	memset(value, 'v', n);
	down_write(&inode->i_rwsem);
	if (inode->i_op->setxattr)
		inode->i_op->setxattr(inode, names[pick(4)], pick(4) ? value : NULL, n, 0);
	up_write(&inode->i_rwsem);
	kfree(value);
}

static void add_name(struct dentry *dir, const char *name)
{
	static char target[200];
	struct inode *i = dir->d_inode;
	struct dentry *d = look_up(dir, name);

	if (!d)
		return;
	memset(target, 't', sizeof(target) - 1);
	down_write(&i->i_rwsem);
	if (!d->d_inode) {
		switch (pick(5)) {
		case 0: i->i_op->mkdir ? i->i_op->mkdir(i, d, S_IFDIR | 0755) : 0; break;
		case 1: i->i_op->symlink ? i->i_op->symlink(i, d, target + pick(199)) : 0; break;
		default: i->i_op->create ? i->i_op->create(i, d, S_IFREG | 0644, true) : 0;
		}
	}
	up_write(&i->i_rwsem);
	if (d->d_inode && S_ISREG(d->d_inode->i_mode)) {
		struct file *f = open_inode(d);

		if (f) {
			change_file(f);
			close_inode(f);
		}
	}
	dput(d);
}

static void remove_name(struct dentry *dir, struct dentry *d)
{
	struct inode *i = dir->d_inode, *victim = d->d_inode;
	int err = -EPERM;

	if (d == dir || victim == i)
		return;
	ihold(victim);
	down_write(&i->i_rwsem);
	down_write(&victim->i_rwsem);
	if (S_ISDIR(victim->i_mode) && i->i_op->rmdir)
		err = i->i_op->rmdir(i, d);
	else if (!S_ISDIR(victim->i_mode) && i->i_op->unlink)
		err = i->i_op->unlink(i, d);
	up_write(&victim->i_rwsem);
	if (!err)
		d_delete(d);
	up_write(&i->i_rwsem);
	iput(victim);
}

static void rename_name(struct dentry *dir, struct dentry *d)
{
	struct inode *i = dir->d_inode;
	struct dentry *to = look_up(dir, "another-name");

	if (!to)
		return;
	down_write(&i->i_rwsem);
	if (!to->d_inode && i->i_op->rename && !i->i_op->rename(i, d, i, to, 0))
		d_move(d, to);
	else if (!to->d_inode && i->i_op->link && !S_ISDIR(d->d_inode->i_mode))
		i->i_op->link(d, i, to);
	up_write(&i->i_rwsem);
	dput(to);
}

static void change(struct dentry *dir, struct dentry *d)
{
	switch (pick(8)) {
	case 0: remove_name(dir, d); break;
	case 1: rename_name(dir, d); break;
	case 2:
		down_write(&d->d_inode->i_rwsem);
		set_mode(d);
		up_write(&d->d_inode->i_rwsem);
		break;
	case 3: set_attribute(d->d_inode); break;
	default:;
	}
}

/* ---- the walk ---- */

static void visit_folder(struct dentry *dir, u32 depth);

static void visit(struct dentry *dir, const char *name, u32 depth)
{
	struct dentry *d = look_up(dir, name);
	struct file *f;

	machine_step();
	if (!d || !d->d_inode || !files_left) {
		if (d)
			dput(d);
		return;
	}
	files_left--;
	read_attributes(d->d_inode);
	if (S_ISDIR(d->d_inode->i_mode)) {
		visit_folder(d, depth + 1);
	} else if (S_ISLNK(d->d_inode->i_mode)) {
		read_link(d);
	} else if (S_ISREG(d->d_inode->i_mode) && (f = open_inode(d))) {
		read_file(f);
		if (writing && pick(3) == 0)
			change_file(f);
		close_inode(f);
	}
	if (writing && d->d_inode && d->d_parent == dir)
		change(dir, d);
	dput(d);
}

static void visit_folder(struct dentry *dir, u32 depth)
{
	struct names *n;
	struct file *f;

	if (depth > DEPTH || !dir->d_inode->i_fop || !dir->d_inode->i_fop->iterate)
		return;
	f = open_inode(dir);
	if (!f)
		return;
	n = kzalloc(sizeof(*n), GFP_KERNEL);
	n->ctx.actor = note_name;
	n->ctx.pos = pick(4) ? 0 : (loff_t)pick(1 << 30);
	down_read(&dir->d_inode->i_rwsem);
	f->f_op->iterate(f, &n->ctx);
	up_read(&dir->d_inode->i_rwsem);
	close_inode(f);
	for (u32 i = 0; i < n->nr; i++)
		visit(dir, n->name[i], depth);
	visit(dir, "missing", depth);
	if (writing && pick(2))
		add_name(dir, pick(2) ? "new" : "a-new-name-that-is-longer-than-the-others-are");
	kfree(n);
}

static void ask_statfs(struct super_block *sb)
{
	struct kstatfs st = { 0 };

	if (sb->s_op->statfs)
		sb->s_op->statfs(sb->s_root, &st);
}

static void use_mount(struct file_system_type *t, bool write)
{
	/* overrides the superblock, which may demand a panic */
	char *data = strcmp(t->name, "ext4") ?
			     NULL :
			     kstrdup(pick(2) ? "errors=continue" : "errors=remount-ro");
	struct dentry *root = t->mount(t, write ? 0 : SB_RDONLY, "disk", data);
	struct super_block *sb;

	kfree(data);
	if (IS_ERR(root))
		return;
	world_mounted++;
	sb = root->d_sb;
	up_write(&sb->s_umount);
	writing = write && !(sb->s_flags & SB_RDONLY);
	files_left = FILES;
	ask_statfs(sb);
	read_attributes(root->d_inode);
	visit_folder(root, 0);
	machine_step();
	if (writing && pick(2)) {
		down_read(&sb->s_umount);
		sync_filesystem(sb, true);
		up_read(&sb->s_umount);
	}
	machine_step();
	dput(root);
	deactivate_super(sb);
}

/* ---- partitions ---- */

static u64 found_sectors;

static int found(struct gendisk *d, u32 partno, sector_t start, u64 nr)
{
	if (!nr || start >= d->capacity || nr > d->capacity - start)
		return -EINVAL;
	found_sectors += nr;
	return 0;
}

int world_knows(const char *name)
{
	return !strcmp(name, "partitions") || get_fs_type(name);
}

void world_use(
	const char *name, unsigned char *image, unsigned long size, unsigned long choice, int write)
{
	long objects, frames;

	machine_step();
	machine_insert(image, size);
	machine_seed(choice);
	objects = machine_objects;
	frames = machine_frames;
	if (!strcmp(name, "partitions")) {
		scan_partitions(&machine_disk, found);
		world_mounted++;
	} else {
		use_mount(get_fs_type(name), write);
	}
	machine_insert(image, size); /* frees the device's pages */
	if (machine_frames != frames)
		host_die("pages are left behind");
	if (machine_objects > objects + 8) /* tables keep a few objects */
		host_die("objects are left behind");
}
