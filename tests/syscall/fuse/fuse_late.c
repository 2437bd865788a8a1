/* SPDX-License-Identifier: MIT */
/* fuse_late: servers that answer late: which state counts, and which processes wait meanwhile. */
#include "guest.h"
#include "fuse_server.h"

static char content[2 * PAGE];
static int size;
static volatile unsigned hold; /* the next request of this kind waits */
static struct fuse_in_header held;
static struct fuse_attr_out held_attr;
static volatile bool holding;
static volatile int asked_for_a, lookups, getattrs;

static void take(const struct fuse_in_header *h, const struct fuse_write_in *w)
{
	struct fuse_write_out took = { .size = w->size };

	if (w->offset + w->size > sizeof(content)) {
		reply(h->unique, -EFBIG, NULL, 0);
		return;
	}
	memcpy(content + w->offset, w + 1, w->size);
	if ((int)(w->offset + w->size) > size)
		size = (int)(w->offset + w->size);
	reply(h->unique, 0, &took, sizeof(took));
}

static void give(const struct fuse_in_header *h, const struct fuse_read_in *r)
{
	int left = r->offset < (unsigned)size ? size - (int)r->offset : 0;

	reply(h->unique, 0, content + r->offset, left < (int)r->size ? left : (int)r->size);
}

static void entry_of(struct fuse_entry_out *e)
{
	memset(e, 0, sizeof(*e));
	e->nodeid = 2;
	e->entry_valid = 1000;
	file_attr(&e->attr, 2, 0644, size);
}

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	struct fuse_entry_out e;
	struct fuse_attr_out a = { .attr_valid = 1000 };

	file_attr(&a.attr, h->nodeid, 0644, size);
	lookups += h->opcode == FUSE_LOOKUP;
	getattrs += h->opcode == FUSE_GETATTR;
	if (h->opcode == FUSE_LOOKUP)
		asked_for_a += !strcmp((const char *)(h + 1), "a");
	if (h->opcode == hold) {
		hold = 0;
		held = *h;
		held_attr = a;
		holding = true;
		return;
	}
	switch (h->opcode) {
	case FUSE_LOOKUP:
		entry_of(&e);
		if (!strcmp((const char *)(h + 1), "none"))
			e.nodeid = 0;
		reply(h->unique, 0, &e, sizeof(e));
		break;
	case FUSE_GETATTR: reply(h->unique, 0, &a, sizeof(a)); break;
	case FUSE_MKDIR: reply(h->unique, -EEXIST, NULL, 0); break;
	case FUSE_READ: give(h, (const void *)(h + 1)); break;
	case FUSE_WRITE: take(h, (const void *)(h + 1)); break;
	default: serve_file(h, 0644, size);
	}
}

static void let_go(const void *data, size_t n)
{
	holding = false;
	NEED(reply(held.unique, 0, data, n));
}

static void *ask_size(void *fd)
{
	struct stat st;

	NEED(fstat(*(int *)fd, &st));
	return NULL;
}

/* A GETATTR is answered with the size from before a write that comes while it waits. */
static void old_size(void)
{
	int fd = NEED(open("m/file", O_RDWR));
	static char buf[sizeof(content)];
	struct stat st;
	pthread_t t;

	memset(buf, 'x', sizeof(buf));
	hold = FUSE_GETATTR;
	NEED0(pthread_create(&t, NULL, ask_size, &fd));
	T_WAIT(holding);
	T(write(fd, buf, sizeof(buf)));
	let_go(&held_attr, sizeof(held_attr));
	pthread_join(t, NULL);
	T(pread(fd, buf, sizeof(buf), 0));
	T(fstat(fd, &st));
	say("size %d", (int)st.st_size);
	close(fd);
}

static void read_mapped(int fd)
{
	volatile char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

	_exit(*p == 'x' ? 0 : 1);
}

