/* SPDX-License-Identifier: MIT */
/*
 * sysv_proc.c: /proc/sysvipc and the limits of IPC in /proc/sys (kernel, fs/mqueue), both of the
 * reader's IPC namespace.
 *
 * A limit is a field of struct ipc_namespace, whose offset is in a row of the table. A lower limit
 * does not affect existing objects. Locks: none; limits are single words.
 */
#include "kernel/fs/proc/proc.h"
#include "kernel/ipc/sysv.h"
#include "kernel/lib/printk.h"

/* ---- /proc/sysvipc ---- */

struct listing {
	const char *path, *head;
	enum ipc_type type;
	int (*line)(struct ipc_namespace *ns, struct sysv_perm *p, char *buf, size_t size);
};

static const struct listing listings[] = {
	{ "sysvipc/shm",
		"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  "
		"cuid  cgid      atime      dtime      ctime                   rss               "
		"   swap\n",
		IPC_SHM, sysv_shm_line },
	{ "sysvipc/sem",
		"       key      semid perms      nsems   uid   gid  cuid  cgid      otime      "
		"ctime\n",
		IPC_SEM, sysv_sem_line },
	{ "sysvipc/msg",
		"       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  "
		"cgid      stime      rtime      ctime\n",
		IPC_MSG, sysv_msg_line },
};

static int show_listing(struct seq *s, void *arg)
{
	struct ipc_namespace *ns = current_ipc_ns();
	const struct listing *l = arg;
	struct sysv_perm *p;
	char line[320];
	u64 at = 0;

	seq_puts(s, l->head);
	for (; (p = sysv_next(ns, l->type, &at)); at++) {
		int n = l->line(ns, p, line, sizeof(line));

		sysv_put(sysv_types[l->type], p);
		seq_write(s, line, (size_t)n);
		cond_resched();
	}
	return 0;
}

/* ---- /proc/sys/kernel ---- */

enum limit_kind { LIMIT_INT, LIMIT_U64 };
struct limit {
	const char *path;
	enum limit_kind kind;
	size_t at; /* offset in struct ipc_namespace */
	s64 min, max;
	u32 count; /* how many numbers it has */
	void (*changed)(struct ipc_namespace *ns);
};

static void rmid_forced(struct ipc_namespace *ns)
{
	if (ns->shm_rmid_forced)
		shm_destroy_orphans(ns);
}

#define FIELD(f) offsetof(struct ipc_namespace, f)
static const struct limit limits[] = {
	{ "sys/kernel/shmmax", LIMIT_U64, FIELD(shm_max), 0, 0, 1, NULL },
	{ "sys/kernel/shmall", LIMIT_U64, FIELD(shm_all), 0, 0, 1, NULL },
	{ "sys/kernel/shmmni", LIMIT_INT, FIELD(shm_mni), 0, IPC_MAX_OBJECTS, 1, NULL },
	{ "sys/kernel/shm_rmid_forced", LIMIT_INT, FIELD(shm_rmid_forced), 0, 1, 1, rmid_forced },
	{ "sys/kernel/sem", LIMIT_INT, FIELD(sem_limits), 0, INT32_MAX, 4, NULL },
	{ "sys/kernel/msgmax", LIMIT_INT, FIELD(msg_max), 0, INT32_MAX, 1, NULL },
	{ "sys/kernel/msgmnb", LIMIT_INT, FIELD(msg_mnb), 0, INT32_MAX, 1, NULL },
	{ "sys/kernel/msgmni", LIMIT_INT, FIELD(msg_mni), 0, IPC_MAX_OBJECTS, 1, NULL },
	{ "sys/fs/mqueue/queues_max", LIMIT_INT, FIELD(mq_queues_max), 0, INT32_MAX, 1, NULL },
	{ "sys/fs/mqueue/msg_max", LIMIT_INT, FIELD(mq_msg_max), 1, 65536, 1, NULL },
	{ "sys/fs/mqueue/msgsize_max", LIMIT_INT, FIELD(mq_msgsize_max), 128, 16 << 20, 1, NULL },
	{ "sys/fs/mqueue/msg_default", LIMIT_INT, FIELD(mq_msg_default), 1, 65536, 1, NULL },
	{ "sys/fs/mqueue/msgsize_default", LIMIT_INT, FIELD(mq_msgsize_default), 128, 16 << 20, 1,
		NULL },
	/* a write of these three needs the capabilities of may_restore(), even for root */
	{ "sys/kernel/shm_next_id", LIMIT_INT, FIELD(ids[IPC_SHM].next_id), 0, INT32_MAX, 1, NULL },
	{ "sys/kernel/sem_next_id", LIMIT_INT, FIELD(ids[IPC_SEM].next_id), 0, INT32_MAX, 1, NULL },
	{ "sys/kernel/msg_next_id", LIMIT_INT, FIELD(ids[IPC_MSG].next_id), 0, INT32_MAX, 1, NULL },
};

