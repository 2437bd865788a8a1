/* SPDX-License-Identifier: MIT */
/*
 * links_ioctl: the older calls of brctl(8) (SIOCDEVPRIVATE) and those of a tun file: results, bad
 * addresses. A caller whose argument lies on a page of a silent file system does not block the
 * links of others.
 */
#include "guest.h"
#include "fuse_server.h"

#include <linux/if_bridge.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static long brctl(int s, unsigned long call, unsigned long a, unsigned long b, unsigned long c)
{
	unsigned long args[4] = { call, a, b, c };
	struct ifreq r = { .ifr_name = "br0", .ifr_data = (void *)args };

	return ioctl(s, SIOCDEVPRIVATE, &r);
}

static int with_bridge(void)
{
	int s = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	NEED(ioctl(s, SIOCBRADDBR, "br0"));
	return s;
}

static void asks(int s, const char *what, unsigned long p)
{
	say("%s:", what);
	T(brctl(s, BRCTL_GET_BRIDGE_INFO, p, 0, 0));
	T(brctl(s, BRCTL_GET_PORT_LIST, p, 8, 0));
	T(brctl(s, BRCTL_GET_PORT_LIST, p, 0, 0));
	T(brctl(s, BRCTL_GET_PORT_INFO, p, 1, 0));
	T(brctl(s, BRCTL_GET_PORT_INFO, p, 2, 0));
	T(brctl(s, BRCTL_GET_FDB_ENTRIES, p, 8, 0));
	T(brctl(s, BRCTL_GET_FDB_ENTRIES, p, 0, 0));
	T(brctl(s, BRCTL_GET_FDB_ENTRIES, p, 8, 100));
}

