/* SPDX-License-Identifier: MIT */
/*
 * prog.c: programs: loading, numbers, descriptors, what is told of them.
 *
 * A program is verified, then gets its number and a descriptor; from then on it is immutable. Descriptors and attachments refer to it. The
 * last reference takes its number out of the table under bpf_mutex; who finds it there meanwhile must win the race for the reference.
 * Its memory is charged to the group of who loads it.
 *
 * Locks: bpf_mutex for the table.
 */
#include "arch/um/arch.h"
#include "arch/um/uaccess.h"
#include "kernel/bpf/internal.h"
#include "kernel/lib/radix.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/task/cred.h"
#include "kernel/vfs/vfs.h"

#define MAX_ID (INT32_MAX - 1)
#define LICENSE_MAX 128
#define LOG_MIN 128
#define LOG_MAX (1u << 20) /* of a longer buffer only the start is used */
#define PROG_FLAGS                                                                                 \
	(BPF_F_STRICT_ALIGNMENT | BPF_F_ANY_ALIGNMENT | BPF_F_TEST_RND_HI32 |                      \
		BPF_F_TEST_STATE_FREQ | BPF_F_SLEEPABLE | BPF_F_XDP_HAS_FRAGS)

static DEFINE_MUTEX(bpf_mutex);
static struct radix progs = RADIX_INIT; /* by id; under bpf_mutex */
static u32 next_id = 1;                 /* under bpf_mutex */

bool bpf_admin(int cap)
{
	return capable(cap) || capable(CAP_SYS_ADMIN);
}

/* ---- life ---- */

void bpf_prog_get(struct bpf_prog *p)
{
	atomic_inc(&p->refs);
}

void bpf_prog_put(struct bpf_prog *p)
{
	if (!atomic_dec_and_test(&p->refs))
		return;
	mutex_lock(&bpf_mutex);
	radix_delete(&progs, p->id);
	mutex_unlock(&bpf_mutex);
	kfree(p);
}

/* Numbers are not used again soon. */
static int give_id(struct bpf_prog *p)
{
	s64 id;

	mutex_lock(&bpf_mutex);
	id = radix_alloc(&progs, next_id, MAX_ID, p);
	if (id == -ENOSPC)
		id = radix_alloc(&progs, 1, MAX_ID, p);
	if (id > 0) {
		p->id = (u32)id;
		next_id = id == MAX_ID ? 1 : (u32)id + 1;
	}
	mutex_unlock(&bpf_mutex);
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
		(unsigned long)round_up(sizeof(*p) + p->n * sizeof(*p->insn), PAGE_SIZE), p->id,
		p->n);
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

/* Takes the reference. */
static long prog_fd(struct bpf_prog *p)
{
	int fd = anon_fd("bpf-prog", &prog_fops, p, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		bpf_prog_put(p);
	return fd;
}

/* ---- loading ---- */

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
	if (!a->log_level || a->log_level > 7 || !a->log_buf || a->log_size < LOG_MIN ||
		a->log_size > UINT32_MAX >> 2)
		return -EINVAL;
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

static int check_load(const union bpf_attr *a)
{
	if (a->prog_flags & ~PROG_FLAGS)
		return -EINVAL;
	if (!a->insn_cnt || a->insn_cnt > EBPF_MAX_INSNS)
		return -E2BIG;
	if (a->prog_type != BPF_PROG_TYPE_SOCKET_FILTER &&
		a->prog_type != BPF_PROG_TYPE_CGROUP_SKB && !bpf_admin(CAP_BPF))
		return -EPERM;
	if (a->prog_type != BPF_PROG_TYPE_CGROUP_DEVICE && a->prog_type != BPF_PROG_TYPE_CGROUP_SKB)
		return -EINVAL;
	if (a->prog_type == BPF_PROG_TYPE_CGROUP_DEVICE && !bpf_admin(CAP_NET_ADMIN))
		return -EPERM;
	if (a->prog_type == BPF_PROG_TYPE_CGROUP_SKB &&
		a->expected_attach_type > BPF_CGROUP_INET_EGRESS)
		return -EINVAL;
	/* no type information, no devices, nothing that another program would be attached to */
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
			return 0; /* the rest is zero: the caller's */
		if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') && c != '_' &&
			c != '.')
			return -EINVAL;
	}
	return -EINVAL;
}

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
	p->n = a->insn_cnt;
	p->gpl = is_gpl(license);
	p->uid = current_uid();
	p->load_time = ktime_get_boottime();
	ebpf_tag(p->insn, p->n, p->tag);
	return p;
}

