/* SPDX-License-Identifier: MIT */
/*
 * notify.c: messages that the server sends without a request: a polled file is ready (poll.c),
 * names or attributes are no longer valid, data for the page cache (STORE), a request for cached
 * data (RETRIEVE).
 *
 * Each message is one write() to the device: a header whose unique number is 0 and whose error
 * field is the type of the message, then the body.
 *
 * STORE puts data into the page cache, and the file grows to the end of the data. Pages that the
 * data fills completely, or up to the end of the file, become up to date. STORE waits (killably)
 * for pages that are being read. So a server with one thread must not store into a range for which
 * it has an unanswered READ, as on Linux. RETRIEVE is answered by a request, NOTIFY_REPLY, with the
 * number that the server chose and the data of the cached pages up to the first gap. The server
 * does not answer NOTIFY_REPLY. At most FUSE_MAX_RETRIEVED of them are queued for a server that
 * does not read them.
 */
#include "kernel/fs/fuse/fuse.h"

/*
 * Finds the inode of a nodeid and takes a reference to it and its superblock, which notify_done()
 * drops. Returns NULL if there is none.
 */
static struct inode *notify_find(struct fuse_conn *fc, u64 nodeid)
{
	struct super_block *sb;
	struct inode *inode;
	bool live;

	spin_lock(&fc->lock);
	sb = fc->sb;
	live = sb && atomic_inc_not_zero(&sb->s_active);
	spin_unlock(&fc->lock);
	if (!live)
		return NULL;
	inode = ilookup(sb, nodeid);
	if (!inode)
		deactivate_super(sb);
	return inode;
}

static void notify_done(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;

	iput(inode);
	deactivate_super(sb);
}

/* Copies the next @n bytes of a message. Returns 0, -EINVAL (it is shorter) or -EFAULT. */
static int get_body(void *p, size_t n, struct iov_iter *from)
{
	if (from->count < n)
		return -EINVAL;
	return copy_from_iter(p, n, from) == n ? 0 : -EFAULT;
}

/* Copies a message body that must be exactly @n bytes long. Returns 0 or -errno. */
static int get_all(void *p, size_t n, struct iov_iter *from)
{
	return from->count == n ? get_body(p, n, from) : -EINVAL;
}

/* ---- invalidation of names and attributes; int functions return 0 or -errno ---- */

/*
 * Invalidates the known attributes, and those in answers to requests that were already sent. Takes
 * fi->lock.
 */
static void outdate_attr(struct inode *inode)
{
	struct fuse_inode *fi = FUSE_I(inode);

	spin_lock(&fi->lock);
	fi->inval_version =
		__atomic_add_fetch(&fuse_conn_of(inode)->attr_version, 1, __ATOMIC_SEQ_CST);
	fi->attr_until = 0;
	spin_unlock(&fi->lock);
}

static int inval_inode(struct fuse_conn *fc, struct iov_iter *from)
{
	struct fuse_notify_inval_inode_out o;
	struct inode *inode;
	int err = get_all(&o, sizeof(o), from);

	if (err)
		return err;
	inode = notify_find(fc, o.ino);
	if (!inode)
		return -ENOENT;
	outdate_attr(inode);
	if (o.off >= 0)
		invalidate_mapping_pages(&inode->i_data, (u64)o.off >> PAGE_SHIFT,
			o.len <= 0 || o.len > S64_MAX - o.off ?
				~0UL :
				(u64)(o.off + o.len - 1) >> PAGE_SHIFT);
	notify_done(inode);
	return 0;
}

/*
 * Invalidates a name. If @child is not 0, only if the name leads to the node @child, which was
 * removed. @keep: keeps the dentry, whose next lookup asks the server. Returns 0 or -ENOENT.
 */
static int inval_name(struct inode *dir, const struct qstr *name, u64 child, bool keep)
{
	struct dentry *parent = d_find_alias(dir), *d = parent ? d_lookup(parent, name) : NULL;
	int err = -ENOENT;

	if (d && (!child || (d->d_inode && FUSE_I(d->d_inode)->nodeid == child))) {
		if (d->d_inode)
			fuse_stale_attr(d->d_inode);
		d->d_fsdata = NULL; /* the next lookup asks the server */
		if (!keep)
			d_invalidate(d);
		err = 0;
	}
	dput(d);
	dput(parent);
	return err;
}

