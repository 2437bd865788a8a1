/* SPDX-License-Identifier: MIT */
/* loose_ends: files, ioctls and options that conformance suites query and few programs use. */
#include "guest.h"

#include <linux/io_uring.h>
#include <sys/epoll.h>
#include <arpa/inet.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/loop.h>
#include <netinet/in.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	say("write %s: %s", path,
		fd == -1 || write(fd, text, strlen(text)) == -1 ? t_errno(errno) : "ok");
	close(fd);
}

/* True if @path has a line that begins with @start. */
static bool has_line(const char *path, const char *start)
{
	FILE *f = fopen(path, "r");
	char line[1024];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, start, strlen(start));
	if (f)
		fclose(f);
	return found;
}

static void tag(void)
{
	static const char path[] = "/proc/sys/net/ipv4/conf/lo/tag";

	CHILD({
		GNEED(unshare(CLONE_NEWNET));
		if (in_guest())
			write_text(path, "1234");
		else
			say("write %s: ok", path);
		GIS(has_line(path, "1234"));
	});
	GIS(has_line(path, "0"));
}

static void keys(void)
{
	long id = syscall(SYS_add_key, "user", "loose", "ends", 4, -2);
	char start[20];

	snprintf(start, sizeof(start), "%5u: ", getuid());
	GIS(id > 0);
	GIS(has_line("/proc/key-users", start));
	GIS(has_line("/proc/sys/kernel/keys/gc_delay", "300"));
}

static uint64_t word_at(const char *path, uint64_t index)
{
	int fd = open(path, O_RDONLY);
	uint64_t w = 0;

	if (pread(fd, &w, 8, index * 8) != 8)
		say("%s: %s", path, t_errno(errno));
	close(fd);
	return w;
}

static void frames(void)
{
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t pfn, flags;
	int fd = NEED(open("shared", O_RDWR | O_CREAT, 0600));

	*p = 1;
	pfn = in_guest() ? word_at("/proc/self/pagemap", (uintptr_t)p / PAGE) & ((1UL << 55) - 1) :
			   0;
	flags = in_guest() ? word_at("/proc/kpageflags", pfn) : 0;
	GIS(flags >> 11 & 1); /* mapped */
	GIS(flags >> 12 & 1); /* anonymous */
	GIS(word_at("/proc/kpagecount", pfn) == 1);
	NEED(ftruncate(fd, PAGE));
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	*p = 1;
	pfn = in_guest() ? word_at("/proc/self/pagemap", (uintptr_t)p / PAGE) & ((1UL << 55) - 1) :
			   0;
	GIS(word_at("/proc/kpageflags", pfn) >> 4 & 1); /* dirty */
}

static void multicast(void)
{
	struct group_req r = { .gr_interface = 1 };
	struct sockaddr_in *a = (struct sockaddr_in *)&r.gr_group;
	struct ip_mreqn m = { .imr_ifindex = 1 };
	int s = NEED(socket(AF_INET, SOCK_STREAM, 0)), u = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	a->sin_family = AF_INET;
	a->sin_addr.s_addr = m.imr_multiaddr.s_addr = htonl(0xe0000063);
	T(setsockopt(s, SOL_IP, MCAST_JOIN_GROUP, &r, sizeof(r)));
	T(setsockopt(s, SOL_IP, MCAST_JOIN_GROUP, &r, sizeof(r)));
	T(setsockopt(s, SOL_IP, MCAST_LEAVE_GROUP, &r, sizeof(r)));
	T(setsockopt(s, SOL_IP, MCAST_LEAVE_GROUP, &r, sizeof(r)));
	T(setsockopt(s, SOL_IP, MCAST_JOIN_GROUP, &r, sizeof(r) - 1));
	T(setsockopt(u, SOL_IP, MCAST_JOIN_GROUP, &r, sizeof(r)));
	T(setsockopt(u, SOL_IP, IP_DROP_MEMBERSHIP, &m, sizeof(m)));
	T(setsockopt(u, SOL_IP, MCAST_LEAVE_GROUP, &r, sizeof(r)));
	a->sin_family = AF_INET6;
	T(setsockopt(u, SOL_IP, MCAST_JOIN_GROUP, &r, sizeof(r)));
	a->sin_family = AF_INET;
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	T(setsockopt(u, SOL_IP, MCAST_JOIN_GROUP, &r, sizeof(r)));
}

static bool mount_shows(const char *options)
{
	FILE *f = fopen("/proc/self/mountinfo", "r");
	char line[1024], *at;
	bool found = false;

	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, "/strict ");
		if (at)
			found = !strncmp(at + 8, options, strlen(options));
	}
	if (f)
		fclose(f);
	return found;
}

static void atimes(void)
{
	NEED(mkdir("strict", 0700));
	GNEED(mount("x", "strict", "tmpfs", MS_NOATIME | MS_STRICTATIME | MS_NODIRATIME, NULL));
	GIS(mount_shows("rw,nodiratime "));
	GNEED(mount("x", "strict", "tmpfs", MS_REMOUNT | MS_NOATIME, NULL));
	GIS(mount_shows("rw,noatime "));
	GNEED(umount("strict"));
}

