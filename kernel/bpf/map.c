/* SPDX-License-Identifier: MIT */
/*
 * map.c: maps: tables that bpf(2) creates. Descriptors and loaded programs hold references to them.
 * map.h describes the store, map_elem.c has the system calls on elements, and map_*.c the types.
 *
 *	bpf_map_create()	makes a map with its id and a descriptor
 *	bpf_map_info(), _freeze(), _fd_by_id(), _next_id()	serve the other commands
 *
 * The memory is charged to the memory group of the task that creates a map or adds a chunk to it.
 *
 * Locks: maps_lock protects the table of ids, map->lock protects @frozen.
 */
#include <linux/eventpoll.h>

#include "kernel/bpf/map.h"

#include "arch/um/machine/arch.h"
#include "arch/um/machine/uaccess.h"
#include "kernel/lib/radix.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/vfs.h"

#define MAX_ID (INT32_MAX - 1)
#define PER_CPU_MAX (32u << 10) /* bytes of one CPU's value */
#define ACCESS_FLAGS (BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)

static const struct bpf_map_ops *const kinds[] = {
	[BPF_MAP_TYPE_ARRAY] = &map_array,
	[BPF_MAP_TYPE_PERCPU_ARRAY] = &map_percpu_array,
	[BPF_MAP_TYPE_PROG_ARRAY] = &map_prog_array,
	[BPF_MAP_TYPE_HASH] = &map_hash,
	[BPF_MAP_TYPE_PERCPU_HASH] = &map_percpu_hash,
	[BPF_MAP_TYPE_LRU_HASH] = &map_lru,
	[BPF_MAP_TYPE_LRU_PERCPU_HASH] = &map_percpu_lru,
	[BPF_MAP_TYPE_LPM_TRIE] = &map_lpm,
	[BPF_MAP_TYPE_QUEUE] = &map_queue,
	[BPF_MAP_TYPE_STACK] = &map_stack,
};

static DEFINE_SPINLOCK(maps_lock);
static struct radix maps = RADIX_INIT; /* by id; under maps_lock */
static u32 next_free_id = 1;           /* under maps_lock */

/* ---- life ---- */

static void map_free(struct bpf_map *m)
{
	if (m->ops->free)
		m->ops->free(m);
	bpf_map_free_store(m);
	kfree(m);
}

void bpf_map_get(struct bpf_map *m)
{
	atomic_inc(&m->refs);
}

void bpf_map_put(struct bpf_map *m)
{
	if (!atomic_dec_and_test(&m->refs))
		return;
	spin_lock(&maps_lock);
	radix_delete(&maps, m->id);
	spin_unlock(&maps_lock);
	map_free(m);
}

static int give_id(struct bpf_map *m)
{
	s64 id;

	spin_lock(&maps_lock);
	id = radix_alloc(&maps, next_free_id, MAX_ID, m);
	if (id == -ENOSPC)
		id = radix_alloc(&maps, 1, MAX_ID, m);
	if (id > 0) {
		m->id = (u32)id;
		next_free_id = id == MAX_ID ? 1 : (u32)id + 1;
	}
	spin_unlock(&maps_lock);
	return id > 0 ? 0 : (int)id;
}

/* ---- descriptors ---- */

static void leave(struct bpf_map *m)
{
	if (atomic_dec_and_test(&m->users) && m->ops->left)
		m->ops->left(m);
	bpf_map_put(m);
}

static int map_release(struct inode *inode, struct file *f)
{
	leave(f->private_data);
	return 0;
}

static int map_fdinfo(struct file *f, char *buf, size_t size)
{
	const struct bpf_map *m = f->private_data;

	return scnprintf(buf, size,
		"map_type:\t%u\nkey_size:\t%u\nvalue_size:\t%u\nmax_entries:\t%u\n"
		"map_flags:\t0x%x\nmap_extra:\t0x0\nmemlock:\t%lu\nmap_id:\t%u\nfrozen:\t%u\n",
		m->type, m->key_size, m->value_size, m->max, m->flags,
		(unsigned long)round_up(sizeof(*m) + (u64)m->each * m->max, PAGE_SIZE), m->id,
		READ_ONCE(m->frozen));
}

static int map_mmap(struct file *f, struct vm_area *vma)
{
	return -EINVAL; /* BPF_F_MMAPABLE is not supported */
}

/* Reports EPOLLERR, since no supported map has events. */
static u32 map_poll(struct file *f, struct poll_table *pt)
{
	return EPOLLERR;
}

static const struct file_operations map_fops = {
	.release = map_release,
	.poll = map_poll,
	.show_fdinfo = map_fdinfo,
	.mmap = map_mmap,
};

struct bpf_map *bpf_map_of_fd(u32 fd, u32 *mode)
{
	struct file *f = fget((int)fd);
	struct bpf_map *m = ERR_PTR(-EINVAL);

	if (!f)
		return ERR_PTR(-EBADF);
	if (f->f_op == &map_fops) {
		m = f->private_data;
		bpf_map_get(m);
		*mode = f->f_mode & (FMODE_READ | FMODE_WRITE);
	}
	fput(f);
	return m;
}

bool bpf_is_map(u32 fd)
{
	u32 mode;
	struct bpf_map *m = bpf_map_of_fd(fd, &mode);

	if (IS_ERR(m))
		return false;
	bpf_map_put(m);
	return true;
}

