/* SPDX-License-Identifier: MIT */
/*
 * map.c: maps: tables that bpf(2) makes, and that their descriptors lead to. Arrays and hash tables, each also with a value for every CPU.
 * No program uses them yet: those that could are not loaded (syscall.c). Not mapped into memory, not pinned.
 *
 *	bpf_map_create()	a map with its number and a descriptor
 *	bpf_map_elem()	what can be done with an element: key and value are copied in or out around it, in memory of their own
 *	bpf_map_info(), _freeze(), _fd_by_id(), _next_id()
 *
 * An array's values lie in chunks, which come with the first write to one of theirs: what has none is zero. A hash table's elements are each
 * an allocation. All of it is charged to the group of who makes it.
 *
 * Locks: maps_mutex for the numbers; a map's mutex for what it holds and for frozen. Neither is held over a copy to or from the guest.
 */
#include "arch/um/arch.h"
#include "arch/um/uaccess.h"
#include "kernel/bpf/internal.h"
#include "kernel/lib/list.h"
#include "kernel/lib/radix.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/task/cred.h"
#include "kernel/vfs/vfs.h"

#define ENOTSUPP 524
#define MAX_ID (INT32_MAX - 1)
#define CHUNK (64u << 10)
#define ELEMENT_MAX (4u << 20)  /* key and value of a hash table's element, with its head */
#define PER_CPU_MAX (32u << 10) /* of a value, for one CPU */
#define BUCKETS_MAX (64u << 10)
#define ACCESS_FLAGS (BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)

struct element {
	struct hlist_node node;
	u8 data[]; /* key, then at a multiple of 8 the value */
};

struct bpf_map {
	atomic_t refs;
	u32 id, type, key_size, value_size, max, flags;
	u32 value_at;    /* in an element */
	u32 value_bytes; /* as the guest sees them: of all CPUs */
	u32 uid;
	u64 load_time;
	char name[BPF_OBJ_NAME_LEN];
	struct mutex lock;
	bool frozen; /* under lock, as what follows */
	u32 per_chunk, nr_chunks, nr_buckets, nr;
	u32 seed;
	u8 **chunks;
	struct hlist_head *buckets;
};

static DEFINE_MUTEX(maps_mutex);
static struct radix maps = RADIX_INIT; /* by id; under maps_mutex */
static u32 next_free_id = 1;           /* under maps_mutex */