#define NR_NEXT_IDS 3

static void *field(const struct limit *l)
{
	return (char *)current_ipc_ns() + l->at;
}

static int show_limit(struct seq *s, void *arg)
{
	const struct limit *l = arg;
	const int *v = field(l);

	if (l->kind == LIMIT_U64) {
		seq_printf(s, "%lu\n", READ_ONCE(*(u64 *)field(l)));
		return 0;
	}
	for (u32 i = 0; i < l->count; i++)
		seq_printf(s, "%s%d", i ? "\t" : "", READ_ONCE(v[i]));
	seq_puts(s, "\n");
	return 0;
}

static int store_u64(const struct limit *l, const char *word)
{
	u64 v;

	if (kstrtou64(word, 0, &v))
		return -EINVAL;
	WRITE_ONCE(*(u64 *)field(l), v);
	return 0;
}

static int store_int(const struct limit *l, const char *word, u32 i)
{
	s64 v;

	if (i >= l->count || kstrtos64(word, 0, &v) || v < l->min || v > l->max)
		return -EINVAL;
	WRITE_ONCE(((int *)field(l))[i], (int)v);
	return 0;
}

static int store_limit(char *text, size_t n, void *arg)
{
	const struct limit *l = arg;
	char *rest = text, *word;
	int err = 0;
	u32 i = 0;

	while (!err && (word = strsep(&rest, " \t\n"))) {
		if (!*word)
			continue;
		if (i >= l->count)
			break; /* ignores further numbers */
		err = l->kind == LIMIT_U64 ? store_u64(l, word) : store_int(l, word, i);
		i++;
	}
	if (!err && l->changed)
		l->changed(current_ipc_ns());
	return err;
}

/* True if @c is user 0 of the user namespace that owns current's IPC namespace. */
static bool root_there(const struct cred *c)
{
	return c->euid == make_kuid(current_ipc_ns()->ns.owner, 0);
}

/* True if @c has CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN in that user namespace. */
static bool may_restore(const struct cred *c)
{
	const struct user_namespace *owner = current_ipc_ns()->ns.owner;

	return cred_ns_capable(c, owner, CAP_CHECKPOINT_RESTORE) ||
	       cred_ns_capable(c, owner, CAP_SYS_ADMIN);
}

static int create_limit(u32 i)
{
	bool next = i >= ARRAY_SIZE(limits) - NR_NEXT_IDS;
	int err = proc_create(
		limits[i].path, next ? 0444 : 0644, show_limit, store_limit, (void *)&limits[i]);

	return err ? err : proc_let(limits[i].path, next ? may_restore : root_there);
}

static int sysv_proc_init(void)
{
	int err = 0;

	for (u32 i = 0; !err && i < ARRAY_SIZE(listings); i++)
		err = proc_create(listings[i].path, 0444, show_listing, NULL, (void *)&listings[i]);
	for (u32 i = 0; !err && i < ARRAY_SIZE(limits); i++)
		err = create_limit(i);
	return err;
}
INITCALL(3, sysv_proc_init);