static int tun_open(void)
{
	struct ifreq r = { .ifr_name = "tap0", .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = NEED(open("/dev/net/tun", O_RDWR));

	NEED(ioctl(fd, TUNSETIFF, &r));
	return fd;
}

/* A bridge with one port, a tap, and its table of one address. */
static void bridge(void)
{
	union {
		struct __bridge_info bridge;
		struct __port_info port;
		int ports[256];
		struct __fdb_entry entries[8];
	} a;
	int s, tap;

	NEED(unshare(CLONE_NEWNET));
	s = with_bridge();
	tap = tun_open();
	T(brctl(s, BRCTL_ADD_IF, if_nametoindex("tap0"), 0, 0));
	asks(s, "answers", (unsigned long)&a);
	asks(s, "a bad address", 1);
	memset(&a, 0, sizeof(a));
	T(brctl(s, BRCTL_SET_AGEING_TIME, 20000, 0, 0));
	T(brctl(s, BRCTL_GET_BRIDGE_INFO, (unsigned long)&a, 0, 0));
	say("ageing %d", (int)a.bridge.ageing_time);
	T(brctl(s, BRCTL_SET_PATH_COST, 1, 77, 0));
	T(brctl(s, BRCTL_GET_PORT_INFO, (unsigned long)&a, 1, 0));
	say("cost %d", (int)a.port.path_cost);
	T(brctl(s, BRCTL_GET_PORT_LIST, (unsigned long)&a, 4, 0));
	say("port 1: %s", a.ports[1] == (int)if_nametoindex("tap0") ? "tap0" : "another");
	T(brctl(s, BRCTL_GET_FDB_ENTRIES, (unsigned long)&a, 8, 0));
	say("port %d, local %d", a.entries[0].port_no, a.entries[0].is_local);
	T(brctl(s, 99, 0, 0, 0));
	close(tap);
}

static void tun(void)
{
	static const struct {
		const char *name;
		unsigned cmd;
	} calls[] = {
		{ "TUNGETIFF", TUNGETIFF },
		{ "SIOCGIFHWADDR", SIOCGIFHWADDR },
		{ "SIOCSIFHWADDR", SIOCSIFHWADDR },
		{ "TUNGETVNETHDRSZ", TUNGETVNETHDRSZ },
		{ "TUNSETVNETHDRSZ", TUNSETVNETHDRSZ },
		{ "TUNGETSNDBUF", TUNGETSNDBUF },
		{ "TUNSETSNDBUF", TUNSETSNDBUF },
		{ "TUNGETVNETLE", TUNGETVNETLE },
		{ "TUNSETVNETLE", TUNSETVNETLE },
		{ "TUNSETCARRIER", TUNSETCARRIER },
	};
	struct ifreq r = { 0 };
	int n = 0, fd;

	NEED(unshare(CLONE_NEWNET));
	fd = NEED(open("/dev/net/tun", O_RDWR));
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		TN(calls[i].name, ioctl(fd, calls[i].cmd, &r));
	close(fd);
	fd = tun_open();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		TN(calls[i].name, ioctl(fd, calls[i].cmd, (void *)1));
	T(ioctl(fd, TUNGETIFF, &r));
	say("%s %x", r.ifr_name, (unsigned short)r.ifr_flags);
	memset(&r, 0, sizeof(r));
	T(ioctl(fd, SIOCGIFHWADDR, &r));
	say("family %d, name \"%s\"", r.ifr_hwaddr.sa_family, r.ifr_name);
	memcpy(r.ifr_hwaddr.sa_data, "\2\1\2\3\4\5", 6);
	T(ioctl(fd, SIOCSIFHWADDR, &r));
	memset(&r, 0, sizeof(r));
	T(ioctl(fd, SIOCGIFHWADDR, &r));
	say("%02x:%02x", r.ifr_hwaddr.sa_data[0], r.ifr_hwaddr.sa_data[5]);
	n = 5;
	T(ioctl(fd, TUNSETVNETHDRSZ, &n));
	n = 20;
	T(ioctl(fd, TUNSETVNETHDRSZ, &n));
	n = 0;
	T(ioctl(fd, TUNGETVNETHDRSZ, &n));
	say("%d", n);
	n = 30000;
	T(ioctl(fd, TUNSETSNDBUF, &n));
	n = 0;
	T(ioctl(fd, TUNGETSNDBUF, &n));
	say("%d", n);
	T(ioctl(fd, TUNGETVNETLE, &n));
	say("%d", n);
	n = 2;
	T(ioctl(fd, TUNSETVNETLE, &n));
	T(ioctl(fd, TUNGETVNETLE, &n));
	say("%d", n);
	T(ioctl(fd, TUNGETVNETBE, &n));
	T(ioctl(fd, TUNSETVNETBE, &n));
	n = 0;
	T(ioctl(fd, TUNSETVNETBE, &n));
	T(ioctl(fd, TUNSETVNETLE, &n));
	T(ioctl(fd, TUNGETVNETLE, &n));
	say("%d", n);
	n = 2;
	T(ioctl(fd, TUNSETCARRIER, &n));
	close(fd);
}

/* ---- a page that does not come ---- */

static volatile bool asked;

static void serve_one(const char *request)
{
	const struct fuse_in_header *h = (const void *)request;

	if (h->opcode == FUSE_READ)
		asked = true;
	else
		serve_file(h, 0644, PAGE);
}

static void ask_bridge(void *page)
{
	brctl(with_bridge(), BRCTL_GET_BRIDGE_INFO, (unsigned long)page, 0, 0);
}

static void ask_tun(void *page)
{
	ioctl(tun_open(), TUNGETSNDBUF, page);
}

static void tell_tun(void *page)
{
	ioctl(tun_open(), TUNSETSNDBUF, page);
}

static void unanswered(const char *who, void (*ask)(void *page))
{
	int fd = NEED(open("m/file", O_RDWR));
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	volatile bool *done =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t waits, other;

	asked = false;
	waits = SPAWN({
		NEED(unshare(CLONE_NEWNET));
		ask(page);
	});
	T_WAIT(asked);
	other = SPAWN({
		NEED(unshare(CLONE_NEWNET));
		close(with_bridge());
		*done = true;
	});
	T_WAIT(*done);
	say("%s waits, another's bridge is %s", who, *done ? "made" : "not made");
	NEED(kill(waits, SIGKILL));
	t_wait(who, waits);
	waitpid(other, NULL, 0);
	close(fd);
}

/* On Linux all callers wait. */
static void pages_that_do_not_come(void)
{
	fuse_serve();
	unanswered("brctl", ask_bridge);
	unanswered("a question of tun's", ask_tun);
	unanswered("tun", tell_tun);
}

TEST(links_ioctl)
{
	CHILD(bridge());
	CHILD(tun());
	if (in_guest())
		CHILD(pages_that_do_not_come());
	else
		say("brctl waits, another's bridge is made\nbrctl: killed by SIGKILL\n"
		    "a question of tun's waits, another's bridge is made\n"
		    "a question of tun's: killed by SIGKILL\n"
		    "tun waits, another's bridge is made\ntun: killed by SIGKILL\nchild: exited 0");
}