static bool is_array(const struct bpf_map *m)
{
	return m->type == BPF_MAP_TYPE_ARRAY || m->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static bool per_cpu(u32 type)
{
	return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH;
}

/* ---- life ---- */

static void map_free(struct bpf_map *m)
{
	for (u32 i = 0; m->chunks && i < m->nr_chunks; i++)
		kfree(m->chunks[i]);
	for (u32 i = 0; m->buckets && i < m->nr_buckets; i++)
		while (!hlist_empty(&m->buckets[i])) {
			struct element *e = container_of(m->buckets[i].first, struct element, node);

			hlist_del_init(&e->node);
			kfree(e);
		}
	kfree(m->chunks);
	kfree(m->buckets);
	kfree(m);
}

static void map_put(struct bpf_map *m)
{
	if (!atomic_dec_and_test(&m->refs))
		return;
	mutex_lock(&maps_mutex);
	radix_delete(&maps, m->id);
	mutex_unlock(&maps_mutex);
	map_free(m);
}

static int give_id(struct bpf_map *m)
{
	s64 id;

	mutex_lock(&maps_mutex);
	id = radix_alloc(&maps, next_free_id, MAX_ID, m);
	if (id == -ENOSPC)
		id = radix_alloc(&maps, 1, MAX_ID, m);
	if (id > 0) {
		m->id = (u32)id;
		next_free_id = id == MAX_ID ? 1 : (u32)id + 1;
	}
	mutex_unlock(&maps_mutex);
	return id > 0 ? 0 : (int)id;
}

/* ---- descriptors ---- */

static int map_release(struct inode *inode, struct file *f)
{
	map_put(f->private_data);
	return 0;
}

static u64 memory_of(const struct bpf_map *m)
{
	u64 each = is_array(m) ? round_up(m->value_bytes, 8) :
				 sizeof(struct element) + m->value_at + m->value_bytes;

	return round_up(sizeof(*m) + each * m->max, PAGE_SIZE);
}

static int map_fdinfo(struct file *f, char *buf, size_t size)
{
	const struct bpf_map *m = f->private_data;

	return scnprintf(buf, size,
		"map_type:\t%u\nkey_size:\t%u\nvalue_size:\t%u\nmax_entries:\t%u\n"
		"map_flags:\t0x%x\nmap_extra:\t0x0\nmemlock:\t%lu\nmap_id:\t%u\nfrozen:\t%u\n",
		m->type, m->key_size, m->value_size, m->max, m->flags, (unsigned long)memory_of(m),
		m->id, READ_ONCE(m->frozen));
}

static int map_mmap(struct file *f, struct vm_area *vma)
{
	return -EINVAL; /* BPF_F_MMAPABLE is not taken */
}

static const struct file_operations map_fops = {
	.release = map_release,
	.show_fdinfo = map_fdinfo,
	.mmap = map_mmap,
};

/* A reference and what the descriptor allows, FMODE_*. */
static struct bpf_map *map_of_fd(u32 fd, u32 *mode)
{
	struct file *f = fget((int)fd);
	struct bpf_map *m = ERR_PTR(-EINVAL);

	if (!f)
		return ERR_PTR(-EBADF);
	if (f->f_op == &map_fops) {
		m = f->private_data;
		atomic_inc(&m->refs);
		*mode = f->f_mode & (FMODE_READ | FMODE_WRITE);
	}
	fput(f);
	return m;
}

int bpf_map_no_batch(u32 fd)
{
	u32 mode;
	struct bpf_map *m = map_of_fd(fd, &mode);

	if (IS_ERR(m))
		return (int)PTR_ERR(m);
	map_put(m);
	return -ENOTSUPP;
}

bool bpf_is_map(u32 fd)
{
	u32 mode;
	struct bpf_map *m = map_of_fd(fd, &mode);

	if (IS_ERR(m))
		return false;
	map_put(m);
	return true;
}

/* Takes the reference. */
static long map_fd(struct bpf_map *m, u32 flags)
{
	u32 access = flags & BPF_F_RDONLY ? O_RDONLY : flags & BPF_F_WRONLY ? O_WRONLY : O_RDWR;
	int fd = anon_fd("bpf-map", &map_fops, m, access | O_CLOEXEC);

	if (fd < 0)
		map_put(m);
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
	return flags & BPF_F_NUMA_NODE && a->numa_node ? -EINVAL : 0; /* there is one node */
}

static int check_array(const union bpf_attr *a)
{
	if (a->key_size != 4 || !a->value_size || !a->max_entries || check_flags(a, 0))
		return -EINVAL;
	return a->value_size > INT32_MAX ? -E2BIG : 0;
}

static int check_hash(const union bpf_attr *a)
{
	if (check_flags(a, BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED) || !a->max_entries ||
		!a->key_size || !a->value_size)
		return -EINVAL;
	return (u64)a->key_size + a->value_size >= ELEMENT_MAX - sizeof(struct element) ? -E2BIG :
											  0;
}

static int check_create(const union bpf_attr *a)
{
	int err;

	/* no type information, no devices */
	if (a->btf_key_type_id || a->btf_value_type_id || a->btf_vmlinux_value_type_id ||
		a->map_extra || a->map_ifindex)
		return -EINVAL;
	switch (a->map_type) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY: err = check_array(a); break;
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH: err = check_hash(a); break;
	default: return -EINVAL;
	}
	if (!err && per_cpu(a->map_type) && a->value_size > PER_CPU_MAX)
		err = -E2BIG;
	return err;
}

