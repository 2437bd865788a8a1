/* SPDX-License-Identifier: MIT */
/*
 * files.c: the control files of a group of version 1 (linux-doc's admin-guide/cgroup-v1/cgroups):
 * its members, the flag that starts the release agent when the group becomes empty, and at the top
 * the agent's path. Then the files of its hierarchy's controllers.
 *
 * Locks: those of kernel/cgroup/v1.c; cgroup1_mutex for the agent's path.
 */
#include "kernel/fs/cgroup1/internal.h"
#include "kernel/time/time.h"
#include "kernel/vfs/libfs.h"

struct cg1_open {
	struct seq seq;
	bool may_set_agent; /* opener may set the agent; immutable */
};

struct cg1_file {
	const char *name; /* with the controller's prefix, if any */
	umode_t mode;
	enum { EVERYWHERE, AT_TOP, BELOW_TOP } where;
	u32 controllers; /* mask of CG1_*; 0: all hierarchies */
	/* Prints the text. NULL: the file cannot be read. Returns 0 or -errno. */
	int (*show)(struct seq *s, struct cgroup1 *g);
	/*
	 * @text is NUL-terminated, without blanks around it. Returns 0 or -errno. May modify @text.
	 * NULL: the file cannot be written.
	 */
	int (*store)(struct file *f, struct cgroup1 *g, char *text);
};

static struct cgroup1 *group_of(const struct file *f)
{
	return f->f_inode->i_private;
}

bool cg1_may_set_agent(const struct cred *cr)
{
	return current_ns_owner(NS_CGROUP) == &init_user_ns &&
	       cred_ns_capable(cr, &init_user_ns, CAP_SYS_ADMIN);
}

static int show_number(struct seq *s, u64 v)
{
	seq_printf(s, "%lu\n", v);
	return 0;
}

/* ---- members ---- */

/* Prints the members' pids, as the reader sees them. Returns 0 or -errno. */
static int show_members(struct seq *s, struct cgroup1 *g, bool processes)
{
	pid_t *all = NULL, nr;
	s64 n = cgroup1_collect(g, processes, &all);

	if (n < 0)
		return (int)n;
	for (s64 i = 0; i < n; i++) {
		nr = pid_from_global(all[i]);
		/* 0: the member is not in the reader's pid namespace */
		if (nr)
			seq_printf(s, "%d\n", nr);
	}
	kfree(all);
	return 0;
}

/* Moves the process or thread with the pid in @text (0: the writer). Returns 0 or -errno. */
static int store_member(struct file *f, struct cgroup1 *g, const char *text, bool process)
{
	s64 nr;

	if (kstrtos64(text, 0, &nr) || nr < 0 || nr > INT32_MAX)
		return -EINVAL;
	return cgroup1_attach(g, (pid_t)nr, process, f->f_cred);
}

static int show_procs(struct seq *s, struct cgroup1 *g)
{
	return show_members(s, g, true);
}

static int store_procs(struct file *f, struct cgroup1 *g, char *text)
{
	return store_member(f, g, text, true);
}

static int show_tasks(struct seq *s, struct cgroup1 *g)
{
	return show_members(s, g, false);
}

static int store_task(struct file *f, struct cgroup1 *g, char *text)
{
	return store_member(f, g, text, false);
}

/* ---- flags ---- */

static int show_notify(struct seq *s, struct cgroup1 *g)
{
	return show_number(s, READ_ONCE(g->notify));
}

static int store_notify(struct file *f, struct cgroup1 *g, char *text)
{
	u64 v;

	if (kstrtou64(text, 0, &v))
		return -EINVAL;
	cgroup1_set_notify(g, v);
	return 0;
}

/*
 * Shows cgroup.clone_children. Only cpusets act on the flag. In other hierarchies it is only
 * inherited and shown.
 */
static int show_clone(struct seq *s, struct cgroup1 *g)
{
	return show_number(s, READ_ONCE(g->clone_children));
}

static int store_clone(struct file *f, struct cgroup1 *g, char *text)
{
	u64 v;

	if (kstrtou64(text, 0, &v))
		return -EINVAL;
	WRITE_ONCE(g->clone_children, v != 0);
	return 0;
}

static int show_sane(struct seq *s, struct cgroup1 *g)
{
	seq_puts(s, "0\n");
	return 0;
}

/* ---- the release agent ---- */

