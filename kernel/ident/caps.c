/* SPDX-License-Identifier: MIT */
/*
 * caps.c: capget and capset, and the parts of prctl that are about capabilities. Rules:
 * capabilities(7).
 */
#include <linux/prctl.h>
#include <linux/securebits.h>

#include "gen/syscalls.h"
#include "kernel/ident/internal.h"

/*
 * Reads the header. Sets *words to the number of 32-bit words of each set that follow. For an
 * unknown version writes the preferred one, 3, to the program and returns -EINVAL with *words 0.
 */
static int read_header(uaddr_t uheader, struct __user_cap_header_struct *h, u32 *words)
{
	u32 ours = _LINUX_CAPABILITY_VERSION_3;

	*words = 0;
	if (copy_from_user(h, uheader, sizeof(*h)))
		return -EFAULT;
	switch (h->version) {
	case _LINUX_CAPABILITY_VERSION_1: *words = _LINUX_CAPABILITY_U32S_1; return 0;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3: *words = _LINUX_CAPABILITY_U32S_3; return 0;
	}
	return put_user(ours, uheader) ? -EFAULT : -EINVAL;
}

long sys_capget(uaddr_t uheader, uaddr_t udata)
{
	struct __user_cap_data_struct d[2];
	struct __user_cap_header_struct h;
	const struct cred *c;
	struct task *t;
	u32 words;
	int err = read_header(uheader, &h, &words);

	if (err)
		return err == -EINVAL && !udata.v ? 0 : err;
	if (!udata.v)
		return 0;
	if (h.pid < 0)
		return -EINVAL;
	t = find_get_task(h.pid ? h.pid : task_pid_vnr(current));
	if (!t)
		return -ESRCH;
	c = get_task_cred(t);
	put_task(t);
	for (u32 i = 0; i < 2; i++) {
		d[i].effective = (u32)(c->cap_effective >> (32 * i));
		d[i].permitted = (u32)(c->cap_permitted >> (32 * i));
		d[i].inheritable = (u32)(c->cap_inheritable >> (32 * i));
	}
	put_cred(c);
	if (copy_to_user(udata, d, words * sizeof(d[0])))
		return -EFAULT;
	return 0;
}

/* Checks capset(2): no set may gain a capability beyond those that capabilities(7) allows. */
static int check_capset(const struct cred *old, u64 effective, u64 permitted, u64 inheritable)
{
	u64 addable = old->cap_inheritable |
		      (ns_capable(old->user_ns, CAP_SETPCAP) ? ~0UL : old->cap_permitted);

	if (!cap_issubset(inheritable, addable) ||
		!cap_issubset(inheritable, old->cap_inheritable | old->cap_bset) ||
		!cap_issubset(permitted, old->cap_permitted) || !cap_issubset(effective, permitted))
		return -EPERM;
	return 0;
}

long sys_capset(uaddr_t uheader, uaddr_t udata)
{
	struct __user_cap_data_struct d[2];
	struct __user_cap_header_struct h;
	u64 effective, permitted, inheritable;
	struct cred *new;
	u32 words;
	int err = read_header(uheader, &h, &words);

	if (err)
		return err;
	if (h.pid && h.pid != task_pid_vnr(current))
		return -EPERM;
	memset(d, 0, sizeof(d));
	if (copy_from_user(d, udata, words * sizeof(d[0])))
		return -EFAULT;
	effective = (d[0].effective | (u64)d[1].effective << 32) & CAP_FULL;
	permitted = (d[0].permitted | (u64)d[1].permitted << 32) & CAP_FULL;
	inheritable = (d[0].inheritable | (u64)d[1].inheritable << 32) & CAP_FULL;
	err = check_capset(current_cred(), effective, permitted, inheritable);
	if (err)
		return err;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	new->cap_effective = effective;
	new->cap_permitted = permitted;
	new->cap_inheritable = inheritable;
	new->cap_ambient &= permitted &inheritable;
	return commit_creds(new);
}

/* ---- prctl ---- */

long prctl_capbset_drop(u64 cap)
{
	struct cred *new;

	if (!ns_capable(current_user_ns(), CAP_SETPCAP))
		return -EPERM;
	if (cap > CAP_LAST_CAP)
		return -EINVAL;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	new->cap_bset &= ~CAP_BIT(cap);
	return commit_creds(new);
}

long prctl_set_securebits(u64 bits)
{
	const struct cred *old = current_cred();
	u32 locked = old->securebits & SECURE_ALL_LOCKS;
	struct cred *new;

	if ((((u64)locked >> 1) & (old->securebits ^ bits)) || (locked & ~bits) ||
		(bits & ~(u64)(SECURE_ALL_LOCKS | SECURE_ALL_BITS)) ||
		!ns_capable(current_user_ns(), CAP_SETPCAP))
		return -EPERM;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	new->securebits = (u32)bits;
	return commit_creds(new);
}

long prctl_set_keepcaps(u64 on)
{
	struct cred *new;

	if (on > 1)
		return -EINVAL;
	if (current_cred()->securebits & issecure_mask(SECURE_KEEP_CAPS_LOCKED))
		return -EPERM;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	if (on)
		new->securebits |= issecure_mask(SECURE_KEEP_CAPS);
	else
		new->securebits &= ~(u32)issecure_mask(SECURE_KEEP_CAPS);
	return commit_creds(new);
}

long prctl_cap_ambient(u64 op, u64 cap)
{
	const struct cred *old = current_cred();
	struct cred *new;

	if (op == PR_CAP_AMBIENT_CLEAR_ALL ? cap != 0 : cap > CAP_LAST_CAP)
		return -EINVAL;
	if (op == PR_CAP_AMBIENT_IS_SET)
		return !!(old->cap_ambient & CAP_BIT(cap));
	if (op != PR_CAP_AMBIENT_RAISE && op != PR_CAP_AMBIENT_LOWER &&
		op != PR_CAP_AMBIENT_CLEAR_ALL)
		return -EINVAL;
	if (op == PR_CAP_AMBIENT_RAISE &&
		(!(old->cap_permitted & old->cap_inheritable & CAP_BIT(cap)) ||
			(old->securebits & issecure_mask(SECURE_NO_CAP_AMBIENT_RAISE))))
		return -EPERM;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	if (op == PR_CAP_AMBIENT_CLEAR_ALL)
		new->cap_ambient = 0;
	else if (op == PR_CAP_AMBIENT_RAISE)
		new->cap_ambient |= CAP_BIT(cap);
	else
		new->cap_ambient &= ~CAP_BIT(cap);
	return commit_creds(new);
}
