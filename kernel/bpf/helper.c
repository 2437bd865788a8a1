/* SPDX-License-Identifier: MIT */
/*
 * helper.c: kernel functions that programs call (bpf-helpers(7)). A table lists each helper's
 * arguments and result for the verifier, and its function for the machine.
 *
 * Pointers are numbers (run.c), which each helper must look up. With an invalid pointer a helper
 * fails, in most cases with -EFAULT.
 */
#include "kernel/bpf/helper.h"

#include "arch/um/machine/arch.h"
#include "kernel/bpf/machine.h"
#include "kernel/bpf/map.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"

static u64 fail(long err)
{
	return (u64)err;
}

/*
 * Returns memory for a helper to read or write, and charges the program for it. Returns NULL if the
 * program may not use all of it.
 */
static void *memory(struct ebpf_machine *m, u64 at, u32 size)
{
	ebpf_pay(m, size);
	return ebpf_memory(m, at, size);
}

/* ---- maps ---- */

/*
 * Returns a key for a lookup, and charges the program for the lookup. Returns NULL if the pointer
 * is invalid.
 */
static const void *key_at(struct ebpf_machine *m, const struct bpf_map *map, u64 at)
{
	if (map->ops->by_length) /* hashed once for each bit */
		ebpf_pay(m, (u64)map->key_size * map->key_size * 8);
	if (map->ops->head)
		/* for the other elements in the bucket */
		ebpf_pay(m, map->max / BPF_BUCKETS_MAX * 64ul);
	return memory(m, at, map->key_size);
}

static u64 map_lookup(struct ebpf_machine *m, const u64 *r)
{
	struct bpf_map *map = ebpf_map(m, r[1]);
	const void *key = map ? key_at(m, map, r[2]) : NULL;

	if (!key || !map->ops->find)
		return 0;
	return ebpf_value_token(m, r[1], map->ops->find(map, key));
}

static u64 map_update(struct ebpf_machine *m, const u64 *r)
{
	struct bpf_map *map = ebpf_map(m, r[1]);
	const void *key = map ? key_at(m, map, r[2]) : NULL;
	const void *value = map ? memory(m, r[3], map->value_size) : NULL;

	if (!key || !value || !map->ops->update)
		return fail(-EFAULT);
	return fail(r[4] > BPF_EXIST ? -EINVAL : map->ops->update(map, key, value, r[4], false));
}

static u64 map_delete(struct ebpf_machine *m, const u64 *r)
{
	struct bpf_map *map = ebpf_map(m, r[1]);
	const void *key = map ? key_at(m, map, r[2]) : NULL;

	return fail(key && map->ops->remove ? map->ops->remove(map, key) : -EFAULT);
}

static u64 map_push(struct ebpf_machine *m, const u64 *r)
{
	struct bpf_map *map = ebpf_map(m, r[1]);
	const void *value = map ? memory(m, r[2], map->value_size) : NULL;

	return fail(value && map->ops->push ? map->ops->push(map, value, r[3]) : -EFAULT);
}

static u64 take(struct ebpf_machine *m, const u64 *r, bool out)
{
	struct bpf_map *map = ebpf_map(m, r[1]);
	void *value = map ? memory(m, r[2], map->value_size) : NULL;

	return fail(value && map->ops->pop ? map->ops->pop(map, value, out) : -EFAULT);
}

static u64 map_pop(struct ebpf_machine *m, const u64 *r)
{
	return take(m, r, true);
}

static u64 map_peek(struct ebpf_machine *m, const u64 *r)
{
	return take(m, r, false);
}

static u64 tail_call(struct ebpf_machine *m, const u64 *r)
{
	struct bpf_map *map = ebpf_map(m, r[2]);
	struct bpf_prog *p;

	if (!map || map->type != BPF_MAP_TYPE_PROG_ARRAY || m->tail_calls >= EBPF_TAIL_CALLS ||
		m->depth)
		return fail(-EINVAL);
	p = bpf_prog_at(map, (u32)r[3]);
	if (!p || p->code.type != m->code->type)
		return fail(-EINVAL);
	m->tail_calls++;
	m->next = &p->code;
	return 0;
}

/* ---- time, random numbers, vCPU ---- */

static u64 ktime_ns(struct ebpf_machine *m, const u64 *r)
{
	return ktime_get();
}

static u64 boot_ns(struct ebpf_machine *m, const u64 *r)
{
	return ktime_get_boottime();
}

static u64 prandom(struct ebpf_machine *m, const u64 *r)
{
	u32 v;

	arch_random(&v, sizeof(v));
	return v;
}

