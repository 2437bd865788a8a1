/* SPDX-License-Identifier: MIT */
/*
 * syscall.c: bpf(2): programs and maps. docs/bpf.md lists the supported types. Links and type
 * information (BTF) are not supported: calls that create such an object fail as on a Linux built
 * without them, and calls that search for one find none.
 *
 *	load.c                        copies a program from the guest and loads it
 *	prog.c                        programs, their ids and descriptors
 *	form.c, verify*.c, bounds.c   check whether a program may run
 *	run.c, helper.c               run it
 *	map*.c                        maps, which programs share with their users
 *	cgroup.c, device.c, skb.c     objects to which programs are attached, and their contexts
 *
 * Permissions: CAP_BPF to load a program or create a map, CAP_NET_ADMIN to attach, detach and query
 * programs, and both to load a program for devices. CAP_SYS_ADMIN stands for either of them, and is
 * required to find objects by id. The capabilities are needed in the initial user namespace.
 */
#include "arch/um/machine/uaccess.h"
#include "gen/syscalls.h"
#include "kernel/bpf/map.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/sysctl.h"
#include "kernel/mm/mm.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/vfs.h"

#define END(field) (offsetof(union bpf_attr, field) + sizeof(((union bpf_attr *)0)->field))
/*
 * By command: the end of the part of bpf_attr that the command reads, in bytes. The rest must be
 * zero. 0: the command is unknown, or its rest is not checked.
 */
static const u8 ends[] = {
	[BPF_MAP_CREATE] = END(map_extra),
	[BPF_MAP_LOOKUP_ELEM] = END(flags),
	[BPF_MAP_UPDATE_ELEM] = END(flags),
	[BPF_MAP_DELETE_ELEM] = END(key),
	[BPF_MAP_GET_NEXT_KEY] = END(next_key),
	[BPF_PROG_LOAD] = END(core_relo_rec_size),
	[BPF_OBJ_PIN] = END(file_flags),
	[BPF_OBJ_GET] = END(file_flags),
	[BPF_PROG_ATTACH] = END(replace_bpf_fd),
	[BPF_PROG_DETACH] = END(attach_type),
	[BPF_PROG_TEST_RUN] = END(test.batch_size),
	[BPF_PROG_GET_NEXT_ID] = END(next_id),
	[BPF_MAP_GET_NEXT_ID] = END(next_id),
	[BPF_BTF_GET_NEXT_ID] = END(next_id),
	[BPF_LINK_GET_NEXT_ID] = END(next_id),
	[BPF_PROG_GET_FD_BY_ID] = END(prog_id),
	[BPF_MAP_GET_FD_BY_ID] = END(open_flags),
	[BPF_BTF_GET_FD_BY_ID] = END(btf_id),
	[BPF_LINK_GET_FD_BY_ID] = END(link_id),
	[BPF_OBJ_GET_INFO_BY_FD] = END(info.info),
	[BPF_PROG_QUERY] = END(query.prog_attach_flags),
	[BPF_RAW_TRACEPOINT_OPEN] = END(raw_tracepoint.prog_fd),
	[BPF_BTF_LOAD] = END(btf_log_level),
	[BPF_TASK_FD_QUERY] = END(task_fd_query.probe_addr),
	[BPF_MAP_LOOKUP_AND_DELETE_ELEM] = END(flags),
	[BPF_MAP_FREEZE] = END(map_fd),
	[BPF_PROG_BIND_MAP] = END(prog_bind_map.flags),
	[BPF_ITER_CREATE] = END(iter_create.flags),
	[BPF_LINK_DETACH] = END(link_detach.link_fd),
	[BPF_ENABLE_STATS] = END(enable_stats.type),
	[BPF_MAP_LOOKUP_BATCH] = END(batch.flags),
	[BPF_MAP_LOOKUP_AND_DELETE_BATCH] = END(batch.flags),
	[BPF_MAP_UPDATE_BATCH] = END(batch.flags),
	[BPF_MAP_DELETE_BATCH] = END(batch.flags),
	[BPF_LINK_UPDATE] = END(link_update.old_prog_fd),
};

static bool rest_is_zero(const union bpf_attr *a, u32 cmd)
{
	const u8 *p = (const u8 *)a;

	if (cmd >= ARRAY_SIZE(ends) || !ends[cmd])
		return true;
	for (u32 i = ends[cmd]; i < sizeof(*a); i++)
		if (p[i])
			return false;
	return true;
}

/*
 * Returns the error for a descriptor where a map, a link or another object is required: -EBADF if
 * it is not open, else -EINVAL.
 */
static long no_such_object(u32 fd)
{
	struct file *f = fget((int)fd);

	if (!f)
		return -EBADF;
	fput(f);
	return -EINVAL;
}