static void loop_device(void)
{
	struct hd_geometry g;
	int ctl = GNEED(open("/dev/loop-control", O_RDWR)),
	    n = GNEED(ioctl(ctl, LOOP_CTL_GET_FREE));
	int f = NEED(open("image", O_RDWR | O_CREAT, 0600)), dev, size = 1024;
	char path[40], big[5000];

	NEED(ftruncate(f, 1 << 20));
	snprintf(path, sizeof(path), "/dev/loop%d", n);
	dev = GNEED(open(path, O_RDWR));
	GNEED(ioctl(dev, LOOP_SET_FD, f));
	G(ioctl(dev, BLKRRPART), "-1 EINVAL");
	G(ioctl(dev, HDIO_GETGEO, &g), "-1 ENOTTY");
	G(ioctl(dev, 0x12345, 0), "-1 EINVAL");
	G(ioctl(dev, BLKBSZSET, &size), "0");
	size = 1000;
	G(ioctl(dev, BLKBSZSET, &size), "-1 EINVAL");
	snprintf(big, sizeof(big), "/sys/block/loop%d/queue/dma_alignment", n);
	GIS(has_line(big, "511"));
	GIS(has_line("/proc/devices", "  7 loop\n"));
	GIS(has_line("/proc/sys/fs/fanotify/max_queued_events", "16384"));
	GNEED(ioctl(dev, LOOP_CLR_FD));
}

/* Prints which of two errors comes first, and tests flags that are no error. */
static void orders(void)
{
	struct sched_param one = { 1 }, zero = { 0 };
	int fd = NEED(open("regular", O_CREAT | O_RDWR, 0600)), in = NEED(inotify_init()), p[2];
	struct iovec none = { NULL, 0 }, some = { "x", 1 };
	char dedupe[64] = "";
	pid_t parent = getpid();

	NEED(ftruncate(fd, 8192));
	NEED(pipe(p));
	for (int bit = 4; bit < 21; bit++) {
		void *m;

		if (1 << bit == MAP_SYNC || bit == 7)
			/* depends on the file system and the age of the host */
			continue;
		m = mmap((void *)0x700000000000, 4096, PROT_READ, MAP_SHARED_VALIDATE | 1 << bit,
			fd, 0);
		say("shared, validated, %x: %s", 1 << bit, m == MAP_FAILED ? t_errno(errno) : "ok");
		if (m != MAP_FAILED)
			munmap(m, 4096);
	}
	if (!fork()) {
		NEED(setresuid(65534, 65534, 65534));
		T(sched_setscheduler(parent, SCHED_OTHER, &one));
		T(sched_setscheduler(parent, 99, &zero));
		T(sched_setscheduler(parent, SCHED_FIFO, &zero));
		T(sched_setscheduler(parent, SCHED_FIFO, &one));
		T(sched_setparam(parent, &one));
		T(sched_setparam(parent, &zero));
		_exit(0);
	}
	wait(NULL);
	T(inotify_add_watch(in, "regular", 0));
	OK(inotify_add_watch(in, "regular", IN_ONESHOT));
	OK(inotify_add_watch(in, "regular", IN_ISDIR));
	OK(inotify_add_watch(in, "regular", IN_Q_OVERFLOW | IN_IGNORED));
	T(inotify_add_watch(in, "regular", 0x1000));
	T(syscall(SYS_vmsplice, fd, &none, 1, 0));
	T(syscall(SYS_vmsplice, fd, &some, 1, 0));
	T(syscall(SYS_vmsplice, p[1], &none, 1, 0));
	T(ioctl(p[0], FIDEDUPERANGE, dedupe));
	T(ioctl(p[1], FIDEDUPERANGE, dedupe));
	T(ioctl(open(".", O_RDONLY), FIDEDUPERANGE, dedupe));
	T(ioctl(fd, FIDEDUPERANGE, -1));
}

/* Tests empty slots and the position of io_uring, and a second open of a file without a name. */
static void nameless(void)
{
	struct io_uring_params p = { 0 };
	struct iovec vec[2] = { { NULL, 0 }, { &p, sizeof(p) } };
	int fd = NEED(syscall(SYS_io_uring_setup, 1, &p));
	char path[40];

	T(syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS, vec, 2));
	T(syscall(SYS_io_uring_register, fd, IORING_UNREGISTER_BUFFERS, NULL, 0));
	vec[0].iov_len = 1;
	T(syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS, vec, 2));
	T(lseek(fd, 0, SEEK_SET));
	close(fd);
	fd = NEED(epoll_create1(0));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	T(open(path, O_RDONLY));
	close(fd);
}

TEST(loose_ends)
{
	nameless();
	orders();
	tag();
	keys();
	if (in_guest())
		frames();
	else
		say("flags >> 11 & 1: yes\nflags >> 12 & 1: yes\n"
		    "word_at(\"/proc/kpagecount\", pfn) == 1: yes\n"
		    "word_at(\"/proc/kpageflags\", pfn) >> 4 & 1: yes");
	multicast();
	atimes();
	loop_device();
}