static u64 cpu_id(struct ebpf_machine *m, const u64 *r)
{
	return (u64)smp_processor_id();
}

static u64 numa_node(struct ebpf_machine *m, const u64 *r)
{
	return 0;
}

/* ---- the running task ---- */

static u64 pid_tgid(struct ebpf_machine *m, const u64 *r)
{
	return (u64)(u32)current->tgid << 32 | (u32)current->pid;
}

static u64 uid_gid(struct ebpf_machine *m, const u64 *r)
{
	return (u64)from_kgid_munged(&init_user_ns, current->cred->gid) << 32 |
	       from_kuid_munged(&init_user_ns, current_uid());
}

static u64 comm(struct ebpf_machine *m, const u64 *r)
{
	u32 size = (u32)r[2];
	char *to = size ? memory(m, r[1], size) : NULL;

	if (!to)
		return fail(-EINVAL);
	memset(to, 0, size);
	memcpy(to, current->comm,
		min(size - 1, (u32)strnlen(current->comm, sizeof(current->comm))));
	return 0;
}

/* ---- packets ---- */

static u64 skb_load_bytes(struct ebpf_machine *m, const u64 *r)
{
	const struct ebpf_type *t = m->code->type;
	u32 len = (u32)r[4];
	void *to = memory(m, r[3], len);

	if (!to || !t->packet_read)
		return fail(-EFAULT);
	if ((u32)r[2] <= 0x7fffffff && t->packet_read(m->ctx, (s32)r[2], len, to, false))
		return 0;
	memset(to, 0, len);
	return fail(-EFAULT);
}

static const struct ebpf_helper helpers[] = {
	[BPF_FUNC_map_lookup_elem] = { .name = "bpf_map_lookup_elem",
		.arg = { ARG_MAP, ARG_KEY },
		.ret = RET_VALUE,
		.call = map_lookup },
	[BPF_FUNC_map_update_elem] = { .name = "bpf_map_update_elem",
		.arg = { ARG_MAP, ARG_KEY, ARG_VALUE, ARG_ANY },
		.call = map_update },
	[BPF_FUNC_map_delete_elem] = { .name = "bpf_map_delete_elem",
		.arg = { ARG_MAP, ARG_KEY },
		.call = map_delete },
	[BPF_FUNC_map_push_elem] = { .name = "bpf_map_push_elem",
		.arg = { ARG_MAP, ARG_VALUE, ARG_ANY },
		.call = map_push },
	[BPF_FUNC_map_pop_elem] = { .name = "bpf_map_pop_elem",
		.arg = { ARG_MAP, ARG_VALUE_OUT },
		.call = map_pop },
	[BPF_FUNC_map_peek_elem] = { .name = "bpf_map_peek_elem",
		.arg = { ARG_MAP, ARG_VALUE_OUT },
		.call = map_peek },
	[BPF_FUNC_tail_call] = { .name = "bpf_tail_call",
		.arg = { ARG_CTX, ARG_MAP, ARG_ANY },
		.ret = RET_NOTHING,
		.call = tail_call },
	[BPF_FUNC_ktime_get_ns] = { .name = "bpf_ktime_get_ns", .call = ktime_ns },
	[BPF_FUNC_ktime_get_boot_ns] = { .name = "bpf_ktime_get_boot_ns", .call = boot_ns },
	[BPF_FUNC_get_prandom_u32] = { .name = "bpf_get_prandom_u32", .call = prandom },
	[BPF_FUNC_get_smp_processor_id] = { .name = "bpf_get_smp_processor_id", .call = cpu_id },
	[BPF_FUNC_get_numa_node_id] = { .name = "bpf_get_numa_node_id", .call = numa_node },
	[BPF_FUNC_get_current_pid_tgid] = { .name = "bpf_get_current_pid_tgid",
		.cgroup = true,
		.call = pid_tgid },
	[BPF_FUNC_get_current_uid_gid] = { .name = "bpf_get_current_uid_gid",
		.cgroup = true,
		.call = uid_gid },
	[BPF_FUNC_get_current_comm] = { .name = "bpf_get_current_comm",
		.arg = { ARG_MEM_OUT, ARG_SIZE },
		.cgroup = true,
		.call = comm },
	[BPF_FUNC_skb_load_bytes] = { .name = "bpf_skb_load_bytes",
		.arg = { ARG_CTX, ARG_ANY, ARG_MEM_OUT, ARG_SIZE },
		.packet = true,
		.call = skb_load_bytes },
};

const struct ebpf_helper *ebpf_helper_of(u32 id)
{
	return id < ARRAY_SIZE(helpers) && helpers[id].call ? &helpers[id] : NULL;
}
