/* SPDX-License-Identifier: MIT */
/*
 * load.c: loads a program for bpf(2): checks permissions and licence, resolves the maps that the
 * program names by descriptors, runs the verifier, and copies the verifier's log to the guest.
 */
#include "arch/um/machine/arch.h"
#include "arch/um/machine/uaccess.h"
#include "kernel/bpf/map.h"
#include "kernel/bpf/types.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/vfs.h"

#define LICENSE_MAX 128
#define LOG_MIN 128
/* Most bytes of a log. The rest of a longer buffer stays unused. */
#define LOG_MAX (1u << 20)
#define LOG_LEVELS 15
#define PROG_FLAGS                                                                                 \
	(BPF_F_STRICT_ALIGNMENT | BPF_F_ANY_ALIGNMENT | BPF_F_TEST_RND_HI32 |                      \
		BPF_F_TEST_STATE_FREQ | BPF_F_SLEEPABLE | BPF_F_XDP_HAS_FRAGS)

static const struct ebpf_type *const types[] = {
	[BPF_PROG_TYPE_SOCKET_FILTER] = &ebpf_type_socket,
	[BPF_PROG_TYPE_CGROUP_SKB] = &ebpf_type_cgroup_skb,
	[BPF_PROG_TYPE_CGROUP_DEVICE] = &ebpf_type_device,
};

const struct ebpf_type *ebpf_type_of(u32 type)
{
	return type < ARRAY_SIZE(types) ? types[type] : NULL;
}

bool ebpf_attach_fits(u32 type, u32 attach_type)
{
	if (type != BPF_PROG_TYPE_CGROUP_SKB)
		return true; /* other types ignore @attach_type */
	return attach_type == BPF_CGROUP_INET_INGRESS || attach_type == BPF_CGROUP_INET_EGRESS;
}

/* ---- the log ---- */

void ebpf_log(struct ebpf_log *log, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!log || !log->buf)
		return;
	va_start(ap, fmt);
	n = vsnprintf(log->buf + log->len, log->size - log->len, fmt, ap);
	va_end(ap);
	log->cut |= (u32)n >= log->size - log->len;
	log->len = min(log->len + (u32)n, log->size - 1);
}

static int log_begin(struct ebpf_log *log, const union bpf_attr *a)
{
	if (!a->log_level && !a->log_buf && !a->log_size)
		return 0;
	if (!a->log_level || a->log_level > LOG_LEVELS || !a->log_buf || a->log_size < LOG_MIN ||
		a->log_size > UINT32_MAX >> 2)
		return -EINVAL;
	log->level = a->log_level;
	log->size = min(a->log_size, LOG_MAX);
	log->buf = kzalloc(log->size, GFP_KERNEL | __GFP_ACCOUNT);
	return log->buf ? 0 : -ENOMEM;
}

static int log_end(struct ebpf_log *log, const union bpf_attr *a, int err)
{
	if (!log->buf)
		return err;
	if (copy_to_user(UADDR(a->log_buf), log->buf, log->len + 1))
		err = -EFAULT;
	else if (log->cut)
		err = -ENOSPC;
	kfree(log->buf);
	return err;
}

/* ---- permissions ---- */

/*
 * Checks whether current may load such a program, and the attributes that do not depend on its
 * instructions. Returns 0, -EINVAL, -E2BIG or -EPERM.
 */
