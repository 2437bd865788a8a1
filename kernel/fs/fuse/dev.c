/* SPDX-License-Identifier: MIT */
/*
 * dev.c: /dev/fuse, the server's side: read() returns a request, write() delivers an answer or a
 * notification.
 *
 * A newly opened file has no connection. Mounting attaches one (fd=), and FUSE_DEV_IOC_CLONE
 * attaches the connection of another file. A connection ends when its last file is closed.
 *
 * read() returns interrupts first, then forgets, then requests. An answer is matched by its unique
 * number with a sent request. write() fails with ENOENT if there is no such request (it was
 * abandoned, or the number is invented), and with EINVAL if the length is wrong.
 */
#include <linux/eventpoll.h>
#include <linux/major.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/devtmpfs/devtmpfs.h"
#include "kernel/fs/fuse/fuse.h"

#define FUSE_MINOR_NR 229 /* minor of /dev/fuse: devices.txt */

static const struct file_operations fuse_dev_fops;
/* Serialises the change of file->private_data, which happens once: from NULL to a connection. */
static DEFINE_MUTEX(attach_mutex);

/* Returns the file's connection, which is valid as long as the file is open, or NULL. */
static struct fuse_conn *conn_of(struct file *f)
{
	return smp_load_acquire(&f->private_data);
}

/* Does what fuse_dev_attach() does. attach_mutex is held. */
static int attach_locked(struct file *f, struct fuse_conn *fc)
{
	if (f->f_op != &fuse_dev_fops)
		return -EINVAL;
	if (f->private_data)
		return -EBUSY;
	fuse_conn_get(fc);
	spin_lock(&fc->lock);
	fc->nr_devs++;
	spin_unlock(&fc->lock);
	smp_store_release(&f->private_data, (void *)fc);
	return 0;
}

int fuse_dev_attach(struct file *f, struct fuse_conn *fc)
{
	int err;

	mutex_lock(&attach_mutex);
	err = attach_locked(f, fc);
	mutex_unlock(&attach_mutex);
	return err;
}

static int fuse_dev_release(struct inode *inode, struct file *f)
{
	struct fuse_conn *fc = conn_of(f);
	bool last;

	if (!fc)
		return 0;
	spin_lock(&fc->lock);
	last = !--fc->nr_devs;
	spin_unlock(&fc->lock);
	if (last)
		fuse_abort(fc);
	fuse_conn_put(fc);
	return 0;
}

/* ---- reading ---- */

/* True if a read would not wait. fc->lock is held. */
static bool has_work(struct fuse_conn *fc)
{
	return !fc->connected || !list_empty(&fc->interrupts) || !list_empty(&fc->forgets) ||
	       !list_empty(&fc->pending);
}

static bool has_work_now(struct fuse_conn *fc)
{
	bool yes;

	spin_lock(&fc->lock);
	yes = has_work(fc);
	spin_unlock(&fc->lock);
	return yes;
}

/* Writes an INTERRUPT of request @unique. Returns its length or -EFAULT. */
static ssize_t put_interrupt(struct iov_iter *to, u64 unique)
{
	struct {
		struct fuse_in_header h;
		struct fuse_interrupt_in in;
	} m;

	memset(&m, 0, sizeof(m));
	m.h.len = sizeof(m);
	m.h.opcode = FUSE_INTERRUPT;
	m.h.unique = unique | 1;
	m.in.unique = unique;
	return copy_to_iter(&m, sizeof(m), to) == sizeof(m) ? (ssize_t)sizeof(m) : -EFAULT;
}

/*
 * Writes the @n (at most 32) forgets as one message, and frees them. Returns its length or -EFAULT.
 */
static ssize_t put_forgets(
	struct fuse_conn *fc, struct iov_iter *to, struct list_head *taken, u32 n)
{
	struct {
		struct fuse_in_header h;
		struct fuse_batch_forget_in b;
		struct fuse_forget_one one[32];
	} m;
	struct fuse_forget *f, *next;
	size_t len;

