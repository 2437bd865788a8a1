/* SPDX-License-Identifier: MIT */
/*
 * readdir.c: listings. A directory is read completely at the first getdents(2), in pieces as the
 * host's getdents returns them. An open directory keeps its listing until it is rewound, even if
 * names are created and removed meanwhile.
 *
 * A position is the piece's number and an offset in it. So a seek is fast, and a position refers to
 * one entry as long as the directory is open and not rewound, as telldir(3) requires.
 *
 * The inode keeps the latest listing. It is reused while the directory has the mtime and ctime that
 * it had before the listing was read. A listing is never reused if that ctime was younger than
 * FRESH_NS, because a later change might then have left the ctime unchanged.
 *
 * Records of the host are checked when they are read: a listing with a record that is not whole
 * fails with EIO.
 *
 * If the instance is restored while a listing is read, the reading begins again.
 *
 * Locks: hostfs_inode.lock for the inode's listing; an open directory's is under its f_pos_lock.
 */
#include "drivers/hostfs/hostfs.h"

#define PIECE_BITS 15
#define PIECE_SIZE (1U << PIECE_BITS)
#define MAX_PIECES 8192
#define FRESH_NS 20000000

struct piece {
	u32 used;
	/* Whole records of the host's getdents64, checked by are_records(). */
	char data[];
};

struct hostfs_listing {
	atomic_t refs;
	struct timespec64 mtime, ctime; /* of the directory before it was read */
	bool reusable;
	u32 nr;
	struct piece **pieces;
};

struct record { /* struct linux_dirent64 */
	u64 ino;
	s64 off;
	u16 len;
	u8 type;
	char name[];
};

static void free_pieces(struct hostfs_listing *l)
{
	for (u32 i = 0; i < l->nr; i++)
		kfree(l->pieces[i]);
	kfree(l->pieces);
	l->pieces = NULL;
	l->nr = 0;
}

void hostfs_listing_put(struct hostfs_listing *l)
{
	if (!l || !atomic_dec_and_test(&l->refs))
		return;
	free_pieces(l);
	kfree(l);
}

/* ---- reading ---- */

/* True if the bytes are whole records, each with a name that ends in it. */
static bool are_records(const char *buf, u32 used)
{
	u32 at = 0;

	while (used - at > offsetof(struct record, name)) {
		const struct record *r = (const struct record *)(buf + at);
		u32 most = r->len - (u32)offsetof(struct record, name);

		if (r->len <= offsetof(struct record, name) || r->len > used - at ||
			strnlen(r->name, most) == most)
			return false;
		at += r->len;
	}
	return at == used;
}

/* Appends a copy of @used bytes. Returns 0, or -ENOMEM, also for more than MAX_PIECES. */
static int add_piece(struct hostfs_listing *l, const char *buf, u32 used)
{
	struct piece *p;

	if (l->nr == MAX_PIECES)
		return -ENOMEM;
	if (!(l->nr & (l->nr - 1))) { /* pieces[] is full: 0, 1, 2, 4 ... */
		u32 room = l->nr ? l->nr * 2 : 1;
		struct piece **more = kmalloc(room * sizeof(*more), GFP_KERNEL | __GFP_ACCOUNT);

		if (!more)
			return -ENOMEM;
		memcpy(more, l->pieces, l->nr * sizeof(*more));
		kfree(l->pieces);
		l->pieces = more;
	}
	p = kmalloc(sizeof(*p) + used, GFP_KERNEL | __GFP_ACCOUNT);
	if (!p)
		return -ENOMEM;
	p->used = used;
	memcpy(p->data, buf, used);
	l->pieces[l->nr++] = p;
	return 0;
}

static int read_pieces(struct hostfs_listing *l, struct hostfs_file *f)
{
	char *buf = kmalloc(PIECE_SIZE, GFP_KERNEL);
	long n = buf ? 0 : -ENOMEM;
	int err = (int)n;

	while (!err && (n = hostfs_host_getdents(f->host, buf, PIECE_SIZE)) > 0) {
		err = n <= PIECE_SIZE && are_records(buf, (u32)n) ? add_piece(l, buf, (u32)n) :
								    -EIO;
		if (!err && signal_pending(current) && l->nr > 64)
			err = -EINTR;
		cond_resched();
	}
	kfree(buf);
	return err ? err : (int)min_t(long, n, 0);
}

static bool is_young(const struct timespec64 *t)
{
	return (u64)t->tv_sec * 1000000000UL + (u64)t->tv_nsec + FRESH_NS > ktime_get_real_coarse();
}

static int read_whole(struct hostfs_listing *l, int node)
{
	struct hostfs_file *f;
	bool lost;
	int err;

	do {
		f = hostfs_open_dir(node);
		if (IS_ERR(f))
			return (int)PTR_ERR(f);
		err = read_pieces(l, f);
		lost = err && !f->host; /* a restore has happened meanwhile */
		if (lost)
			free_pieces(l);
		hostfs_file_put(f);
	} while (lost);
	return err;
}

