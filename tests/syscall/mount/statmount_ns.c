/* SPDX-License-Identifier: MIT */
/*
 * statmount(2) and listmount(2) of other mount namespaces, and the walk from one to the next
 * (NS_MNT_GET_INFO, _NEXT, _PREV).
 */
#include "t.h"
#include <sys/ioctl.h>
#include <sys/mount.h>

#define STATMOUNT 457
#define LISTMOUNT 458
#define GET_ID _IOR(0xb7, 5, uint64_t)

struct info {
	uint32_t size, nr_mounts;
	uint64_t id, more;
};
#define INFO(nr, size) _IOC(_IOC_READ, 0xb7, nr, size)

struct request {
	uint32_t size, spare;
	uint64_t id, param, ns;
};

static uint64_t answer[1024], ids[500];

/*
 * Forks a child that waits in a mount namespace of its own, with tmpfs on @dir. Stores its pid in
 * *pid. Returns a descriptor of the namespace.
 */
static int member(const char *dir, int flags, pid_t *pid, int *keep)
{
	char path[64], c;
	int up[2], down[2], fd;

	NEED(pipe(up));
	NEED(pipe(down));
	*pid = NEED(fork());
	if (!*pid) {
		close(down[1]);
		NEED(unshare(CLONE_NEWNS | flags));
		NEED(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
		NEED(mount("none", dir, "tmpfs", 0, NULL));
		NEED(write(up[1], "x", 1));
		read(down[0], &c, 1);
		_exit(0);
	}
	close(up[1]);
	close(down[0]);
	NEED(read(up[0], &c, 1));
	*keep = down[1];
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", *pid);
	fd = NEED(open(path, O_RDONLY));
	return fd;
}

static uint64_t id_of(int fd)
{
	uint64_t id = 0;

	ioctl(fd, GET_ID, &id);
	return id;
}

static struct info info_of(int fd)
{
	struct info i = { 0 };

	ioctl(fd, INFO(10, 16), &i);
	return i;
}

/* True if the walk from @from reaches @to in one direction. */
static int leads(int from, int nr, uint64_t to)
{
	uint64_t last = id_of(from);
	int at = dup(from);

	for (int i = 0; i < 100000; i++) {
		struct info in = { 0 };
		int next = ioctl(at, INFO(nr, 16), &in);

		close(at);
		if (next < 0)
			return errno == ENOENT ? 0 : -errno;
		if (in.id != id_of(next) || (nr == 11 ? in.id <= last : in.id >= last))
			return -1;
		if (!(fcntl(next, F_GETFD) & FD_CLOEXEC))
			return -2;
		last = in.id;
		at = next;
		if (in.id == to)
			return close(at), 1;
	}
	return -3;
}

/* Prints the id of the mount of @ns whose path ends with @end, and what statmount() returns. */
static void look(const char *who, uint64_t ns, const char *end)
{
	struct request r = { 32, 0, -1UL, 0, ns };
	long n = syscall(LISTMOUNT, &r, ids, 500, 0);
	uint32_t *w = (uint32_t *)answer;
	int found = 0, of_it = 0;

	if (n < 0) {
		say("%s: listmount %s", who, strerrorname_np(errno));
		return;
	}
	for (long i = 0; i < n; i++) {
		r.id = ids[i];
		r.param = 0x10 | 0x20 | 0x40;
		if (syscall(STATMOUNT, &r, answer, sizeof(answer), 0))
			continue;
		of_it += answer[14] == ns;
		if (strlen((char *)answer + 512 + w[27]) >= strlen(end) &&
			!strcmp((char *)answer + 512 + w[27] +
					strlen((char *)answer + 512 + w[27]) - strlen(end),
				end))
			found += !strcmp((char *)answer + 512 + w[9], "tmpfs");
	}
	say("%s: all are its own %d, found %d", who, of_it == n, found);
	r.ns = 0;
	r.id = n ? ids[n - 1] : 1;
	say("%s: asked for without it %d", who,
		(int)syscall(STATMOUNT, &r, answer, sizeof(answer), 0));
}

static void errors(int fd, int other)
{
	struct info i = { 0 };
	struct request r = { 32, 0, -1UL, 0, 12345678901 };

	T(ioctl(fd, INFO(10, 8), &i));
	T(ioctl(fd, INFO(10, 16), NULL));
	T(ioctl(fd, INFO(10, 16), BAD));
	T(ioctl(other, INFO(10, 16), &i));
	T(ioctl(other, INFO(11, 16), &i));
	T(ioctl(fd, INFO(11, 8), &i));
	T(ioctl(fd, INFO(11, 16), BAD));
	T(ioctl(fd, INFO(10, 24), &i));
	say("size %u, the rest %d", i.size, (int)i.more);
	T(syscall(LISTMOUNT, &r, ids, 500, 0));
	r.id = 1UL << 40;
	T(syscall(STATMOUNT, &r, answer, sizeof(answer), 0));
}

TEST(statmount_ns)
{
	pid_t pa, pb;
	int ka, kb, a, b, own;

	/* Linux counts numbers of namespaces by processor */
	t_one_cpu();
	NEED(mkdir("aaa", 0755));
	NEED(mkdir("bbb", 0755));
	own = NEED(open("/proc/self/ns/mnt", O_RDONLY));
	a = member("aaa", 0, &pa, &ka);
	b = member("bbb", 0, &pb, &kb);
	say("ids %d", id_of(own) < id_of(a) && id_of(a) < id_of(b));
	say("info %d %d %u", info_of(a).id == id_of(a),
		info_of(a).nr_mounts == info_of(own).nr_mounts + 1, info_of(a).size);
	say("next: %d, %d", leads(own, 11, id_of(a)), leads(a, 11, id_of(b)));
	say("previous: %d, %d", leads(b, 12, id_of(a)), leads(a, 12, id_of(own)));
	say("not there: %d, %d", leads(b, 11, ~0UL), leads(b, 12, ~0UL));
	look("a", id_of(a), "aaa");
	look("a", id_of(a), "bbb");
	look("b", id_of(b), "bbb");
	look("own", id_of(own), "aaa");
	errors(a, NEED(open("/proc/self/ns/uts", O_RDONLY)));
	CHILD({
		NEED(setresuid(1000, 1000, 1000));
		look("nobody: a", id_of(a), "aaa");
		look("nobody: own", id_of(own), "aaa");
		say("nobody: next %d, previous %d", leads(a, 11, id_of(b)),
			leads(a, 12, id_of(own)));
		T(ioctl(a, INFO(11, 16), NULL));
	});
	close(kb);
	t_wait("b", pb);
	say("held: %d", leads(a, 11, id_of(b)));
	look("held", id_of(b), "bbb");
	{
		uint64_t gone = id_of(b);

		close(b);
		say("gone: %d", leads(a, 11, gone));
	}
	close(ka);
	t_wait("a", pa);
}