/* A process that waits for a page that another one has requested can be killed. */
static void same_page(bool mapped)
{
	int fd = NEED(open("m/file", O_RDONLY)); /* forgets what is cached */
	pid_t first, second;
	char c;

	hold = FUSE_READ;
	first = SPAWN(_exit(pread(fd, &c, 1, 0) == 1 && c == 'x' ? 0 : 1));
	T_WAIT(holding);
	second = SPAWN({
		if (mapped)
			read_mapped(fd);
		pread(fd, &c, 1, 0);
	});
	t_until(second, 'D');
	NEED(kill(second, SIGKILL));
	t_wait("second", second);
	let_go(content, PAGE);
	t_wait("first", first);
	close(fd);
}

/* Kills a waiter. On Linux waiters cannot be killed before the answer; in the guest they can. */
static void kill_waiter(const char *who, pid_t pid)
{
	t_until(pid, 'D');
	if (!in_guest()) {
		say("%s: killed by SIGKILL", who);
		return;
	}
	NEED(kill(pid, SIGKILL));
	t_wait(who, pid);
}

/* While a lookup of a name waits, the other names of the folder can be used. */
static void side_by_side(void)
{
	struct fuse_entry_out e;
	pid_t first, second, another, maker;

	hold = FUSE_LOOKUP;
	first = SPAWN(_exit(access("m/a", F_OK)));
	T_WAIT(holding);
	T(access("m/b", F_OK));
	second = SPAWN(_exit(access("m/a", F_OK)));
	t_until(second, 'D');
	another = SPAWN(access("m/a", F_OK));
	kill_waiter("another", another);
	maker = SPAWN(mkdir("m/c", 0755));
	kill_waiter("maker", maker);
	entry_of(&e);
	let_go(&e, sizeof(e));
	t_wait("first", first);
	t_wait("second", second);
	say("asked %d times", asked_for_a);
	if (in_guest())
		return;
	waitpid(another, NULL, 0);
	waitpid(maker, NULL, 0);
}

/* ---- what only the server knows ---- */

static void ask(const char *name)
{
	int before = lookups, err = access(name, F_OK) ? errno : 0;

	say("%s: %s, asked %d times", name, err ? t_errno(err) : "there", lookups - before);
}

/* The server has a request of a process that is killed, and may still execute it. */
static void killed_remover(void)
{
	pid_t pid;

	hold = FUSE_UNLINK;
	pid = SPAWN(unlink("m/b"));
	T_WAIT(holding);
	t_until(pid, 'S');
	NEED(kill(pid, SIGKILL));
	t_wait("remover", pid);
	say("late answer: %s", reply(held.unique, 0, NULL, 0) < 0 ? t_errno(errno) : "taken");
	holding = false;
	ask("m/b");
}

static void wrong_name(void)
{
	ask("m/none");
	ask("m/none");
	T(mkdir("m/none", 0755));
	ask("m/none");
}

/* ---- what the server takes back before its answer is looked at ---- */

static void notify(int what, const void *data, size_t n, const char *name)
{
	struct fuse_out_header h = { sizeof(h) + n + (name ? strlen(name) + 1 : 0), what, 0 };
	struct iovec v[3] = { { &h, sizeof(h) }, { (void *)data, n },
		{ (void *)name, name ? strlen(name) + 1 : 0 } };

	/* Linux waits for the lookup, and finds the name */
	writev(dev, v, name ? 3 : 2);
}

static void on_one_cpu(cpu_set_t *before)
{
	cpu_set_t one;
	int cpu = 0;

	NEED(sched_getaffinity(0, sizeof(*before), before));
	while (!CPU_ISSET(cpu, before))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	NEED(sched_setaffinity(0, sizeof(one), &one));
}

/* No other task of this CPU runs between the answer and the invalidation. */
static void answer_and_take_back(
	const void *data, size_t n, int what, const void *back, size_t m, const char *name)
{
	struct sched_param first = { .sched_priority = 1 }, as_before = { 0 };

	NEED(sched_setscheduler(0, SCHED_FIFO, &first));
	let_go(data, n);
	notify(what, back, m, name);
	NEED(sched_setscheduler(0, SCHED_OTHER, &as_before));
}