static int show_agent(struct seq *s, struct cgroup1 *g)
{
	mutex_lock(&cgroup1_mutex);
	seq_printf(s, "%s\n", g->hier->agent ? g->hier->agent : "");
	mutex_unlock(&cgroup1_mutex);
	return 0;
}

static int store_agent(struct file *f, struct cgroup1 *g, char *text)
{
	const struct cg1_open *o = f->private_data;

	return o->may_set_agent ? cgroup1_set_agent(g->hier, text) : -EPERM;
}

/* ---- cpuacct ---- */

static struct cgroup1_usage usage_of(struct cgroup1 *g)
{
	struct cgroup1_usage u;

	cgroup1_usage(g, &u);
	return u;
}

static int show_usage(struct seq *s, struct cgroup1 *g)
{
	return show_number(s, usage_of(g).exec);
}

static int show_usage_user(struct seq *s, struct cgroup1 *g)
{
	return show_number(s, usage_of(g).utime);
}

static int show_usage_sys(struct seq *s, struct cgroup1 *g)
{
	return show_number(s, usage_of(g).stime);
}

static int show_cpuacct_stat(struct seq *s, struct cgroup1 *g)
{
	struct cgroup1_usage u = usage_of(g);

	seq_printf(s, "user %lu\nsystem %lu\n", u.utime / (NSEC_PER_SEC / USER_HZ),
		u.stime / (NSEC_PER_SEC / USER_HZ));
	return 0;
}

static int store_usage(struct file *f, struct cgroup1 *g, char *text)
{
	u64 v;

	if (kstrtou64(text, 0, &v) || v)
		return -EINVAL;
	cgroup1_reset_usage(g);
	return 0;
}

/* ---- devices ---- */

static int show_devices(struct seq *s, struct cgroup1 *g)
{
	char *text = cgroup1_devices_text(g);

	if (!text)
		return -ENOMEM;
	seq_puts(s, text);
	kfree(text);
	return 0;
}

static int store_devices(struct file *f, struct cgroup1 *g, const char *text, bool allow)
{
	if (!cred_ns_capable(f->f_cred, &init_user_ns, CAP_SYS_ADMIN))
		return -EPERM;
	return cgroup1_set_devices(g, text, allow);
}

static int store_allow(struct file *f, struct cgroup1 *g, char *text)
{
	return store_devices(f, g, text, true);
}

static int store_deny(struct file *f, struct cgroup1 *g, char *text)
{
	return store_devices(f, g, text, false);
}

/* ---- freezer ---- */

static int show_freezer(struct seq *s, struct cgroup1 *g)
{
	const char *state = "THAWED";

	if (cgroup1_freezes(g))
		state = cgroup1_is_frozen(g) ? "FROZEN" : "FREEZING";
	seq_printf(s, "%s\n", state);
	return 0;
}

static int store_freezer(struct file *f, struct cgroup1 *g, char *text)
{
	bool on = !strcmp(text, "FROZEN");

	if (!on && strcmp(text, "THAWED") != 0)
		return -EINVAL;
	cgroup1_set_freeze(g, on);
	return 0;
}

static int show_self_freezing(struct seq *s, struct cgroup1 *g)
{
	return show_number(s, READ_ONCE(g->freeze));
}

static int show_parent_freezing(struct seq *s, struct cgroup1 *g)
{
	return show_number(s, cgroup1_freezes(g->parent));
}

/* ---- net_cls, net_prio ---- */

static int show_classid(struct seq *s, struct cgroup1 *g)
{
	return show_number(s, READ_ONCE(g->classid));
}

/* Sets the class id to the lower 32 bits of the number, as on Linux. */
static int store_classid(struct file *f, struct cgroup1 *g, char *text)
{
	u64 v;

	return kstrtou64(text, 0, &v) ? -EINVAL : cgroup1_set_classid(g, (u32)v);
}

static int show_prioidx(struct seq *s, struct cgroup1 *g)
{
	return show_number(s, g->prioidx);
}

static int show_ifpriomap(struct seq *s, struct cgroup1 *g)
{
	char dev[16];
	u32 prio;

	for (u32 i = 0; cgroup1_net->show(g->prioidx, i, dev, &prio); i++)
		seq_printf(s, "%s %u\n", dev, prio);
	return 0;
}

static int store_ifpriomap(struct file *f, struct cgroup1 *g, char *text)
{
	size_t n = strcspn(text, " \t\n");
	char *number = text + n + strspn(text + n, " \t\n");
	u64 prio;

	if (!n || kstrtou64(number, 10, &prio) || prio > UINT32_MAX)
		return -EINVAL;
	text[n] = 0;
	return cgroup1_net->set(g->prioidx, text, (u32)prio);
}