	memset(&m, 0, sizeof(m));
	len = offsetof(__typeof__(m), one) + n * sizeof(m.one[0]);
	m.h.len = (u32)len;
	m.h.opcode = FUSE_BATCH_FORGET;
	m.b.count = n;
	n = 0;
	list_for_each_entry_safe(f, next, taken, list) {
		m.one[n++] = (struct fuse_forget_one){ f->nodeid, f->nlookup };
		kfree(f);
	}
	spin_lock(&fc->lock);
	fc->next_unique += 2;
	m.h.unique = fc->next_unique;
	spin_unlock(&fc->lock);
	return copy_to_iter(&m, len, to) == len ? (ssize_t)len : -EFAULT;
}

/*
 * Reads up to 32 forgets as one message. Returns its length in bytes, 0 if there are none, or
 * -EFAULT.
 */
static ssize_t read_forgets(struct fuse_conn *fc, struct iov_iter *to)
{
	LIST_HEAD(taken);
	u32 n = 0;

	spin_lock(&fc->lock);
	while (n < 32 && !list_empty(&fc->forgets)) {
		list_move_tail(fc->forgets.next, &taken);
		n++;
	}
	spin_unlock(&fc->lock);
	return n ? put_forgets(fc, to, &taken, n) : 0;
}

/* Reads an INTERRUPT. Returns its length in bytes, 0 if there is none, or -EFAULT. */
static ssize_t read_interrupt(struct fuse_conn *fc, struct iov_iter *to)
{
	struct fuse_req *r;
	u64 unique = 0;

	spin_lock(&fc->lock);
	r = list_first_entry_or_null(&fc->interrupts, struct fuse_req, intr);
	if (r) {
		list_del_init(&r->intr);
		unique = r->h.unique;
	}
	spin_unlock(&fc->lock);
	return r ? put_interrupt(to, unique) : 0;
}

/*
 * Adds a request to the tree of requests that need an answer. It is a tree, since a server may
 * leave any number of requests unanswered. fc->lock is held.
 */
static void expect_answer(struct fuse_conn *fc, struct fuse_req *r)
{
	struct rb_node **at = &fc->answers.node, *parent = NULL;

	while (*at) {
		parent = *at;
		at = r->h.unique < rb_entry(parent, struct fuse_req, node)->h.unique ?
			     &parent->left :
			     &parent->right;
	}
	rb_link_node(&r->node, parent, at);
	rb_insert_color(&r->node, &fc->answers);
}

/*
 * Moves the next request from fc->pending to fc->sent. Its INTERRUPT follows if a signal has come.
 * Returns the request, referenced, or NULL.
 */
static struct fuse_req *take_request(struct fuse_conn *fc)
{
	bool wake = false;
	struct fuse_req *r;

	spin_lock(&fc->lock);
	r = list_first_entry_or_null(&fc->pending, struct fuse_req, list);
	if (r) {
		list_move_tail(&r->list, &fc->sent);
		r->state = FUSE_SENT;
		if (!r->oneway)
			expect_answer(fc, r);
		atomic_inc(&r->refs);
		wake = fuse_queue_interrupt(r);
	}
	spin_unlock(&fc->lock);
	if (wake)
		wake_up(&fc->readers);
	return r;
}

/* Ends a request, unless it has ended. @err: 0 or -errno. */
static void fail_request(struct fuse_req *r, int err)
{
	bool mine;

	spin_lock(&r->fc->lock);
	mine = r->state != FUSE_DONE;
	if (mine)
		fuse_req_done_locked(r, err);
	spin_unlock(&r->fc->lock);
	if (mine)
		fuse_req_finish(r);
}

/*
 * Reads a request. Returns its length, 0 if there is none (also if it did not fit and has failed),
 * or -EFAULT.
 */
