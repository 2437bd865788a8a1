/* SPDX-License-Identifier: MIT */
/*
 * epoll_info.c: information about an epoll file: its items, in /proc/PID/fdinfo and for kcmp(2),
 * and its parameters, by ioctl(2). ep->mutex protects both.
 */
#include <asm/ioctl.h>

#include "kernel/event/epoll.h"
#include "kernel/ident/cred.h"
#include "kernel/lib/string.h"

/* From Linux 6.9, missing in older headers. */
#define EPIOCSPARAMS_ _IOW(0x8a, 1, struct epoll_params_)
#define EPIOCGPARAMS_ _IOR(0x8a, 2, struct epoll_params_)
#define MAX_BUDGET 64 /* packets, for unprivileged callers */

struct file *eventpoll_target(struct file *f, int fd, u32 nth)
{
	struct file *found = ERR_PTR(-ENOENT);
	struct eventpoll *ep = file_ep(f);
	struct rb_node *n;

	if (!ep)
		return ERR_PTR(-EINVAL);
	mutex_lock(&ep->mutex);
	for (n = rb_first(&ep->items); n; n = rb_next(n)) {
		struct epoll_item *it = rb_entry(n, struct epoll_item, node);

		if (it->fd != fd || nth--)
			continue;
		if (atomic_inc_not_zero(&it->file->f_count)) /* else the file is being freed */
			found = it->file;
		break;
	}
	mutex_unlock(&ep->mutex);
	return found;
}

int eventpoll_fdinfo(struct file *f, char *buf, size_t size)
{
	struct eventpoll *ep = f->private_data;
	struct rb_node *n;
	int len = 0;

	mutex_lock(&ep->mutex);
	for (n = rb_first(&ep->items); n && (size_t)len + 1 < size; n = rb_next(n)) {
		struct epoll_item *it = rb_entry(n, struct epoll_item, node);

		len += scnprintf(buf + len, size - (size_t)len,
			"tfd: %8d events: %8x data: %16lx\n", it->fd, it->event.events,
			(unsigned long)it->event.data);
	}
	mutex_unlock(&ep->mutex);
	return len;
}

/*
 * Stores parameters for busy polling of network cards. The parameters are a hint without effect,
 * since Nestling has no card that supports busy polling.
 */
static long set_params(struct eventpoll *ep, uaddr_t arg)
{
	struct epoll_params_ p;

	if (copy_from_user(&p, arg, sizeof(p)))
		return -EFAULT;
	if (p.pad || p.usecs > 0x7fffffff || p.prefer > 1)
		return -EINVAL;
	if (p.budget > MAX_BUDGET && !capable(CAP_NET_ADMIN))
		return -EPERM;
	mutex_lock(&ep->mutex);
	ep->params = p;
	mutex_unlock(&ep->mutex);
	return 0;
}

static long get_params(struct eventpoll *ep, uaddr_t arg)
{
	struct epoll_params_ p;

	mutex_lock(&ep->mutex);
	p = ep->params;
	mutex_unlock(&ep->mutex);
	return copy_to_user(arg, &p, sizeof(p)) ? -EFAULT : 0;
}

long eventpoll_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct eventpoll *ep = f->private_data;

	switch (cmd) {
	case EPIOCSPARAMS_: return set_params(ep, UADDR(arg));
	case EPIOCGPARAMS_: return get_params(ep, UADDR(arg));
	default: return -EINVAL;
	}
}