static int make_chunks(struct bpf_map *m)
{
	u64 each = round_up((u64)m->value_bytes, 8);

	struct meminfo mi;

	si_meminfo(&mi);
	if (each > ELEMENT_MAX || each * m->max / PAGE_SIZE > mi.total)
		return -ENOMEM;
	m->per_chunk = (u32)max(CHUNK / each, 1ul);
	m->nr_chunks = (u32)(((u64)m->max + m->per_chunk - 1) / m->per_chunk);
	m->chunks = kzalloc(m->nr_chunks * sizeof(*m->chunks), GFP_KERNEL | __GFP_ACCOUNT);
	return m->chunks ? 0 : -ENOMEM;
}

static int make_buckets(struct bpf_map *m)
{
	m->nr_buckets = 1;
	while (m->nr_buckets < min(m->max, BUCKETS_MAX))
		m->nr_buckets *= 2;
	if (!(m->flags & BPF_F_ZERO_SEED))
		arch_random(&m->seed, sizeof(m->seed));
	m->buckets = kzalloc(m->nr_buckets * sizeof(*m->buckets), GFP_KERNEL | __GFP_ACCOUNT);
	return m->buckets ? 0 : -ENOMEM;
}

long bpf_map_create(const union bpf_attr *a)
{
	struct bpf_map *m;
	int err = check_create(a);

	if (err)
		return err;
	m = kzalloc(sizeof(*m), GFP_KERNEL | __GFP_ACCOUNT);
	if (!m)
		return -ENOMEM;
	atomic_set(&m->refs, 1);
	mutex_init(&m->lock);
	m->type = a->map_type;
	m->key_size = a->key_size;
	m->value_size = a->value_size;
	m->value_at = round_up(a->key_size, 8u);
	m->value_bytes =
		per_cpu(m->type) ? round_up(a->value_size, 8u) * (u32)nr_cpus : a->value_size;
	m->max = a->max_entries;
	m->flags = a->map_flags;
	m->uid = current_uid();
	err = bpf_copy_name(m->name, a->map_name);
	if (!err)
		err = is_array(m) ? make_chunks(m) : make_buckets(m);
	if (!err)
		err = give_id(m);
	if (err) {
		map_free(m);
		return err;
	}
	return map_fd(m, a->map_flags);
}

/* ---- arrays ---- */

/* Where a value lies; NULL: nowhere, it is zero. With @make a chunk is made, or there is no memory. */
static u8 *array_at(struct bpf_map *m, u32 i, bool make)
{
	u64 each = round_up((u64)m->value_bytes, 8);
	u8 **chunk = &m->chunks[i / m->per_chunk];

	if (!*chunk && make)
		*chunk = kzalloc(each * m->per_chunk, GFP_KERNEL | __GFP_ACCOUNT);
	return *chunk ? *chunk + each * (i % m->per_chunk) : NULL;
}

static int array_lookup(struct bpf_map *m, const void *key, void *value)
{
	u32 i = *(const u32 *)key;
	const u8 *at;

	if (i >= m->max)
		return -ENOENT;
	at = array_at(m, i, false);
	if (at)
		memcpy(value, at, m->value_bytes);
	else
		memset(value, 0, m->value_bytes);
	return 0;
}

static int array_update(struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	u32 i = *(const u32 *)key;
	u8 *at;

	if (i >= m->max)
		return -E2BIG;
	if (flags == BPF_NOEXIST)
		return -EEXIST;
	at = array_at(m, i, true);
	if (!at)
		return -ENOMEM;
	memcpy(at, value, m->value_bytes);
	return 0;
}

static int array_next(struct bpf_map *m, const void *key, void *next)
{
	u32 i = key ? *(const u32 *)key : m->max;

	if (i == m->max - 1)
		return -ENOENT;
	*(u32 *)next = i < m->max ? i + 1 : 0;
	return 0;
}

/* ---- hash tables ---- */

static u32 bucket_of(const struct bpf_map *m, const u8 *key)
{
	u64 h = m->seed ^ 0xcbf29ce484222325ul; /* FNV-1a */

	for (u32 i = 0; i < m->key_size; i++)
		h = (h ^ key[i]) * 0x100000001b3ul;
	return (u32)(h ^ h >> 32) & (m->nr_buckets - 1);
}