/*
 * Invalidates a name in @parent, whose @len bytes follow in the message. @child, @keep: as for
 * inval_name().
 */
static int inval_entry(
	struct fuse_conn *fc, u64 parent, u32 len, u64 child, bool keep, struct iov_iter *from)
{
	char text[NAME_MAX + 1];
	struct inode *dir;
	struct qstr name;
	int err;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	if (!len || from->count != len + 1)
		return -EINVAL;
	err = get_body(text, len, from);
	if (err)
		return err;
	dir = notify_find(fc, parent);
	if (!dir)
		return -ENOENT;
	fuse_stale_attr(dir);
	spin_lock(&fc->lock);
	/* Counted before the search, since a lookup may be adding the name now. */
	fc->entry_version++;
	spin_unlock(&fc->lock);
	name = (struct qstr){ text, len, full_name_hash(text, len) };
	err = S_ISDIR(dir->i_mode) ? inval_name(dir, &name, child, keep) : -ENOTDIR;
	notify_done(dir);
	return err;
}

/* ---- data ---- */

/*
 * Stores @n bytes at @pos, which lie in one page. A page that is not up to date is changed only if
 * the bytes fill it, or its part before the file's end, so that no other bytes have to be read.
 * Returns 0 or -errno.
 */
static int store_piece(struct inode *inode, const char *buf, loff_t pos, size_t n)
{
	size_t off = (size_t)pos & (PAGE_SIZE - 1);
	struct page *p = fuse_grab_page(&inode->i_data, (u64)pos >> PAGE_SHIFT);
	bool fills;
	char *data;

	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	data = page_address(p);
	fills = !PageUptodate(p) && !off &&
		(n == PAGE_SIZE || pos + (loff_t)n == i_size_read(inode));
	if (fills)
		memset(data + n, 0, PAGE_SIZE - n);
	if (fills || PageUptodate(p))
		memcpy(data + off, buf, n);
	if (fills) /* last, since readers do not lock the page */
		SetPageUptodate(p);
	if (test_bit(PG_patched, &p->flags))
		page_text_changed(p);
	unlock_page(p);
	put_page(p);
	return 0;
}

/*
 * Copies through a buffer, so that no page is locked while the server's message is copied: a page
 * fault on it could need a page of this same file.
 */
static int store_pages(struct inode *inode, loff_t pos, size_t n, struct iov_iter *from)
{
	char *buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	int err = buf ? 0 : -ENOMEM;

	while (!err && n) {
		size_t piece = min(n, PAGE_SIZE - ((size_t)pos & (PAGE_SIZE - 1)));

		err = get_body(buf, piece, from);
		if (!err)
			err = store_piece(inode, buf, pos, piece);
		pos += (loff_t)piece;
		n -= piece;
		cond_resched();
	}
	kfree(buf);
	return err;
}

static int store(struct fuse_conn *fc, struct iov_iter *from)
{
	struct fuse_notify_store_out o;
	struct inode *inode;
	int err = get_body(&o, sizeof(o), from);

	if (err)
		return err;
	if (o.size != from->count || o.offset > S64_MAX - PAGE_SIZE - o.size)
		return -EINVAL;
	inode = notify_find(fc, o.nodeid);
	if (!inode)
		return -ENOENT;
	if (!S_ISREG(inode->i_mode)) {
		err = -EINVAL;
	} else {
		if ((loff_t)(o.offset + o.size) > i_size_read(inode))
			fuse_set_size(inode, (loff_t)(o.offset + o.size), true);
		err = store_pages(inode, (loff_t)o.offset, o.size, from);
	}
	notify_done(inode);
	return err;
}

/*
 * Copies at most @n bytes from @pos on into @to, up to the first page that is not cached. Returns
 * the number of bytes.
 */