static ssize_t read_request(struct fuse_conn *fc, struct iov_iter *to)
{
	struct fuse_req *r = take_request(fc);
	ssize_t n;
	size_t body;

	if (!r)
		return 0;
	body = r->h.len - sizeof(r->h);
	n = (ssize_t)r->h.len;
	if ((size_t)n > to->count) {
		fail_request(r, r->h.opcode == FUSE_SETXATTR ? -E2BIG : -EIO);
		n = 0;
	} else if (copy_to_iter(&r->h, sizeof(r->h), to) != sizeof(r->h) ||
		   copy_to_iter(r->in, body, to) != body) {
		fail_request(r, -EIO);
		n = -EFAULT;
	}
	if (r->oneway) /* DONE, since no answer will come */
		fail_request(r, n > 0 ? 0 : -EIO);
	fuse_req_put(r);
	return n;
}

static ssize_t fuse_dev_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct fuse_conn *fc = conn_of(f);
	ssize_t n;

	if (!fc)
		return -EPERM;
	if (to->count < max_t(size_t, FUSE_MIN_READ_BUFFER,
				sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in) +
					fc->max_write))
		return -EINVAL;
	for (;;) {
		if (!READ_ONCE(fc->connected))
			return -ENODEV;
		n = read_interrupt(fc, to);
		if (!n)
			n = read_forgets(fc, to);
		if (!n)
			n = read_request(fc, to);
		if (n)
			return n;
		if (has_work_now(fc))
			continue;
		if (file_nonblock(f, to))
			return -EAGAIN;
		n = wait_event_interruptible_exclusive(&fc->readers, has_work_now(fc));
		if (n)
			return n;
	}
}

/* ---- writing: answers ---- */

/* Returns the sent request with this number, referenced, or NULL. fc->lock is held. */
static struct fuse_req *find_sent(struct fuse_conn *fc, u64 unique)
{
	struct rb_node *n = fc->answers.node;

	while (n) {
		struct fuse_req *r = rb_entry(n, struct fuse_req, node);

		if (r->h.unique == unique) {
			atomic_inc(&r->refs);
			return r;
		}
		n = unique < r->h.unique ? n->left : n->right;
	}
	return NULL;
}

/*
 * Handles the answer to an INTERRUPT. ENOSYS: the server does not know INTERRUPT. EAGAIN: the
 * server asks for the INTERRUPT again. Returns 0 or -ENOENT.
 */
static int interrupt_answer(struct fuse_conn *fc, const struct fuse_out_header *h)
{
	struct fuse_req *r;

	spin_lock(&fc->lock);
	r = find_sent(fc, h->unique & ~1UL);
	if (h->error == -ENOSYS)
		fc->no_interrupt = true;
	else if (h->error == -EAGAIN && r && list_empty(&r->intr))
		list_add_tail(&r->intr, &fc->interrupts);
	spin_unlock(&fc->lock);
	if (!r)
		return -ENOENT;
	fuse_req_put(r);
	return 0;
}

/* Copies the body of an answer into the request. Returns 0, -EINVAL (wrong length) or -EFAULT. */
static int take_body(struct fuse_req *r, const struct fuse_out_header *h, struct iov_iter *from)
{
	size_t n = from->count;

	if (h->error)
		return n ? -EINVAL : 0;
	if (n > r->out_size || (n < r->out_size && !r->out_var))
		return -EINVAL;
	if (n && copy_from_iter(r->out, n, from) != n)
		return -EFAULT;
	r->out_len = (u32)n;
	return 0;
}

/*
 * Finds the sent request with this number, marks it as answered and returns it, referenced. Returns
 * NULL if there is none, or if another answer to it was already begun.
 */
static struct fuse_req *begin_answer(struct fuse_conn *fc, u64 unique)
{
	struct fuse_req *r;
	bool taken = false;

	spin_lock(&fc->lock);
	r = find_sent(fc, unique);
	if (r) {
		taken = r->answered;
		r->answered = true;
	}
	spin_unlock(&fc->lock);
	if (!taken)
		return r;
	fuse_req_put(r);
	return NULL;
}

/*
 * Reads an answer and completes its request. Copying the body may fault and take long, so the
 * request stays in fc->sent meanwhile, where an abort finds it. begin_answer() excludes a second
 * answer. If the answer is malformed, the waiter gets EIO. Returns 0, -ENOENT or another -errno.
 */