static struct element *hash_find(struct bpf_map *m, const void *key)
{
	struct element *e;

	hlist_for_each_entry(e, &m->buckets[bucket_of(m, key)], node)
		if (!memcmp(e->data, key, m->key_size))
			return e;
	return NULL;
}

static int hash_lookup(struct bpf_map *m, const void *key, void *value)
{
	const struct element *e = hash_find(m, key);

	if (!e)
		return -ENOENT;
	memcpy(value, e->data + m->value_at, m->value_bytes);
	return 0;
}

static int hash_update(struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	struct element *e = hash_find(m, key);

	if (e && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!e && flags == BPF_EXIST)
		return -ENOENT;
	if (!e && m->nr >= m->max)
		return -E2BIG;
	if (!e) {
		e = kmalloc(sizeof(*e) + m->value_at + m->value_bytes, GFP_KERNEL | __GFP_ACCOUNT);
		if (!e)
			return -ENOMEM;
		memcpy(e->data, key, m->key_size);
		hlist_add_head(&e->node, &m->buckets[bucket_of(m, key)]);
		m->nr++;
	}
	memcpy(e->data + m->value_at, value, m->value_bytes);
	return 0;
}

static int hash_delete(struct bpf_map *m, const void *key, void *value)
{
	struct element *e = hash_find(m, key);

	if (!e)
		return -ENOENT;
	if (value)
		memcpy(value, e->data + m->value_at, m->value_bytes);
	hlist_del_init(&e->node);
	m->nr--;
	kfree(e);
	return 0;
}

/* What follows a key that is not there is the first. */
static int hash_next(struct bpf_map *m, const void *key, void *next)
{
	struct element *e = key ? hash_find(m, key) : NULL;
	struct hlist_node *n = e ? e->node.next : NULL;

	for (u32 i = e ? bucket_of(m, key) + 1 : 0; !n && i < m->nr_buckets; i++)
		n = m->buckets[i].first;
	if (!n)
		return -ENOENT;
	memcpy(next, container_of(n, struct element, node)->data, m->key_size);
	return 0;
}

/* ---- elements ---- */

/* What a command needs of the descriptor, and which flags it takes. */
static int check_elem(const struct bpf_map *m, u32 cmd, const union bpf_attr *a, u32 mode)
{
	bool writes = cmd == BPF_MAP_UPDATE_ELEM || cmd == BPF_MAP_DELETE_ELEM ||
		      cmd == BPF_MAP_LOOKUP_AND_DELETE_ELEM;
	bool reads = cmd != BPF_MAP_UPDATE_ELEM && cmd != BPF_MAP_DELETE_ELEM;

	if ((reads && !(mode & FMODE_READ)) ||
		(writes && (!(mode & FMODE_WRITE) || READ_ONCE(m->frozen))))
		return -EPERM;
	if ((cmd == BPF_MAP_LOOKUP_ELEM || cmd == BPF_MAP_UPDATE_ELEM) && a->flags & BPF_F_LOCK)
		return -EINVAL; /* no map has a lock in its values */
	return cmd == BPF_MAP_LOOKUP_AND_DELETE_ELEM && is_array(m) ? -ENOTSUPP : 0;
}

static int do_elem(struct bpf_map *m, u32 cmd, u64 flags, const void *key, void *value)
{
	bool array = is_array(m);

	assert_mutex_held(&m->lock);
	switch (cmd) {
	case BPF_MAP_LOOKUP_ELEM:
		return array ? array_lookup(m, key, value) : hash_lookup(m, key, value);
	case BPF_MAP_UPDATE_ELEM:
		if (flags > BPF_EXIST)
			return -EINVAL;
		if (m->frozen)
			return -EPERM;
		return array ? array_update(m, key, value, flags) :
			       hash_update(m, key, value, flags);
	case BPF_MAP_DELETE_ELEM: return array ? -EINVAL : hash_delete(m, key, NULL);
	case BPF_MAP_LOOKUP_AND_DELETE_ELEM: return hash_delete(m, key, value);
	default: return array ? array_next(m, key, value) : hash_next(m, key, value);
	}
}