static struct hostfs_listing *read_listing(struct inode *inode)
{
	struct hostfs_listing *l = kzalloc(sizeof(*l), GFP_KERNEL);
	int err;

	if (!l)
		return ERR_PTR(-ENOMEM);
	atomic_set(&l->refs, 1);
	l->mtime = inode->i_mtime;
	l->ctime = inode->i_ctime;
	l->reusable = !is_young(&l->ctime);
	err = read_whole(l, HOSTFS_I(inode)->node);
	if (!err)
		return l;
	hostfs_listing_put(l);
	return ERR_PTR(err);
}

static bool same_time(const struct timespec64 *a, const struct timespec64 *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Returns the inode's listing with a reference, or NULL if it must be read again. */
static struct hostfs_listing *cached_listing(struct inode *inode)
{
	struct hostfs_inode *hi = HOSTFS_I(inode);
	struct hostfs_listing *l;

	spin_lock(&hi->lock);
	l = hi->list;
	if (l && l->reusable && same_time(&l->mtime, &inode->i_mtime) &&
		same_time(&l->ctime, &inode->i_ctime))
		atomic_inc(&l->refs);
	else
		l = NULL;
	spin_unlock(&hi->lock);
	return l;
}

static struct hostfs_listing *get_listing(struct inode *inode)
{
	struct hostfs_inode *hi = HOSTFS_I(inode);
	struct hostfs_listing *l, *old;
	int err = hostfs_revalidate(inode);

	if (err)
		return ERR_PTR(err);
	l = cached_listing(inode);
	if (l)
		return l;
	l = read_listing(inode);
	if (IS_ERR(l) || !l->reusable)
		return l;
	atomic_inc(&l->refs);
	spin_lock(&hi->lock);
	old = hi->list;
	hi->list = l;
	spin_unlock(&hi->lock);
	hostfs_listing_put(old);
	return l;
}

/* ---- returning entries ---- */

/*
 * Returns the record at @pos, or the next one, to which *pos is set; NULL at the end. Positions
 * come from the guest and may be arbitrary.
 */
static const struct record *record_at(const struct hostfs_listing *l, u64 *pos)
{
	u64 i = *pos >> PIECE_BITS;
	u32 want = *pos & (PIECE_SIZE - 1), at = 0;

	for (; i < l->nr; i++, want = 0, at = 0) {
		const struct piece *p = l->pieces[i];

		while (at < p->used && at < want)
			at += ((const struct record *)(p->data + at))->len;
		if (at < p->used) {
			*pos = i << PIECE_BITS | at;
			return (const struct record *)(p->data + at);
		}
	}
	return NULL;
}

static u64 number_of(struct file *f, const struct record *r)
{
	struct inode *inode = f->f_inode;
	struct dentry *parent;
	u64 ino;

	/* ".." may be on another device, so its number is that of the parent's inode. */
	if (strcmp(r->name, ".."))
		return hostfs_number(hostfs_sb_of(inode), HOSTFS_I(inode)->dev, r->ino);
	parent = dget_parent(f->f_path.dentry);
	ino = parent->d_inode->i_ino;
	dput(parent);
	return ino;
}

static int hostfs_iterate(struct file *f, struct dir_context *ctx)
{
	struct hostfs_listing *l = f->private_data;
	const struct record *r;
	u64 pos = (u64)ctx->pos;

	if (!l || !pos) {
		l = get_listing(f->f_inode);
		if (IS_ERR(l))
			return (int)PTR_ERR(l);
		hostfs_listing_put(f->private_data);
		f->private_data = l;
	}
	while ((r = record_at(l, &pos))) {
		ctx->pos = (loff_t)pos;
		if (!dir_emit(ctx, r->name, (int)strlen(r->name), number_of(f, r), r->type))
			return 0;
		pos += r->len;
	}
	ctx->pos = (loff_t)((u64)l->nr << PIECE_BITS | 1); /* not 0, which would rewind */
	return 0;
}

static int hostfs_dir_open(struct inode *inode, struct file *f)
{
	return hostfs_sb_of(inode)->interval == HOSTFS_FOREVER ? 0 : hostfs_refresh(inode);
}

static int hostfs_dir_release(struct inode *inode, struct file *f)
{
	hostfs_listing_put(f->private_data);
	return 0;
}

static int hostfs_dir_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	struct hostfs_file *h = hostfs_open_dir(HOSTFS_I(f->f_inode)->node);
	int err;

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	err = (int)hostfs_ask(HOSTFS_OP_FSYNC, h, 0, 0, 0, 0);
	hostfs_file_put(h);
	return err;
}

const struct file_operations hostfs_dir_fops = {
	.open = hostfs_dir_open,
	.release = hostfs_dir_release,
	.llseek = generic_file_llseek,
	.iterate = hostfs_iterate,
	.fsync = hostfs_dir_fsync,
};