static size_t copy_cached(struct inode *inode, char *to, loff_t pos, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t off = (size_t)pos & (PAGE_SIZE - 1), piece = min(n - done, PAGE_SIZE - off);
		struct page *p = find_get_page(&inode->i_data, (u64)pos >> PAGE_SHIFT);
		bool good = p && PageUptodate(p);

		if (good)
			memcpy(to + done, (char *)page_address(p) + off, piece);
		if (p)
			put_page(p);
		if (!good)
			break;
		done += piece;
		pos += (loff_t)piece;
	}
	return done;
}

/* Ends a NOTIFY_REPLY. */
static void retrieved(struct fuse_req *r)
{
	spin_lock(&r->fc->lock);
	r->fc->nr_retrieved--;
	spin_unlock(&r->fc->lock);
}

/* Counts a NOTIFY_REPLY, until retrieved(). Returns false if too many are queued. */
static bool may_retrieve(struct fuse_conn *fc)
{
	bool ok;

	spin_lock(&fc->lock);
	ok = fc->nr_retrieved < FUSE_MAX_RETRIEVED;
	if (ok)
		fc->nr_retrieved++;
	spin_unlock(&fc->lock);
	return ok;
}

/* Queues a NOTIFY_REPLY with at most @n bytes from @pos on. Returns 0 or -errno. */
static int send_cached(
	struct inode *inode, const struct fuse_notify_retrieve_out *o, loff_t pos, size_t n)
{
	struct fuse_conn *fc = fuse_conn_of(inode);
	struct fuse_notify_retrieve_in *in;
	struct fuse_req *r;

	r = fuse_req_new(fc, FUSE_NOTIFY_REPLY, o->nodeid, sizeof(*in) + n, 0);
	if (IS_ERR(r))
		return (int)PTR_ERR(r);
	if (!may_retrieve(fc)) {
		fuse_req_put(r);
		return -ENOMEM;
	}
	in = r->in;
	n = copy_cached(inode, (char *)(in + 1), pos, n);
	in->offset = o->offset;
	in->size = (u32)n;
	r->h.len = (u32)(sizeof(r->h) + sizeof(*in) + n);
	r->h.unique = o->notify_unique;
	r->oneway = true;
	fuse_send_async(r, retrieved);
	return 0;
}

static int retrieve(struct fuse_conn *fc, struct iov_iter *from)
{
	struct fuse_notify_retrieve_out o;
	struct inode *inode;
	u64 size, n;
	int err = get_all(&o, sizeof(o), from);

	if (err)
		return err;
	inode = notify_find(fc, o.nodeid);
	if (!inode)
		return -ENOENT;
	size = S_ISREG(inode->i_mode) ? (u64)i_size_read(inode) : 0;
	n = o.offset < size ? min(size - o.offset, (u64)min(o.size, fc->max_write)) : 0;
	err = send_cached(inode, &o, (loff_t)o.offset, n);
	notify_done(inode);
	return err;
}

/* ---- dispatch ---- */

int fuse_notify(struct fuse_conn *fc, int code, struct iov_iter *from)
{
	union {
		struct fuse_notify_poll_wakeup_out poll;
		struct fuse_notify_inval_entry_out entry;
		struct fuse_notify_delete_out del;
	} u;
	int err;

	switch (code) {
	case FUSE_NOTIFY_POLL:
		err = get_all(&u.poll, sizeof(u.poll), from);
		return err ? err : fuse_notify_poll(fc, u.poll.kh);
	case FUSE_NOTIFY_INVAL_INODE: return inval_inode(fc, from);
	case FUSE_NOTIFY_INVAL_ENTRY:
		err = get_body(&u.entry, sizeof(u.entry), from);
		return err ? err :
			     inval_entry(fc, u.entry.parent, u.entry.namelen, 0,
				     u.entry.flags & FUSE_EXPIRE_ONLY, from);
	case FUSE_NOTIFY_DELETE:
		err = get_body(&u.del, sizeof(u.del), from);
		return err ? err :
			     inval_entry(fc, u.del.parent, u.del.namelen, u.del.child, false, from);
	case FUSE_NOTIFY_STORE: return store(fc, from);
	case FUSE_NOTIFY_RETRIEVE: return retrieve(fc, from);
	}
	return -EINVAL;
}