static int verify(struct bpf_prog *p, const union bpf_attr *a)
{
	struct ebpf_log log = {};
	int err = log_begin(&log, a);

	if (err)
		return err;
	err = ebpf_verify(p->insn, p->n, p->type, &log);
	ebpf_log(&log, "processed %u insns (limit %u)\n", p->n, EBPF_MAX_INSNS);
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
		err = give_id(p);
	if (err) {
		kfree(p);
		return err;
	}
	return prog_fd(p);
}

/* ---- numbers ---- */

long bpf_prog_fd_by_id(const union bpf_attr *a)
{
	struct bpf_prog *p;

	if (a->open_flags)
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	mutex_lock(&bpf_mutex);
	p = radix_lookup(&progs, a->prog_id);
	if (p && !atomic_inc_not_zero(&p->refs))
		p = NULL;
	mutex_unlock(&bpf_mutex);
	return p ? prog_fd(p) : -ENOENT;
}

long bpf_prog_next_id(const union bpf_attr *a, uaddr_t uattr)
{
	u64 id = (u64)a->start_id + 1;
	bool found;

	mutex_lock(&bpf_mutex);
	found = radix_next(&progs, &id);
	mutex_unlock(&bpf_mutex);
	if (!found)
		return -ENOENT;
	return put_user((u32)id, uaddr_add(uattr, offsetof(union bpf_attr, next_id)));
}

/* ---- what is told ---- */

static void fill_info(struct bpf_prog_info *i, const struct bpf_prog *p)
{
	i->type = p->type;
	i->id = p->id;
	memcpy(i->tag, p->tag, sizeof(i->tag));
	i->load_time = p->load_time;
	i->created_by_uid = from_kuid_munged(current_user_ns(), p->uid);
	memcpy(i->name, p->name, sizeof(i->name));
	i->gpl_compatible = p->gpl;
	i->func_info_rec_size = sizeof(struct bpf_func_info);
	i->line_info_rec_size = sizeof(struct bpf_line_info);
	i->jited_line_info_rec_size = sizeof(u64);
	i->verified_insns = p->n;
}

long bpf_prog_info(const union bpf_attr *a, uaddr_t uattr)
{
	struct bpf_prog *p = bpf_prog_of_fd(a->info.bpf_fd, 0);
	struct bpf_prog_info in = {}, out = {};
	u32 len = min(a->info.info_len, (u32)sizeof(out)), bytes;
	long err;

	if (IS_ERR(p))
		return PTR_ERR(p);
	err = a->info.info_len > PAGE_SIZE ?
		      -E2BIG :
		      copy_struct_from_user(&in, sizeof(in), UADDR(a->info.info), a->info.info_len);
	if (err)
		goto out;
	fill_info(&out, p);
	bytes = p->n * sizeof(*p->insn);
	if (bpf_admin(CAP_BPF)) {
		out.xlated_prog_len = bytes;
		out.xlated_prog_insns = in.xlated_prog_insns;
		out.nr_prog_tags = 1;
		out.prog_tags = in.prog_tags;
		bytes = min(bytes, in.xlated_prog_len);
		if (bytes && copy_to_user(UADDR(in.xlated_prog_insns), p->insn, bytes))
			err = -EFAULT;
		if (!err && in.nr_prog_tags && in.prog_tags &&
			copy_to_user(UADDR(in.prog_tags), p->tag, sizeof(p->tag)))
			err = -EFAULT;
	}
	if (!err &&
		(copy_to_user(UADDR(a->info.info), &out, len) ||
			put_user(len, uaddr_add(uattr, offsetof(union bpf_attr, info.info_len)))))
		err = -EFAULT;
out:
	bpf_prog_put(p);
	return err;
}
