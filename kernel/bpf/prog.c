/* SPDX-License-Identifier: MIT */
/*
 * prog.c: programs: their lifetime, ids and descriptors, and the information that bpf(2) returns
 * about them.
 *
 * A program is verified, and then gets its id and a descriptor. From then on it is immutable.
 * Descriptors and attachments hold references. When the last one is dropped, the program's id is
 * removed from the table. A task that finds a program in the table may use it only if it can still
 * take a reference. A program is freed after an RCU grace period, since programs run, and are
 * tail-called, without references. Its memory is charged to the group of the task that loads it.
 *
 * Locks: progs_lock protects the table of ids.
 */
#include "arch/um/machine/arch.h"
#include "arch/um/machine/uaccess.h"
#include "kernel/bpf/map.h"
#include "kernel/lib/radix.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/vfs.h"

#define MAX_ID (INT32_MAX - 1)

static DEFINE_SPINLOCK(progs_lock);
static struct radix progs = RADIX_INIT; /* by id; under progs_lock */
static u32 next_id = 1;                 /* under progs_lock */

bool bpf_admin(int cap)
{
	return capable(cap) || capable(CAP_SYS_ADMIN);
}

/* ---- life ---- */

void bpf_prog_get(struct bpf_prog *p)
{
	atomic_inc(&p->refs);
}

static void free_rcu(struct rcu_head *h)
{
	struct bpf_prog *p = container_of(h, struct bpf_prog, rcu);

	for (u32 i = 0; i < p->code.nr_maps; i++)
		bpf_map_put(p->maps[i]);
	kfree(p);
}

void bpf_prog_put(struct bpf_prog *p)
{
	if (!atomic_dec_and_test(&p->refs))
		return;
	spin_lock(&progs_lock);
	if (p->id)
		radix_delete(&progs, p->id);
	spin_unlock(&progs_lock);
	call_rcu(&p->rcu, free_rcu);
}

/*
 * Makes the program visible under a new id. Ids are not reused soon. Returns 0, -ENOMEM or -ENOSPC.
 */
int bpf_prog_publish(struct bpf_prog *p)
{
	s64 id;

	spin_lock(&progs_lock);
	id = radix_alloc(&progs, next_id, MAX_ID, p);
	if (id == -ENOSPC)
		id = radix_alloc(&progs, 1, MAX_ID, p);
	if (id > 0) {
		p->id = (u32)id;
		next_id = id == MAX_ID ? 1 : (u32)id + 1;
	}
	spin_unlock(&progs_lock);
	return id > 0 ? 0 : (int)id;
}

/* ---- descriptors ---- */

static int prog_release(struct inode *inode, struct file *f)
{
	bpf_prog_put(f->private_data);
	return 0;
}

static int prog_fdinfo(struct file *f, char *buf, size_t size)
{
	const struct bpf_prog *p = f->private_data;
	const u8 *t = p->tag;

	return scnprintf(buf, size,
		"prog_type:\t%u\nprog_jited:\t0\nprog_tag:\t%02x%02x%02x%02x%02x%02x%02x%02x\n"
		"memlock:\t%lu\nprog_id:\t%u\nrun_time_ns:\t0\nrun_cnt:\t0\n"
		"recursion_misses:\t0\nverified_insns:\t%u\n",
		p->type, t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7],
		(unsigned long)round_up(sizeof(*p) + p->code.n * sizeof(*p->insn), PAGE_SIZE),
		p->id, p->verified);
}

static const struct file_operations prog_fops = {
	.llseek = noop_llseek,
	.release = prog_release,
	.show_fdinfo = prog_fdinfo,
};

struct bpf_prog *bpf_prog_of_fd(u32 fd, u32 type)
{
	struct file *f = fget((int)fd);
	struct bpf_prog *p = ERR_PTR(-EINVAL);

	if (!f)
		return ERR_PTR(-EBADF);
	if (f->f_op == &prog_fops) {
		p = f->private_data;
		if (!type || p->type == type)
			bpf_prog_get(p);
		else
			p = ERR_PTR(-EINVAL);
	}
	fput(f);
	return p;
}