static int answer(struct fuse_conn *fc, const struct fuse_out_header *h, struct iov_iter *from)
{
	struct fuse_req *r = begin_answer(fc, h->unique);
	bool done;
	int err;

	if (!r)
		return -ENOENT;
	err = take_body(r, h, from);
	spin_lock(&fc->lock);
	done = r->state != FUSE_DONE; /* false: abandoned or aborted */
	if (done)
		fuse_req_done_locked(r, err ? -EIO : h->error);
	spin_unlock(&fc->lock);
	if (done)
		fuse_req_finish(r);
	fuse_req_put(r);
	return !done && !err ? -ENOENT :
			       /* -ENOENT: the request was abandoned, no caller takes the result */
			       err;
}

/*
 * True if the answer's length is wrong in the header and will be corrected by the server. libfuse
 * lends its header to the pipe by vmsplice(), and writes the length of a short answer into the
 * header afterwards. This kernel's vmsplice() has already copied the header, so the number @n of
 * spliced bytes is the length.
 */
static bool corrected_later(const struct fuse_out_header *h, const struct iov_iter *from, ssize_t n)
{
	return from->type == ITER_CALL && h->unique && h->len > (size_t)n;
}

static ssize_t fuse_dev_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct fuse_conn *fc = conn_of(f);
	ssize_t n = (ssize_t)from->count;
	struct fuse_out_header h;
	int err;

	if (!fc)
		return -EPERM;
	if ((size_t)n < sizeof(h))
		return -EINVAL;
	if (copy_from_iter(&h, sizeof(h), from) != sizeof(h))
		return -EFAULT;
	if (h.len != (size_t)n && !corrected_later(&h, from, n))
		return -EINVAL;
	if (!h.unique) {
		err = fuse_notify(fc, h.error, from);
		return err ? err : n;
	}
	if (h.error <= -512 || h.error > 0)
		return -EINVAL;
	err = h.unique & 1 ? interrupt_answer(fc, &h) : answer(fc, &h, from);
	return err ? err : n;
}

static u32 fuse_dev_poll(struct file *f, struct poll_table *pt)
{
	struct fuse_conn *fc = conn_of(f);
	u32 mask = EPOLLOUT | EPOLLWRNORM;

	if (!fc)
		return EPOLLERR;
	poll_wait(f, &fc->readers, pt);
	spin_lock(&fc->lock);
	if (!fc->connected)
		mask = EPOLLERR;
	else if (has_work(fc))
		mask |= EPOLLIN | EPOLLRDNORM;
	spin_unlock(&fc->lock);
	return mask;
}

static long fuse_dev_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct file *other;
	long err = -EINVAL;
	u32 fd;

	if (cmd != FUSE_DEV_IOC_CLONE)
		return -ENOTTY;
	if (get_user(fd, UADDR(arg)))
		return -EFAULT;
	other = fget((int)fd);
	if (!other)
		return -EINVAL;
	mutex_lock(&attach_mutex);
	if (other->f_op == &fuse_dev_fops && other->private_data)
		err = attach_locked(f, other->private_data);
	mutex_unlock(&attach_mutex);
	fput(other);
	return err;
}

static int fuse_dev_open(struct inode *inode, struct file *f)
{
	f->private_data = NULL;
	return 0;
}

static const struct file_operations fuse_dev_fops = {
	.open = fuse_dev_open,
	.release = fuse_dev_release,
	.llseek = no_llseek,
	.read_iter = fuse_dev_read,
	.write_iter = fuse_dev_write,
	.poll = fuse_dev_poll,
	.ioctl = fuse_dev_ioctl,
	.splice_message = true,
};

static int fuse_dev_init(void)
{
	int err = register_chrdev(MISC_MAJOR, FUSE_MINOR_NR, 1, "misc", &fuse_dev_fops);

	return err ? err :
		     devtmpfs_create("fuse", S_IFCHR | 0666, MKDEV(MISC_MAJOR, FUSE_MINOR_NR));
}
INITCALL(4, fuse_dev_init);