static int with_buffers(struct bpf_map *m, u32 cmd, const union bpf_attr *a, u8 *key, u8 *value)
{
	bool walk = cmd == BPF_MAP_GET_NEXT_KEY, have_key = !walk || a->key;
	u32 bytes = walk ? m->key_size : m->value_bytes;
	int err;

	if (have_key && copy_from_user(key, UADDR(a->key), m->key_size))
		return -EFAULT;
	if (cmd == BPF_MAP_UPDATE_ELEM && copy_from_user(value, UADDR(a->value), bytes))
		return -EFAULT;
	mutex_lock(&m->lock);
	err = do_elem(m, cmd, a->flags, have_key ? key : NULL, value);
	mutex_unlock(&m->lock);
	if (err || cmd == BPF_MAP_UPDATE_ELEM || cmd == BPF_MAP_DELETE_ELEM)
		return err;
	return copy_to_user(UADDR(a->value), value, bytes) ? -EFAULT : 0;
}

long bpf_map_elem(u32 cmd, const union bpf_attr *a)
{
	struct bpf_map *m;
	u32 mode;
	u8 *buf;
	int err;

	if ((cmd == BPF_MAP_LOOKUP_ELEM || cmd == BPF_MAP_LOOKUP_AND_DELETE_ELEM) &&
		a->flags & ~(u64)BPF_F_LOCK)
		return -EINVAL;
	m = map_of_fd(a->map_fd, &mode);
	if (IS_ERR(m))
		return PTR_ERR(m);
	err = check_elem(m, cmd, a, mode);
	if (!err) {
		buf = kzalloc(
			m->value_at + max(m->value_bytes, m->key_size), GFP_KERNEL | __GFP_ACCOUNT);
		err = buf ? with_buffers(m, cmd, a, buf, buf + m->value_at) : -ENOMEM;
		kfree(buf);
	}
	map_put(m);
	return err;
}

long bpf_map_freeze(const union bpf_attr *a)
{
	u32 mode;
	struct bpf_map *m = map_of_fd(a->map_fd, &mode);
	int err = 0;

	if (IS_ERR(m))
		return PTR_ERR(m);
	mutex_lock(&m->lock);
	if (!(mode & FMODE_WRITE) || m->frozen)
		err = -EPERM;
	else
		WRITE_ONCE(m->frozen, true);
	mutex_unlock(&m->lock);
	map_put(m);
	return err;
}

/* ---- numbers, and what is told ---- */

long bpf_map_fd_by_id(const union bpf_attr *a)
{
	struct bpf_map *m;

	if (a->open_flags & ~(u32)(BPF_F_RDONLY | BPF_F_WRONLY))
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (both(a->open_flags, BPF_F_RDONLY, BPF_F_WRONLY))
		return -EINVAL;
	mutex_lock(&maps_mutex);
	m = radix_lookup(&maps, a->map_id);
	if (m && !atomic_inc_not_zero(&m->refs))
		m = NULL;
	mutex_unlock(&maps_mutex);
	return m ? map_fd(m, a->open_flags) : -ENOENT;
}

long bpf_map_next_id(const union bpf_attr *a, uaddr_t uattr)
{
	u64 id = (u64)a->start_id + 1;
	bool found;

	mutex_lock(&maps_mutex);
	found = radix_next(&maps, &id);
	mutex_unlock(&maps_mutex);
	if (!found)
		return -ENOENT;
	return put_user((u32)id, uaddr_add(uattr, offsetof(union bpf_attr, next_id)));
}

long bpf_map_info(const union bpf_attr *a, uaddr_t uattr)
{
	u32 mode, len = min(a->info.info_len, (u32)sizeof(struct bpf_map_info));
	struct bpf_map *m = map_of_fd(a->info.bpf_fd, &mode);
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
	map_put(m);
	if (!err &&
		(copy_to_user(UADDR(a->info.info), &out, len) ||
			put_user(len, uaddr_add(uattr, offsetof(union bpf_attr, info.info_len)))))
		err = -EFAULT;
	return err;
}