long bpf_map_fd(struct bpf_map *m, u32 flags)
{
	u32 access = flags & BPF_F_RDONLY ? O_RDONLY : flags & BPF_F_WRONLY ? O_WRONLY : O_RDWR;
	int fd;

	atomic_inc(&m->users);
	fd = anon_fd("bpf-map", &map_fops, m, access | O_CLOEXEC);
	if (fd < 0)
		leave(m);
	return fd;
}

/* ---- making ---- */

static bool both(u32 flags, u32 a, u32 b)
{
	return (flags & a) && (flags & b);
}

static int check_flags(const union bpf_attr *a, u32 allowed)
{
	u32 flags = a->map_flags;

	if (flags & ~(allowed | BPF_F_NUMA_NODE | ACCESS_FLAGS) ||
		both(flags, BPF_F_RDONLY, BPF_F_WRONLY) ||
		both(flags, BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG))
		return -EINVAL;
	return flags & BPF_F_NUMA_NODE && a->numa_node ? -EINVAL : 0; /* there is one NUMA node */
}

static int check_create(const union bpf_attr *a, const struct bpf_map_ops *ops)
{
	int err;

	/* Type information and devices are not supported. */
	if (a->btf_key_type_id || a->btf_value_type_id || a->btf_vmlinux_value_type_id ||
		a->map_extra || a->map_ifindex || !ops || !a->max_entries ||
		check_flags(a, ops->flags))
		return -EINVAL;
	err = ops->check(a);
	if (!err && ops->per_cpu && a->value_size > PER_CPU_MAX)
		err = -E2BIG;
	return err;
}

static int set_up(struct bpf_map *m, const union bpf_attr *a)
{
	int err = bpf_copy_name(m->name, a->map_name);

	if (!err)
		err = bpf_map_make_store(m);
	if (!err && m->ops->make)
		err = m->ops->make(m);
	return err ? err : give_id(m);
}

long bpf_map_create(const union bpf_attr *a)
{
	const struct bpf_map_ops *ops = a->map_type < ARRAY_SIZE(kinds) ? kinds[a->map_type] : NULL;
	struct bpf_map *m;
	int err = check_create(a, ops);

	if (err)
		return err;
	m = kzalloc(sizeof(*m), GFP_KERNEL | __GFP_ACCOUNT);
	if (!m)
		return -ENOMEM;
	atomic_set(&m->refs, 1);
	spin_lock_init(&m->lock);
	m->ops = ops;
	m->type = a->map_type;
	m->key_size = a->key_size;
	m->value_size = a->value_size;
	m->key_at = ops->head;
	m->value_at = ops->head ? ops->head + round_up(a->key_size, 8u) : 0;
	m->value_stride = round_up(a->value_size, 8u);
	m->value_bytes = ops->per_cpu ? m->value_stride * (u32)nr_cpus : a->value_size;
	m->max = a->max_entries;
	m->flags = a->map_flags;
	m->uid = current_uid();
	err = set_up(m, a);
	if (err) {
		map_free(m);
		return err;
	}
	return bpf_map_fd(m, a->map_flags);
}

long bpf_map_freeze(const union bpf_attr *a)
{
	u32 mode;
	struct bpf_map *m = bpf_map_of_fd(a->map_fd, &mode);
	int err = 0;

	if (IS_ERR(m))
		return PTR_ERR(m);
	spin_lock(&m->lock);
	if (!(mode & FMODE_WRITE) || m->frozen)
		err = -EPERM;
	else
		WRITE_ONCE(m->frozen, true);
	spin_unlock(&m->lock);
	bpf_map_put(m);
	return err;
}

/* ---- ids and information ---- */

long bpf_map_fd_by_id(const union bpf_attr *a)
{
	struct bpf_map *m;

	if (a->open_flags & ~(u32)(BPF_F_RDONLY | BPF_F_WRONLY))
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (both(a->open_flags, BPF_F_RDONLY, BPF_F_WRONLY))
		return -EINVAL;
	spin_lock(&maps_lock);
	m = radix_lookup(&maps, a->map_id);
	if (m && !atomic_inc_not_zero(&m->refs))
		m = NULL;
	spin_unlock(&maps_lock);
	return m ? bpf_map_fd(m, a->open_flags) : -ENOENT;
}

long bpf_map_next_id(const union bpf_attr *a, uaddr_t uattr)
{
	u64 id = (u64)a->start_id + 1;
	bool found;

	spin_lock(&maps_lock);
	found = radix_next(&maps, &id);
	spin_unlock(&maps_lock);
	if (!found)
		return -ENOENT;
	return put_user((u32)id, uaddr_add(uattr, offsetof(union bpf_attr, next_id)));
}

long bpf_map_info(const union bpf_attr *a, uaddr_t uattr)
{
	u32 mode, len = min(a->info.info_len, (u32)sizeof(struct bpf_map_info));
	struct bpf_map *m = bpf_map_of_fd(a->info.bpf_fd, &mode);
	struct bpf_map_info out = {}, in = {};
	long err;

	if (IS_ERR(m))
		return PTR_ERR(m);
	err = a->info.info_len > PAGE_SIZE ?
		      -E2BIG :
		      copy_struct_from_user(&in, sizeof(in), UADDR(a->info.info), a->info.info_len);
	out.type = m->type;
	out.id = m->id;
	out.key_size = m->key_size;
	out.value_size = m->value_size;
	out.max_entries = m->max;
	out.map_flags = m->flags;
	memcpy(out.name, m->name, sizeof(out.name));
	bpf_map_put(m);
	if (!err &&
		(copy_to_user(UADDR(a->info.info), &out, len) ||
			put_user(len, uaddr_add(uattr, offsetof(union bpf_attr, info.info_len)))))
		err = -EFAULT;
	return err;
}