long bpf_prog_fd(struct bpf_prog *p)
{
	int fd = anon_fd("bpf-prog", &prog_fops, p, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		bpf_prog_put(p);
	return fd;
}

/* ---- ids ---- */

long bpf_prog_fd_by_id(const union bpf_attr *a)
{
	struct bpf_prog *p;

	if (a->open_flags)
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	spin_lock(&progs_lock);
	p = radix_lookup(&progs, a->prog_id);
	if (p && !atomic_inc_not_zero(&p->refs))
		p = NULL;
	spin_unlock(&progs_lock);
	return p ? bpf_prog_fd(p) : -ENOENT;
}

long bpf_prog_next_id(const union bpf_attr *a, uaddr_t uattr)
{
	u64 id = (u64)a->start_id + 1;
	const struct bpf_prog *p;
	bool found;

	spin_lock(&progs_lock);
	while ((p = radix_next(&progs, &id)) && !atomic_read(&p->refs))
		id++; /* skip a program that is being freed */
	found = p;
	spin_unlock(&progs_lock);
	if (!found)
		return -ENOENT;
	return put_user((u32)id, uaddr_add(uattr, offsetof(union bpf_attr, next_id)));
}

/* ---- information for the guest ---- */

static void fill_info(struct bpf_prog_info *i, const struct bpf_prog *p)
{
	i->type = p->type;
	i->id = p->id;
	memcpy(i->tag, p->tag, sizeof(i->tag));
	i->load_time = p->load_time;
	i->created_by_uid = from_kuid_munged(current_user_ns(), p->uid);
	memcpy(i->name, p->name, sizeof(i->name));
	i->gpl_compatible = p->rights.gpl;
	i->func_info_rec_size = sizeof(struct bpf_func_info);
	i->line_info_rec_size = sizeof(struct bpf_line_info);
	i->jited_line_info_rec_size = sizeof(u64);
	i->verified_insns = p->verified;
	i->nr_map_ids = p->code.nr_maps;
}

/*
 * Returns an instruction as bpf(2) shows it: as it was loaded, but with the map's id instead of a
 * descriptor, and without the internal fields of calls.
 */
static struct bpf_insn insn_as_loaded(const struct bpf_prog *p, u32 pc)
{
	struct bpf_insn i = p->insn[pc];

	if (ebpf_is_imm64(&i) && i.src_reg)
		i.imm = (s32)p->maps[i.imm]->id;
	if (ebpf_is_call(&i, BPF_PSEUDO_CALL))
		i.off = 0;
	return i;
}

static int put_insns(
	const struct bpf_prog *p, const struct bpf_prog_info *in, struct bpf_prog_info *out)
{
	u32 n = min(p->code.n, in->xlated_prog_len / (u32)sizeof(struct bpf_insn));

	out->xlated_prog_len = p->code.n * (u32)sizeof(struct bpf_insn);
	out->xlated_prog_insns = in->xlated_prog_insns;
	out->nr_prog_tags = 1;
	out->prog_tags = in->prog_tags;
	for (u32 pc = 0; pc < n; pc++) {
		struct bpf_insn i = insn_as_loaded(p, pc);

		if (copy_to_user(UADDR(in->xlated_prog_insns + pc * sizeof(i)), &i, sizeof(i)))
			return -EFAULT;
	}
	if (in->nr_prog_tags && in->prog_tags &&
		copy_to_user(UADDR(in->prog_tags), p->tag, sizeof(p->tag)))
		return -EFAULT;
	return 0;
}

static int put_map_ids(const struct bpf_prog *p, const struct bpf_prog_info *in)
{
	for (u32 i = 0; i < min(p->code.nr_maps, in->nr_map_ids); i++)
		if (put_user(p->maps[i]->id, UADDR(in->map_ids + i * sizeof(u32))))
			return -EFAULT;
	return 0;
}

long bpf_prog_info(const union bpf_attr *a, uaddr_t uattr)
{
	struct bpf_prog *p = bpf_prog_of_fd(a->info.bpf_fd, 0);
	struct bpf_prog_info in = {}, out = {};
	u32 len = min(a->info.info_len, (u32)sizeof(out));
	long err;

	if (IS_ERR(p))
		return PTR_ERR(p);
	err = a->info.info_len > PAGE_SIZE ?
		      -E2BIG :
		      copy_struct_from_user(&in, sizeof(in), UADDR(a->info.info), a->info.info_len);
	if (err)
		goto out;
	fill_info(&out, p);
	out.map_ids = in.map_ids;
	err = put_map_ids(p, &in);
	if (!err && bpf_admin(CAP_BPF))
		err = put_insns(p, &in, &out);
	if (!err &&
		(copy_to_user(UADDR(a->info.info), &out, len) ||
			put_user(len, uaddr_add(uattr, offsetof(union bpf_attr, info.info_len)))))
		err = -EFAULT;
out:
	bpf_prog_put(p);
	return err;
}