/* ---- blkio ---- */

/*
 * Accepts a reset without effect: it is for the statistics of I/O schedulers, which this kernel
 * lacks. The counts of requests are not reset, as on Linux.
 */
static int store_reset(struct file *f, struct cgroup1 *g, char *text)
{
	u64 v;

	return kstrtou64(text, 0, &v) ? -EINVAL : 0;
}

/* ---- the table of files ---- */

#define SETTING(controller, name, verb)                                                            \
	{                                                                                          \
		name, 0644, EVERYWHERE, controller, cg1_show_##verb, cg1_store_##verb              \
	}
#define FIGURE(controller, name, verb)                                                             \
	{                                                                                          \
		name, 0444, EVERYWHERE, controller, cg1_show_##verb, NULL                          \
	}

static const struct cg1_file files[] = {
	{ "cgroup.procs", 0644, EVERYWHERE, 0, show_procs, store_procs },
	{ "cgroup.clone_children", 0644, EVERYWHERE, 0, show_clone, store_clone },
	{ "cgroup.sane_behavior", 0444, AT_TOP, 0, show_sane, NULL },
	{ "tasks", 0644, EVERYWHERE, 0, show_tasks, store_task },
	{ "notify_on_release", 0644, EVERYWHERE, 0, show_notify, store_notify },
	{ "release_agent", 0644, AT_TOP, 0, show_agent, store_agent },
	{ "cpuacct.usage", 0644, EVERYWHERE, CG1_CPUACCT, show_usage, store_usage },
	{ "cpuacct.usage_user", 0444, EVERYWHERE, CG1_CPUACCT, show_usage_user, NULL },
	{ "cpuacct.usage_sys", 0444, EVERYWHERE, CG1_CPUACCT, show_usage_sys, NULL },
	{ "cpuacct.stat", 0444, EVERYWHERE, CG1_CPUACCT, show_cpuacct_stat, NULL },
	{ "devices.allow", 0200, BELOW_TOP, CG1_DEVICES, NULL, store_allow },
	{ "devices.deny", 0200, BELOW_TOP, CG1_DEVICES, NULL, store_deny },
	{ "devices.list", 0444, EVERYWHERE, CG1_DEVICES, show_devices, NULL },
	{ "freezer.state", 0644, BELOW_TOP, CG1_FREEZER, show_freezer, store_freezer },
	{ "freezer.self_freezing", 0444, BELOW_TOP, CG1_FREEZER, show_self_freezing, NULL },
	{ "freezer.parent_freezing", 0444, BELOW_TOP, CG1_FREEZER, show_parent_freezing, NULL },
	{ "net_cls.classid", 0644, EVERYWHERE, CG1_NET_CLS, show_classid, store_classid },
	{ "net_prio.prioidx", 0444, EVERYWHERE, CG1_NET_PRIO, show_prioidx, NULL },
	{ "net_prio.ifpriomap", 0644, EVERYWHERE, CG1_NET_PRIO, show_ifpriomap, store_ifpriomap },
	SETTING(CG1_BLKIO, "blkio.throttle.read_bps_device", read_bps),
	SETTING(CG1_BLKIO, "blkio.throttle.write_bps_device", write_bps),
	SETTING(CG1_BLKIO, "blkio.throttle.read_iops_device", read_iops),
	SETTING(CG1_BLKIO, "blkio.throttle.write_iops_device", write_iops),
	FIGURE(CG1_BLKIO, "blkio.throttle.io_service_bytes", io_bytes),
	FIGURE(CG1_BLKIO, "blkio.throttle.io_service_bytes_recursive", io_bytes_below),
	FIGURE(CG1_BLKIO, "blkio.throttle.io_serviced", ios),
	FIGURE(CG1_BLKIO, "blkio.throttle.io_serviced_recursive", ios_below),
	SETTING(CG1_CPU, "cpu.shares", shares),
	SETTING(CG1_CPU, "cpu.idle", idle),
	SETTING(CG1_CPU, "cpu.cfs_quota_us", quota),
	SETTING(CG1_CPU, "cpu.cfs_period_us", period),
	SETTING(CG1_CPU, "cpu.cfs_burst_us", burst),
	FIGURE(CG1_CPU, "cpu.stat", cpu_stat),
	{ "pids.max", 0644, BELOW_TOP, CG1_PIDS, cg1_show_pids_max, cg1_store_pids_max },
	{ "pids.current", 0444, BELOW_TOP, CG1_PIDS, cg1_show_pids_current, NULL },
	{ "pids.peak", 0444, BELOW_TOP, CG1_PIDS, cg1_show_pids_peak, NULL },
	{ "pids.events", 0444, BELOW_TOP, CG1_PIDS, cg1_show_pids_events, NULL },
	SETTING(CG1_CPUSET, "cpuset.cpus", cpus),
	SETTING(CG1_CPUSET, "cpuset.mems", mems),
	FIGURE(CG1_CPUSET, "cpuset.effective_cpus", cpus),
	FIGURE(CG1_CPUSET, "cpuset.effective_mems", mems),
	SETTING(CG1_CPUSET, "cpuset.cpu_exclusive", cpu_exclusive),
	SETTING(CG1_CPUSET, "cpuset.mem_exclusive", mem_exclusive),
	SETTING(CG1_CPUSET, "cpuset.mem_hardwall", mem_hardwall),
	SETTING(CG1_CPUSET, "cpuset.sched_load_balance", balance),
	SETTING(CG1_CPUSET, "cpuset.sched_relax_domain_level", relax),
	SETTING(CG1_CPUSET, "cpuset.memory_migrate", memory_migrate),
	FIGURE(CG1_CPUSET, "cpuset.memory_pressure", pressure),
	SETTING(CG1_CPUSET, "cpuset.memory_spread_page", spread_page),
	SETTING(CG1_CPUSET, "cpuset.memory_spread_slab", spread_slab),
	{ "cpuset.memory_pressure_enabled", 0644, AT_TOP, CG1_CPUSET, cg1_show_pressure,
		cg1_store_pressure },
	FIGURE(CG1_MEMORY, "memory.usage_in_bytes", mem_usage),
	SETTING(CG1_MEMORY, "memory.max_usage_in_bytes", mem_peak),
	SETTING(CG1_MEMORY, "memory.limit_in_bytes", mem_limit),
	SETTING(CG1_MEMORY, "memory.soft_limit_in_bytes", soft_limit),
	SETTING(CG1_MEMORY, "memory.failcnt", mem_fails),
	FIGURE(CG1_MEMORY, "memory.stat", mem_stat),
	{ "memory.force_empty", 0200, EVERYWHERE, CG1_MEMORY, NULL, cg1_store_force_empty },
	SETTING(CG1_MEMORY, "memory.use_hierarchy", hierarchy),
	{ "cgroup.event_control", 0200, EVERYWHERE, CG1_MEMORY, NULL, cg1_store_event },
	SETTING(CG1_MEMORY, "memory.move_charge_at_immigrate", move_charge),
	SETTING(CG1_MEMORY, "memory.swappiness", swappiness),
	SETTING(CG1_MEMORY, "memory.oom_control", oom),
	FIGURE(CG1_MEMORY, "memory.memsw.usage_in_bytes", both_usage),
	SETTING(CG1_MEMORY, "memory.memsw.max_usage_in_bytes", both_peak),
	SETTING(CG1_MEMORY, "memory.memsw.limit_in_bytes", both_limit),
	SETTING(CG1_MEMORY, "memory.memsw.failcnt", both_fails),
	SETTING(CG1_HUGETLB, "hugetlb.2MB.limit_in_bytes", huge_limit),
	FIGURE(CG1_HUGETLB, "hugetlb.2MB.usage_in_bytes", huge_usage),
	SETTING(CG1_HUGETLB, "hugetlb.2MB.max_usage_in_bytes", huge_peak),
	SETTING(CG1_HUGETLB, "hugetlb.2MB.failcnt", huge_fails),
	SETTING(CG1_HUGETLB, "hugetlb.2MB.rsvd.limit_in_bytes", promised_limit),
	FIGURE(CG1_HUGETLB, "hugetlb.2MB.rsvd.usage_in_bytes", promised_usage),
	SETTING(CG1_HUGETLB, "hugetlb.2MB.rsvd.max_usage_in_bytes", promised_peak),
	SETTING(CG1_HUGETLB, "hugetlb.2MB.rsvd.failcnt", promised_fails),
	FIGURE(CG1_HUGETLB, "hugetlb.2MB.numa_stat", huge_numa),
	{ "blkio.reset_stats", 0200, EVERYWHERE, CG1_BLKIO, NULL, store_reset },
};
_Static_assert(ARRAY_SIZE(files) <= CGROUP1_FILES, "cgroup1->files has room for them");