static int check_load(const union bpf_attr *a)
{
	const struct ebpf_type *t = ebpf_type_of(a->prog_type);

	if (a->prog_flags & ~PROG_FLAGS)
		return -EINVAL;
	if (!a->insn_cnt || a->insn_cnt > EBPF_MAX_INSNS)
		return -E2BIG;
	if (a->prog_type != BPF_PROG_TYPE_SOCKET_FILTER &&
		a->prog_type != BPF_PROG_TYPE_CGROUP_SKB && !bpf_admin(CAP_BPF))
		return -EPERM;
	if (t && t->net_admin && !bpf_admin(CAP_NET_ADMIN))
		return -EPERM;
	if (!t || !ebpf_attach_fits(a->prog_type, a->expected_attach_type))
		return -EINVAL;
	/*
	 * Not supported: programs for devices, with type information, or to be attached to another
	 * program.
	 */
	if (a->prog_ifindex || a->prog_btf_fd || a->func_info_cnt || a->line_info_cnt ||
		a->core_relo_cnt || a->attach_btf_id || a->attach_prog_fd ||
		a->prog_flags & (BPF_F_SLEEPABLE | BPF_F_XDP_HAS_FRAGS))
		return -EINVAL;
	return 0;
}

static bool is_gpl(const char *license)
{
	static const char *const names[] = { "GPL", "GPL v2", "GPL and additional rights",
		"Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL" };

	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(license, names[i]))
			return true;
	return false;
}

int bpf_copy_name(char *dst, const char *src)
{
	for (u32 i = 0; i < BPF_OBJ_NAME_LEN; i++) {
		char c = src[i], letter = (char)(c | 0x20);

		dst[i] = c;
		if (!c)
			return 0; /* the rest is 0, which the caller checked */
		if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') && c != '_' &&
			c != '.')
			return -EINVAL;
	}
	return -EINVAL;
}

/*
 * Copies instructions, licence and name from the guest. Returns an unverified program with one
 * reference, without maps and id, or ERR_PTR.
 */
static struct bpf_prog *prog_from_user(const union bpf_attr *a)
{
	char license[LICENSE_MAX] = "";
	ssize_t len = strncpy_from_user(license, UADDR(a->license), LICENSE_MAX - 1);
	size_t bytes = a->insn_cnt * sizeof(struct bpf_insn);
	struct bpf_prog *p;
	int err = -EFAULT;

	if (len < 0)
		return ERR_PTR(-EFAULT);
	license[len] = 0;
	p = kzalloc(sizeof(*p) + bytes, GFP_KERNEL | __GFP_ACCOUNT);
	if (!p)
		return ERR_PTR(-ENOMEM);
	if (!copy_from_user(p->insn, UADDR(a->insns), bytes))
		err = bpf_copy_name(p->name, a->prog_name);
	if (err) {
		kfree(p);
		return ERR_PTR(err);
	}
	atomic_set(&p->refs, 1);
	p->type = a->prog_type;
	p->code.insn = p->insn;
	p->code.n = a->insn_cnt;
	p->code.maps = p->maps;
	p->code.type = ebpf_type_of(p->type);
	p->rights = (struct ebpf_rights){ .attach_type = a->expected_attach_type,
		.gpl = is_gpl(license),
		.perfmon = bpf_admin(CAP_PERFMON),
		.strict = a->prog_flags & BPF_F_STRICT_ALIGNMENT };
	p->uid = current_uid();
	p->load_time = ktime_get_boottime();
	ebpf_tag(p->insn, p->code.n, p->tag);
	return p;
}

/* ---- maps ---- */

static int refuse(struct ebpf_log *log, int err, u32 pc, const char *why)
{
	ebpf_log(log, "insn %u: %s\n", pc, why);
	return err;
}

/*
 * Adds @m to the maps of @p, and takes over the reference to @m, also on failure. Returns the map's
 * index in @p, or -errno.
 */
static int add_map(struct bpf_prog *p, struct bpf_map *m)
{
	int err;

	for (u32 i = 0; i < p->code.nr_maps; i++)
		if (p->maps[i] == m) {
			bpf_map_put(m);
			return (int)i;
		}
	err = p->code.nr_maps < EBPF_MAX_MAPS ? bpf_map_for_program(m) : -E2BIG;
	if (err) {
		bpf_map_put(m);
		return err;
	}
	p->maps[p->code.nr_maps] = m;
	return (int)p->code.nr_maps++;
}

/*
 * Checks a constant that is the address of a byte in a map's value: the map must be an array with a
 * single value, which contains the byte. Returns 0 or -errno.
 */
