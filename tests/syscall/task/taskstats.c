/* SPDX-License-Identifier: MIT */
/* taskstats over generic netlink: what a thread and a process have used. */
#include "guest.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <sys/socket.h>

static int sock, family;
static struct taskstats stats;

struct request {
	struct nlmsghdr n;
	struct genlmsghdr g;
	struct nlattr a;
	char data[16];
};

/* Sends one attribute. Returns 0 with the answer in @to, or -errno. */
static int ask(int type, int cmd, int attr, const void *data, int len, char *to, int size)
{
	struct request r = { .n = { .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST },
		.g = { .cmd = cmd, .version = 1 },
		.a = { .nla_type = attr, .nla_len = NLA_HDRLEN + len } };
	struct nlmsghdr *h = (void *)to;

	r.n.nlmsg_len = attr ? NLMSG_LENGTH(GENL_HDRLEN) + NLA_ALIGN(r.a.nla_len) :
			       NLMSG_LENGTH(GENL_HDRLEN);
	memcpy(r.data, data, len);
	NEED(send(sock, &r, r.n.nlmsg_len, 0));
	NEED(recv(sock, to, size, 0));
	return h->nlmsg_type == NLMSG_ERROR ? *(int *)NLMSG_DATA(h) : 0;
}

static struct nlattr *find(char *p, char *end, int type)
{
	for (; p + NLA_HDRLEN <= end; p += NLA_ALIGN(((struct nlattr *)p)->nla_len))
		if ((((struct nlattr *)p)->nla_type & NLA_TYPE_MASK) == type)
			return (void *)p;
	return NULL;
}

static char *inside(struct nlattr *a)
{
	return (char *)a + NLA_HDRLEN;
}

static int find_family(void)
{
	char buf[4096];
	struct nlattr *a;

	if (ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, TASKSTATS_GENL_NAME,
		    sizeof(TASKSTATS_GENL_NAME), buf, sizeof(buf)))
		return 0;
	a = find(buf + NLMSG_LENGTH(GENL_HDRLEN), buf + ((struct nlmsghdr *)buf)->nlmsg_len,
		CTRL_ATTR_FAMILY_ID);
	return a ? *(unsigned short *)inside(a) : 0;
}

/* Asks for a task's or a process's statistics. Returns 0 and they are in stats, or an error. */
static int get(int attr, int nr)
{
	bool process = attr == TASKSTATS_CMD_ATTR_TGID;
	char buf[4096], *p = buf + NLMSG_LENGTH(GENL_HDRLEN);
	int err = ask(family, TASKSTATS_CMD_GET, attr, &nr, sizeof(nr), buf, sizeof(buf));
	struct nlattr *a, *id, *s;

	if (err)
		return err;
	a = find(p, buf + ((struct nlmsghdr *)buf)->nlmsg_len,
		process ? TASKSTATS_TYPE_AGGR_TGID : TASKSTATS_TYPE_AGGR_PID);
	if (!a)
		return -ENODATA;
	id = find(inside(a), (char *)a + a->nla_len,
		process ? TASKSTATS_TYPE_TGID : TASKSTATS_TYPE_PID);
	s = find(inside(a), (char *)a + a->nla_len, TASKSTATS_TYPE_STATS);
	if (!id || *(int *)inside(id) != nr || !s || s->nla_len - NLA_HDRLEN < (int)sizeof(stats))
		return -EBADMSG;
	memcpy(&stats, inside(s), sizeof(stats));
	return 0;
}

static void *thread(void *arg)
{
	pthread_setname_np(pthread_self(), "the thread");
	*(int *)arg = get(TASKSTATS_CMD_ATTR_PID, (int)syscall(SYS_gettid));
	return NULL;
}

/* Uses 20 ms, and calls that are counted. */
static void work(void)
{
	struct timespec t;
	char c;
	int fd = NEED(open("/proc/self/exe", O_RDONLY));
	/* faults: a program's first pages may be there already */
	char *fresh = t_pages(2048);

	for (int i = 0; i < 2048; i++) {
		NEED(read(fd, &c, 1));
		fresh[i * 4096L] = c;
	}
	close(fd);
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	while (t.tv_sec == 0 && t.tv_nsec < 20000000);
}

static void numbers(void)
{
	struct timespec now;
	pthread_t t;
	int got;

	work();
	clock_gettime(CLOCK_REALTIME, &now);
	NEED(nice(3));
	GIS(get(TASKSTATS_CMD_ATTR_PID, getpid()) == 0);
	GIS(stats.version >= 13);
	GIS(stats.ac_pid == (unsigned)getpid() && stats.ac_tgid == (unsigned)getpid());
	GIS(stats.ac_ppid == (unsigned)getppid());
	GIS(stats.ac_uid == getuid() && stats.ac_gid == getgid());
	GIS(stats.ac_nice == 3 && stats.ac_sched == SCHED_OTHER && stats.ac_exitcode == 0);
	GIS(stats.ac_utime + stats.ac_stime >= 10000);
	GIS(stats.cpu_run_virtual_total >= 20000000);
	GIS(stats.ac_etime >= 10000 && stats.ac_tgetime >= 10000);
	GIS(stats.ac_btime <= now.tv_sec + 1 && stats.ac_btime64 == stats.ac_btime);
	GIS(stats.ac_minflt > 0 && stats.hiwater_vm > stats.hiwater_rss && stats.hiwater_rss > 0);
	GIS(stats.read_syscalls >= 2048 && stats.read_char >= 2048 && stats.read_char % 1024 == 0);
	GIS(stats.ac_exe_inode != 0);
	GIS(stats.ac_flag & 1); /* AFORK: it has not called exec */
	GIS(get(TASKSTATS_CMD_ATTR_TGID, getpid()) == 0);
	GIS(stats.ac_utime + stats.ac_stime >= 10000 && stats.ac_pid == 0 && !stats.ac_comm[0]);
	NEED0(pthread_create(&t, NULL, thread, &got));
	pthread_join(t, NULL);
	GIS(got == 0 && !strcmp(stats.ac_comm, "the thread"));
	GIS(stats.ac_tgid == (unsigned)getpid() && stats.ac_pid != stats.ac_tgid);
}

static void errors(void)
{
	char buf[4096];
	int nr = getpid();

	GIS(get(TASKSTATS_CMD_ATTR_PID, 3999999) == -ESRCH);
	GIS(get(TASKSTATS_CMD_ATTR_TGID, 3999999) == -ESRCH);
	GIS(ask(family, TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_PID, &nr, 2, buf, 4096) == -ERANGE);
	GIS(ask(family, TASKSTATS_CMD_GET, 5, &nr, 4, buf, 4096) == -EINVAL);
	GIS(ask(family, TASKSTATS_CMD_GET, 0, &nr, 0, buf, 4096) == -EINVAL);
	GIS(ask(family, 77, TASKSTATS_CMD_ATTR_PID, &nr, 4, buf, 4096) == -EOPNOTSUPP);
	GIS(ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, "NOSUCH", 7, buf, 4096) ==
		-ENOENT);
	CHILD({
		NEED(setresuid(65534, 65534, 65534));
		GIS(get(TASKSTATS_CMD_ATTR_PID, nr) == -EPERM);
	});
}

TEST(taskstats)
{
	sock = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC));
	family = find_family();
	GIS(family != 0);
	CHILD(numbers());
	errors();
}
