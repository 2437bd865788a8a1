/* SPDX-License-Identifier: MIT */
/*
 * sysv_ctl.c: the common part of semctl(2), msgctl(2) and shmctl(2): IPC_STAT and related commands,
 * IPC_SET, IPC_RMID. `fill` and `set` of a sysv_type handle the data of that type.
 *
 * Locks: perm->lock. Data is copied to the kernel first, or to the guest last, since the lock is
 * not held over uaccess.
 */
#include "kernel/ipc/sysv.h"

long sysv_stat(const struct sysv_type *t, int id, int cmd, uaddr_t buf)
{
	struct ipc_namespace *ns = current_ipc_ns();
	struct sysv_perm *p =
		cmd == IPC_STAT ? sysv_find(ns, t->type, id) : sysv_find_index(ns, t->type, id);
	union sysv_ds ds = { 0 };
	long ret;

	if (IS_ERR(p))
		return PTR_ERR(p);
	ret = sysv_lock(p);
	if (ret)
		goto out;
	if (cmd != t->stat_any)
		ret = sysv_permits(p, IPC_R);
	if (!ret) {
		t->fill(p, &ds);
		ret = cmd == IPC_STAT ? 0 : p->id;
	}
	spin_unlock(&p->lock);
	if (ret >= 0 && copy_to_user(buf, &ds, t->ds_size))
		ret = -EFAULT;
out:
	sysv_put(t, p);
	return ret;
}

long sysv_change(const struct sysv_type *t, int id, int cmd, uaddr_t buf)
{
	struct ipc_namespace *ns = current_ipc_ns();
	struct sysv_perm *p;
	union sysv_ds ds;
	long ret;

	if (cmd == IPC_SET && copy_from_user(&ds, buf, t->ds_size))
		return -EFAULT;
	p = sysv_find(ns, t->type, id);
	if (IS_ERR(p))
		return PTR_ERR(p);
	ret = sysv_lock(p);
	if (ret)
		goto out;
	ret = sysv_owner(p);
	if (!ret && cmd == IPC_SET)
		ret = t->set(p, &ds);
	spin_unlock(&p->lock);
	if (!ret && cmd == IPC_RMID)
		t->destroy(ns, p);
out:
	sysv_put(t, p);
	return ret;
}
