/* SPDX-License-Identifier: MIT */
/*
 * net_sysfs_queues.c: /sys/class/net/NAME/queues/{rx-K,tx-K}: a folder for each queue that the
 * device of that name uses. Folders are made when the first device of a name has that many queues;
 * besides those of queue 0 there are at most FOLDERS_MAX of them. A folder whose queue does not
 * exist in the reader's namespace is hidden.
 * Locks: the names' mutex; net->lock, inside, while a device is read.
 */
#include <asm/errno.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/net.h"
#include "kernel/net/netname.h"

#define FOLDERS_MAX 4096U

struct queue_dir {
	const struct netname *n;
	u32 index;
	bool tx;
};

static bool is_used(void *arg)
{
	const struct queue_dir *q = arg;
	struct net *net = current_net();
	struct net_device *d;
	bool yes;

	spin_lock(&net->lock);
	d = netdev_by_name(net, q->n->name);
	yes = d && q->index < (q->tx ? d->real_tx : d->real_rx);
	spin_unlock(&net->lock);
	return yes;
}

static int show_zero(struct seq *s, void *arg)
{
	if (!is_used(arg))
		return -ENODEV;
	seq_puts(s, "0\n");
	return 0;
}

static int add(const struct netname *n, u32 index, bool tx)
{
	struct queue_dir *q = kzalloc(sizeof(*q), GFP_KERNEL);
	char path[112];
	int err;

	if (!q)
		return -ENOMEM;
	*q = (struct queue_dir){ n, index, tx };
	snprintf(path, sizeof(path), "devices/virtual/net/%s/queues/%s-%u/%s", n->name,
		tx ? "tx" : "rx", index, tx ? "tx_timeout" : "rps_cpus");
	err = sysfs_create(path, show_zero, q);
	if (err) {
		kfree(q);
		return err;
	}
	*strrchr(path, '/') = 0;
	return sysfs_show_when(path, is_used, q);
}

static int add_some(const struct netname *n, u32 *have, u32 want, bool tx)
{
	/* number of folders beyond the first of each device; under the names' mutex */
	static u32 folders;
	int err = 0;

	for (; *have < want && !err; *have += !err) {
		if (*have && folders == FOLDERS_MAX)
			return -ENOMEM;
		folders += *have > 0;
		err = add(n, *have, tx);
	}
	return err;
}

int netname_add_queues(struct netname *n, u32 rx, u32 tx)
{
	int err = add_some(n, &n->rx_dirs, rx, false);

	return err ? err : add_some(n, &n->tx_dirs, tx, true);
}