static int check_place(
	const struct bpf_map *m, const struct bpf_insn *i, u32 pc, struct ebpf_log *log)
{
	if (m->type != BPF_MAP_TYPE_ARRAY || m->max != 1)
		return refuse(log, -ENOTSUPP, pc, "no direct value access of this map");
	if ((u32)i[1].imm >= m->value_size)
		return refuse(log, -EINVAL, pc, "invalid access to map value pointer");
	return 0;
}

/*
 * Replaces the map's descriptor in a constant by the map's index. The constant has the descriptor
 * itself or an index of fd_array. Returns 0 or -errno.
 */
static int find_map(struct bpf_prog *p, u32 pc, const union bpf_attr *a, struct ebpf_log *log)
{
	struct bpf_insn *i = &p->insn[pc];
	bool by_index = i->src_reg == BPF_PSEUDO_MAP_IDX || i->src_reg == BPF_PSEUDO_MAP_IDX_VALUE;
	bool value = i->src_reg == BPF_PSEUDO_MAP_VALUE || i->src_reg == BPF_PSEUDO_MAP_IDX_VALUE;
	struct bpf_map *m;
	s32 fd = i->imm;
	u32 mode;
	int n;

	if (pc + 1 >= p->code.n || i[1].code || i[1].dst_reg || i[1].src_reg || i[1].off)
		return refuse(log, -EINVAL, pc, "invalid bpf_ld_imm64 insn");
	if (i->src_reg > BPF_PSEUDO_MAP_IDX_VALUE || i->src_reg == BPF_PSEUDO_BTF_ID ||
		i->src_reg == BPF_PSEUDO_FUNC || (!value && i[1].imm))
		return refuse(log, -EINVAL, pc, "unrecognized bpf_ld_imm64 insn");
	if (by_index && !a->fd_array)
		return refuse(log, -EPROTO, pc, "fd_idx without fd_array is invalid");
	if (by_index && get_user(fd, UADDR(a->fd_array + (u64)(u32)i->imm * sizeof(fd))))
		return -EFAULT;
	m = bpf_map_of_fd((u32)fd, &mode);
	if (IS_ERR(m))
		return refuse(log, (int)PTR_ERR(m), pc, "fd is not pointing to valid bpf_map");
	n = value ? check_place(m, i, pc, log) : 0;
	if (n) {
		bpf_map_put(m);
		return n;
	}
	n = add_map(p, m);
	i->imm = n;
	i->src_reg = value ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD;
	return n < 0 ? n : 0;
}

static int find_maps(struct bpf_prog *p, const union bpf_attr *a, struct ebpf_log *log)
{
	int err = 0;

	for (u32 pc = 0; pc < p->code.n && !err; pc++) {
		if (!ebpf_is_imm64(&p->insn[pc]))
			continue;
		if (p->insn[pc].src_reg)
			err = find_map(p, pc, a, log);
		pc++;
	}
	return err;
}

/* ---- the whole load ---- */

static int verify(struct bpf_prog *p, const union bpf_attr *a)
{
	struct ebpf_log log = {};
	int err = log_begin(&log, a);

	if (err)
		return err;
	err = find_maps(p, a, &log);
	if (!err)
		err = ebpf_verify(&p->code, &p->rights, &log, &p->verified);
	ebpf_log(&log,
		"processed %u insns (limit %u) max_states_per_insn 0 total_states 0 peak_states 0 "
		"mark_read 0\n",
		p->verified, EBPF_MAX_INSNS);
	return log_end(&log, a, err);
}

long bpf_prog_load(const union bpf_attr *a)
{
	struct bpf_prog *p;
	int err = check_load(a);

	if (err)
		return err;
	p = prog_from_user(a);
	if (IS_ERR(p))
		return PTR_ERR(p);
	err = verify(p, a);
	if (!err)
		err = bpf_prog_publish(p);
	if (err) {
		bpf_prog_put(p);
		return err;
	}
	return bpf_prog_fd(p);
}