/* True if groups of the hierarchy have the file. @top: the group is the top. */
static bool has_file(const struct cgroup1_hier *h, bool top, const struct cg1_file *f)
{
	return (!f->controllers || (h->controllers & f->controllers)) &&
	       f->where != (top ? BELOW_TOP : AT_TOP);
}

/* Returns the name in a directory: noprefix removes the controller's prefix. */
static const char *name_of(const struct cgroup1_hier *h, const struct cg1_file *f)
{
	return f->controllers && h->noprefix ? strchr(f->name, '.') + 1 : f->name;
}

static const struct cg1_file *file_of(const struct file *f)
{
	return &files[f->f_inode->i_generation];
}

static int cg1_open(struct inode *inode, struct file *f)
{
	struct cg1_open *o = kzalloc(sizeof(*o), GFP_KERNEL);

	if (!o)
		return -ENOMEM;
	seq_open(&o->seq, f);
	o->may_set_agent = cg1_may_set_agent(f->f_cred);
	f->private_data = o;
	return 0;
}

static int cg1_release(struct inode *inode, struct file *f)
{
	struct cg1_open *o = f->private_data;

	if (o)
		seq_close(&o->seq);
	kfree(o);
	return 0;
}

static int make_text(struct seq *s, void *arg)
{
	const struct file *f = arg;

	if (!file_of(f)->show)
		return -EINVAL;
	return READ_ONCE(group_of(f)->dead) ? -ENODEV : file_of(f)->show(s, group_of(f));
}

