/* SPDX-License-Identifier: MIT */
/*
 * fd_errors: which error comes first: calls that take a descriptor, with descriptors of every kind.
 * Errors that differ between file systems or versions of Linux are left out.
 */
#include "t.h"

#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <sys/file.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

static char buf[4096];
static int fd, other = -1, n;
static const char *kind;
static int (*make)(void);

static void result(const char *what, long r)
{
	if (r == -1)
		say("%s [%s] %s", what, kind, t_errno(errno));
	else
		say("%s [%s] %ld", what, kind, r);
}

#define TRY(e)                                                                                     \
	do {                                                                                       \
		fd = make();                                                                       \
		errno = 0;                                                                         \
		result(#e, (long)(e));                                                             \
		if (fd >= 0)                                                                       \
			close(fd);                                                                 \
	} while (0)

static int keep(int *pair, int mine)
{
	if (other >= 0)
		close(other);
	other = pair[!mine];
	return pair[mine];
}

static int none(void)
{
	return -1;
}
static int closed(void)
{
	return 900;
}
static int reader(void)
{
	return open("f", O_RDONLY);
}
static int writer(void)
{
	return open("f", O_WRONLY);
}
static int path_only(void)
{
	return open("f", O_PATH);
}
static int directory(void)
{
	return open("d", O_RDONLY);
}
static int pipe_out(void)
{
	int p[2];

	NEED(pipe2(p, O_NONBLOCK));
	return keep(p, 0);
}
static int pipe_in(void)
{
	int p[2];

	NEED(pipe2(p, O_NONBLOCK));
	return keep(p, 1);
}
static int fifo(void)
{
	return open("fifo", O_RDWR | O_NONBLOCK);
}
static int stream(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
}
static int datagram(void)
{
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
}
static int paired(void)
{
	int p[2];

	NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p));
	return keep(p, 0);
}
static int widowed(void)
{
	int p[2];

	NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p));
	close(p[1]);
	return p[0];
}
static int netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_ROUTE);
}
static int event(void)
{
	return eventfd(0, EFD_NONBLOCK);
}
static int timer(void)
{
	return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
}
static int signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	return signalfd(-1, &set, SFD_NONBLOCK);
}
static int epoll(void)
{
	return epoll_create1(0);
}
static int null(void)
{
	return open("/dev/null", O_RDWR);
}
static int random_bytes(void)
{
	return open("/dev/urandom", O_RDWR);
}

static const struct {
	const char *name;
	int (*make)(void);
} kinds[] = { { "none", none }, { "closed", closed }, { "reader", reader }, { "writer", writer },
	{ "path", path_only }, { "directory", directory }, { "pipe out", pipe_out },
	{ "pipe in", pipe_in }, { "fifo", fifo }, { "stream", stream }, { "datagram", datagram },
	{ "paired", paired }, { "widowed", widowed }, { "netlink", netlink }, { "event", event },
	{ "timer", timer }, { "signals", signals }, { "epoll", epoll }, { "null", null },
	{ "random", random_bytes } };

static void transfers(void)
{
	struct iovec v = { buf, 8 }, wild = { BAD, 8 }, huge = { buf, (size_t)-1 };
	bool dev = make == null || make == random_bytes;

	TRY(read(fd, buf, 0));
	TRY(write(fd, buf, 0));
	TRY(pread(fd, buf, 1, -1));
	TRY(pwrite(fd, buf, 1, -1));
	TRY(pwrite(fd, buf, 1, 0));
	TRY(readv(fd, &v, 0));
	TRY(readv(fd, &v, -1));
	TRY(readv(fd, &v, IOV_MAX + 1));
	TRY(readv(fd, &huge, 1));
	TRY(preadv(fd, &v, 1, -1));
	TRY(preadv2(fd, &v, 1, 0, 0x10000));
	TRY(pwritev2(fd, &v, 1, 0, 0x10000));
	if (!dev)
		TRY(pwritev2(fd, &v, 1, 0, RWF_DSYNC));
	if (make != none && make != closed && !dev && make != event && make != timer &&
		make != signals) {
		TRY(writev(fd, &wild, 1));
		TRY(writev(fd, BAD, 1));
		TRY(write(fd, BAD, 1));
	}
	TRY(lseek(fd, 0, 99));
	TRY(lseek(fd, -1, SEEK_SET));
}

