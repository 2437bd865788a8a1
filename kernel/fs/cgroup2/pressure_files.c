/* SPDX-License-Identifier: MIT */
/*
 * pressure_files.c: {cpu,memory,io}.pressure of a group, in the format of /proc/pressure, and
 * cgroup.pressure, which enables and disables their measurement.
 */
#include "kernel/fs/cgroup2/internal.h"
#include "kernel/ident/user_ns.h"

static int show(struct seq *s, struct cgroup *c, enum psi_resource r)
{
	char text[256];
	int n = psi_show(cgroup_psi(c), r, text, sizeof(text));

	seq_write(s, text, (size_t)n);
	return 0;
}

/* Sets a trigger, for poll() on this open file. */
static int store(struct file *f, struct cgroup *c, char *text, enum psi_resource r)
{
	struct cg_open *o = f->private_data;
	bool privileged = cred_ns_capable(f->f_cred, &init_user_ns, CAP_SYS_RESOURCE);
	struct psi_trigger *t = psi_trigger_create(cgroup_psi(c), r, text, privileged);
	bool set;

	if (IS_ERR(t))
		return (int)PTR_ERR(t);
	spin_lock(&f->f_lock);
	set = !o->trigger;
	if (set)
		o->trigger = t;
	spin_unlock(&f->f_lock);
	if (set)
		return 0;
	psi_trigger_destroy(t);
	return -EBUSY;
}

#define PRESSURE(name, r)                                                                          \
	int cg_show_##name##_pressure(struct seq *s, struct cgroup *c)                             \
	{                                                                                          \
		return show(s, c, r);                                                              \
	}                                                                                          \
	int cg_store_##name##_pressure(struct file *f, struct cgroup *c, char *text)               \
	{                                                                                          \
		return store(f, c, text, r);                                                       \
	}
PRESSURE(cpu, PSI_CPU)
PRESSURE(memory, PSI_MEM)
PRESSURE(io, PSI_IO)

int cg_show_pressure(struct seq *s, struct cgroup *c)
{
	seq_printf(s, "%d\n", psi_group_on(cgroup_psi(c)));
	return 0;
}

int cg_store_pressure(struct file *f, struct cgroup *c, char *text)
{
	s64 v;

	if (kstrtos64(text, 0, &v))
		return -EINVAL;
	if (v < 0 || v > 1)
		return -ERANGE;
	mutex_lock(&cgroup_mutex);
	psi_group_set(cgroup_psi(c), v);
	mutex_unlock(&cgroup_mutex);
	return 0;
}