static void name_taken_back(void)
{
	struct fuse_notify_inval_entry_out back = { .parent = 1, .namelen = 1 };
	struct fuse_entry_out e;
	cpu_set_t cpus;
	pid_t pid;

	on_one_cpu(&cpus);
	hold = FUSE_LOOKUP;
	pid = SPAWN(_exit(access("m/x", F_OK)));
	T_WAIT(holding);
	entry_of(&e);
	answer_and_take_back(&e, sizeof(e), FUSE_NOTIFY_INVAL_ENTRY, &back, sizeof(back), "x");
	t_wait("asker", pid);
	ask("m/x");
	ask("m/x");
	NEED(sched_setaffinity(0, sizeof(cpus), &cpus));
}

static void get_size(int fd, unsigned flags)
{
	struct statx st;

	NEED(statx(fd, "", AT_EMPTY_PATH | flags, STATX_SIZE, &st));
	say("size %d", (int)st.stx_size);
}

static void *get_size_again(void *fd)
{
	struct statx st;

	NEED(statx(*(int *)fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_SIZE, &st));
	return NULL;
}

static void attr_taken_back(void)
{
	struct fuse_notify_inval_inode_out back = { .ino = 2, .off = -1 };
	int fd = NEED(open("m/file", O_RDWR)), before = getattrs;
	cpu_set_t cpus;
	pid_t pid;

	on_one_cpu(&cpus);
	hold = FUSE_GETATTR;
	pid = SPAWN(get_size_again(&fd));
	T_WAIT(holding);
	answer_and_take_back(
		&held_attr, sizeof(held_attr), FUSE_NOTIFY_INVAL_INODE, &back, sizeof(back), NULL);
	t_wait("asker", pid);
	get_size(fd, 0);
	get_size(fd, 0);
	say("asked %d times", getattrs - before);
	NEED(sched_setaffinity(0, sizeof(cpus), &cpus));
	close(fd);
}

/* The file has grown on the server's side, and the later of two requests is answered first. */
static void older_size(void)
{
	int fd = NEED(open("m/file", O_RDWR));
	pthread_t t;
	char *p;

	size = 50;
	get_size(fd, AT_STATX_FORCE_SYNC);
	hold = FUSE_GETATTR;
	NEED0(pthread_create(&t, NULL, get_size_again, &fd));
	T_WAIT(holding);
	size = 100;
	get_size(fd, AT_STATX_FORCE_SYNC);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	p[60] = 'y';
	let_go(&held_attr, sizeof(held_attr));
	pthread_join(t, NULL);
	get_size(fd, 0);
	say("what was written: %c", p[60]);
	munmap(p, PAGE);
	close(fd);
}

static int space_mode, space_from = 100;

static void *ask_space(void *fd)
{
	T(fallocate(*(int *)fd, space_mode, space_from, 2 * PAGE - space_from));
	return NULL;
}

/*
 * A process writes to pages through a mapping while the server is asked to allocate them, or to
 * punch a hole over the second one.
 */
static void space(void)
{
	int fd = NEED(open("m/file", O_RDWR));
	pthread_t t;
	char *p;

	size = 2 * PAGE;
	memset(content, 'x', sizeof(content));
	get_size(fd, AT_STATX_FORCE_SYNC);
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	p[150] = p[PAGE] = 'a';
	for (int i = 0; i < 2; i++) {
		hold = FUSE_FALLOCATE;
		NEED0(pthread_create(&t, NULL, ask_space, &fd));
		T_WAIT(holding);
		p[150 + i] = p[PAGE + i] = 'b';
		if (i)
			memset(content + PAGE, 0, PAGE);
		let_go(NULL, 0);
		pthread_join(t, NULL);
		say("%.3s %.3s", p + 150, p + PAGE);
		space_mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
		space_from = PAGE;
	}
	T(msync(p, 2 * PAGE, MS_SYNC));
	say("%.3s %.3s", content + 150, content + PAGE);
	munmap(p, 2 * PAGE);
	close(fd);
}

TEST(fuse_late)
{
	fuse_init_flags = FUSE_PARALLEL_DIROPS;
	CHILD({
		fuse_serve();
		old_size();
		same_page(false);
		same_page(true);
		side_by_side();
		if (in_guest())
			killed_remover();
		else
			say("remover: killed by SIGKILL\nlate answer: ENOENT\nm/b: there, asked 1 "
			    "times");
		wrong_name();
		name_taken_back();
		attr_taken_back();
		older_size();
		space();
	});
}