static void files(void)
{
	TRY(ftruncate(fd, -1));
	TRY(ftruncate(fd, 4));
	TRY(fsync(fd));
	TRY(fdatasync(fd));
	TRY(sync_file_range(fd, 0, 0, 99));
	TRY(sync_file_range(fd, -1, 0, 0));
	TRY(posix_fadvise(fd, 0, 0, 99));
	TRY(readahead(fd, 0, 1));
	TRY(fallocate(fd, 0, 0, 0));
	TRY(fallocate(fd, 0, -1, 1));
	TRY(fallocate(fd, 0x1000, 0, 1));
	TRY(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1));
	TRY(syscall(SYS_getdents64, fd, buf, 10));
	TRY(flock(fd, 0));
	TRY(flock(fd, LOCK_NB));
	TRY(flock(fd, LOCK_SH | LOCK_NB));
	TRY(flock(fd, LOCK_UN));
	TRY(faccessat(fd, "x", 0, 0));
	TRY(openat(fd, "x", 0));
	TRY(renameat(fd, "x", fd, "y"));
	TRY(ioctl(fd, FICLONE, -1));
	TRY(ioctl(fd, FIDEDUPERANGE, BAD));
}

static void controls(void)
{
	struct f_owner_ex ox = { 77, 1 };
	struct flock l = { F_RDLCK, 0, 0, 1, 0 };
	uint64_t hint = 99;
	uid_t ids[2];

	TRY(fcntl(fd, F_GETFD));
	TRY(fcntl(fd, F_SETFL, O_ASYNC));
	TRY(fcntl(fd, F_SETOWN, 999999));
	TRY(fcntl(fd, F_SETOWN, INT_MIN));
	TRY(fcntl(fd, F_SETSIG, 99));
	TRY(fcntl(fd, F_SETOWN_EX, &ox));
	TRY(fcntl(fd, F_GETOWN_EX, BAD));
	TRY(fcntl(fd, 17 /* F_GETOWNER_UIDS */, ids));
	TRY(fcntl(fd, F_DUPFD, -1));
	TRY(fcntl(fd, F_DUPFD, 1 << 30));
	TRY(fcntl(fd, 9999));
	TRY(fcntl(fd, F_SET_RW_HINT, &hint));
	TRY(fcntl(fd, F_SET_RW_HINT, BAD));
	TRY(fcntl(fd, F_SETLK, &l));
	l.l_type = 99;
	TRY(fcntl(fd, F_SETLK, &l));
	TRY(fcntl(fd, F_GETLK, &l));
	l.l_type = F_RDLCK;
	l.l_whence = 9;
	TRY(fcntl(fd, F_SETLK, &l));
	l.l_whence = SEEK_SET;
	l.l_pid = 1;
	TRY(fcntl(fd, F_OFD_SETLK, &l));
	TRY(fcntl(fd, F_SETLK, BAD));
	TRY(ioctl(fd, FIOCLEX));
	TRY(ioctl(fd, FIONBIO, BAD));
	/* epoll files have ioctls since Linux 6.9 */
	if (make != epoll)
		TRY(ioctl(fd, TCGETS, buf));
	TRY(dup2(fd, -1));
	TRY(dup2(fd, 1 << 30));
	TRY(dup3(fd, 50, 1));
	TRY(dup3(fd, fd, 0));
}

static void sockets(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(un);
	struct msghdr mh = { 0 };
	int src = NEED(open("src", O_RDONLY));

	TRY(connect(fd, (void *)&un, 2));
	TRY(listen(fd, 1));
	TRY(getsockname(fd, BAD, &len));
	TRY(getpeername(fd, (void *)&un, BAD));
	TRY(shutdown(fd, 9));
	TRY(send(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL));
	TRY(recv(fd, buf, 0, MSG_DONTWAIT));
	TRY(sendmsg(fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL));
	TRY(sendmmsg(fd, NULL, 0, 0));
	TRY(recvmmsg(fd, NULL, 0, MSG_DONTWAIT, NULL));
	if (make != null)
		TRY(sendfile(fd, src, NULL, 1));
	TRY(sendfile(src, fd, NULL, 1));
	TRY(copy_file_range(src, NULL, fd, NULL, 1, 1));
	TRY(copy_file_range(fd, NULL, src, NULL, 1, 0));
	close(src);
}

static void polls(void)
{
	struct pollfd pf = { .events = POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM |
				       POLLRDBAND | POLLWRBAND | POLLRDHUP,
		.revents = 0x7777 };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT };
	int ep = NEED(epoll_create1(0));

	pf.fd = fd = make();
	n = poll(&pf, 1, 0);
	say("poll [%s] %d, events %#x, revents %#x", kind, n, pf.events, pf.revents);
	close(fd);
	TRY(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	TRY(epoll_ctl(fd, EPOLL_CTL_ADD, ep, &ev));
	TRY(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev));
	TRY(epoll_ctl(ep, EPOLL_CTL_DEL, fd, &ev));
	TRY(epoll_wait(fd, &ev, 1, 0));
	TRY(inotify_add_watch(fd, ".", IN_CREATE));
	TRY(inotify_rm_watch(fd, 77));
	close(ep);
}

TEST(fd_errors)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	NEED(mkdir("d", 0755));
	NEED(mkfifo("fifo", 0600));
	t_text("src", "source");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		t_text("f", "hello");
		kind = kinds[i].name;
		make = kinds[i].make;
		transfers();
		files();
		controls();
		sockets();
		polls();
	}
}