static ssize_t cg1_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct cg1_open *o = f->private_data;

	return seq_read(&o->seq, to, pos, make_text, f);
}

/* Removes blanks and newlines from both ends of the text, and returns where it begins then. */
static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t\n");
	for (n = strlen(text); n && strchr(" \t\n", text[n - 1]);)
		text[--n] = 0;
	return text;
}

static ssize_t cg1_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	const struct cg1_file *cf = file_of(f);
	size_t n = from->count;
	char *text;
	int err;

	if (!n)
		return 0;
	if (!cf->store)
		return -EINVAL;
	if (n >= PAGE_SIZE)
		return -E2BIG;
	text = kzalloc(n + 1, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	err = copy_from_iter(text, n, from) != n ? -EFAULT : 0;
	if (!err)
		err = READ_ONCE(group_of(f)->dead) ? -ENODEV :
						     cf->store(f, group_of(f), trim(text));
	kfree(text);
	if (err)
		return err;
	*pos += (loff_t)n;
	return (ssize_t)n;
}

static const struct inode_operations file_iops = { .setattr = simple_setattr };
static const struct file_operations file_fops = {
	.open = cg1_open,
	.release = cg1_release,
	.read_iter = cg1_read,
	.write_iter = cg1_write,
	.llseek = generic_file_llseek,
};

const char *cg1_name_of(const struct file *f, const struct cgroup1 *g)
{
	return f->f_op == &file_fops && group_of(f) == g ? file_of(f)->name : NULL;
}

bool cg1_is_file(const struct cgroup1_hier *h, const char *name)
{
	for (u32 i = 0; i < ARRAY_SIZE(files); i++)
		if (has_file(h, false, &files[i]) && !strcmp(name_of(h, &files[i]), name))
			return true;
	return false;
}

int cg1_add_files(struct cgroup1 *g, struct dentry *dir)
{
	for (u32 i = 0; i < ARRAY_SIZE(files); i++) {
		struct inode *inode;
		struct dentry *d;

		if (!has_file(g->hier, !g->parent, &files[i]))
			continue;
		inode = cg1_new_inode(dir->d_sb, g, S_IFREG | files[i].mode);
		if (!inode)
			return -ENOMEM;
		inode->i_generation = i;
		inode->i_op = &file_iops;
		inode->i_fop = &file_fops;
		d = simple_add_entry(dir, name_of(g->hier, &files[i]), inode);
		if (IS_ERR(d))
			return PTR_ERR(d);
		g->files[i] = d;
		dput(d); /* the directory holds a reference */
	}
	return 0;
}

void cg1_remove_files(struct cgroup1 *g, struct inode *dir)
{
	for (u32 i = 0; i < ARRAY_SIZE(files); i++) {
		struct dentry *d = g->files[i];

		if (!d)
			continue;
		g->files[i] = NULL;
		dget(d);
		simple_unlink(dir, d);
		d_drop(d);
		dput(d);
	}
}