static long next_id(const union bpf_attr *a, u32 cmd, uaddr_t uattr)
{
	if (a->next_id >= INT32_MAX)
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (cmd == BPF_MAP_GET_NEXT_ID)
		return bpf_map_next_id(a, uattr);
	return cmd == BPF_PROG_GET_NEXT_ID ? bpf_prog_next_id(a, uattr) : -ENOENT;
}

/*
 * Returns @err if @fd is a program, else the error for a wrong descriptor. For commands that no
 * supported program type has.
 */
static long with_program(u32 fd, long err)
{
	struct bpf_prog *p = bpf_prog_of_fd(fd, 0);

	if (IS_ERR(p))
		return PTR_ERR(p);
	bpf_prog_put(p);
	return err;
}

static long dispatch(u32 cmd, const union bpf_attr *a, uaddr_t uattr)
{
	switch (cmd) {
	case BPF_PROG_LOAD: return bpf_prog_load(a);
	case BPF_PROG_ATTACH: return bpf_cgroup_attach(a);
	case BPF_PROG_DETACH: return bpf_cgroup_detach(a);
	case BPF_PROG_QUERY: return bpf_cgroup_query(a, uattr);
	case BPF_OBJ_GET_INFO_BY_FD:
		return bpf_is_map(a->info.bpf_fd) ? bpf_map_info(a, uattr) :
						    bpf_prog_info(a, uattr);
	case BPF_PROG_GET_FD_BY_ID: return bpf_prog_fd_by_id(a);
	case BPF_PROG_GET_NEXT_ID:
	case BPF_MAP_GET_NEXT_ID:
	case BPF_BTF_GET_NEXT_ID:
	case BPF_LINK_GET_NEXT_ID: return next_id(a, cmd, uattr);
	case BPF_MAP_GET_FD_BY_ID: return bpf_map_fd_by_id(a);
	case BPF_BTF_GET_FD_BY_ID:
	case BPF_LINK_GET_FD_BY_ID: return capable(CAP_SYS_ADMIN) ? -ENOENT : -EPERM;
	case BPF_MAP_LOOKUP_ELEM:
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_DELETE_ELEM:
	case BPF_MAP_GET_NEXT_KEY:
	case BPF_MAP_LOOKUP_AND_DELETE_ELEM: return bpf_map_elem(cmd, a);
	case BPF_MAP_CREATE: return bpf_map_create(a);
	case BPF_MAP_FREEZE: return bpf_map_freeze(a);
	case BPF_MAP_LOOKUP_BATCH:
	case BPF_MAP_LOOKUP_AND_DELETE_BATCH:
	case BPF_MAP_UPDATE_BATCH:
	case BPF_MAP_DELETE_BATCH: return bpf_map_batch(cmd, a, uattr);
	case BPF_OBJ_PIN: /* no file system supports it */
		return bpf_is_map(a->bpf_fd) ? -EPERM : with_program(a->bpf_fd, -EPERM);
	case BPF_PROG_TEST_RUN: return with_program(a->test.prog_fd, -ENOTSUPP);
	case BPF_LINK_CREATE: return with_program(a->link_create.prog_fd, -EINVAL);
	case BPF_RAW_TRACEPOINT_OPEN: return with_program(a->raw_tracepoint.prog_fd, -EINVAL);
	case BPF_PROG_BIND_MAP: return with_program(a->prog_bind_map.prog_fd, -EINVAL);
	case BPF_LINK_UPDATE: return no_such_object(a->link_update.link_fd);
	case BPF_LINK_DETACH: return no_such_object(a->link_detach.link_fd);
	case BPF_ITER_CREATE: return no_such_object(a->iter_create.link_fd);
	case BPF_BTF_LOAD: return bpf_admin(CAP_BPF) ? -EINVAL : -EPERM;
	case BPF_TASK_FD_QUERY:
	case BPF_ENABLE_STATS: return capable(CAP_SYS_ADMIN) ? -EINVAL : -EPERM;
	default: return -EINVAL;
	}
}

long sys_bpf(int cmd, uaddr_t uattr, u32 size)
{
	union bpf_attr a = {};
	int err;

	if (size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(&a, sizeof(a), uattr, size);
	if (err)
		return err;
	if ((cmd == BPF_MAP_CREATE || cmd == BPF_PROG_LOAD) && !bpf_admin(CAP_BPF))
		return -EPERM;
	if (!rest_is_zero(&a, (u32)cmd))
		return -EINVAL;
	return dispatch((u32)cmd, &a, uattr);
}

/* Shows 2: tasks without CAP_BPF are refused. The value cannot be changed. */
static int show_unprivileged(char *buf, size_t size)
{
	return scnprintf(buf, size, "2\n");
}

static const struct sysctl knobs[] = {
	{ .path = "kernel/unprivileged_bpf_disabled",
		.kind = SYSCTL_SHOW,
		.mode = 0444,
		.show = show_unprivileged },
};

static int bpf_init(void)
{
	return sysctl_register(knobs, ARRAY_SIZE(knobs));
}
INITCALL(4, bpf_init);
